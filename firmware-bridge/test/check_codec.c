/** Codecs: payloads and what they decode to, byte for byte. */
#include <string.h>

#include "fm_codec.h"
#include "fm_protocol.h"
#include "records.h"

#define MOST 2048U

static float values[MOST];
static float memory[FM_BLOCK_VALUES];
static uint8_t bytes[4U * MOST];

bool check_payload(const record_t *record, const fm_delta_t *delta, uint32_t id, fm_bytes_t expected)
{
    static const fm_codec_t *const codecs[3] = { &fm_codec_f32, &fm_codec_int8, &fm_codec_eden1 };
    bool good = true;

    for (uint32_t i = 0U; i < 3U; i++) {
        if (codecs[i]->id == id) {
            good &= check(record, fm_codec_bytes(codecs[i], delta->count) == expected.size, "another length");
            /* In pieces of several sizes, the last of them all at once. */
            for (uint32_t piece = 1U; piece <= (4U * expected.size); piece *= 4U) {
                memset(bytes, 0, sizeof(bytes));
                for (uint32_t at = 0U; at < expected.size; at += piece) {
                    uint32_t left = expected.size - at;
                    uint32_t size = (left < piece) ? left : piece;

                    good &= check(record, fm_codec_read(codecs[i], delta, at, &bytes[at], size) == FM_OK,
                                  "a piece fails");
                }
                good &= check(record, memcmp(bytes, expected.bytes, expected.size) == 0, "another payload");
            }
        }
    }
    return good;
}

bool check_encoding(const record_t *record)
{
    const fm_key_t key = record_key(record->strings[2]);
    fm_delta_t delta = { values, NULL, record_floats(record->strings[3], values, MOST), &key, memory };

    return check_payload(record, &delta, record_number(record->strings[1], 0U), record->strings[4]);
}

bool check_decoding(const record_t *record)
{
    static const fm_decoder_t *const decoders[4] = { &fm_decoder_int8, &fm_decoder_eden1, &fm_decoder_eden2,
                                                  &fm_decoder_eden4 };
    fm_key_t key = record_key(record->strings[2]);
    fm_bytes_t payload = record->strings[4];
    uint32_t count = record->strings[5].size / 4U;
    bool good = true;

    memset(values, 0, sizeof(values));
    for (uint32_t i = 0U; i < 4U; i++) {
        const fm_decoder_t *decoder = decoders[i];

        if (decoder->id == record_number(record->strings[1], 0U)) {
            uint32_t from = 0U;

            for (uint32_t at = 0U; at < count; at += decoder->span(count - at)) {
                good &= check(record, decoder->add(&payload.bytes[from], at, count, &key, memory, values) == FM_OK,
                              "a block is refused");
                from += decoder->bytes(decoder->span(count - at));
            }
            good &= check(record, from == payload.size, "another length");
        }
    }
    return good & check(record, record_same(record->strings[5], values, count), "other values");
}
