/** A CSV file of one client's samples (RFC 4180, a header line, no line breaks in values), as `fedmote device` reads it. */
#ifndef FM_POSIX_TABLE_H
#define FM_POSIX_TABLE_H

#include <stdbool.h>
#include <stdint.h>

/** Rows, each of `features` values and a label. */
typedef struct {
    uint32_t rows;
    float *values;
} table_part_t;

typedef struct {
    uint32_t features;
    table_part_t train;
    table_part_t test;
    /** What is wrong, for people; empty: nothing. */
    char problem[256];
} table_t;

/**
 * Reads a file. `label`: the column with the label. `split`: the column that says train or test, or 0 or 1; NULL: of each
 * class every fifth row is for testing. `classes`: names in label order, separated by commas; NULL: labels are class indices
 * or targets. False, with `problem`, where that cannot be done.
 */
bool table_read(table_t *table, const char *path, const char *label, const char *split, const char *classes);

void table_free(table_t *table);

/** A value, as fm_samples_t wants it: `context` is a table_view_t. */
typedef struct {
    const table_part_t *part;
    uint32_t features;
} table_view_t;

float table_value(void *context, uint32_t row, uint32_t column);

#endif
