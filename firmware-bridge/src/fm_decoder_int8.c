/** Decoding of `int8-nearest`, whose format is that of `int8` (assembly/CODECS.md, "Integer blocks"). */
#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_protocol.h"

#define BLOCK 64U

/* The level that no encoder writes, as a byte. */
#define NO_LEVEL 0x80U

static uint32_t decoder_int8_span(uint32_t left)
{
    return (left < BLOCK) ? left : BLOCK;
}

static uint32_t decoder_int8_bytes(uint32_t span)
{
    return span + 2U;
}

static fm_result_t decoder_int8_add(const uint8_t *from, uint32_t at, uint32_t count, const fm_key_t *key,
                                    float *memory, float *values)
{
    uint32_t scale = fm_get_scale(from);
    fm_result_t result = (scale < (FM_INFINITE >> 16U)) ? FM_OK : FM_BAD_MODEL;
    uint32_t i;

    (void)key;
    (void)memory;
    for (i = 0U; (result == FM_OK) && (i < decoder_int8_span(count - at)); i++) {
        uint32_t byte = from[2U + i];
        uint32_t above = (byte + NO_LEVEL) & 0xFFU;
        int32_t level = (int32_t)above - (int32_t)NO_LEVEL;

        if (byte == NO_LEVEL) {
            result = FM_BAD_MODEL;
        }
        /* A zero decodes to +0. */
        values[at + i] += 0.0F + ((float)level * fm_float(scale << 16U));
    }
    return result;
}

const fm_decoder_t fm_decoder_int8 = { FM_CODEC_INT8_NEAREST, decoder_int8_span, decoder_int8_bytes,
                                       decoder_int8_add };
