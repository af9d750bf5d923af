/** The messages of protocol 1 (src/wire/protocol.cddl). */
#include "fm_message.h"

#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_fields.h"
#include "fm_notice.h"

/** All fields, one table behind the other. */
/* cppcheck-suppress misra-c2012-8.9 ; MISRA Ref 8.9.1 */
static const fm_field_t message_fields[] = {
    /* Hello, from 0 on. */
    { FM_KEY_HELLO_SESSION, FM_FIELD_UINT32, FM_PLACE(fm_hello_t, session) },
    { FM_KEY_HELLO_MAX_PACKET, FM_FIELD_PACKET, FM_PLACE(fm_hello_t, maxPacket) },
    { FM_KEY_HELLO_RAM_KIB, FM_FIELD_UINT32, FM_PLACE(fm_hello_t, ramKiB) },
    { FM_KEY_HELLO_CODECS, FM_FIELD_CODECS, FM_HELLO_CODECS },
    { FM_KEY_HELLO_ABIS, FM_FIELD_ABIS, FM_HELLO_ABIS },
    { FM_LAST | FM_KEY_HELLO_FEATURES, FM_FIELD_SIZE, FM_PLACE(fm_hello_t, features) },
    /* Ready, from 6 on. */
    { FM_KEY_READY_SESSION, FM_FIELD_UINT32, FM_PLACE(fm_ready_t, session) },
    { FM_KEY_READY_WILLING, FM_FIELD_BOOL, FM_PLACE(fm_ready_t, willing) },
    { FM_KEY_READY_SAMPLES, FM_FIELD_UINT32, FM_PLACE(fm_ready_t, samples) },
    { FM_LAST | FM_KEY_READY_TEST_SAMPLES, FM_FIELD_UINT32, FM_PLACE(fm_ready_t, testSamples) },
    /* Gone, from 10 on. */
    { FM_LAST | FM_KEY_GONE_SESSION, FM_FIELD_UINT32, FM_PLACE(fm_gone_t, session) },
    /* Task, from 11 on. */
    { FM_KEY_TASK_ACTION, FM_FIELD_CHOICE_3, FM_PLACE(fm_task_t, action) },
    { FM_KEY_TASK_ROUND, FM_FIELD_UINT32, FM_PLACE(fm_task_t, round) },
    { FM_KEY_TASK_EPOCH, FM_FIELD_UINT32, FM_PLACE(fm_task_t, epoch) },
    { FM_KEY_TASK_RETRY_SECONDS, FM_FIELD_SECONDS, FM_PLACE(fm_task_t, retrySeconds) },
    { FM_LAST | FM_KEY_TASK_REASON, FM_FIELD_TEXT, FM_TASK_REASON },
    /* Update, from 16 on. */
    { FM_KEY_UPDATE_ROUND, FM_FIELD_UINT32, FM_PLACE(fm_update_t, round) },
    { FM_KEY_UPDATE_EPOCH, FM_FIELD_UINT32, FM_PLACE(fm_update_t, epoch) },
    { FM_KEY_UPDATE_UPDATE_ID, FM_FIELD_ID, FM_UPDATE_ID },
    { FM_KEY_UPDATE_INDEX, FM_FIELD_INDEX, FM_PLACE(fm_update_t, index) },
    { FM_KEY_UPDATE_COUNT, FM_FIELD_SIZE, FM_PLACE(fm_update_t, count) },
    { FM_KEY_UPDATE_BASE_VERSION, FM_FIELD_UINT32, FM_PLACE(fm_update_t, baseVersion) },
    { FM_KEY_UPDATE_CODEC, FM_FIELD_CODEC, FM_PLACE(fm_update_t, codec) },
    { FM_KEY_UPDATE_SAMPLES, FM_FIELD_UINT32, FM_PLACE(fm_update_t, samples) },
    { FM_KEY_UPDATE_STEPS, FM_FIELD_UINT32, FM_PLACE(fm_update_t, steps) },
    { FM_KEY_UPDATE_METRICS, FM_FIELD_REALS, FM_UPDATE_METRICS },
    { FM_LAST | FM_KEY_PAYLOAD, FM_FIELD_CHUNK, FM_UPDATE_PAYLOAD },
    /* Receipt, from 27 on. */
    { FM_KEY_RECEIPT_STATUS, FM_FIELD_CHOICE_5, FM_PLACE(fm_receipt_t, status) },
    { FM_KEY_RECEIPT_ROUND, FM_FIELD_UINT32, FM_PLACE(fm_receipt_t, round) },
    { FM_KEY_RECEIPT_EPOCH, FM_FIELD_UINT32, FM_PLACE(fm_receipt_t, epoch) },
    { FM_KEY_RECEIPT_UPDATE_ID, FM_FIELD_ID, FM_RECEIPT_UPDATE_ID },
    { FM_KEY_RECEIPT_RETRY_SECONDS, FM_FIELD_SECONDS, FM_PLACE(fm_receipt_t, retrySeconds) },
    { FM_KEY_RECEIPT_ALLOWED_BYTES, FM_FIELD_SIZE_BYTES, FM_PLACE(fm_receipt_t, allowedBytes) },
    { FM_LAST | FM_KEY_RECEIPT_REASON, FM_FIELD_TEXT, FM_RECEIPT_REASON },
    /* A chunk of the model, from 34 on. */
    { FM_KEY_MODEL_VERSION, FM_FIELD_UINT32, FM_PLACE(fm_model_chunk_t, version) },
    { FM_KEY_MODEL_INDEX, FM_FIELD_INDEX, FM_PLACE(fm_model_chunk_t, index) },
    { FM_KEY_MODEL_COUNT, FM_FIELD_SIZE, FM_PLACE(fm_model_chunk_t, count) },
    { FM_OPTIONAL | FM_KEY_MODEL_BASE, FM_FIELD_UINT32, FM_PLACE(fm_model_chunk_t, base) },
    { FM_LAST | FM_KEY_PAYLOAD, FM_FIELD_CHUNK, FM_CHUNK_PAYLOAD },
};

