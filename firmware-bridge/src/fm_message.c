/** The messages of protocol 1 (src/wire/protocol.cddl), but for the Notice. */
#include "fm_message.h"

#include "fm_bits.h"
#include "fm_fields.h"

static const fm_field_t message_hello[] = {
    { FM_KEY_HELLO_SESSION, FM_FIELD_UINT, FM_PLACE(fm_hello_t, session), FM_BOUND_UINT32 },
    { FM_KEY_HELLO_MAX_PACKET, FM_FIELD_UINT, FM_PLACE(fm_hello_t, maxPacket), FM_BOUND_PACKET },
    { FM_KEY_HELLO_RAM_KIB, FM_FIELD_UINT, FM_PLACE(fm_hello_t, ramKiB), FM_BOUND_UINT32 },
    { FM_KEY_HELLO_CODECS, FM_FIELD_IDS, FM_HELLO_CODECS, FM_BOUND_CODECS },
    { FM_KEY_HELLO_ABIS, FM_FIELD_IDS, FM_HELLO_ABIS, FM_BOUND_ABIS },
    { FM_KEY_HELLO_FEATURES, FM_FIELD_UINT, FM_PLACE(fm_hello_t, features), FM_BOUND_SIZE },
};

static const fm_field_t message_ready[] = {
    { FM_KEY_READY_SESSION, FM_FIELD_UINT, FM_PLACE(fm_ready_t, session), FM_BOUND_UINT32 },
    { FM_KEY_READY_WILLING, FM_FIELD_BOOL, FM_PLACE(fm_ready_t, willing), FM_BOUND_BOOL },
    { FM_KEY_READY_SAMPLES, FM_FIELD_UINT, FM_PLACE(fm_ready_t, samples), FM_BOUND_UINT32 },
    { FM_KEY_READY_TEST_SAMPLES, FM_FIELD_UINT, FM_PLACE(fm_ready_t, testSamples), FM_BOUND_UINT32 },
};

static const fm_field_t message_gone[] = {
    { FM_KEY_GONE_SESSION, FM_FIELD_UINT, FM_PLACE(fm_gone_t, session), FM_BOUND_UINT32 },
};

static const fm_field_t message_task[] = {
    { FM_KEY_TASK_ACTION, FM_FIELD_SMALL, FM_PLACE(fm_task_t, action), FM_BOUND_CHOICE_3 },
    { FM_KEY_TASK_ROUND, FM_FIELD_UINT, FM_PLACE(fm_task_t, round), FM_BOUND_UINT32 },
    { FM_KEY_TASK_EPOCH, FM_FIELD_UINT, FM_PLACE(fm_task_t, epoch), FM_BOUND_UINT32 },
    { FM_KEY_TASK_RETRY_SECONDS, FM_FIELD_UINT, FM_PLACE(fm_task_t, retrySeconds), FM_BOUND_SECONDS },
    { FM_KEY_TASK_REASON, FM_FIELD_TEXT, FM_TASK_REASON, FM_BOUND_TEXT },
};

static const fm_field_t message_update[] = {
    { FM_KEY_UPDATE_ROUND, FM_FIELD_UINT, FM_PLACE(fm_update_t, round), FM_BOUND_UINT32 },
    { FM_KEY_UPDATE_EPOCH, FM_FIELD_UINT, FM_PLACE(fm_update_t, epoch), FM_BOUND_UINT32 },
    { FM_KEY_UPDATE_UPDATE_ID, FM_FIELD_BYTES, FM_UPDATE_ID, FM_BOUND_ID },
    { FM_KEY_UPDATE_INDEX, FM_FIELD_UINT, FM_PLACE(fm_update_t, index), FM_BOUND_INDEX },
    { FM_KEY_UPDATE_COUNT, FM_FIELD_UINT, FM_PLACE(fm_update_t, count), FM_BOUND_SIZE },
    { FM_KEY_UPDATE_BASE_VERSION, FM_FIELD_UINT, FM_PLACE(fm_update_t, baseVersion), FM_BOUND_UINT32 },
    { FM_KEY_UPDATE_CODEC, FM_FIELD_SMALL, FM_PLACE(fm_update_t, codec), FM_BOUND_CODEC },
    { FM_KEY_UPDATE_SAMPLES, FM_FIELD_UINT, FM_PLACE(fm_update_t, samples), FM_BOUND_UINT32 },
    { FM_KEY_UPDATE_STEPS, FM_FIELD_UINT, FM_PLACE(fm_update_t, steps), FM_BOUND_UINT32 },
    { FM_KEY_UPDATE_METRICS, FM_FIELD_REALS, FM_UPDATE_METRICS, FM_BOUND_METRICS },
    { FM_KEY_PAYLOAD, FM_FIELD_BYTES, FM_UPDATE_PAYLOAD, FM_BOUND_CHUNK },
};

