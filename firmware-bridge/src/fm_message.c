/** The messages of protocol 1 (src/wire/protocol.cddl), but for the Notice. */
#include "fm_message.h"

uint32_t fm_message_type(const uint8_t *bytes, uint32_t size)
{
    bool known = (size > 4U) && (bytes[1] == FM_KEY_VERSION) && (bytes[2] == FM_PROTOCOL) &&
                 (bytes[3] == FM_KEY_TYPE) && (bytes[4] >= FM_TYPE_HELLO) && (bytes[4] <= FM_TYPE_MODEL);

    return known ? bytes[4] : 0U;
}

void fm_message_begin(fm_cbor_t *cbor, uint32_t type, uint32_t fields)
{
    uint32_t version = FM_PROTOCOL;
    uint32_t number = type;

    (void)fm_cbor_map(cbor, fields + 2U);
    fm_cbor_uint(cbor, FM_KEY_VERSION, &version, FM_PROTOCOL, FM_PROTOCOL);
    fm_cbor_uint(cbor, FM_KEY_TYPE, &number, type, type);
}

void fm_hello_fields(fm_cbor_t *cbor, fm_hello_t *hello)
{
    fm_message_begin(cbor, FM_TYPE_HELLO, 6U);
    fm_cbor_uint(cbor, FM_KEY_HELLO_SESSION, &hello->session, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_HELLO_MAX_PACKET, &hello->maxPacket, FM_LEAST_PACKET_BYTES, FM_MOST_PACKET_BYTES);
    fm_cbor_uint(cbor, FM_KEY_HELLO_RAM_KIB, &hello->ramKiB, 0U, UINT32_MAX);
    fm_cbor_ids(cbor, FM_KEY_HELLO_CODECS, &hello->codecs, FM_LEAST_CODEC_LIST, FM_MOST_CODEC_LIST);
    fm_cbor_ids(cbor, FM_KEY_HELLO_ABIS, &hello->abis, 0U, FM_MOST_ABI_LIST);
    fm_cbor_uint(cbor, FM_KEY_HELLO_FEATURES, &hello->features, FM_LEAST_FEATURES, FM_MOST_FEATURES);
    fm_cbor_end_map(cbor, 0U);
}

void fm_ready_fields(fm_cbor_t *cbor, fm_ready_t *ready)
{
    fm_message_begin(cbor, FM_TYPE_READY, 4U);
    fm_cbor_uint(cbor, FM_KEY_READY_SESSION, &ready->session, 0U, UINT32_MAX);
    fm_cbor_bool(cbor, FM_KEY_READY_WILLING, &ready->willing);
    fm_cbor_uint(cbor, FM_KEY_READY_SAMPLES, &ready->samples, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_READY_TEST_SAMPLES, &ready->testSamples, 0U, UINT32_MAX);
    fm_cbor_end_map(cbor, 0U);
}

void fm_gone_fields(fm_cbor_t *cbor, fm_gone_t *gone)
{
    fm_message_begin(cbor, FM_TYPE_GONE, 1U);
    fm_cbor_uint(cbor, FM_KEY_GONE_SESSION, &gone->session, 0U, UINT32_MAX);
    fm_cbor_end_map(cbor, 0U);
}

void fm_task_fields(fm_cbor_t *cbor, fm_task_t *task)
{
    fm_message_begin(cbor, FM_TYPE_TASK, 5U);
    fm_cbor_small(cbor, FM_KEY_TASK_ACTION, &task->action, FM_ACTION_JOIN, FM_ACTION_STOP);
    fm_cbor_uint(cbor, FM_KEY_TASK_ROUND, &task->round, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_TASK_EPOCH, &task->epoch, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_TASK_RETRY_SECONDS, &task->retrySeconds, 0U, FM_MOST_SECONDS);
    fm_cbor_text(cbor, FM_KEY_TASK_REASON, &task->reason, FM_MOST_REASON_TEXT);
    fm_cbor_end_map(cbor, 0U);
}

