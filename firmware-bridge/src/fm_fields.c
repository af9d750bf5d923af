#include "fm_fields.h"

#include <string.h>

#include "fm_bits.h"
#include "fm_protocol.h"
#include "fm_utf8.h"

/* Float32 numbers that are not negative, as bits. */
#define REAL_ONE 0x3F800000U
#define REAL_MOST (FM_INFINITE - 1U)

/** Holds a number, or the length of a string, to its bounds. */
static void fields_check(fm_cbor_t *cbor, uint32_t type, uint32_t value)
{
    /* From FM_FIELD_BOUNDED on, in their order. */
    static const int16_t least[FM_FIELD_MAP - FM_FIELD_BOUNDED] = {
        0, 1, 0, 0, 0, 0, FM_LEAST_PACKET_BYTES, 1, 0, FM_LEAST_WEIGHT_CAP, 0, FM_LEAST_LAYER_END, 1, 0, 0,
        FM_LEAST_GRID, 0, FM_LEAST_UPDATE_ID, FM_LEAST_DIGEST, FM_LEAST_CHUNK, FM_LEAST_CODEC_LIST, 0, 0,
        4U * FM_LEAST_CLASS_LIST,
    };
    static const uint32_t most[FM_FIELD_MAP - FM_FIELD_BOUNDED] = {
        1U, FM_MOST_LAYER_SIZE, FM_MOST_CODEC, UINT32_MAX, FM_MOST_SECONDS, FM_MOST_MODEL_BYTES, FM_MOST_PACKET_BYTES,
        FM_MOST_LAYER_SIZE, FM_MOST_CHUNK_INDEX, UINT32_MAX, FM_MOST_LAYER_FIRST, FM_MOST_LAYER_END, REAL_MOST,
        REAL_MOST, REAL_ONE, FM_MOST_GRID, FM_MOST_REASON_TEXT, FM_MOST_UPDATE_ID, FM_MOST_DIGEST, FM_MOST_CHUNK,
        FM_MOST_CODEC_LIST, FM_MOST_ABI_LIST, 4U * FM_MOST_METRIC_LIST, 4U * FM_MOST_CLASS_LIST,
    };
    uint32_t from = 0U;
    uint32_t to = type;

    if (type >= FM_FIELD_BOUNDED) {
        from = (uint32_t)(int32_t)least[type - FM_FIELD_BOUNDED];
        to = most[type - FM_FIELD_BOUNDED];
    }
    fm_cbor_most(cbor, value - from, to - from);
}

/** The bits of a float: four bytes. */
static uint32_t fields_real(fm_cbor_t *cbor, uint32_t value)
{
    uint8_t raw[4];
    fm_bytes_t view = { raw, 4U };

    fm_put_le32(raw, value);
    fm_cbor_only(cbor, FM_CBOR_BYTES, 4U);
    fm_cbor_contents(cbor, &view, 4U);
    return (view.size == 4U) ? fm_get_le32(view.bytes) : 0U;
}

/** A number, or the length of a string. A whole number that may be negative is one modulo 2^32. */
static uint32_t fields_head(fm_cbor_t *cbor, uint32_t type, uint32_t value)
{
    uint32_t major = FM_CBOR_UNSIGNED;
    uint32_t flip = 0U;
    uint32_t got;

    if (type == FM_FIELD_BOOL) {
        major = FM_CBOR_SIMPLE;
        flip = FM_CBOR_FALSE;
    } else if (type == FM_FIELD_TEXT) {
        major = FM_CBOR_TEXT;
    } else if (type >= FM_FIELD_STRINGS) {
        major = FM_CBOR_BYTES;
    } else if (type == FM_FIELD_GRID) {
        major = (cbor->reads ? fm_cbor_next(cbor) : (value >> 31U)) & FM_CBOR_NEGATIVE;
        flip = 0U - major;
    } else {
        /* A number as it is. */
    }
    got = fm_cbor_head(cbor, major, value ^ flip);
    if (type == FM_FIELD_GRID) {
        fm_cbor_most(cbor, got, FM_MAGNITUDE);
    }
    return got ^ flip;
}

/** The bytes of a string are in whole numbers of 32 bits, each finite or, of sizes, above the one before. */
static void fields_words(fm_cbor_t *cbor, const fm_bytes_t *string, bool sizes)
{
    uint32_t least = FM_LEAST_CHUNK_CLASS;
    uint32_t i;

    fm_cbor_most(cbor, string->size % 4U, 0U);
    for (i = 0U; (!cbor->failed) && (i < string->size); i += 4U) {
        uint32_t word = fm_get_le32(&string->bytes[i]);

        if (sizes) {
            fm_cbor_most(cbor, word - least, FM_MOST_CHUNK_CLASS - least);
            least = word + 1U;
        } else {
            fm_cbor_most(cbor, word & FM_MAGNITUDE, REAL_MOST);
        }
    }
}

