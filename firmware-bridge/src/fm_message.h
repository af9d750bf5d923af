/**
 * The messages of protocol 1 as structures, and each one's fields for a cursor of fm_cbor.h, which reads
 * or writes them:
 *
 *     fm_cbor_read(&cbor, bytes, size);
 *     fm_notice_fields(&cbor, &notice);
 *     result = fm_cbor_end(&cbor);
 *
 * Reading: until fm_cbor_end() has said FM_OK nothing in the structure is of use. It may then hold views
 * (fm_bytes_t) of the message: copy to keep. Writing leaves the structure as it was.
 */
#ifndef FM_MESSAGE_H
#define FM_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"
#include "fm_cbor.h"
#include "fm_protocol.h"

/** The type of a message (FM_TYPE_...); 0 where it is none of protocol 1. Says nothing of the rest. */
uint32_t fm_message_type(const uint8_t *bytes, uint32_t size);

typedef struct {
    uint32_t session;
    uint32_t maxPacket;
    uint32_t ramKiB;
    fm_bytes_t codecs;
    fm_bytes_t abis;
    uint32_t features;
} fm_hello_t;

typedef struct {
    uint32_t session;
    bool willing;
    uint32_t samples;
    uint32_t testSamples;
} fm_ready_t;

typedef struct {
    uint32_t session;
} fm_gone_t;

typedef struct {
    uint32_t round;
    uint32_t epoch;
    uint16_t kind;
    uint16_t phase;
    uint32_t session;
    uint32_t secondsLeft;
    uint32_t version;
    fm_bytes_t digest;
    uint32_t sizeBytes;
    /** Little-endian uint32 each. */
    fm_bytes_t chunkClasses;
    fm_bytes_t codecs;
    int32_t grid;
    uint32_t weightCap;
    uint32_t seed;
    uint32_t shards;
    uint32_t spreadSeconds;
    bool hasCommitted;
    uint32_t committedRound;
    uint32_t committedEpoch;
    fm_settings_t training;
    bool hasDeltas;
    uint32_t deltasBase;
    uint16_t deltasCodec;
} fm_notice_t;

typedef struct {
    uint16_t action;
    uint32_t round;
    uint32_t epoch;
    uint32_t retrySeconds;
    fm_bytes_t reason;
} fm_task_t;

typedef struct {
    uint32_t round;
    uint32_t epoch;
    fm_bytes_t updateId;
    uint32_t index;
    uint32_t count;
    uint32_t baseVersion;
    uint16_t codec;
    uint32_t samples;
    uint32_t steps;
    /** Little-endian float32 each. */
    fm_bytes_t metrics;
    /** Writing: where `bytes` is NULL, room is left for `size` bytes, at the end of the message. */
    fm_bytes_t payload;
} fm_update_t;

typedef struct {
    uint16_t status;
    uint32_t round;
    uint32_t epoch;
    fm_bytes_t updateId;
    uint32_t retrySeconds;
    uint32_t allowedBytes;
    fm_bytes_t reason;
} fm_receipt_t;

typedef struct {
    uint32_t version;
    uint32_t index;
    uint32_t count;
    bool hasBase;
    uint32_t base;
    fm_bytes_t payload;
} fm_model_chunk_t;

void fm_hello_fields(fm_cbor_t *cbor, fm_hello_t *hello);
void fm_ready_fields(fm_cbor_t *cbor, fm_ready_t *ready);
void fm_gone_fields(fm_cbor_t *cbor, fm_gone_t *gone);
void fm_notice_fields(fm_cbor_t *cbor, fm_notice_t *notice);
void fm_task_fields(fm_cbor_t *cbor, fm_task_t *task);
void fm_update_fields(fm_cbor_t *cbor, fm_update_t *update);
void fm_receipt_fields(fm_cbor_t *cbor, fm_receipt_t *receipt);
void fm_model_chunk_fields(fm_cbor_t *cbor, fm_model_chunk_t *chunk);

/** What every message begins with: its map, of `fields` entries besides version and type. */
void fm_message_begin(fm_cbor_t *cbor, uint32_t type, uint32_t fields);

#endif
