/** The messages of protocol 1 (src/wire/protocol.cddl). */
#include "fm_message.h"

#include <stddef.h>
#include <string.h>

#include "fm_fields.h"
#include "fm_notice.h"

/** All fields, one table behind the other. */
/* cppcheck-suppress misra-c2012-8.9 ; MISRA Ref 8.9.1 */
static const fm_field_t message_fields[] = {
    /* Hello, from 0 on. */
    { FM_KEY_HELLO_SESSION, FM_FIELD_UINT, FM_PLACE(fm_hello_t, session), FM_BOUND_UINT32 },
    { FM_KEY_HELLO_MAX_PACKET, FM_FIELD_UINT, FM_PLACE(fm_hello_t, maxPacket), FM_BOUND_PACKET },
    { FM_KEY_HELLO_RAM_KIB, FM_FIELD_UINT, FM_PLACE(fm_hello_t, ramKiB), FM_BOUND_UINT32 },
    { FM_KEY_HELLO_CODECS, FM_FIELD_IDS, FM_HELLO_CODECS, FM_BOUND_CODECS },
    { FM_KEY_HELLO_ABIS, FM_FIELD_IDS, FM_HELLO_ABIS, FM_BOUND_ABIS },
    { FM_LAST | FM_KEY_HELLO_FEATURES, FM_FIELD_UINT, FM_PLACE(fm_hello_t, features), FM_BOUND_SIZE },
    /* Ready, from 6 on. */
    { FM_KEY_READY_SESSION, FM_FIELD_UINT, FM_PLACE(fm_ready_t, session), FM_BOUND_UINT32 },
    { FM_KEY_READY_WILLING, FM_FIELD_BOOL, FM_PLACE(fm_ready_t, willing), FM_BOUND_BOOL },
    { FM_KEY_READY_SAMPLES, FM_FIELD_UINT, FM_PLACE(fm_ready_t, samples), FM_BOUND_UINT32 },
    { FM_LAST | FM_KEY_READY_TEST_SAMPLES, FM_FIELD_UINT, FM_PLACE(fm_ready_t, testSamples), FM_BOUND_UINT32 },
    /* Gone, from 10 on. */
    { FM_LAST | FM_KEY_GONE_SESSION, FM_FIELD_UINT, FM_PLACE(fm_gone_t, session), FM_BOUND_UINT32 },
    /* Task, from 11 on. */
    { FM_KEY_TASK_ACTION, FM_FIELD_SMALL, FM_PLACE(fm_task_t, action), FM_BOUND_CHOICE_3 },
    { FM_KEY_TASK_ROUND, FM_FIELD_UINT, FM_PLACE(fm_task_t, round), FM_BOUND_UINT32 },
    { FM_KEY_TASK_EPOCH, FM_FIELD_UINT, FM_PLACE(fm_task_t, epoch), FM_BOUND_UINT32 },
    { FM_KEY_TASK_RETRY_SECONDS, FM_FIELD_UINT, FM_PLACE(fm_task_t, retrySeconds), FM_BOUND_SECONDS },
    { FM_LAST | FM_KEY_TASK_REASON, FM_FIELD_TEXT, FM_TASK_REASON, FM_BOUND_TEXT },
    /* Update, from 16 on. */
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
    { FM_LAST | FM_KEY_PAYLOAD, FM_FIELD_BYTES, FM_UPDATE_PAYLOAD, FM_BOUND_CHUNK },
    /* Receipt, from 27 on. */
    { FM_KEY_RECEIPT_STATUS, FM_FIELD_SMALL, FM_PLACE(fm_receipt_t, status), FM_BOUND_CHOICE_5 },
    { FM_KEY_RECEIPT_ROUND, FM_FIELD_UINT, FM_PLACE(fm_receipt_t, round), FM_BOUND_UINT32 },
    { FM_KEY_RECEIPT_EPOCH, FM_FIELD_UINT, FM_PLACE(fm_receipt_t, epoch), FM_BOUND_UINT32 },
    { FM_KEY_RECEIPT_UPDATE_ID, FM_FIELD_BYTES, FM_RECEIPT_UPDATE_ID, FM_BOUND_ID },
    { FM_KEY_RECEIPT_RETRY_SECONDS, FM_FIELD_UINT, FM_PLACE(fm_receipt_t, retrySeconds), FM_BOUND_SECONDS },
    { FM_KEY_RECEIPT_ALLOWED_BYTES, FM_FIELD_UINT, FM_PLACE(fm_receipt_t, allowedBytes), FM_BOUND_BYTES },
    { FM_LAST | FM_KEY_RECEIPT_REASON, FM_FIELD_TEXT, FM_RECEIPT_REASON, FM_BOUND_TEXT },
    /* A chunk of the model, from 34 on. */
    { FM_KEY_MODEL_VERSION, FM_FIELD_UINT, FM_PLACE(fm_model_chunk_t, version), FM_BOUND_UINT32 },
    { FM_KEY_MODEL_INDEX, FM_FIELD_UINT, FM_PLACE(fm_model_chunk_t, index), FM_BOUND_INDEX },
    { FM_KEY_MODEL_COUNT, FM_FIELD_UINT, FM_PLACE(fm_model_chunk_t, count), FM_BOUND_SIZE },
    { FM_KEY_MODEL_BASE, FM_FIELD_UINT | FM_FIELD_OPTIONAL, FM_PLACE(fm_model_chunk_t, base), FM_BOUND_UINT32 },
    { FM_LAST | FM_KEY_PAYLOAD, FM_FIELD_BYTES, FM_CHUNK_PAYLOAD, FM_BOUND_CHUNK },
};

/* Words that an update, and a chunk of the model, begin with. */
#define INDEX 0U
#define COUNT 1U
#define VERSION 2U
#define HAS_BASE 3U
#define BASE 4U
#define FIRST_WORDS 5U

uint32_t fm_message_type(const uint8_t *bytes, uint32_t size)
{
    bool known = (size > 4U) && (bytes[1] == FM_KEY_VERSION) && (bytes[2] == FM_PROTOCOL) && (bytes[3] == FM_KEY_TYPE) &&
                 (bytes[4] >= FM_TYPE_HELLO) && (bytes[4] <= FM_TYPE_MODEL);

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
    *length = cbor.at;
    return fm_cbor_end(&cbor);
}
