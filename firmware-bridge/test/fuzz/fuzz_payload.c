/**
 * Any bytes as changes of the model, and any values as an update. A decoder reads and writes within its bounds; what an encoder
 * makes of finite values its decoder takes, and int8 gives back within a level.
 */
#include <stdlib.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_codec.h"
#include "fuzz.h"

#define MOST 1100U

static float memory[FM_BLOCK_VALUES];

/** Decodes block after block, each from a copy that is exactly as long. */
static void decode(const fm_decoder_t *decoder, fuzz_input_t *input, uint32_t count)
{
    const fm_key_t key = { 7U, fuzz_byte(input), { 0U, 0U } };
    float *values = calloc(count, sizeof(float));
    fm_result_t result = FM_OK;

    for (uint32_t at = 0U; (result == FM_OK) && (at < count); at += decoder->span(count - at)) {
        uint32_t need = decoder->bytes(decoder->span(count - at));
        uint32_t size = 0U;
        const uint8_t *bytes = fuzz_bytes(input, need, &size);

        if (size == need) {
            uint8_t *block = fuzz_copy(bytes, size);

            result = decoder->add(block, at, count, &key, memory, values);
            fuzz_check((result == FM_OK) || (result == FM_BAD_MODEL), "a block is taken or refused");
            free(block);
        } else {
            result = FM_BAD_MODEL;
        }
    }
    free(values);
}

static bool near(const float *values, const float *decoded, uint32_t count)
{
    bool good = true;

    for (uint32_t i = 0U; i < count; i++) {
        /* The block's largest value is 127 levels; its scale is rounded up, by 1 in 128 at most, or is the smallest that there is. */
        uint32_t first = i - (i % 64U);
        float peak = 0.0F;
        float off = values[i] - decoded[i];

        for (uint32_t k = first; (k < count) && (k < (first + 64U)); k++) {
            float size = fm_float(fm_float_bits(values[k]) & FM_MAGNITUDE);

            peak = (size > peak) ? size : peak;
        }
        off = (off < 0.0F) ? -off : off;
        /* Of the very largest floats, the scale that is rounded up times 127 may be none. */
        good = good && ((peak > 3.37e38F) || (off <= ((peak / 120.0F) + fm_float(FM_LEAST_SCALE))));
    }
    return good;
}

static void encode(const fm_codec_t *codec, const fm_decoder_t *decoder, fuzz_input_t *input)
{
    static float values[MOST];
    static float decoded[MOST];
    uint32_t size = 0U;
    const uint8_t *bytes = fuzz_bytes(input, 4U * MOST, &size);
    uint32_t count = size / 4U;
    static const fm_key_t key = { 1U, 2U, { 3U, 4U } };
    const fm_delta_t delta = { values, NULL, count, &key, memory };
    uint32_t length = fm_codec_bytes(codec, count);
    uint8_t *payload = malloc(length);
    bool finite = true;
    fm_result_t result;

    memcpy(values, bytes, 4U * (size_t)count);
    for (uint32_t i = 0U; i < count; i++) {
        finite = finite && ((fm_float_bits(values[i]) & FM_MAGNITUDE) < FM_INFINITE);
    }
    result = fm_codec_read(codec, &delta, 0U, payload, length);
    fuzz_check(result == (finite ? FM_OK : FM_DIVERGED), "finite values are encoded, and no others");
    if (finite && (decoder != NULL)) {
        uint32_t from = 0U;

        memset(decoded, 0, sizeof(decoded));
        for (uint32_t at = 0U; at < count; at += decoder->span(count - at)) {
            result = decoder->add(&payload[from], at, count, &key, memory, decoded);
            fuzz_check(result == FM_OK, "what was encoded is decoded");
            from += decoder->bytes(decoder->span(count - at));
        }
        fuzz_check(from == length, "all of it is");
        fuzz_check((decoder != &fm_decoder_int8) || near(values, decoded, count), "int8 gives values back");
    }
    free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input_t input = { data, size };
    uint32_t which = fuzz_byte(&input) % 7U;

    switch (which) {
    case 0U:
        encode(&fm_codec_f32, NULL, &input);
        break;
    case 1U:
        encode(&fm_codec_int8, &fm_decoder_int8, &input);
        break;
    case 2U:
        encode(&fm_codec_eden1, &fm_decoder_eden1, &input);
        break;
    default: {
        static const fm_decoder_t *const decoders[4] = { &fm_decoder_int8, &fm_decoder_eden1, &fm_decoder_eden2,
                                                         &fm_decoder_eden4 };
        uint32_t count = 1U + (fuzz_word(&input) % MOST);

        decode(decoders[which - 3U], &input, count);
        break;
    }
    }
    return 0;
}
