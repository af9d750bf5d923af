/** CBOR in the profile of protocol 1 (RFC 8949, section 4.2.1, narrower). */
#include "fm_cbor.h"

#include <stddef.h>
#include <string.h>

/* Arguments below are in the head's first byte; from here on it says how many bytes they have: 1, 2 or 4. */
#define CBOR_SHORT 24U
#define CBOR_FOUR_BYTES 26U

void fm_cbor_read(fm_cbor_t *cbor, const uint8_t *bytes, uint32_t size)
{
    (void)memset(cbor, 0, sizeof(*cbor));
    cbor->reads = true;
    cbor->from = bytes;
    cbor->size = size;
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

void fm_cbor_most(fm_cbor_t *cbor, uint32_t number, uint32_t most)
{
    if (number > most) {
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

/** How many bits of an argument stand behind a head's first byte: 0, 8, 16 or 32. */
static uint32_t cbor_bits(uint32_t argument)
{
    uint32_t bits = 0U;

    if (argument >= CBOR_SHORT) {
        bits = 8U;
        while ((bits < 32U) && ((argument >> bits) != 0U)) {
            bits *= 2U;
        }
    }
    return bits;
}

static void cbor_put_head(fm_cbor_t *cbor, uint32_t major, uint32_t argument)
{
    uint32_t bits = cbor_bits(argument);

    cbor_put(cbor, (major << 5U) | ((bits == 0U) ? argument : (CBOR_SHORT + (bits / 16U))));
    while (bits > 0U) {
        bits -= 8U;
        cbor_put(cbor, argument >> bits);
    }
}

/** Takes a head of this major type and gives its argument; fails where there is none, or not in shortest form. */
static uint32_t cbor_get_head(fm_cbor_t *cbor, uint32_t major)
{
    uint32_t value = 0U;
    uint32_t width = 0U;
    bool good = (!cbor->failed) && (fm_cbor_next(cbor) == major);

    if (good) {
        value = (uint32_t)cbor->from[cbor->at] & 31U;
        if (value >= CBOR_SHORT) {
            uint32_t i;

            width = 1U << (value - CBOR_SHORT);
            good = (value <= CBOR_FOUR_BYTES) && ((cbor->size - cbor->at) > width);
            value = 0U;
            for (i = 1U; good && (i <= width); i++) {
                value = (value << 8U) | cbor->from[cbor->at + i];
            }
            /* In shortest form. */
            good = good && (cbor_bits(value) == (8U * width));
        }
    }
    if (good) {
        cbor->at += width + 1U;
    } else {
        cbor->failed = true;
        value = 0U;
    }
    return value;
}

uint32_t fm_cbor_next(const fm_cbor_t *cbor)
{
    /* No major type at the end. */
    return (cbor->at < cbor->size) ? ((uint32_t)cbor->from[cbor->at] >> 5U) : 8U;
}

uint32_t fm_cbor_head(fm_cbor_t *cbor, uint32_t major, uint32_t argument)
{
    uint32_t value = argument;

    if (cbor->reads) {
        value = cbor_get_head(cbor, major);
    } else {
        cbor_put_head(cbor, major, argument);
    }
    return value;
}

void fm_cbor_only(fm_cbor_t *cbor, uint32_t major, uint32_t argument)
{
    fm_cbor_most(cbor, fm_cbor_head(cbor, major, argument) ^ argument, 0U);
}

uint32_t fm_cbor_head_bytes(uint32_t argument)
{
    return 1U + (cbor_bits(argument) / 8U);
}

void fm_cbor_open(fm_cbor_t *cbor)
{
    uint32_t depth = cbor->depth;

    cbor->outerEntries[depth] = cbor->entries;
    cbor->heads[depth] = cbor->at;
    cbor->depth++;
    /* Writing, the number of entries is put in when it is known. */
    cbor->entries = fm_cbor_head(cbor, FM_CBOR_MAP, 0U);
}

void fm_cbor_close(fm_cbor_t *cbor)
{
    uint32_t head;

    cbor->depth--;
    head = cbor->heads[cbor->depth];
    if (cbor->reads) {
        fm_cbor_most(cbor, cbor->entries, 0U);
    } else if (head < cbor->size) {
        cbor->to[head] |= (uint8_t)cbor->entries;
    } else {
        /* It had no room. */
    }
    cbor->entries = cbor->outerEntries[cbor->depth];
}

void fm_cbor_key(fm_cbor_t *cbor, uint32_t key)
{
    if (cbor->reads) {
        fm_cbor_most(cbor, 1U, cbor->entries);
        cbor->entries--;
    } else {
        cbor->entries++;
    }
    fm_cbor_only(cbor, FM_CBOR_UNSIGNED, key);
}

uint32_t fm_cbor_has(const fm_cbor_t *cbor, uint32_t key, uint32_t present)
{
    uint32_t there = present;

    if (cbor->reads) {
        there = 0U;
        /* A key is below 24: one byte. */
        if ((!cbor->failed) && (cbor->entries > 0U) && (cbor->at < cbor->size) && (cbor->from[cbor->at] == key)) {
            there = 1U;
        }
    }
    return there;
}

void fm_cbor_contents(fm_cbor_t *cbor, fm_bytes_t *value, uint32_t size)
{
    if (cbor->reads) {
        fm_cbor_most(cbor, size, cbor->size - cbor->at);
        value->bytes = &cbor->from[cbor->at];
        value->size = cbor->failed ? 0U : size;
        cbor->at += value->size;
    } else {
        if (((cbor->at + size) <= cbor->size) && (value->bytes != NULL)) {
            (void)memcpy(&cbor->to[cbor->at], value->bytes, size);
        }
        cbor->at += size;
    }
}
