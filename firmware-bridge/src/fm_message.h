/**
 * The messages of protocol 1 as structures, and tables that say how each travels.
 *
 *     fm_task_t task = { 0 };
 *     fm_message_t message = { FM_TYPE_TASK, (uint8_t *)&task, task.strings, NULL };
 *     result = fm_message_read(&message, bytes, size);
 *
 * A structure is zeroed before it is read into. Until fm_message_read() has said FM_OK nothing in it is of use. Its strings
 * are views of the message: copy to keep. Ranges of layers that a Notice does not give become all layers.
 */
#ifndef FM_MESSAGE_H
#define FM_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"
#include "fm_cbor.h"
#include "fm_protocol.h"

#define FM_NOTICE_DIGEST 0U
/** Little-endian uint32 each. */
#define FM_NOTICE_CHUNK_CLASSES 1U
#define FM_NOTICE_CODECS 2U

typedef struct {
    fm_bytes_t strings[3];
    fm_notice_numbers_t numbers;
} fm_notice_t;

/** A message of some type: its structure's numbers and strings; or, of the Notice alone, its structure. */
typedef struct {
    /** FM_TYPE_... */
    uint32_t type;
    uint8_t *numbers;
    fm_bytes_t *strings;
    fm_notice_t *notice;
} fm_message_t;

#define FM_HELLO_CODECS 0U
#define FM_HELLO_ABIS 1U

typedef struct {
    uint32_t session;
    uint32_t maxPacket;
    uint32_t ramKiB;
    uint32_t features;
    fm_bytes_t strings[2];
} fm_hello_t;

typedef struct {
    uint32_t session;
    uint32_t samples;
    uint32_t testSamples;
    uint16_t willing;
} fm_ready_t;

typedef struct {
    uint32_t session;
} fm_gone_t;

#define FM_TASK_REASON 0U

typedef struct {
    uint32_t round;
    uint32_t epoch;
    uint32_t retrySeconds;
    uint16_t action;
    fm_bytes_t strings[1];
} fm_task_t;

#define FM_RECEIPT_UPDATE_ID 0U
#define FM_RECEIPT_REASON 1U

typedef struct {
    uint32_t round;
    uint32_t epoch;
    uint32_t retrySeconds;
    uint32_t allowedBytes;
    uint16_t status;
    fm_bytes_t strings[2];
} fm_receipt_t;

#define FM_CHUNK_PAYLOAD 0U

typedef struct {
    uint32_t index;
    uint32_t count;
    uint32_t version;
    uint32_t hasBase;
    uint32_t base;
    fm_bytes_t strings[1];
} fm_model_chunk_t;

/** The type of a message (FM_TYPE_...); 0 where it is none of protocol 1. Says nothing of the rest. */
uint32_t fm_message_type(const uint8_t *bytes, uint32_t size);

/** FM_OK, or FM_BAD_MESSAGE: the bytes are not exactly one message of this type. */
fm_result_t fm_message_read(fm_message_t *message, const uint8_t *bytes, uint32_t size);

/** Writes it into `size` bytes. FM_NO_SPACE: `*length` says how many there should be. FM_BAD_ARGUMENT: a field is out of its bounds. */
fm_result_t fm_message_write(fm_message_t *message, uint8_t *bytes, uint32_t size, uint32_t *length);

#endif
