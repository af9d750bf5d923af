/** CBOR in the profile of protocol 1 (RFC 8949, section 4.2.1, narrower). */
#include "fm_cbor.h"

#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_utf8.h"

/* Major types. */
#define CBOR_UNSIGNED 0U
#define CBOR_NEGATIVE 1U
#define CBOR_BYTES 2U
#define CBOR_TEXT 3U
#define CBOR_ARRAY 4U
#define CBOR_MAP 5U
#define CBOR_SIMPLE 7U

#define CBOR_FALSE 20U
#define CBOR_TRUE 21U

/* Arguments below are in the head's first byte; the greatest number in 1, 2 and 4 bytes more are these. */
#define CBOR_SHORT 24U
#define CBOR_ONE_BYTE 24U
#define CBOR_FOUR_BYTES 26U

void fm_cbor_read(fm_cbor_t *cbor, const uint8_t *bytes, uint32_t size)
{
    cbor->reads = true;
    cbor->from = bytes;
    cbor->to = NULL;
    cbor->size = size;
    cbor->at = 0U;
    cbor->left = 0U;
    cbor->failed = false;
}

void fm_cbor_write(fm_cbor_t *cbor, uint8_t *bytes, uint32_t size)
{
    fm_cbor_read(cbor, NULL, size);
    cbor->reads = false;
    cbor->to = bytes;
}

fm_result_t fm_cbor_end(const fm_cbor_t *cbor)
{
    fm_result_t result = FM_OK;

    if (cbor->reads) {
        if (cbor->failed || (cbor->at != cbor->size)) {
            result = FM_BAD_MESSAGE;
        }
    } else if (cbor->failed) {
        result = FM_BAD_ARGUMENT;
    } else if (cbor->at > cbor->size) {
        result = FM_NO_SPACE;
    } else {
        /* All went well. */
    }
    return result;
}

void fm_cbor_check(fm_cbor_t *cbor, bool good)
{
    if (!good) {
        cbor->failed = true;
    }
}

static void cbor_put(fm_cbor_t *cbor, uint32_t byte)
{
    if (cbor->at < cbor->size) {
        cbor->to[cbor->at] = (uint8_t)(byte & 0xFFU);
    }
    cbor->at++;
}

static void cbor_put_head(fm_cbor_t *cbor, uint32_t major, uint32_t argument)
{
    uint32_t width = 4U;
    uint32_t info = CBOR_FOUR_BYTES;

    if (argument < CBOR_SHORT) {
        width = 0U;
        info = argument;
    } else if (argument < 0x100U) {
        width = 1U;
        info = CBOR_ONE_BYTE;
    } else if (argument < 0x10000U) {
        width = 2U;
        info = CBOR_ONE_BYTE + 1U;
    } else {
        /* Four bytes. */
    }
    cbor_put(cbor, (major << 5U) | info);
    while (width > 0U) {
        width--;
        cbor_put(cbor, argument >> (8U * width));
    }
}

/** Takes a head of this major type and gives its argument; 0 where there is none, or not in shortest form. */
static uint32_t cbor_get_head(fm_cbor_t *cbor, uint32_t major)
{
    uint32_t value = 0U;
    bool good = false;

    if ((!cbor->failed) && (cbor->at < cbor->size)) {
        uint32_t initial = cbor->from[cbor->at];
        uint32_t info = initial & 31U;
        uint32_t width = (info < CBOR_ONE_BYTE) ? 0U : (1U << (info - CBOR_ONE_BYTE));
        uint32_t i;

        if (((initial >> 5U) == major) && (info <= CBOR_FOUR_BYTES) && ((cbor->size - cbor->at) > width)) {
            value = (width == 0U) ? info : 0U;
            for (i = 1U; i <= width; i++) {
                value = (value << 8U) | cbor->from[cbor->at + i];
            }
            /* What fits the first byte, or half of the bytes, must be there. */
            good = (width == 0U) || (value >= ((width == 1U) ? CBOR_SHORT : (1U << (4U * width))));
        }
        if (good) {
            cbor->at += width + 1U;
        }
    }
    if (!good) {
        cbor->failed = true;
        value = 0U;
    }
    return value;
}

/** A head of this major type, both ways. */
static uint32_t cbor_head(fm_cbor_t *cbor, uint32_t major, uint32_t argument)
{
    uint32_t value = argument;

    if (cbor->reads) {
        value = cbor_get_head(cbor, major);
    } else {
        cbor_put_head(cbor, major, argument);
    }
    return value;
}

uint32_t fm_cbor_map(fm_cbor_t *cbor, uint32_t entries)
{
    uint32_t outer = cbor->left;

    cbor->left = cbor_head(cbor, CBOR_MAP, entries);
    return outer;
}

void fm_cbor_end_map(fm_cbor_t *cbor, uint32_t outer)
{
    fm_cbor_check(cbor, cbor->left == 0U);
    cbor->left = outer;
}

void fm_cbor_key(fm_cbor_t *cbor, uint32_t key)
{
    uint32_t got = cbor_head(cbor, CBOR_UNSIGNED, key);

    fm_cbor_check(cbor, (got == key) && (cbor->left > 0U));
    cbor->left--;
}

bool fm_cbor_has(const fm_cbor_t *cbor, uint32_t key, bool present)
{
    bool there = present;

    if (cbor->reads) {
        /* A key is below 24: one byte. */
        there = (!cbor->failed) && (cbor->left > 0U) && (cbor->at < cbor->size) && (cbor->from[cbor->at] == key);
    }
    return there;
}

