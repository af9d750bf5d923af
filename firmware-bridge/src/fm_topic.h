/** Topics of a fleet (src/wire/topics.ts). */
#ifndef FM_TOPIC_H
#define FM_TOPIC_H

#include <stdint.h>

#include "fedmote.h"
#include "fm_protocol.h"

/** Bytes of the longest topic here: a device's own, with fleet and id of all the length that they may have. */
#define FM_TOPIC_BYTES 120U

typedef struct {
    uint8_t text[FM_TOPIC_BYTES];
    uint32_t size;
} fm_topic_t;

/* Forms of topics: F is the fleet, I the device's id, N a number. */
#define FM_TOPIC_HELLO FM_TOPIC_PREFIX "/F/dev/I/hello"
#define FM_TOPIC_READY FM_TOPIC_PREFIX "/F/dev/I/ready"
#define FM_TOPIC_GONE FM_TOPIC_PREFIX "/F/dev/I/gone"
#define FM_TOPIC_TASK FM_TOPIC_PREFIX "/F/dev/I/task"
#define FM_TOPIC_RECEIPT FM_TOPIC_PREFIX "/F/dev/I/receipt"
#define FM_TOPIC_ROUND FM_TOPIC_PREFIX "/F/round"
/** Shard. */
#define FM_TOPIC_UPDATE FM_TOPIC_PREFIX "/F/up/N/I"
/** Version, size of chunks, index. */
#define FM_TOPIC_MODEL FM_TOPIC_PREFIX "/F/model/N/full/N/N"
/** Version, the one before, size of chunks, index. */
#define FM_TOPIC_CHANGE FM_TOPIC_PREFIX "/F/model/N/from-N/N/N"

/** Fills in a form. `numbers`: as many as it has, in order. */
void fm_topic(fm_topic_t *topic, const char *fleet, const char *id, const char *form, const uint32_t *numbers);

/** The topic as bytes, for as long as it lives. */
fm_bytes_t fm_topic_bytes(const fm_topic_t *topic);

/** The shard of an id: FNV-1a, 32 bits (RFC 9923), modulo `shards`. */
uint32_t fm_topic_shard(const char *id, uint32_t shards);

/** Bytes of a name of 1 to `most` of a-z, 0-9 and "-"; 0 where it is none. */
uint32_t fm_name_bytes(const char *name, uint32_t most);

#endif
