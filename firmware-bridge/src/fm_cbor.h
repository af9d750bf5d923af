/**
 * CBOR (RFC 8949) in the profile of protocol 1, both ways with the same calls.
 *
 * A message is described once, as a sequence of fields with their keys and bounds. On a cursor that
 * writes, each call appends its field; on one that reads, each call takes the field that must come next
 * and stores it. So what one side sends the other takes, and an image that needs both directions holds
 * the description once.
 *
 * Errors stick: after the first breach every call does nothing, the cursor stays where it was, and
 * fm_cbor_end() says so. What was read until then is not to be used. A cursor that writes goes on
 * counting past the end of its buffer, so that `at` tells how much room there should have been.
 *
 * The profile (src/wire/protocol.cddl): definite lengths and shortest heads; map keys 0 to 23,
 * ascending; integers of at most 32 bits; true and false the only simple values; no tags, no floats;
 * numbers that are not whole as 4 bytes of a little-endian float32.
 */
#ifndef FM_CBOR_H
#define FM_CBOR_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"

/** Where reading or writing stands. Others may look at its fields. */
typedef struct {
    bool reads;
    /** What is read. */
    const uint8_t *from;
    /** Where it is written. */
    uint8_t *to;
    uint32_t size;
    /** Bytes taken or given so far; beyond `size` when there was no room. */
    uint32_t at;
    /** Entries that are left in the map that is being read. */
    uint32_t left;
    bool failed;
} fm_cbor_t;

/** A cursor that reads `size` bytes. Borrows them until the message is done with. */
void fm_cbor_read(fm_cbor_t *cbor, const uint8_t *bytes, uint32_t size);

/** A cursor that writes into `size` bytes. */
void fm_cbor_write(fm_cbor_t *cbor, uint8_t *bytes, uint32_t size);

/**
 * How it went. Reading: FM_OK, or FM_BAD_MESSAGE where a field was not as described, or something was
 * left over. Writing: FM_OK, FM_BAD_ARGUMENT where a field was out of its bounds, or FM_NO_SPACE.
 */
fm_result_t fm_cbor_end(const fm_cbor_t *cbor);

/** Says that something between fields does not hold. */
void fm_cbor_check(fm_cbor_t *cbor, bool good);

/**
 * Begins a map; `entries` is how many there are to write. Returns what fm_cbor_end_map() wants back:
 * maps may be inside one another.
 */
uint32_t fm_cbor_map(fm_cbor_t *cbor, uint32_t entries);

/** Ends the map: reading fails here where an entry is left that nobody asked for. */
void fm_cbor_end_map(fm_cbor_t *cbor, uint32_t outer);

/** Key and head of an array; `count` is the number of items, from `least` to `most`. */
void fm_cbor_array(fm_cbor_t *cbor, uint32_t key, uint32_t *count, uint32_t least, uint32_t most);

/** The key of a map inside a map. */
void fm_cbor_key(fm_cbor_t *cbor, uint32_t key);

/** A field that may be absent: reading, whether it is there; writing, `present` as it was given. */
bool fm_cbor_has(const fm_cbor_t *cbor, uint32_t key, bool present);

/** An unsigned integer from `least` to `most`. */
void fm_cbor_uint(fm_cbor_t *cbor, uint32_t key, uint32_t *value, uint32_t least, uint32_t most);

/** The same, kept in 16 bits: `most` is below 2^16. */
void fm_cbor_small(fm_cbor_t *cbor, uint32_t key, uint16_t *value, uint16_t least, uint16_t most);

/** An integer from `least` (below 0) to `most` (0 or more). */
void fm_cbor_int(fm_cbor_t *cbor, uint32_t key, int32_t *value, int32_t least, int32_t most);

void fm_cbor_bool(fm_cbor_t *cbor, uint32_t key, bool *value);

/**
 * A byte string of `least` to `most` bytes. Reading gives a view of the message; writing copies, or,
 * where `value->bytes` is NULL, leaves room for `value->size` bytes that the caller fills.
 */
void fm_cbor_bytes(fm_cbor_t *cbor, uint32_t key, fm_bytes_t *value, uint32_t least, uint32_t most);

/** Text of at most `most` bytes: UTF-8 without control characters. As a view, not terminated. */
void fm_cbor_text(fm_cbor_t *cbor, uint32_t key, fm_bytes_t *value, uint32_t most);

/**
 * A float32 whose bits are from `least` to `most`. Numbers that are not negative have the order of
 * their bits, so bounds on the bits are bounds on the number; they leave out minus zero and NaN too.
 */
void fm_cbor_real(fm_cbor_t *cbor, uint32_t key, float *value, uint32_t least, uint32_t most);

/** Finite float32 numbers, at most `most` of them, as a view of their bytes. */
void fm_cbor_reals(fm_cbor_t *cbor, uint32_t key, fm_bytes_t *value, uint32_t most);

/** `least` to `most` distinct numbers of one byte each, as a view. */
void fm_cbor_ids(fm_cbor_t *cbor, uint32_t key, fm_bytes_t *value, uint32_t least, uint32_t most);

#endif