static void fields_distinct(fm_cbor_t *cbor, const fm_bytes_t *string)
{
    uint32_t i;
    uint32_t k;

    for (i = 0U; i < string->size; i++) {
        for (k = 0U; k < i; k++) {
            if (string->bytes[i] == string->bytes[k]) {
                cbor->failed = true;
            }
        }
    }
}

static void fields_string(fm_cbor_t *cbor, uint32_t type, fm_bytes_t *string)
{
    fm_cbor_contents(cbor, string, string->size);
    if (type == FM_FIELD_TEXT) {
        if (!fm_is_text(string->bytes, string->size)) {
            cbor->failed = true;
        }
    } else if (type >= FM_FIELD_REALS) {
        fields_words(cbor, string, type == FM_FIELD_CLASSES);
    } else if (type >= FM_FIELD_CODECS) {
        fields_distinct(cbor, string);
    } else {
        /* Any bytes will do. */
    }
}

/** A number, or a string: what is in memory goes, or is replaced by what has come. */
static void fields_value(fm_cbor_t *cbor, const fm_field_t *field, uint8_t *numbers, fm_bytes_t *strings)
{
    uint32_t type = field->type;
    uint8_t *number = &numbers[2U * (uint32_t)field->place];
    uint32_t value = 0U;
    uint16_t half = 0U;

    if (type >= FM_FIELD_STRINGS) {
        value = strings[field->place].size;
    } else if (type >= FM_FIELD_WIDE) {
        (void)memcpy((uint8_t *)&value, number, sizeof(value));
    } else {
        (void)memcpy((uint8_t *)&half, number, sizeof(half));
        value = half;
    }
    value = ((type - FM_FIELD_FLOATS) < (FM_FIELD_GRID - FM_FIELD_FLOATS)) ? fields_real(cbor, value) : fields_head(cbor, type, value);
    fields_check(cbor, type, value);
    if (type >= FM_FIELD_STRINGS) {
        strings[field->place].size = value;
        fields_string(cbor, type, &strings[field->place]);
    } else if (type >= FM_FIELD_WIDE) {
        (void)memcpy(number, (const uint8_t *)&value, sizeof(value));
    } else {
        half = (uint16_t)(value & UINT16_MAX);
        (void)memcpy(number, (const uint8_t *)&half, sizeof(half));
    }
}

/** A field that is there. */
static void fields_take(fm_cbor_t *cbor, const fm_field_t *field, uint8_t *numbers, fm_bytes_t *strings)
{
    fm_cbor_key(cbor, (uint32_t)field->key & FM_KEY_BITS);
    if (field->type == FM_FIELD_MAP) {
        fm_cbor_open(cbor);
    } else {
        fields_value(cbor, field, numbers, strings);
    }
}

/** Whether a field is there, as the word before it says; reading, that is written down. */
static bool fields_present(const fm_cbor_t *cbor, const fm_field_t *field, uint8_t *numbers)
{
    uint32_t present = 1U;

    if ((field->key & FM_OPTIONAL) != 0U) {
        uint8_t *flag = &numbers[(2U * (uint32_t)field->place) - sizeof(present)];

        (void)memcpy((uint8_t *)&present, flag, sizeof(present));
        present = fm_cbor_has(cbor, (uint32_t)field->key & FM_KEY_BITS, present);
        (void)memcpy(flag, (const uint8_t *)&present, sizeof(present));
    }
    return present != 0U;
}

void fm_fields_walk(fm_cbor_t *cbor, const fm_field_t *fields, uint8_t *numbers, fm_bytes_t *strings)
{
    uint32_t i = 0U;
    bool skips = false;
    uint32_t key;

    do {
        key = fields[i].key;
        if (skips) {
            skips = (key & FM_ENDS) == 0U;
        } else {
            if (fields_present(cbor, &fields[i], numbers)) {
                fields_take(cbor, &fields[i], numbers, strings);
            } else {
                skips = fields[i].type == FM_FIELD_MAP;
            }
            if ((key & FM_ENDS) != 0U) {
                fm_cbor_close(cbor);
            }
        }
        i++;
    } while (key < FM_LAST);
}
