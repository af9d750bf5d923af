#include "fm_fields.h"

#include "fm_bits.h"
#include "fm_protocol.h"
#include "fm_utf8.h"

/* Float32 numbers that are not negative, as bits. */
#define REAL_ONE 0x3F800000U
#define REAL_MOST (FM_INFINITE - 1U)

static void fields_check(fm_cbor_t *cbor, const fm_field_t *field, uint32_t value)
{
    static const fm_bound_t bounds[FM_BOUND_COUNT] = {
        { 0U, UINT32_MAX },
        { 0U, 1U },
        { 0U, FM_MOST_SECONDS },
        { 0U, FM_MOST_MODEL_BYTES },
        { FM_LEAST_PACKET_BYTES, FM_MOST_PACKET_BYTES },
        { 1U, FM_MOST_LAYER_SIZE },
        { 0U, FM_MOST_CODEC },
        { 0U, FM_MOST_CHUNK_INDEX },
        { 1U, REAL_MOST },
        { 0U, REAL_MOST },
        { 0U, REAL_ONE },
        { 0U, 2U },
        { 0U, 3U },
        { 0U, 4U },
        { 0U, 6U },
        { 0U, 1U },
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
    const fm_bound_t *bound = &bounds[field->bound];

    /* Modulo 2^32, so that it holds for bounds below 0 too. */
    fm_cbor_check(cbor, (value - bound->least) <= (bound->most - bound->least));
}

/** The grid exponent. A negative number n has the argument -1 - n, which is ~n. */
static uint32_t fields_grid(fm_cbor_t *cbor, uint32_t value)
{
    bool negative = cbor->reads ? (fm_cbor_next(cbor) == FM_CBOR_NEGATIVE) : (value > FM_MAGNITUDE);
    uint32_t got = negative ? ~fm_cbor_head(cbor, FM_CBOR_NEGATIVE, ~value)
                            : fm_cbor_head(cbor, FM_CBOR_UNSIGNED, value);

    fm_cbor_check(cbor, (got > FM_MAGNITUDE) ? negative : (!negative));
    return got;
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
    /* Of the first kinds, in order. */
    static const uint8_t widths[FM_FIELD_REAL + 1U] = { 4U, 2U, 1U, 4U, 4U };
    uint32_t bytes = widths[kind];
    uint32_t value = fm_load(place, bytes);

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
    fm_store(place, value, bytes);
}

/** Whether the bytes of a string are in whole numbers of 32 bits, each finite or, of sizes, above the one before. */
static bool fields_words_fit(const fm_bytes_t *string, bool sizes)
{
    uint32_t before = FM_LEAST_CHUNK_CLASS - 1U;
    bool good = (string->size % 4U) == 0U;
    uint32_t i;

    for (i = 0U; good && (i < string->size); i += 4U) {
        uint32_t word = fm_get_le32(&string->bytes[i]);

        if (sizes) {
            good = (word > before) && (word <= FM_MOST_CHUNK_CLASS);
        } else {
            good = (word & FM_MAGNITUDE) < FM_INFINITE;
        }
        before = word;
    }
    return good;
}

static bool fields_distinct(const fm_bytes_t *string)
{
    bool good = true;
    uint32_t i;
    uint32_t k;

    for (i = 0U; i < string->size; i++) {
        for (k = 0U; k < i; k++) {
            good = good && (string->bytes[i] != string->bytes[k]);
        }
    }
    return good;
}

static void fields_string(fm_cbor_t *cbor, const fm_field_t *field, uint32_t kind, fm_bytes_t *string)
{
    uint32_t size = fm_cbor_head(cbor, (kind == FM_FIELD_TEXT) ? FM_CBOR_TEXT : FM_CBOR_BYTES, string->size);
    bool good = true;

    fields_check(cbor, field, size);
    fm_cbor_contents(cbor, string, size);
    if (kind == FM_FIELD_TEXT) {
        good = fm_is_text(string->bytes, string->size);
    } else if (kind == FM_FIELD_IDS) {
        good = fields_distinct(string);
    } else if (kind != FM_FIELD_BYTES) {
        good = fields_words_fit(string, kind == FM_FIELD_CLASSES);
    } else {
        /* Any bytes will do. */
    }
    fm_cbor_check(cbor, good);
}

/** Whether a field that may be absent is there; reading, that is written down. */
static bool fields_present(const fm_cbor_t *cbor, const fm_field_t *field, uint8_t *flag)
{
    bool present = fm_cbor_has(cbor, field->key, fm_load(flag, 4U) != 0U);

    fm_store(flag, present ? 1U : 0U, 4U);
    return present;
}

/** A field that is there. */
static void fields_take(fm_cbor_t *cbor, const fm_field_t *field, uint32_t kind, uint8_t *place, fm_bytes_t *strings)
{
    if (kind == FM_FIELD_END) {
        fm_cbor_close(cbor);
    } else {
        fm_cbor_key(cbor, field->key);
        if (kind == FM_FIELD_MAP) {
            fm_cbor_open(cbor);
        } else if (kind <= FM_FIELD_REAL) {
            fields_number(cbor, field, kind, place);
        } else {
            fields_string(cbor, field, kind, &strings[field->place]);
        }
    }
}

void fm_fields_walk(fm_cbor_t *cbor, const fm_field_t *fields, uint32_t count, uint8_t *numbers, fm_bytes_t *strings)
{
    uint32_t i = 0U;

    while (i < count) {
        const fm_field_t *field = &fields[i];
        uint32_t kind = (uint32_t)field->kind & (FM_FIELD_OPTIONAL - 1U);
        uint32_t at = 2U * (uint32_t)field->place;
        bool map = kind == FM_FIELD_MAP;
        bool optional = (field->kind & FM_FIELD_OPTIONAL) != 0U;

        i++;
        if ((!optional) || fields_present(cbor, field, &numbers[map ? at : (at - 4U)])) {
            fields_take(cbor, field, kind, &numbers[at], strings);
        } else if (map) {
            i += field->bound;
        } else {
            /* The next field. */
        }
    }
}
