/**
 * Payloads that must be refused, and their neighbours that must not (test/vectors/kernels/hostile.json). What is not refused is held to the exact sum of
 * the good payload and it, as a coordinator has it: levels times a step for each block, in units of 2^grid, as float64.
 */
#include <string.h>

#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_sha256.h"
#include "records.h"

#define MOST 2048U

static float values[MOST];
static float memory[FM_BLOCK_VALUES];
/* Of the last good payload, which many records have in common. */
static int64_t goodSums[MOST];
static fm_bytes_t goodPayload;
static int64_t sums[MOST];

typedef struct {
    const fm_decoder_t *decoder;
    fm_key_t key;
    uint32_t count;
    /** Weight / 2^grid, a whole number. */
    double factor;
} fold_t;

/** To the nearest whole number, ties to even; what is 2^52 or more is one already. */
static double nearest(double x)
{
    const double big = 4503599627370496.0;

    return (x < big) ? ((x + big) - big) : x;
}

/** Adds values `at` to `at` + span, whose block has this scale. */
static void fold_block(const fold_t *fold, uint32_t at, uint32_t span, uint32_t scale, int64_t *to)
{
    double unit = (double)fm_float(scale << 16U);
    double step = nearest(fold->factor * unit);

    for (uint32_t i = at; (i < (at + span)) && (i < fold->count); i++) {
        if (fm_float_bits(values[i]) != 0U) {
            to[i] += (int64_t)(((double)values[i] / unit) * step);
        }
    }
}

/** Decodes a payload, and adds it up; false: it is refused. */
static bool fold_payload(const fold_t *fold, fm_bytes_t payload, int64_t *to)
{
    uint32_t from = 0U;
    bool good = true;
    uint32_t span;

    memset(values, 0, sizeof(values));
    for (uint32_t at = 0U; good && (at < fold->count); at += span) {
        uint32_t size;

        span = fold->decoder->span(fold->count - at);
        size = fold->decoder->bytes(span);
        good = (size <= (payload.size - from)) &&
               (fold->decoder->add(&payload.bytes[from], at, fold->count, &fold->key, memory, values) == FM_OK);
        if (good) {
            fold_block(fold, at, span, fm_get_scale(&payload.bytes[from]), to);
        }
        from += size;
    }
    return good && (from == payload.size);
}

/** Whether the SHA-256 of the sums, as little-endian float64, is as expected. */
static bool same_sums(const fold_t *fold, double grid, fm_bytes_t expected)
{
    uint8_t digest[FM_SHA256_BYTES];
    fm_sha256_t sha;

    fm_sha256_begin(&sha);
    for (uint32_t i = 0U; i < fold->count; i++) {
        double sum = (double)sums[i] * grid;
        uint8_t bytes[8];

        memcpy(bytes, &sum, sizeof(bytes));
        fm_sha256_add(&sha, bytes, sizeof(bytes));
    }
    fm_sha256_end(&sha, digest);
    return memcmp(expected.bytes, digest, sizeof(digest)) == 0;
}

static const fm_decoder_t *decoder_of(uint32_t id)
{
    static const fm_decoder_t *const decoders[4] = { &fm_decoder_int8, &fm_decoder_eden1, &fm_decoder_eden2,
                                                     &fm_decoder_eden4 };
    const fm_decoder_t *found = NULL;

    for (uint32_t i = 0U; i < 4U; i++) {
        found = (decoders[i]->id == id) ? decoders[i] : found;
    }
    return found;
}

bool check_hostile(const record_t *record)
{
    /* Codec, count, weight, and how often the grid halves 1; key; good payload; payload; digest of the sums, or nothing. */
    fm_bytes_t numbers = record->strings[1];
    fold_t fold = { decoder_of(record_number(numbers, 0U)), record_key(record->strings[2]), record_number(numbers, 1U),
                    (double)record_number(numbers, 2U) };
    fm_bytes_t good = record->strings[3];
    fm_bytes_t expected = record->strings[5];
    double grid = 1.0;
    bool taken;

    if (!check(record, (fold.decoder != NULL) && (fold.count <= MOST), "no such codec, or too large for this test")) {
        return false;
    }
    for (uint32_t i = 0U; i < record_number(numbers, 3U); i++) {
        grid /= 2.0;
        fold.factor *= 2.0;
    }
    if ((goodPayload.size != good.size) || (memcmp(goodPayload.bytes, good.bytes, good.size) != 0)) {
        memset(goodSums, 0, sizeof(goodSums));
        if (!check(record, fold_payload(&fold, good, goodSums), "the good payload is refused")) {
            return false;
        }
        goodPayload = good;
    }
    memcpy(sums, goodSums, sizeof(sums));
    taken = fold_payload(&fold, record->strings[4], sums);
    return check(record, taken == (expected.size > 0U), taken ? "it is not refused" : "it is refused") &&
           check(record, !taken || same_sums(&fold, grid, expected), "another sum");
}
