/** Runs every check of a file of golden vectors: `run_records FILE`. */
#include <stdio.h>
#include <stdlib.h>

#include "records.h"

static bool run(const record_t *record)
{
    static bool (*const checks[])(const record_t *) = {
        [RECORD_MESSAGE] = check_message,   [RECORD_NO_MESSAGE] = check_no_message,
        [RECORD_SHA256] = check_sha256,     [RECORD_PHILOX] = check_philox,
        [RECORD_FUNCTION] = check_function, [RECORD_TRAINING] = check_training,
        [RECORD_ENCODING] = check_encoding, [RECORD_DECODING] = check_decoding,
        [RECORD_MOMENTS] = check_moments,   [RECORD_SUM] = check_sum,
        [RECORD_EVALUATION] = check_evaluation, [RECORD_PACKET] = check_packet,
        [RECORD_ROUND] = check_round,       [RECORD_HOSTILE] = check_hostile,
        [RECORD_MANIFEST] = check_manifest, [RECORD_NO_ENVELOPE] = check_no_envelope,
        [RECORD_CHUNK] = check_chunk,       [RECORD_NO_CHUNK] = check_no_chunk,
        [RECORD_CHANGED_MANIFEST] = check_changed_manifest,
    };

    if ((record->kind == 0U) || (record->kind >= sizeof(checks) / sizeof(checks[0]))) {
        return check(record, false, "there is no such kind of record");
    }
    return checks[record->kind](record);
}

int main(int argc, char **argv)
{
    FILE *file = (argc == 2) ? fopen(argv[1], "rb") : NULL;
    uint8_t *bytes;
    long size;
    uint32_t at = 0U;
    unsigned passed = 0U;
    unsigned failed = 0U;
    record_t record;

    if (file == NULL) {
        fprintf(stderr, "usage: run_records FILE\n");
        return 2;
    }
    (void)fseek(file, 0L, SEEK_END);
    size = ftell(file);
    (void)fseek(file, 0L, SEEK_SET);
    bytes = malloc((size_t)size);
    if ((bytes == NULL) || (fread(bytes, 1U, (size_t)size, file) != (size_t)size)) {
        fprintf(stderr, "%s: cannot be read\n", argv[1]);
        return 2;
    }
    (void)fclose(file);
    while (record_next(bytes, (uint32_t)size, &at, &record)) {
        if (run(&record)) {
            passed++;
        } else {
            failed++;
        }
    }
    free(bytes);
    printf("%u passed, %u failed\n", passed, failed);
    return (failed == 0U) ? 0 : 1;
}
