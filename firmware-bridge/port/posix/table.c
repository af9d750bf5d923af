#include "table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COLUMNS 4096
#define MOST_LINE (1U << 20U)

/* Where it is not said otherwise, numbers with more than this many different values are targets of a regression. */
#define MOST_NUMERIC_CLASSES 20U

/** A file being read. */
typedef struct {
    table_t *table;
    const char *path;
    const char *classes;
    int columns;
    int label;
    int split;
    uint32_t line;
    /** All rows, features and label, and which of them are for testing. */
    float *values;
    bool *test;
    uint32_t rows;
    uint32_t room;
} reader_t;

static bool fail(table_t *table, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(table->problem, sizeof(table->problem), format, arguments);
    va_end(arguments);
    return false;
}

/** Cuts blanks and quotes off a value, in place. */
static char *trimmed(char *text)
{
    char *end;

    text += strspn(text, " \t");
    end = text + strlen(text);
    while ((end > text) && (strchr(" \t\r\n", end[-1]) != NULL)) {
        end--;
    }
    if ((end - text >= 2) && (*text == '"') && (end[-1] == '"')) {
        text++;
        end--;
    }
    *end = '\0';
    return text;
}

/** Cuts a line at its commas, but for those within quotes. */
static int cut(char *line, char **cells)
{
    int count = 0;
    bool quoted = false;

    cells[count++] = line;
    for (char *at = line; *at != '\0'; at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else if ((*at == ',') && !quoted && (count < MOST_COLUMNS)) {
            *at = '\0';
            cells[count++] = at + 1;
        }
    }
    for (int i = 0; i < count; i++) {
        cells[i] = trimmed(cells[i]);
    }
    return count;
}

/** The number that a text is, as float32; false: it is none. */
static bool number(const char *text, float *out)
{
    char *end = NULL;

    if ((*text == '\0') || (strspn(text, "-+.0123456789eE") != strlen(text))) {
        return false;
    }
    *out = (float)strtod(text, &end);
    return (*end == '\0') && isfinite(*out);
}

/** Where a name stands in a list with commas; numbers are compared by value. */
static bool class_of(const char *classes, const char *name, float *out)
{
    const char *at = classes;
    float wanted = 0.0F;
    bool numeric = number(name, &wanted);

    for (float index = 0.0F; at != NULL; index += 1.0F) {
        char each[128];
        float value;
        size_t length = strcspn(at, ",");

        (void)snprintf(each, sizeof(each), "%.*s", (int)length, at);
        if ((strcmp(trimmed(each), name) == 0) || (numeric && number(trimmed(each), &value) && (value == wanted))) {
            *out = index;
            return true;
        }
        at = (at[length] == ',') ? &at[length + 1U] : NULL;
    }
    return false;
}

