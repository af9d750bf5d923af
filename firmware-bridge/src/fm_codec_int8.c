/** Codec `int8`: blocks of 64 values with a scale, levels -127 to 127, rounded stochastically (assembly/CODECS.md, "Integer blocks"). */
#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_protocol.h"
#include "fm_random.h"

#define BLOCK 64U
#define LEVELS 127

static uint32_t int8_span(uint32_t left)
{
    return (left < BLOCK) ? left : BLOCK;
}

static uint32_t int8_bytes(uint32_t span)
{
    return span + 2U;
}

/** The smallest bfloat16 that is not below `value`, which is above 0. */
static uint32_t int8_scale(float value)
{
    uint32_t bits = fm_float_bits(value);

    bits = (bits < FM_LEAST_SCALE) ? FM_LEAST_SCALE : bits;
    return (bits + 0xFFFFU) >> 16U;
}

/** The largest whole number that is not above `t`, held to the levels; t is well within 32 bits. */
static int32_t int8_level(float t)
{
    int32_t level = (int32_t)t;

    /* What was cut off is exact. */
    if (fm_is_above_zero((float)level - t)) {
        level--;
    }
    if (level > LEVELS) {
        level = LEVELS;
    } else if (level < -LEVELS) {
        level = -LEVELS;
    } else {
        /* Within the levels. */
    }
    return level;
}

/** A number from 0 to 1 for value `i`: (its 16 random bits + 1/2) / 2^16, which is exact. */
static float int8_random(const fm_key_t *key, uint32_t i)
{
    uint32_t word = fm_random_word(key, FM_PURPOSE_ROUNDING, i / 2U);
    uint32_t bits = (word >> (16U * (i % 2U))) & 0xFFFFU;

    return fm_float(0x3F800040U | (bits << 7U)) - 1.0F;
}

static fm_result_t int8_encode(const fm_delta_t *delta, uint32_t at, uint8_t *to)
{
    uint32_t count = int8_span(delta->count - at);
    uint32_t peak = fm_delta_peak(delta, at, count);
    fm_result_t result = (peak < FM_INFINITE) ? FM_OK : FM_DIVERGED;
    uint32_t scale = 0U;
    float inverse = 0.0F;
    uint32_t i;

    if (peak > 0U) {
        scale = int8_scale(fm_float(peak) / (float)LEVELS);
        inverse = 1.0F / fm_float(scale << 16U);
    }
    fm_put_scale(to, scale);
    for (i = 0U; (result == FM_OK) && (i < count); i++) {
        float t = (fm_delta_value(delta, at + i) * inverse) + int8_random(delta->key, at + i);

        to[2U + i] = (uint8_t)((uint32_t)int8_level(t) & 0xFFU);
    }
    return result;
}

const fm_codec_t fm_codec_int8 = { FM_CODEC_INT8, false, int8_span, int8_bytes, int8_encode };
