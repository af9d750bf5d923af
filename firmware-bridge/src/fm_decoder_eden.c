/**
 * Decoding of rotated blocks of 1, 2 and 4 bits (assembly/CODECS.md, "Rotated blocks"). The transform of whole
 * numbers below 2^15 is exact in float32 too.
 */
#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_protocol.h"

#define MOST_STRIDE 16U

/* Largest sum of the centroids' sizes in a block; no encoder makes a larger one. */
#define MOST_SUM 32767.0F

static uint32_t decoder_eden1_bytes(uint32_t span)
{
    return 2U + (span / 8U);
}

static uint32_t decoder_eden2_bytes(uint32_t span)
{
    return 2U + (span / 4U);
}

static uint32_t decoder_eden4_bytes(uint32_t span)
{
    return 2U + (span / 2U);
}

/** The code of coordinate `i` of a block of `span`: byte t of a group has coordinates t, t + stride, t + 2 stride, ... */
static uint32_t decoder_eden_code(const uint8_t *codes, uint32_t i, uint32_t span, uint32_t bits)
{
    uint32_t bytes = (span * bits) / 8U;
    uint32_t stride = (bytes < MOST_STRIDE) ? bytes : MOST_STRIDE;
    uint32_t group = (8U / bits) * stride;
    uint32_t within = i % group;
    uint32_t byte = codes[((i / group) * stride) + (within % stride)];

    return (byte >> (bits * (within / stride))) & ((1U << bits) - 1U);
}

/** The centroid of a code: its highest bit is the sign. */
static float decoder_eden_centroid(uint32_t code, uint32_t bits)
{
    /* Of 1 bit, of 2, and of 4, each where its number of codes without a sign says. */
    static const uint8_t sizes[16] = { 0U, 1U, 3U, 10U, 0U, 0U, 0U, 0U, 4U, 11U, 18U, 26U, 35U, 45U, 58U, 77U };
    uint32_t sign = 1U << (bits - 1U);
    float size = (float)sizes[sign + (code & (sign - 1U))];

    return ((code & sign) != 0U) ? -size : size;
}

static fm_result_t decoder_eden_add(const uint8_t *from, uint32_t at, uint32_t count, const fm_key_t *key,
                                    float *memory, float *values, uint32_t bits)
{
    uint32_t scale = fm_get_scale(from);
    uint32_t span = fm_eden_span(count - at);
    float sum = 0.0F;
    fm_result_t result = FM_OK;
    uint32_t i;

    for (i = 0U; i < span; i++) {
        memory[i] = decoder_eden_centroid(decoder_eden_code(&from[2], i, span, bits), bits);
        sum += fm_float(fm_float_bits(memory[i]) & FM_MAGNITUDE);
    }
    if ((scale >= (FM_INFINITE >> 16U)) || (sum > MOST_SUM)) {
        result = FM_BAD_MODEL;
    } else {
        uint32_t words[4] = { 0 };

        fm_hadamard(memory, span);
        for (i = 0U; (i < span) && ((at + i) < count); i++) {
            float change = memory[i] * fm_float(scale << 16U);

            /* A zero decodes to +0. */
            values[at + i] += 0.0F + (fm_eden_minus(key, at + i, words) ? -change : change);
        }
    }
    return result;
}

static fm_result_t decoder_eden1_add(const uint8_t *from, uint32_t at, uint32_t count, const fm_key_t *key,
                                     float *memory, float *values)
{
    return decoder_eden_add(from, at, count, key, memory, values, 1U);
}

static fm_result_t decoder_eden2_add(const uint8_t *from, uint32_t at, uint32_t count, const fm_key_t *key,
                                     float *memory, float *values)
{
    return decoder_eden_add(from, at, count, key, memory, values, 2U);
}

static fm_result_t decoder_eden4_add(const uint8_t *from, uint32_t at, uint32_t count, const fm_key_t *key,
                                     float *memory, float *values)
{
    return decoder_eden_add(from, at, count, key, memory, values, 4U);
}

const fm_decoder_t fm_decoder_eden1 = { FM_CODEC_EDEN1, fm_eden_span, decoder_eden1_bytes, decoder_eden1_add };
const fm_decoder_t fm_decoder_eden2 = { FM_CODEC_EDEN2, fm_eden_span, decoder_eden2_bytes, decoder_eden2_add };
const fm_decoder_t fm_decoder_eden4 = { FM_CODEC_EDEN4, fm_eden_span, decoder_eden4_bytes, decoder_eden4_add };
