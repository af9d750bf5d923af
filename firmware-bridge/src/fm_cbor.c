/** CBOR in the profile of protocol 1 (RFC 8949, section 4.2.1, narrower). */
#include "fm_cbor.h"

#include <stddef.h>
#include <string.h>

/* Arguments below are in the head's first byte; from here on it says how many bytes they have: 1, 2 or 4. */
#define CBOR_SHORT 24U

/* No byte, and of no major type. */
#define NO_BYTE 0x100U

void fm_cbor_read(fm_cbor_t *cbor, const uint8_t *bytes, uint32_t size)
{
    (void)memset(cbor, 0, sizeof(*cbor));
    cbor->reads = true;
    cbor->from = bytes;
    cbor->out.size = size;
}

void fm_cbor_write(fm_cbor_t *cbor, uint8_t *bytes, uint32_t size)
{
    fm_cbor_read(cbor, NULL, size);
    cbor->reads = false;
    cbor->out.bytes = bytes;
}

fm_result_t fm_cbor_end(const fm_cbor_t *cbor)
{
    fm_result_t result = FM_OK;

    if (cbor->reads) {
        if (cbor->failed || (cbor->out.at != cbor->out.size)) {
            result = FM_BAD_MESSAGE;
        }
    } else if (cbor->failed) {
        result = FM_BAD_ARGUMENT;
    } else if (cbor->out.at > cbor->out.size) {
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

    fm_write(&cbor->out, (major << 5U) | ((bits == 0U) ? argument : (CBOR_SHORT + (bits / 16U))));
    fm_write_number(&cbor->out, argument, bits);
}

/** The byte that comes next; none at the end. */
static uint32_t cbor_peek(const fm_cbor_t *cbor)
{
    return (cbor->out.at < cbor->out.size) ? cbor->from[cbor->out.at] : NO_BYTE;
}

static uint32_t cbor_take(fm_cbor_t *cbor)
{
    uint32_t byte = cbor_peek(cbor);

    if (byte == NO_BYTE) {
        cbor->failed = true;
    } else {
        cbor->out.at++;
    }
    return byte;
}

/** Takes a head of this major type and gives its argument; fails where there is none, or not in shortest form. */
static uint32_t cbor_get_head(fm_cbor_t *cbor, uint32_t major)
{
    uint32_t first = cbor_take(cbor);
    uint32_t value = first & 31U;
    uint32_t bits = 0U;

    if (value >= CBOR_SHORT) {
        /* What says that it has more than four bytes is not of that many. */
        uint32_t left = 1U << (value - CBOR_SHORT);

        bits = 8U * left;
        value = 0U;
        while (left > 0U) {
            value = (value << 8U) | cbor_take(cbor);
            left--;
        }
    }
    fm_cbor_most(cbor, ((first >> 5U) ^ major) | (cbor_bits(value) ^ bits), 0U);
    return value;
}

uint32_t fm_cbor_next(const fm_cbor_t *cbor)
{
    return cbor_peek(cbor) >> 5U;
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
    cbor->heads[depth] = cbor->out.at;
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
    } else if (head < cbor->out.size) {
        cbor->out.bytes[head] |= (uint8_t)cbor->entries;
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
        /* A key is below 24: one byte. */
        there = 0U;
        if ((cbor->entries > 0U) && (cbor_peek(cbor) == key)) {
            there = 1U;
        }
    }
    return there;
}

void fm_cbor_contents(fm_cbor_t *cbor, fm_bytes_t *value, uint32_t size)
{
    if (cbor->reads) {
        fm_cbor_most(cbor, size, cbor->out.size - cbor->out.at);
        value->bytes = &cbor->from[cbor->out.at];
        value->size = cbor->failed ? 0U : size;
        cbor->out.at += value->size;
    } else if (value->bytes != NULL) {
        fm_write_bytes(&cbor->out, value->bytes, size);
    } else {
        cbor->out.at += size;
    }
}
