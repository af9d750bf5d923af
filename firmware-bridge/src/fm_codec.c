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

void fm_payload_begin(fm_payload_t *payload, const fm_codec_t *codec, const fm_delta_t *delta)
{
    payload->codec = codec;
    payload->delta = delta;
    payload->at = 0U;
    payload->used = 0U;
    payload->filled = 0U;
}

/** Encodes the next block. */
static fm_result_t payload_fill(fm_payload_t *payload)
{
    const fm_codec_t *codec = payload->codec;
    uint32_t span = codec->span(payload->delta->count - payload->at);
    fm_result_t result = codec->encode(payload->delta, payload->at, payload->block);

    payload->used = 0U;
    payload->filled = codec->bytes(span);
    payload->at += span;
    return result;
}

fm_result_t fm_payload_next(fm_payload_t *payload, uint8_t *to, uint32_t size)
{
    fm_result_t result = FM_OK;
    uint32_t done = 0U;

    while ((result == FM_OK) && (done < size)) {
        uint32_t part = payload->filled - payload->used;

        if (part == 0U) {
            result = (payload->at < payload->delta->count) ? payload_fill(payload) : FM_BAD_ARGUMENT;
        } else {
            part = (part > (size - done)) ? (size - done) : part;
            (void)memcpy(&to[done], &payload->block[payload->used], part);
            payload->used += part;
            done += part;
        }
    }
    return result;
}

void fm_put_scale(uint8_t *to, uint32_t scale)
{
    to[0] = (uint8_t)(scale & 0xFFU);
    to[1] = (uint8_t)((scale >> 8U) & 0xFFU);
}

uint32_t fm_get_scale(const uint8_t *from)
{
    return (uint32_t)from[0] | ((uint32_t)from[1] << 8U);
}