static const fm_field_t message_receipt[] = {
    { FM_KEY_RECEIPT_STATUS, FM_FIELD_SMALL, FM_PLACE(fm_receipt_t, status), FM_BOUND_CHOICE_5 },
    { FM_KEY_RECEIPT_ROUND, FM_FIELD_UINT, FM_PLACE(fm_receipt_t, round), FM_BOUND_UINT32 },
    { FM_KEY_RECEIPT_EPOCH, FM_FIELD_UINT, FM_PLACE(fm_receipt_t, epoch), FM_BOUND_UINT32 },
    { FM_KEY_RECEIPT_UPDATE_ID, FM_FIELD_BYTES, FM_RECEIPT_UPDATE_ID, FM_BOUND_ID },
    { FM_KEY_RECEIPT_RETRY_SECONDS, FM_FIELD_UINT, FM_PLACE(fm_receipt_t, retrySeconds), FM_BOUND_SECONDS },
    { FM_KEY_RECEIPT_ALLOWED_BYTES, FM_FIELD_UINT, FM_PLACE(fm_receipt_t, allowedBytes), FM_BOUND_BYTES },
    { FM_KEY_RECEIPT_REASON, FM_FIELD_TEXT, FM_RECEIPT_REASON, FM_BOUND_TEXT },
};

static const fm_field_t message_model[] = {
    { FM_KEY_MODEL_VERSION, FM_FIELD_UINT, FM_PLACE(fm_model_chunk_t, version), FM_BOUND_UINT32 },
    { FM_KEY_MODEL_INDEX, FM_FIELD_UINT, FM_PLACE(fm_model_chunk_t, index), FM_BOUND_INDEX },
    { FM_KEY_MODEL_COUNT, FM_FIELD_UINT, FM_PLACE(fm_model_chunk_t, count), FM_BOUND_SIZE },
    { FM_KEY_MODEL_BASE, FM_FIELD_UINT | FM_FIELD_OPTIONAL, FM_PLACE(fm_model_chunk_t, base), FM_BOUND_UINT32 },
    { FM_KEY_PAYLOAD, FM_FIELD_BYTES, FM_CHUNK_PAYLOAD, FM_BOUND_CHUNK },
};

/** The table of a type. */
typedef struct {
    const fm_field_t *fields;
    uint32_t count;
} message_table_t;

#define TABLE(fields) { (fields), (uint32_t)(sizeof(fields) / sizeof((fields)[0])) }

/** By type; the Notice has tables of its own. */
/* cppcheck-suppress misra-c2012-8.9 ; MISRA Ref 8.9.1 */
static const message_table_t message_tables[FM_TYPE_MODEL + 1U] = {
    { NULL, 0U },         TABLE(message_hello),  TABLE(message_ready),   TABLE(message_gone),  { NULL, 0U },
    TABLE(message_task),  TABLE(message_update), TABLE(message_receipt), TABLE(message_model),
};

/* Where in an update, and in a chunk of the model, these are: in bytes. */
#define INDEX_AT 0U
#define COUNT_AT 4U
#define VERSION_AT 8U
#define HAS_BASE_AT 12U
#define BASE_AT 16U

uint32_t fm_message_type(const uint8_t *bytes, uint32_t size)
{
    bool known = (size > 4U) && (bytes[1] == FM_KEY_VERSION) && (bytes[2] == FM_PROTOCOL) && (bytes[3] == FM_KEY_TYPE) &&
                 (bytes[4] >= FM_TYPE_HELLO) && (bytes[4] <= FM_TYPE_MODEL);

    return known ? bytes[4] : 0U;
}

void fm_message_begin(fm_cbor_t *cbor, uint32_t type)
{
    fm_cbor_open(cbor);
    fm_cbor_key(cbor, FM_KEY_VERSION);
    fm_cbor_only(cbor, FM_CBOR_UNSIGNED, FM_PROTOCOL);
    fm_cbor_key(cbor, FM_KEY_TYPE);
    fm_cbor_only(cbor, FM_CBOR_UNSIGNED, type);
}

/** What must hold between fields: a chunk is one of its count, and a change is against an earlier version. */
static bool message_holds(const fm_message_t *message)
{
    const uint8_t *numbers = message->numbers;
    bool good = true;

    if ((message->type == FM_TYPE_UPDATE) || (message->type == FM_TYPE_MODEL)) {
        good = fm_load(&numbers[INDEX_AT], 4U) < fm_load(&numbers[COUNT_AT], 4U);
    }
    if ((message->type == FM_TYPE_MODEL) && (fm_load(&numbers[HAS_BASE_AT], 4U) != 0U)) {
        good = good && (fm_load(&numbers[BASE_AT], 4U) < fm_load(&numbers[VERSION_AT], 4U));
    }
    return good;
}

static void message_walk(fm_cbor_t *cbor, const fm_message_t *message)
{
    const message_table_t *table = &message_tables[message->type];
    uint8_t *numbers = message->numbers;
    fm_bytes_t *strings = message->strings;

    fm_message_begin(cbor, message->type);
    fm_fields_walk(cbor, table->fields, table->count, numbers, strings);
    fm_cbor_close(cbor);
    fm_cbor_check(cbor, message_holds(message));
}

fm_result_t fm_message_read(fm_message_t *message, const uint8_t *bytes, uint32_t size)
{
    fm_cbor_t cbor;

    fm_cbor_read(&cbor, bytes, size);
    message_walk(&cbor, message);
    return fm_cbor_end(&cbor);
}

fm_result_t fm_message_write(fm_message_t *message, uint8_t *bytes, uint32_t size, uint32_t *length)
{
    fm_cbor_t cbor;

    fm_cbor_write(&cbor, bytes, size);
    message_walk(&cbor, message);
    *length = cbor.at;
    return fm_cbor_end(&cbor);
}
