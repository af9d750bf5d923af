/**
 * CBOR (RFC 8949) in the profile of protocol 1, both ways with the same calls.
 *
 * A message is described once, as a sequence of fields with their keys and bounds. On a cursor that
 * writes, each call appends its field; on one that reads, each call takes the field that must come next
 * and gives it back. So what one side sends the other takes, and an image that needs both directions holds
 * the description once.
 *
 * Errors stick: after a breach nothing that is read is to be used, and fm_cbor_end() says so. A cursor that writes goes on
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
#include "fm_writer.h"

/* Major types. */
#define FM_CBOR_UNSIGNED 0U
#define FM_CBOR_NEGATIVE 1U
#define FM_CBOR_BYTES 2U
#define FM_CBOR_TEXT 3U
#define FM_CBOR_ARRAY 4U
#define FM_CBOR_MAP 5U
#define FM_CBOR_SIMPLE 7U

/* Simple values. */
#define FM_CBOR_FALSE 20U

/** Maps inside one another, in any message. */
#define FM_CBOR_DEPTH 3U

/** Where reading or writing stands. Others may look at its fields. */
typedef struct {
    /** Where it is written; reading, `at` and `size` are those of what is read. `at`: bytes taken or given so far; beyond `size` when there was no room. */
    fm_writer_t out;
    /** What is read. */
    const uint8_t *from;
    bool reads;
    bool failed;
    /** Maps that are open. */
    uint8_t depth;
    /** Entries of the innermost map: those left to read, or those written. */
    uint32_t entries;
    /** The same of the maps around it; and where each map that is written has its head. */
    uint32_t outerEntries[FM_CBOR_DEPTH];
    uint32_t heads[FM_CBOR_DEPTH];
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

/** Fails where a number is above `most`. */
void fm_cbor_most(fm_cbor_t *cbor, uint32_t number, uint32_t most);

/** Opens a map, of at most 23 entries; its key, if it has one, comes before. */
void fm_cbor_open(fm_cbor_t *cbor);

/** Closes it: reading fails here where an entry is left that nobody asked for. */
void fm_cbor_close(fm_cbor_t *cbor);

/** The key of the next entry, below 24. */
void fm_cbor_key(fm_cbor_t *cbor, uint32_t key);

/** An entry that may be absent: reading, 1 where it is there, or 0; writing, `present` as it was given. */
uint32_t fm_cbor_has(const fm_cbor_t *cbor, uint32_t key, uint32_t present);

/** The major type that comes next when reading. */
uint32_t fm_cbor_next(const fm_cbor_t *cbor);

/** A head of this major type. Returns its argument: the one read, or `argument`. */
uint32_t fm_cbor_head(fm_cbor_t *cbor, uint32_t major, uint32_t argument);

/** The same, where it can only be this. */
void fm_cbor_only(fm_cbor_t *cbor, uint32_t major, uint32_t argument);

/** Bytes of the head with this argument. */
uint32_t fm_cbor_head_bytes(uint32_t argument);

/**
 * The `size` bytes of a string after its head. Reading gives a view of the message; writing copies, or, where
 * `value->bytes` is NULL, leaves room that the caller fills.
 */
void fm_cbor_contents(fm_cbor_t *cbor, fm_bytes_t *value, uint32_t size);

#endif
