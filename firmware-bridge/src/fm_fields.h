/** Tables of fields: what a map of the protocol holds, one entry a field, in the order of their keys. */
#ifndef FM_FIELDS_H
#define FM_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "fm_cbor.h"

/* Kinds of fields. Numbers of 32 and of 16 bits; a bool; the grid exponent, which may be negative; a float, by its bits. */
#define FM_FIELD_UINT 0U
#define FM_FIELD_SMALL 1U
#define FM_FIELD_BOOL 2U
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

/** May be absent: a uint32_t before the number, or in the place of the map, says whether it is there. */
#define FM_FIELD_OPTIONAL 0x80U

typedef struct {
    uint8_t key;
    uint8_t kind;
    /** Where in the structure it is, in units of 2 bytes; or which of the strings. */
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

#define FM_BOUND_UINT32 0U
#define FM_BOUND_BOOL 1U
#define FM_BOUND_SECONDS 2U
#define FM_BOUND_BYTES 3U
#define FM_BOUND_PACKET 4U
#define FM_BOUND_SIZE 5U
#define FM_BOUND_CODEC 6U
#define FM_BOUND_INDEX 7U
#define FM_BOUND_POSITIVE 8U
#define FM_BOUND_NOT_NEGATIVE 9U
#define FM_BOUND_FRACTION 10U
#define FM_BOUND_CHOICE_3 11U
#define FM_BOUND_CHOICE_4 12U
#define FM_BOUND_CHOICE_5 13U
#define FM_BOUND_CHOICE_7 14U
#define FM_BOUND_CHOICE_2 15U
#define FM_BOUND_ID 16U
#define FM_BOUND_DIGEST 17U
#define FM_BOUND_CHUNK 18U
#define FM_BOUND_TEXT 19U
#define FM_BOUND_METRICS 20U
#define FM_BOUND_CODECS 21U
#define FM_BOUND_ABIS 22U
#define FM_BOUND_CLASSES 23U
#define FM_BOUND_WEIGHT 24U
#define FM_BOUND_GRID 25U
#define FM_BOUND_LAYER_FIRST 26U
#define FM_BOUND_LAYER_END 27U
#define FM_BOUND_COUNT 28U

/** Walks over a table: writes or reads every field of it. */
void fm_fields_walk(fm_cbor_t *cbor, const fm_field_t *fields, uint32_t count, uint8_t *numbers, fm_bytes_t *strings);

#endif
