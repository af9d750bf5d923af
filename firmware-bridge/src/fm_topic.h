/** Topics of a fleet (src/wire/topics.ts). */
#ifndef FM_TOPIC_H
#define FM_TOPIC_H

#include <stdint.h>

#include "fedmote.h"
#include "fm_protocol.h"

/** Bytes of the longest topic here: a device's own, with fleet and id of all the length that they may have. */
#define FM_TOPIC_BYTES 120U

/** A topic; `view` is of its text, for as long as it lives. */
typedef struct {
    fm_bytes_t view;
    uint8_t text[FM_TOPIC_BYTES];
} fm_topic_t;

/* Forms of topics, behind FM_TOPIC_PREFIX, "/" and the fleet: I is the device's id, N a number, O one that is left out. */
#define FM_TOPIC_HELLO "/dev/I/hello"
#define FM_TOPIC_READY "/dev/I/ready"
#define FM_TOPIC_GONE "/dev/I/gone"
#define FM_TOPIC_TASK "/dev/I/task"
#define FM_TOPIC_RECEIPT "/dev/I/receipt"
#define FM_TOPIC_ROUND "/round"
/** Shard. */
#define FM_TOPIC_UPDATE "/up/N/I"
/* Version, the one before, size of chunks, index. */
#define FM_TOPIC_MODEL "/model/N/fullO/N/N"
#define FM_TOPIC_CHANGE "/model/N/from-N/N/N"
/* Of modules, I being the slot: sequence, index; and what both begin with. */
#define FM_TOPIC_MANIFEST "/module/I/N/manifest"
#define FM_TOPIC_MODULE "/module/I/N/N"
#define FM_TOPIC_OF_MODULE "/module/I/N/"

/** Fills in a form. `numbers`: as many as it has, in order. */
void fm_topic(fm_topic_t *topic, const char *fleet, const char *id, const char *form, const uint32_t *numbers);

/** The shard of an id: FNV-1a, 32 bits (RFC 9923), modulo `shards`. */
uint32_t fm_topic_shard(const char *id, uint32_t shards);

/** Bytes of a name of 1 to `most` of a-z, 0-9 and "-"; 0 where it is none. */
uint32_t fm_name_bytes(const char *name, uint32_t most);

#endif
