/** Codec `f32`: the values, little-endian. */
#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_protocol.h"

/* Blocks are for the encoder only: they leave no trace in the payload. */
#define BLOCK 32U

static uint32_t f32_span(uint32_t left)
{
    return (left < BLOCK) ? left : BLOCK;
}

static uint32_t f32_bytes(uint32_t span)
{
    return 4U * span;
}

static fm_result_t f32_encode(const fm_delta_t *delta, uint32_t at, uint8_t *to)
{
    uint32_t count = f32_span(delta->count - at);
    fm_result_t result = FM_OK;
    uint32_t i;

    for (i = 0U; i < count; i++) {
        float value = fm_delta_value(delta, at + i);

        fm_put_le32(&to[4U * i], fm_float_bits(value));
        if (!fm_is_finite(value)) {
            result = FM_DIVERGED;
        }
    }
    return result;
}

const fm_codec_t fm_codec_f32 = { FM_CODEC_F32, false, f32_span, f32_bytes, f32_encode };
