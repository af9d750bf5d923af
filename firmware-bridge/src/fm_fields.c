#include "fm_fields.h"

#include <string.h>

#include "fm_bits.h"
#include "fm_protocol.h"
#include "fm_utf8.h"

/* Float32 numbers that are not negative, as bits. */
#define REAL_ONE 0x3F800000U
#define REAL_MOST (FM_INFINITE - 1U)

static void fields_check(fm_cbor_t *cbor, const fm_field_t *field, uint32_t value)
{
    static const fm_bound_t bounds[FM_BOUND_END - FM_BOUND_CHOICES] = {
        { 0U, UINT32_MAX },
        { 0U, FM_MOST_SECONDS },
        { 0U, FM_MOST_MODEL_BYTES },
        { FM_LEAST_PACKET_BYTES, FM_MOST_PACKET_BYTES },
        { 1U, FM_MOST_LAYER_SIZE },
        { 0U, FM_MOST_CODEC },
        { 0U, FM_MOST_CHUNK_INDEX },
        { 1U, REAL_MOST },
        { 0U, REAL_MOST },
        { 0U, REAL_ONE },
        { FM_LEAST_UPDATE_ID, FM_MOST_UPDATE_ID },
        { FM_LEAST_DIGEST, FM_MOST_DIGEST },
        { FM_LEAST_CHUNK, FM_MOST_CHUNK },
        { 0U, FM_MOST_REASON_TEXT },
        { 0U, 4U * FM_MOST_METRIC_LIST },
        { FM_LEAST_CODEC_LIST, FM_MOST_CODEC_LIST },
        { 0U, FM_MOST_ABI_LIST },
        { 4U * FM_LEAST_CLASS_LIST, 4U * FM_MOST_CLASS_LIST },
        { FM_LEAST_WEIGHT_CAP, UINT32_MAX },
        { (uint32_t)FM_LEAST_GRID, FM_MOST_GRID },
        { 0U, FM_MOST_LAYER_FIRST },
        { FM_LEAST_LAYER_END, FM_MOST_LAYER_END },
    };
    fm_bound_t bound = { 0U, field->bound };

    if (field->bound >= FM_BOUND_CHOICES) {
        bound = bounds[field->bound - FM_BOUND_CHOICES];
    }
    fm_cbor_most(cbor, value - bound.least, bound.most - bound.least);
}

/** A whole number that may be negative, modulo 2^32. */
static uint32_t fields_grid(fm_cbor_t *cbor, uint32_t value)
{
    uint32_t negative = (cbor->reads ? fm_cbor_next(cbor) : (value >> 31U)) & FM_CBOR_NEGATIVE;
    uint32_t mask = 0U - negative;
    uint32_t got = fm_cbor_head(cbor, negative, value ^ mask);

    fm_cbor_most(cbor, got, FM_MAGNITUDE);
    return got ^ mask;
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

static void fields_number(fm_cbor_t *cbor, const fm_field_t *field, uint32_t kind, uint8_t *place)
{
    bool wide = kind >= FM_FIELD_UINT;
    uint32_t value = 0U;
    uint16_t half = 0U;

    if (wide) {
        (void)memcpy((uint8_t *)&value, place, sizeof(value));
    } else {
        (void)memcpy((uint8_t *)&half, place, sizeof(half));
        value = half;
    }
    if (kind == FM_FIELD_BOOL) {
        value = fm_cbor_head(cbor, FM_CBOR_SIMPLE, value + FM_CBOR_FALSE) - FM_CBOR_FALSE;
    } else if (kind == FM_FIELD_GRID) {
        value = fields_grid(cbor, value);
    } else if (kind == FM_FIELD_REAL) {
        value = fields_real(cbor, value);
    } else {
        value = fm_cbor_head(cbor, FM_CBOR_UNSIGNED, value);
    }
    fields_check(cbor, field, value);
    if (wide) {
        (void)memcpy(place, (const uint8_t *)&value, sizeof(value));
    } else {
        half = (uint16_t)(value & UINT16_MAX);
        (void)memcpy(place, (const uint8_t *)&half, sizeof(half));
    }
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

static void fields_string(fm_cbor_t *cbor, const fm_field_t *field, uint32_t kind, fm_bytes_t *string)
{
    uint32_t size = fm_cbor_head(cbor, (kind == FM_FIELD_TEXT) ? FM_CBOR_TEXT : FM_CBOR_BYTES, string->size);

    fields_check(cbor, field, size);
    fm_cbor_contents(cbor, string, size);
    if (kind == FM_FIELD_TEXT) {
        if (!fm_is_text(string->bytes, string->size)) {
            cbor->failed = true;
        }
    } else if (kind == FM_FIELD_IDS) {
        fields_distinct(cbor, string);
    } else if (kind != FM_FIELD_BYTES) {
        fields_words(cbor, string, kind == FM_FIELD_CLASSES);
    } else {
        /* Any bytes will do. */
    }
}

/** A field that is there. */
static void fields_take(fm_cbor_t *cbor, const fm_field_t *field, uint8_t *numbers, fm_bytes_t *strings)
{
    uint32_t kind = (uint32_t)field->kind & (FM_FIELD_OPTIONAL - 1U);

    if (kind == FM_FIELD_END) {
        fm_cbor_close(cbor);
    } else {
        fm_cbor_key(cbor, (uint32_t)field->key & (FM_LAST - 1U));
        if (kind == FM_FIELD_MAP) {
            fm_cbor_open(cbor);
        } else if (kind <= FM_FIELD_REAL) {
            fields_number(cbor, field, kind, &numbers[2U * (uint32_t)field->place]);
        } else {
            fields_string(cbor, field, kind, &strings[field->place]);
        }
    }
}

/** Whether a field is there, as the word before it says; reading, that is written down. */
static bool fields_present(const fm_cbor_t *cbor, const fm_field_t *field, uint8_t *numbers)
{
    uint32_t present = 1U;

    if (field->kind >= FM_FIELD_OPTIONAL) {
        uint8_t *flag = &numbers[(2U * (uint32_t)field->place) - sizeof(present)];

        (void)memcpy((uint8_t *)&present, flag, sizeof(present));
        present = fm_cbor_has(cbor, (uint32_t)field->key & (FM_LAST - 1U), present);
        (void)memcpy(flag, (const uint8_t *)&present, sizeof(present));
    }
    return present != 0U;
}

void fm_fields_walk(fm_cbor_t *cbor, const fm_field_t *fields, uint8_t *numbers, fm_bytes_t *strings)
{
    uint32_t i = 0U;
    bool last;

    do {
        if (fields_present(cbor, &fields[i], numbers)) {
            fields_take(cbor, &fields[i], numbers, strings);
        } else if (fields[i].kind == (FM_FIELD_MAP | FM_FIELD_OPTIONAL)) {
            i += fields[i].bound;
        } else {
            /* The next field. */
        }
        last = fields[i].key >= FM_LAST;
        i++;
    } while (!last);
}
