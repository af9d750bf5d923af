/** Codec `eden1`: one bit a coordinate of the rotated block, and an unbiased scale (block-EDEN, Vargaftik et al. 2022). */
#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_protocol.h"

#define LANES 16U
#define MOST_STRIDE 16U

static uint32_t eden1_bytes(uint32_t span)
{
    return 2U + (span / 8U);
}

/** Writes the rotated block to the delta's memory: values times `factor`, signs, transform. */
static void eden1_rotate(const fm_delta_t *delta, uint32_t at, uint32_t span, float factor)
{
    uint32_t words[4] = { 0 };
    float *memory = delta->memory;
    uint32_t i;

    for (i = 0U; i < span; i++) {
        bool minus = fm_eden_minus(delta->key, at + i, words);
        float y = ((at + i) < delta->count) ? (fm_delta_value(delta, at + i) * factor) : 0.0F;

        memory[i] = minus ? -y : y;
    }
    fm_hadamard(memory, span);
}

/** Sum of the coordinates' squares, or of their sizes, in the sixteen lanes that fix its order. */
static float eden1_sum(const float *y, uint32_t span, bool squares)
{
    float lanes[LANES] = { 0 };
    uint32_t i;

    for (i = 0U; i < span; i++) {
        float size = fm_float(fm_float_bits(y[i]) & FM_MAGNITUDE);

        lanes[i % LANES] += (!squares) ? size : (size * size);
    }
    for (i = 0U; i < 4U; i++) {
        lanes[i] = (lanes[i] + lanes[i + 4U]) + (lanes[i + 8U] + lanes[i + 12U]);
    }
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

/** The nearest bfloat16, ties to even; what is below the smallest scale becomes 0. */
static uint32_t eden1_scale(float value)
{
    uint32_t bits = fm_float_bits(value);

    return (bits < FM_LEAST_SCALE) ? 0U : ((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

/** One bit a coordinate, by stride: byte t of a group has coordinates t, t + stride, t + 2 stride, ... */
static void eden1_pack(const float *y, uint32_t span, uint8_t *to)
{
    uint32_t bytes = span / 8U;
    uint32_t stride = (bytes < MOST_STRIDE) ? bytes : MOST_STRIDE;
    uint32_t byte;
    uint32_t bit;

    for (byte = 0U; byte < bytes; byte++) {
        uint32_t first = ((byte / stride) * stride * 8U) + (byte % stride);
        uint32_t packed = 0U;

        for (bit = 0U; bit < 8U; bit++) {
            packed |= (fm_float_bits(y[first + (bit * stride)]) >> 31U) << bit;
        }
        to[byte] = (uint8_t)packed;
    }
}

static fm_result_t eden1_encode(const fm_delta_t *delta, uint32_t at, uint8_t *to)
{
    uint32_t left = delta->count - at;
    uint32_t span = fm_eden_span(left);
    uint32_t peak = fm_delta_peak(delta, at, (left < span) ? left : span);
    uint32_t scale = 0U;

    if ((peak > 0U) && (peak < FM_INFINITE)) {
        /* A power of two brings the largest value near 1, so that no square leaves the range of float32. */
        uint32_t exponent = peak >> 23U;
        float energy;
        float inner;

        exponent = (exponent < 1U) ? 1U : exponent;
        exponent = (exponent > 253U) ? 253U : exponent;
        eden1_rotate(delta, at, span, fm_float((254U - exponent) << 23U));
        energy = eden1_sum(delta->memory, span, true);
        inner = eden1_sum(delta->memory, span, false);
        scale = eden1_scale((energy / (inner * (float)span)) * fm_float(exponent << 23U));
        eden1_pack(delta->memory, span, &to[2]);
    } else {
        uint32_t i;

        for (i = 2U; i < eden1_bytes(span); i++) {
            to[i] = 0U;
        }
    }
    fm_put_scale(to, scale);
    return (peak < FM_INFINITE) ? FM_OK : FM_DIVERGED;
}

const fm_codec_t fm_codec_eden1 = { FM_CODEC_EDEN1, true, fm_eden_span, eden1_bytes, eden1_encode };