/* What follows a message's first byte, little-endian: the version's key, the version, the type's key. */
#define FIRST_ENTRIES (FM_KEY_VERSION | ((uint32_t)FM_PROTOCOL << 8U) | ((uint32_t)FM_KEY_TYPE << 16U))

/* Words that an update, and a chunk of the model, begin with. */
#define INDEX 0U
#define COUNT 1U
#define VERSION 2U
#define HAS_BASE 3U
#define BASE 4U
#define FIRST_WORDS 5U

uint32_t fm_message_type(const uint8_t *bytes, uint32_t size)
{
    /* The first entries: version and type. */
    bool known = (size > 4U) && ((fm_get_le32(bytes) >> 8U) == FIRST_ENTRIES) && (bytes[4] >= FM_TYPE_HELLO) && (bytes[4] <= FM_TYPE_MODEL);

    return known ? bytes[4] : 0U;
}

/** What every message begins with: version and type, in this order. */
static void message_begin(fm_cbor_t *cbor, uint32_t type)
{
    uint32_t key;

    fm_cbor_open(cbor);
    for (key = FM_KEY_VERSION; key <= FM_KEY_TYPE; key++) {
        fm_cbor_key(cbor, key);
        fm_cbor_only(cbor, FM_CBOR_UNSIGNED, (key == FM_KEY_TYPE) ? type : FM_PROTOCOL);
    }
}

/** What must hold between fields: a chunk is one of its count, and a change is against an earlier version. */
static void message_check(fm_cbor_t *cbor, const fm_message_t *message)
{
    if ((message->type == FM_TYPE_UPDATE) || (message->type == FM_TYPE_MODEL)) {
        uint32_t words[FIRST_WORDS];

        (void)memcpy((uint8_t *)words, message->numbers, sizeof(words));
        fm_cbor_most(cbor, words[INDEX] + 1U, words[COUNT]);
        if ((message->type == FM_TYPE_MODEL) && (words[HAS_BASE] != 0U) && (words[BASE] >= words[VERSION])) {
            cbor->failed = true;
        }
    }
}

static void message_walk(fm_cbor_t *cbor, fm_message_t *message)
{
    /* Where a type's fields begin; those of the Notice are elsewhere. */
    static const uint8_t starts[FM_TYPE_MODEL + 1U] = { 0U, 0U, 6U, 10U, 0U, 11U, 16U, 27U, 34U };

    message_begin(cbor, message->type);
    if (message->type == FM_TYPE_NOTICE) {
        fm_notice_walk(cbor, message->notice);
    } else {
        fm_fields_walk(cbor, &message_fields[starts[message->type]], message->numbers, message->strings);
        message_check(cbor, message);
    }
    fm_cbor_close(cbor);
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
    *length = cbor.out.at;
    return fm_cbor_end(&cbor);
}