/** The argument of an item with this key, within bounds. */
static uint32_t cbor_item(fm_cbor_t *cbor, uint32_t key, uint32_t major, uint32_t argument, uint32_t least,
                          uint32_t most)
{
    uint32_t value;

    fm_cbor_key(cbor, key);
    value = cbor_head(cbor, major, argument);
    fm_cbor_check(cbor, (value >= least) && (value <= most));
    return value;
}

void fm_cbor_array(fm_cbor_t *cbor, uint32_t key, uint32_t *count, uint32_t least, uint32_t most)
{
    *count = cbor_item(cbor, key, CBOR_ARRAY, *count, least, most);
}

void fm_cbor_uint(fm_cbor_t *cbor, uint32_t key, uint32_t *value, uint32_t least, uint32_t most)
{
    *value = cbor_item(cbor, key, CBOR_UNSIGNED, *value, least, most);
}

void fm_cbor_small(fm_cbor_t *cbor, uint32_t key, uint16_t *value, uint16_t least, uint16_t most)
{
    *value = (uint16_t)(cbor_item(cbor, key, CBOR_UNSIGNED, *value, least, most) & 0xFFFFU);
}

void fm_cbor_int(fm_cbor_t *cbor, uint32_t key, int32_t *value, int32_t least, int32_t most)
{
    bool negative = *value < 0;

    fm_cbor_key(cbor, key);
    if (cbor->reads) {
        negative = (cbor->at < cbor->size) && ((cbor->from[cbor->at] >> 5U) == CBOR_NEGATIVE);
    }
    if (negative) {
        /* -1 - argument. */
        uint32_t argument = cbor_head(cbor, CBOR_NEGATIVE, (uint32_t)(-(*value + 1)));

        fm_cbor_check(cbor, argument <= (uint32_t)(-(least + 1)));
        *value = -1 - (int32_t)(argument & FM_MAGNITUDE);
    } else {
        uint32_t argument = cbor_head(cbor, CBOR_UNSIGNED, (uint32_t)*value);

        fm_cbor_check(cbor, argument <= (uint32_t)most);
        *value = (int32_t)(argument & FM_MAGNITUDE);
    }
}

void fm_cbor_bool(fm_cbor_t *cbor, uint32_t key, bool *value)
{
    *value = cbor_item(cbor, key, CBOR_SIMPLE, *value ? CBOR_TRUE : CBOR_FALSE, CBOR_FALSE, CBOR_TRUE) == CBOR_TRUE;
}

/** The contents of a string whose head is done, both ways. */
static void cbor_contents(fm_cbor_t *cbor, fm_bytes_t *value, uint32_t size)
{
    bool fits = (cbor->at <= cbor->size) && ((cbor->size - cbor->at) >= size);

    if (cbor->reads) {
        fm_cbor_check(cbor, fits);
        value->bytes = cbor->failed ? NULL : &cbor->from[cbor->at];
        value->size = cbor->failed ? 0U : size;
        cbor->at += value->size;
    } else {
        if (fits && (value->bytes != NULL) && (size > 0U)) {
            (void)memcpy(&cbor->to[cbor->at], value->bytes, size);
        }
        cbor->at += size;
    }
}

static void cbor_string(fm_cbor_t *cbor, uint32_t key, uint32_t major, fm_bytes_t *value, uint32_t least,
                        uint32_t most)
{
    cbor_contents(cbor, value, cbor_item(cbor, key, major, value->size, least, most));
}

void fm_cbor_bytes(fm_cbor_t *cbor, uint32_t key, fm_bytes_t *value, uint32_t least, uint32_t most)
{
    cbor_string(cbor, key, CBOR_BYTES, value, least, most);
}

void fm_cbor_text(fm_cbor_t *cbor, uint32_t key, fm_bytes_t *value, uint32_t most)
{
    cbor_string(cbor, key, CBOR_TEXT, value, 0U, most);
    fm_cbor_check(cbor, fm_is_text(value->bytes, value->size));
}

void fm_cbor_real(fm_cbor_t *cbor, uint32_t key, float *value, uint32_t least, uint32_t most)
{
    uint8_t raw[4];
    fm_bytes_t view = { raw, sizeof(raw) };
    uint32_t bits = fm_float_bits(*value);

    fm_put_le32(raw, bits);
    cbor_string(cbor, key, CBOR_BYTES, &view, sizeof(raw), sizeof(raw));
    if (cbor->reads) {
        bits = (view.size == sizeof(raw)) ? fm_get_le32(view.bytes) : least;
        *value = fm_float(bits);
    }
    fm_cbor_check(cbor, (bits >= least) && (bits <= most));
}

void fm_cbor_reals(fm_cbor_t *cbor, uint32_t key, fm_bytes_t *value, uint32_t most)
{
    uint32_t i;

    cbor_string(cbor, key, CBOR_BYTES, value, 0U, 4U * most);
    fm_cbor_check(cbor, (value->size % 4U) == 0U);
    for (i = 0U; (i + 4U) <= value->size; i += 4U) {
        fm_cbor_check(cbor, (fm_get_le32(&value->bytes[i]) & FM_MAGNITUDE) < FM_INFINITE);
    }
}

void fm_cbor_ids(fm_cbor_t *cbor, uint32_t key, fm_bytes_t *value, uint32_t least, uint32_t most)
{
    uint32_t i;
    uint32_t k;

    cbor_string(cbor, key, CBOR_BYTES, value, least, most);
    for (i = 0U; i < value->size; i++) {
        for (k = 0U; k < i; k++) {
            fm_cbor_check(cbor, value->bytes[i] != value->bytes[k]);
        }
    }
}
