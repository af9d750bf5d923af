/** Messages: golden ones come back byte for byte, and no prefix, no longer text and no invalid one is taken. */
#include <string.h>

#include "fm_message.h"
#include "records.h"

typedef union {
    fm_hello_t hello;
    fm_ready_t ready;
    fm_gone_t gone;
    fm_notice_t notice;
    fm_task_t task;
    fm_update_t update;
    fm_receipt_t receipt;
    fm_model_chunk_t chunk;
} message_t;

/** Where the strings of a type are. */
static fm_bytes_t *strings(uint32_t type, message_t *message)
{
    switch (type) {
    case FM_TYPE_HELLO:
        return message->hello.strings;
    case FM_TYPE_TASK:
        return message->task.strings;
    case FM_TYPE_UPDATE:
        return message->update.strings;
    case FM_TYPE_RECEIPT:
        return message->receipt.strings;
    case FM_TYPE_MODEL:
        return message->chunk.strings;
    default:
        return NULL;
    }
}

static fm_result_t decode(uint32_t type, message_t *message, const uint8_t *bytes, uint32_t size)
{
    fm_message_t generic = { type, (uint8_t *)message, strings(type, message), &message->notice };

    memset(message, 0, sizeof(*message));
    return fm_message_read(&generic, bytes, size);
}

static fm_result_t encode(uint32_t type, message_t *message, uint8_t *to, uint32_t size, uint32_t *length)
{
    fm_message_t generic = { type, (uint8_t *)message, strings(type, message), &message->notice };

    return fm_message_write(&generic, to, size, length);
}

bool check_message(const record_t *record)
{
    static uint8_t again[2048];
    fm_bytes_t bytes = record->strings[1];
    uint32_t type = record_number(record->strings[2], 0U);
    message_t message;
    uint32_t length = 0U;
    bool good = check(record, fm_message_type(bytes.bytes, bytes.size) == type, "its type is not recognised");

    good &= check(record, decode(type, &message, bytes.bytes, bytes.size) == FM_OK, "it is refused");
    good &= check(record, encode(type, &message, again, sizeof(again), &length) == FM_OK, "it is not encoded");
    good &= check(record, (length == bytes.size) && (memcmp(again, bytes.bytes, length) == 0), "other bytes");
    /* With too little room it says how much it needs, and writes nothing past the end. */
    for (uint32_t size = 0U; size < bytes.size; size++) {
        memset(again, 0xEE, sizeof(again));
        good &= check(record, encode(type, &message, again, size, &length) == FM_NO_SPACE, "no want of space");
        good &= check(record, (length == bytes.size) && (again[size] == 0xEE), "written past the end");
    }
    /* `again` is as long as the prefix alone, so that a sanitizer sees what reads past it. */
    for (uint32_t size = 0U; size < bytes.size; size++) {
        message_t other;
        uint8_t *prefix = &again[sizeof(again) - size];

        memcpy(prefix, bytes.bytes, size);
        good &= check(record, decode(type, &other, prefix, size) == FM_BAD_MESSAGE, "a prefix is taken");
    }
    memcpy(again, bytes.bytes, bytes.size);
    again[bytes.size] = 0U;
    good &= check(record, decode(type, &message, again, bytes.size + 1U) == FM_BAD_MESSAGE, "a byte more is taken");
    return good;
}

bool check_no_message(const record_t *record)
{
    bool good = true;

    for (uint32_t type = FM_TYPE_HELLO; type <= FM_TYPE_MODEL; type++) {
        message_t message;
        fm_bytes_t bytes = record->strings[1];

        good &= check(record, decode(type, &message, bytes.bytes, bytes.size) == FM_BAD_MESSAGE, "it is taken");
    }
    return good;
}
