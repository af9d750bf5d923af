/** Payloads as a stream of blocks that are encoded when they are wanted. */
#include "fm_codec.h"

#include <stddef.h>
#include <string.h>

#include "fm_bits.h"

float fm_delta_value(const fm_delta_t *delta, uint32_t i)
{
    float value = delta->values[i];

    if (delta->start != NULL) {
        value -= delta->start[i];
    }
    return value;
}

uint32_t fm_delta_peak(const fm_delta_t *delta, uint32_t at, uint32_t count)
{
    uint32_t peak = 0U;
    uint32_t i;

    for (i = 0U; i < count; i++) {
        uint32_t size = fm_float_bits(fm_delta_value(delta, at + i)) & FM_MAGNITUDE;

        peak = (size > peak) ? size : peak;
    }
    return peak;
}

uint32_t fm_codec_memory(const fm_codec_t *codec, uint32_t count)
{
    return codec->rotates ? codec->span(count) : 0U;
}

uint32_t fm_codec_bytes(const fm_codec_t *codec, uint32_t count)
{
    uint32_t bytes = 0U;
    uint32_t at = 0U;

    while (at < count) {
        uint32_t span = codec->span(count - at);

        bytes += codec->bytes(span);
        at += span;
    }
    return bytes;
}

fm_result_t fm_codec_read(const fm_codec_t *codec, const fm_delta_t *delta, uint32_t from, uint8_t *to, uint32_t size)
{
    uint8_t block[FM_BLOCK_BYTES];
    fm_result_t result = FM_OK;
    uint32_t done = 0U;
    /* The block's first value, and its first byte in the payload. */
    uint32_t at = 0U;
    uint32_t start = 0U;

    while ((result == FM_OK) && (done < size)) {
        uint32_t span = codec->span(delta->count - at);
        uint32_t bytes = codec->bytes(span);

        if ((start + bytes) > (from + done)) {
            uint32_t skip = (from + done) - start;
            uint32_t part = bytes - skip;

            part = (part < (size - done)) ? part : (size - done);
            result = codec->encode(delta, at, block);
            (void)memcpy(&to[done], &block[skip], part);
            done += part;
        }
        at += span;
        start += bytes;
    }
    return result;
}

void fm_put_scale(uint8_t *to, uint32_t scale)
{
    to[0] = (uint8_t)scale;
    to[1] = (uint8_t)(scale >> 8U);
}

uint32_t fm_get_scale(const uint8_t *from)
{
    return (uint32_t)from[0] | ((uint32_t)from[1] << 8U);
}
