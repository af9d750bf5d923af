/** Any bytes as a message of each type: what is taken is written back byte for byte, and nothing shorter or longer is taken. */
#include <stdlib.h>
#include <string.h>

#include "fm_message.h"
#include "fuzz.h"

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

static fm_message_t generic(uint32_t type, message_t *message)
{
    fm_bytes_t *const strings[FM_TYPE_MODEL + 1U] = {
        [FM_TYPE_HELLO] = message->hello.strings,     [FM_TYPE_TASK] = message->task.strings,
        [FM_TYPE_UPDATE] = message->update.strings,   [FM_TYPE_RECEIPT] = message->receipt.strings,
        [FM_TYPE_MODEL] = message->chunk.strings,
    };
    fm_message_t it = { type, (uint8_t *)message, strings[type], &message->notice };

    return it;
}

static fm_result_t read(uint32_t type, message_t *message, const uint8_t *bytes, uint32_t size)
{
    fm_message_t it = generic(type, message);

    memset(message, 0, sizeof(*message));
    return fm_message_read(&it, bytes, size);
}

static fm_result_t write(uint32_t type, message_t *message, uint8_t *to, uint32_t size, uint32_t *length)
{
    fm_message_t it = generic(type, message);

    return fm_message_write(&it, to, size, length);
}

static void check(uint32_t type, const uint8_t *bytes, uint32_t size)
{
    message_t message;
    fm_result_t result = read(type, &message, bytes, size);

    fuzz_check((result == FM_OK) || (result == FM_BAD_MESSAGE), "a message is taken or refused");
    if (result == FM_OK) {
        uint8_t *again = malloc(size);
        uint32_t length = 0U;

        fuzz_check(fm_message_type(bytes, size) == type, "a message says its type");
        fuzz_check(write(type, &message, again, size, &length) == FM_OK, "what was read is written");
        fuzz_check((length == size) && (memcmp(again, bytes, size) == 0), "it is the same bytes");
        free(again);
        fuzz_check(read(type, &message, bytes, size - 1U) == FM_BAD_MESSAGE, "a prefix is refused");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = fuzz_copy(data, size);

    for (uint32_t type = FM_TYPE_HELLO; type <= FM_TYPE_MODEL; type++) {
        check(type, bytes, (uint32_t)size);
    }
    free(bytes);
    return 0;
}