static int column_of(char **cells, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(cells[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool read_header(reader_t *reader, char *line, const char *label, const char *split)
{
    static char *cells[MOST_COLUMNS];
    char *text = (strncmp(line, "\xEF\xBB\xBF", 3U) == 0) ? line + 3 : line;

    reader->columns = cut(text, cells);
    reader->label = column_of(cells, reader->columns, label);
    reader->split = (split == NULL) ? -1 : column_of(cells, reader->columns, split);
    if (reader->label < 0) {
        return fail(reader->table, "%s: no column \"%s\" for the label", reader->path, label);
    }
    if ((split != NULL) && (reader->split < 0)) {
        return fail(reader->table, "%s: no column \"%s\" for the split", reader->path, split);
    }
    reader->table->features = (uint32_t)(reader->columns - 1 - ((reader->split >= 0) ? 1 : 0));
    return (reader->table->features > 0U) || fail(reader->table, "%s: no columns of features", reader->path);
}

static bool make_room(reader_t *reader)
{
    size_t width = reader->table->features + 1U;

    if (reader->rows == reader->room) {
        reader->room = (reader->room == 0U) ? 256U : 2U * reader->room;
        reader->values = realloc(reader->values, sizeof(float) * width * reader->room);
        reader->test = realloc(reader->test, sizeof(bool) * reader->room);
    }
    return (reader->values != NULL) && (reader->test != NULL);
}

static bool read_split(const char *text, bool *test)
{
    *test = (strcmp(text, "test") == 0) || (strcmp(text, "1") == 0);
    return *test || (strcmp(text, "train") == 0) || (strcmp(text, "0") == 0);
}

static bool read_row(reader_t *reader, char *line)
{
    static char *cells[MOST_COLUMNS];
    int count = cut(line, cells);
    float *to;

    if (count != reader->columns) {
        return fail(reader->table, "%s line %u: expected %d values, got %d", reader->path, reader->line,
                    reader->columns, count);
    }
    if (!make_room(reader)) {
        return fail(reader->table, "%s: too large for this machine's memory", reader->path);
    }
    to = &reader->values[(size_t)reader->rows * (reader->table->features + 1U)];
    reader->test[reader->rows] = false;
    for (int i = 0; i < count; i++) {
        bool good;

        if (i == reader->label) {
            float *at = &reader->values[((size_t)reader->rows + 1U) * (reader->table->features + 1U) - 1U];

            good = (reader->classes != NULL) ? class_of(reader->classes, cells[i], at) : number(cells[i], at);
        } else if (i == reader->split) {
            good = read_split(cells[i], &reader->test[reader->rows]);
        } else {
            good = number(cells[i], to++);
        }
        if (!good) {
            return fail(reader->table, "%s line %u: column %d cannot be \"%s\"", reader->path, reader->line, i + 1,
                        cells[i]);
        }
    }
    reader->rows++;
    return true;
}

static float label_of(const reader_t *reader, uint32_t row)
{
    return reader->values[((size_t)row + 1U) * (reader->table->features + 1U) - 1U];
}

/** Which of the labels met so far a row has; one that is new is added to them. */
static uint32_t label_index(const reader_t *reader, uint32_t row, float *labels, uint32_t *different)
{
    float label = label_of(reader, row);
    uint32_t k = 0U;

    while ((k < *different) && (labels[k] != label)) {
        k++;
    }
    if (k == *different) {
        labels[k] = label;
        (*different)++;
    }
    return k;
}

/** Without a split column every fifth row of each class is for testing; of a regression, of all. */
static bool split_fifths(reader_t *reader)
{
    float *labels = malloc(sizeof(float) * reader->rows);
    uint32_t *counts = calloc(reader->rows, sizeof(uint32_t));
    uint32_t different = 0U;
    bool good = (labels != NULL) && (counts != NULL);

    for (uint32_t row = 0U; good && (row < reader->rows); row++) {
        uint32_t k = label_index(reader, row, labels, &different);

        counts[k]++;
        reader->test[row] = (counts[k] % 5U) == 0U;
    }
    if ((reader->classes == NULL) && (different > MOST_NUMERIC_CLASSES)) {
        for (uint32_t row = 0U; good && (row < reader->rows); row++) {
            reader->test[row] = ((row + 1U) % 5U) == 0U;
        }
    }
    free(labels);
    free(counts);
    return good || fail(reader->table, "%s: too large for this machine's memory", reader->path);
}

/** Copies the rows of one part. */
static bool take_part(const reader_t *reader, bool test, table_part_t *part)
{
    size_t width = reader->table->features + 1U;

    part->values = malloc(sizeof(float) * width * (reader->rows + 1U));
    part->rows = 0U;
    for (uint32_t row = 0U; (part->values != NULL) && (row < reader->rows); row++) {
        if (reader->test[row] == test) {
            memcpy(&part->values[width * part->rows], &reader->values[width * row], sizeof(float) * width);
            part->rows++;
        }
    }
    return part->values != NULL;
}

/** Reads all rows of an open file. */
static bool read_rows(reader_t *reader, FILE *file, char *line, const char *label, const char *split)
{
    bool good = true;

    while (good && (fgets(line, (int)MOST_LINE, file) != NULL)) {
        reader->line++;
        if (reader->line == 1U) {
            good = read_header(reader, line, label, split);
        } else if (line[strspn(line, " \t\r\n")] != '\0') {
            good = read_row(reader, line);
        }
    }
    if (good && (reader->rows == 0U)) {
        good = fail(reader->table, "%s: expected rows after the header, got none", reader->path);
    }
    return good;
}

bool table_read(table_t *table, const char *path, const char *label, const char *split, const char *classes)
{
    reader_t reader = { .table = table, .path = path, .classes = classes };
    FILE *file = fopen(path, "r");
    char *line = malloc(MOST_LINE);
    bool good = false;

    memset(table, 0, sizeof(*table));
    if ((file == NULL) || (line == NULL)) {
        (void)fail(table, "%s: cannot be read", path);
    } else {
        good = read_rows(&reader, file, line, label, split);
    }
    good = good && ((split != NULL) || split_fifths(&reader));
    good = good && take_part(&reader, false, &table->train) && take_part(&reader, true, &table->test);
    free(reader.values);
    free(reader.test);
    free(line);
    if (file != NULL) {
        (void)fclose(file);
    }
    return good;
}

void table_free(table_t *table)
{
    free(table->train.values);
    free(table->test.values);
}

float table_value(void *context, uint32_t row, uint32_t column)
{
    const table_view_t *view = context;

    return view->part->values[(size_t)row * (view->features + 1U) + column];
}
