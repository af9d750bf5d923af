/** Tables of fields: what a map of the protocol holds, one entry a field, in the order of their keys. */
#ifndef FM_FIELDS_H
#define FM_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "fm_cbor.h"

/* Kinds of fields. In 16 bits: a number, and one that is 0 or 1; in 32 bits: a number; the grid exponent, which may be negative; a float, by its bits. */
#define FM_FIELD_SMALL 0U
#define FM_FIELD_BOOL 1U
#define FM_FIELD_UINT 2U
#define FM_FIELD_GRID 3U
#define FM_FIELD_REAL 4U
/* Strings: bytes; text; finite floats; distinct bytes; ascending sizes. */
#define FM_FIELD_BYTES 5U
#define FM_FIELD_TEXT 6U
#define FM_FIELD_REALS 7U
#define FM_FIELD_IDS 8U
#define FM_FIELD_CLASSES 9U
/* A map inside the map begins, and ends. */
#define FM_FIELD_MAP 10U
#define FM_FIELD_END 11U

/** May be absent: a uint32_t before its place says whether it is there. */
#define FM_FIELD_OPTIONAL 0x80U

/** With the key of a table's last field. */
#define FM_LAST 0x80U

typedef struct {
    uint8_t key;
    uint8_t kind;
    /** Where in the structure it is, in units of 2 bytes, of a map its first field; or which of the strings. */
    uint8_t place;
    /** Which bound it has (FM_BOUND_...); of a map: how many entries of the table follow until its end, and with it. */
    uint8_t bound;
} fm_field_t;

/** The place of a member. */
#define FM_PLACE(type, member) ((uint8_t)((uint32_t)offsetof(type, member) / 2U))

/** Least and most of a number, or of a string's length; of a float's bits, which have the order of numbers that are not negative. */
typedef struct {
    uint32_t least;
    uint32_t most;
} fm_bound_t;

/* Choices: from 0 to so many. */
#define FM_BOUND_BOOL 1U
#define FM_BOUND_CHOICE_2 1U
#define FM_BOUND_CHOICE_3 2U
#define FM_BOUND_CHOICE_4 3U
#define FM_BOUND_CHOICE_5 4U
#define FM_BOUND_CHOICE_7 6U
/* Bounds of a table. */
#define FM_BOUND_CHOICES 7U
#define FM_BOUND_UINT32 7U
#define FM_BOUND_SECONDS 8U
#define FM_BOUND_BYTES 9U
#define FM_BOUND_PACKET 10U
#define FM_BOUND_SIZE 11U
#define FM_BOUND_CODEC 12U
#define FM_BOUND_INDEX 13U
#define FM_BOUND_POSITIVE 14U
#define FM_BOUND_NOT_NEGATIVE 15U
#define FM_BOUND_FRACTION 16U
#define FM_BOUND_ID 17U
#define FM_BOUND_DIGEST 18U
#define FM_BOUND_CHUNK 19U
#define FM_BOUND_TEXT 20U
#define FM_BOUND_METRICS 21U
#define FM_BOUND_CODECS 22U
#define FM_BOUND_ABIS 23U
#define FM_BOUND_CLASSES 24U
#define FM_BOUND_WEIGHT 25U
#define FM_BOUND_GRID 26U
#define FM_BOUND_LAYER_FIRST 27U
#define FM_BOUND_LAYER_END 28U
#define FM_BOUND_END 29U

/** Walks over a table, up to its last field: writes or reads every field of it. */
void fm_fields_walk(fm_cbor_t *cbor, const fm_field_t *fields, uint8_t *numbers, fm_bytes_t *strings);

#endif
