/** Codec `f32`: the values, little-endian. */
#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_protocol.h"

static uint32_t f32_span(uint32_t left)
{
    (void)left;
    return 1U;
}

static uint32_t f32_bytes(uint32_t span)
{
    return 4U * span;
}

static fm_result_t f32_encode(const fm_delta_t *delta, uint32_t at, uint8_t *to)
{
    uint32_t bits = fm_float_bits(fm_delta_value(delta, at));

    fm_put_le32(to, bits);
    return ((bits & FM_MAGNITUDE) < FM_INFINITE) ? FM_OK : FM_DIVERGED;
}

const fm_codec_t fm_codec_f32 = { FM_CODEC_F32, f32_span, f32_bytes, f32_encode, false };
