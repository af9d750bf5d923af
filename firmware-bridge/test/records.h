/**
 * Golden vectors as the tests get them: records of byte strings, written by test/firmware/records.ts.
 *
 * A record is the number of its kind and the number of its strings, then each string as its length and its
 * bytes, filled up to a multiple of 4. All numbers are little-endian uint32. The first string is the
 * record's name, for messages.
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"

#define RECORD_STRINGS 16U

/** Kinds of records; test/firmware/records.ts has the same numbers. */
#define RECORD_MESSAGE 1U
#define RECORD_NO_MESSAGE 2U
#define RECORD_SHA256 3U
#define RECORD_PHILOX 4U
#define RECORD_FUNCTION 5U
#define RECORD_TRAINING 6U
#define RECORD_ENCODING 7U
#define RECORD_DECODING 8U
#define RECORD_MOMENTS 9U
#define RECORD_SUM 10U
#define RECORD_EVALUATION 11U
#define RECORD_PACKET 12U
#define RECORD_ROUND 13U
#define RECORD_HOSTILE 14U
#define RECORD_MANIFEST 15U
#define RECORD_NO_ENVELOPE 16U
#define RECORD_CHANGED_MANIFEST 17U
#define RECORD_CHUNK 18U
#define RECORD_NO_CHUNK 19U
/** For run_module.c. */
#define RECORD_MODULE 20U

typedef struct {
    uint32_t kind;
    uint32_t count;
    fm_bytes_t strings[RECORD_STRINGS];
} record_t;

/** Takes the next record from `bytes`, at `*at`; false at the end. */
bool record_next(const uint8_t *bytes, uint32_t size, uint32_t *at, record_t *record);

/** A number of a string of little-endian uint32, or float32. */
uint32_t record_number(fm_bytes_t string, uint32_t index);
float record_float(fm_bytes_t string, uint32_t index);

/** Copies a string of float32; `to` has room for `most`. Returns how many there are. */
uint32_t record_floats(fm_bytes_t string, float *to, uint32_t most);

/** Whether float32 values are those of a string, bit for bit (a NaN is any NaN). */
bool record_same(fm_bytes_t string, const float *values, uint32_t count);

/* ---- the checks: each prints what is wrong, and returns whether nothing is ---- */

/** Prints `record: what` where `good` is false; returns `good`. */
bool check(const record_t *record, bool good, const char *what);

bool check_message(const record_t *record);
bool check_no_message(const record_t *record);
bool check_packet(const record_t *record);
bool check_sha256(const record_t *record);
bool check_philox(const record_t *record);
bool check_function(const record_t *record);
bool check_training(const record_t *record);
bool check_encoding(const record_t *record);
bool check_decoding(const record_t *record);
bool check_evaluation(const record_t *record);
bool check_sum(const record_t *record);
bool check_moments(const record_t *record);
bool check_round(const record_t *record);
bool check_hostile(const record_t *record);
bool check_manifest(const record_t *record);
bool check_no_envelope(const record_t *record);
bool check_changed_manifest(const record_t *record);
bool check_chunk(const record_t *record);
bool check_no_chunk(const record_t *record);

/** Whether a delta's payload in the codec `id`, encoded in pieces of several sizes, is `expected`. */
bool check_payload(const record_t *record, const fm_delta_t *delta, uint32_t id, fm_bytes_t expected);

/** A key: seed, round, and the device's two words. */
fm_key_t record_key(fm_bytes_t string);

#endif