void fm_update_fields(fm_cbor_t *cbor, fm_update_t *update)
{
    fm_message_begin(cbor, FM_TYPE_UPDATE, 11U);
    fm_cbor_uint(cbor, FM_KEY_UPDATE_ROUND, &update->round, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_UPDATE_EPOCH, &update->epoch, 0U, UINT32_MAX);
    fm_cbor_bytes(cbor, FM_KEY_UPDATE_UPDATE_ID, &update->updateId, FM_LEAST_UPDATE_ID, FM_MOST_UPDATE_ID);
    fm_cbor_uint(cbor, FM_KEY_UPDATE_INDEX, &update->index, 0U, FM_MOST_CHUNK_INDEX);
    fm_cbor_uint(cbor, FM_KEY_UPDATE_COUNT, &update->count, update->index + 1U, FM_MOST_CHUNK_COUNT);
    fm_cbor_uint(cbor, FM_KEY_UPDATE_BASE_VERSION, &update->baseVersion, 0U, UINT32_MAX);
    fm_cbor_small(cbor, FM_KEY_UPDATE_CODEC, &update->codec, 0U, FM_MOST_CODEC);
    fm_cbor_uint(cbor, FM_KEY_UPDATE_SAMPLES, &update->samples, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_UPDATE_STEPS, &update->steps, 0U, UINT32_MAX);
    fm_cbor_reals(cbor, FM_KEY_UPDATE_METRICS, &update->metrics, FM_MOST_METRIC_LIST);
    fm_cbor_bytes(cbor, FM_KEY_PAYLOAD, &update->payload, FM_LEAST_CHUNK, FM_MOST_CHUNK);
    fm_cbor_end_map(cbor, 0U);
}

void fm_receipt_fields(fm_cbor_t *cbor, fm_receipt_t *receipt)
{
    fm_message_begin(cbor, FM_TYPE_RECEIPT, 7U);
    fm_cbor_small(cbor, FM_KEY_RECEIPT_STATUS, &receipt->status, FM_RECEIPT_STATUS_FOLDED, FM_RECEIPT_STATUS_REFUSED);
    fm_cbor_uint(cbor, FM_KEY_RECEIPT_ROUND, &receipt->round, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_RECEIPT_EPOCH, &receipt->epoch, 0U, UINT32_MAX);
    fm_cbor_bytes(cbor, FM_KEY_RECEIPT_UPDATE_ID, &receipt->updateId, FM_LEAST_UPDATE_ID, FM_MOST_UPDATE_ID);
    fm_cbor_uint(cbor, FM_KEY_RECEIPT_RETRY_SECONDS, &receipt->retrySeconds, 0U, FM_MOST_SECONDS);
    fm_cbor_uint(cbor, FM_KEY_RECEIPT_ALLOWED_BYTES, &receipt->allowedBytes, 0U, FM_MOST_PAYLOAD_BYTES);
    fm_cbor_text(cbor, FM_KEY_RECEIPT_REASON, &receipt->reason, FM_MOST_REASON_TEXT);
    fm_cbor_end_map(cbor, 0U);
}

void fm_model_chunk_fields(fm_cbor_t *cbor, fm_model_chunk_t *chunk)
{
    fm_message_begin(cbor, FM_TYPE_MODEL, chunk->hasBase ? 5U : 4U);
    fm_cbor_uint(cbor, FM_KEY_MODEL_VERSION, &chunk->version, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_MODEL_INDEX, &chunk->index, 0U, FM_MOST_CHUNK_INDEX);
    fm_cbor_uint(cbor, FM_KEY_MODEL_COUNT, &chunk->count, chunk->index + 1U, FM_MOST_CHUNK_COUNT);
    chunk->hasBase = fm_cbor_has(cbor, FM_KEY_MODEL_BASE, chunk->hasBase);
    if (chunk->hasBase) {
        fm_cbor_check(cbor, chunk->version > 0U);
        fm_cbor_uint(cbor, FM_KEY_MODEL_BASE, &chunk->base, 0U, chunk->version - 1U);
    }
    fm_cbor_bytes(cbor, FM_KEY_PAYLOAD, &chunk->payload, FM_LEAST_CHUNK, FM_MOST_CHUNK);
    fm_cbor_end_map(cbor, 0U);
}
