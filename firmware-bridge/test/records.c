#include "records.h"

#include <stdio.h>

#include "fm_bits.h"

bool record_next(const uint8_t *bytes, uint32_t size, uint32_t *at, record_t *record)
{
    uint32_t p = *at;

    if (p + 8U > size) {
        return false;
    }
    record->kind = fm_get_le32(&bytes[p]);
    record->count = fm_get_le32(&bytes[p + 4U]);
    p += 8U;
    for (uint32_t i = 0U; i < record->count; i++) {
        fm_bytes_t string = { &bytes[p + 4U], fm_get_le32(&bytes[p]) };

        if (i < RECORD_STRINGS) {
            record->strings[i] = string;
        }
        p += 4U + ((string.size + 3U) & ~3U);
    }
    *at = p;
    return true;
}

uint32_t record_number(fm_bytes_t string, uint32_t index)
{
    return fm_get_le32(&string.bytes[4U * index]);
}

float record_float(fm_bytes_t string, uint32_t index)
{
    return fm_float(record_number(string, index));
}

fm_key_t record_key(fm_bytes_t string)
{
    fm_key_t key = { record_number(string, 0U),
                     record_number(string, 1U),
                     { record_number(string, 2U), record_number(string, 3U) } };

    return key;
}

uint32_t record_floats(fm_bytes_t string, float *to, uint32_t most)
{
    uint32_t count = string.size / 4U;

    for (uint32_t i = 0U; (i < count) && (i < most); i++) {
        to[i] = record_float(string, i);
    }
    return count;
}

bool record_same(fm_bytes_t string, const float *values, uint32_t count)
{
    bool same = string.size == 4U * count;

    for (uint32_t i = 0U; same && (i < count); i++) {
        same = record_number(string, i) == fm_float_bits(values[i]);
    }
    return same;
}

bool check(const record_t *record, bool good, const char *what)
{
    if (!good) {
        printf("%.*s: %s\n", (int)record->strings[0].size, (const char *)record->strings[0].bytes, what);
    }
    return good;
}
