/** Tables of fields: what a map of the protocol holds, one entry a field, in the order of their keys. */
#ifndef FM_FIELDS_H
#define FM_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "fm_cbor.h"

/* With a field's key. It may be absent: a uint32_t before its place says whether it is there. */
#define FM_OPTIONAL 0x20U
/* It is the last one of a map inside the map. */
#define FM_ENDS 0x40U
/* It is the last one of a table. */
#define FM_LAST 0x80U
#define FM_KEY_BITS 0x1FU

/* Types of fields. Up to 6: a choice in 16 bits, from 0 to so many. */
#define FM_FIELD_BOOL 1U
#define FM_FIELD_CHOICE_3 2U
#define FM_FIELD_CHOICE_4 3U
#define FM_FIELD_CHOICE_5 4U
#define FM_FIELD_CHOICE_7 6U
/* From here on bounds are in a table. More numbers in 16 bits. */
#define FM_FIELD_BOUNDED 7U
#define FM_FIELD_CHOICE_2 7U
#define FM_FIELD_SIZE_16 8U
#define FM_FIELD_CODEC 9U
/* Numbers in 32 bits. */
#define FM_FIELD_WIDE 10U
#define FM_FIELD_UINT32 10U
#define FM_FIELD_SECONDS 11U
#define FM_FIELD_SIZE_BYTES 12U
#define FM_FIELD_PACKET 13U
#define FM_FIELD_SIZE 14U
#define FM_FIELD_INDEX 15U
#define FM_FIELD_WEIGHT 16U
#define FM_FIELD_LAYER_FIRST 17U
#define FM_FIELD_LAYER_END 18U
/* Floats, by their bits, which have the order of numbers that are not negative. */
#define FM_FIELD_FLOATS 19U
#define FM_FIELD_POSITIVE 19U
#define FM_FIELD_NOT_NEGATIVE 20U
#define FM_FIELD_FRACTION 21U
/* The grid exponent, which may be negative. */
#define FM_FIELD_GRID 22U
/* Strings: text; bytes; distinct bytes; finite floats; ascending sizes. */
#define FM_FIELD_STRINGS 23U
#define FM_FIELD_TEXT 23U
#define FM_FIELD_ID 24U
#define FM_FIELD_DIGEST 25U
#define FM_FIELD_CHUNK 26U
#define FM_FIELD_CODECS 27U
#define FM_FIELD_ABIS 28U
#define FM_FIELD_REALS 29U
#define FM_FIELD_CLASSES 30U
/* A map inside the map begins. */
#define FM_FIELD_MAP 31U

typedef struct {
    /** With FM_OPTIONAL, FM_ENDS, FM_LAST. */
    uint8_t key;
    uint8_t type;
    /** Where in the structure it is, in units of 2 bytes, of a map its first field; or which of the strings. */
    uint8_t place;
} fm_field_t;

/** The place of a member. */
#define FM_PLACE(type, member) ((uint8_t)((uint32_t)offsetof(type, member) / 2U))

/** Walks over a table, up to its last field: writes or reads every field of it. */
void fm_fields_walk(fm_cbor_t *cbor, const fm_field_t *fields, uint8_t *numbers, fm_bytes_t *strings);

#endif
