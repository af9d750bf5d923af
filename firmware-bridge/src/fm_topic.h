/** Topics of a fleet (src/wire/topics.ts). */
#ifndef FM_TOPIC_H
#define FM_TOPIC_H

#include <stdint.h>

#include "fedmote.h"

/** Bytes of the longest topic here: a device's own, with fleet and id of all the length that they may have. */
#define FM_TOPIC_BYTES 120U

typedef struct {
    uint8_t text[FM_TOPIC_BYTES];
    uint32_t size;
} fm_topic_t;

/** Bytes of a name of 1 to `most` of a-z, 0-9 and "-"; 0 where it is none. */
uint32_t fm_name_bytes(const char *name, uint32_t most);

/** "fm1/<fleet>/dev/<id>/<leaf>" */
void fm_topic_device(fm_topic_t *topic, const fm_names_t *names, const char *leaf);

/** "fm1/<fleet>/round" */
void fm_topic_round(fm_topic_t *topic, const fm_names_t *names);

/** "fm1/<fleet>/up/<shard>/<id>", the shard being FNV-1a of the id modulo `shards` (RFC 9923). */
void fm_topic_update(fm_topic_t *topic, const fm_names_t *names, uint32_t shards);

/** "fm1/<fleet>/model/<version>/full/<class>/<chunk>" */
void fm_topic_model(fm_topic_t *topic, const fm_names_t *names, uint32_t version, uint32_t size, uint32_t chunk);

/** The same of a change against the version before: "from-<version - 1>" in place of "full". */
void fm_topic_change(fm_topic_t *topic, const fm_names_t *names, uint32_t version, uint32_t size, uint32_t chunk);

/** Bytes of the longest topic that a model's chunk has. */
uint32_t fm_topic_model_most(const fm_names_t *names);

/** The topic as bytes. */
fm_bytes_t fm_topic_bytes(const fm_topic_t *topic);

#endif
