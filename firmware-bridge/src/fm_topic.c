#include "fm_topic.h"

#include <stdbool.h>

#include "fm_protocol.h"

/** Appends a character; what has no room is left out, which names of checked lengths never come to. */
static void topic_put(fm_topic_t *topic, uint8_t byte)
{
    if (topic->size < FM_TOPIC_BYTES) {
        topic->text[topic->size] = byte;
        topic->size++;
    }
}

static void topic_text(fm_topic_t *topic, const char *text)
{
    uint32_t i;

    for (i = 0U; text[i] != '\0'; i++) {
        topic_put(topic, (uint8_t)text[i]);
    }
}

static void topic_number(fm_topic_t *topic, uint32_t number)
{
    uint32_t unit = 1U;

    while ((number / unit) >= 10U) {
        unit *= 10U;
    }
    while (unit > 0U) {
        topic_put(topic, (uint8_t)(0x30U + ((number / unit) % 10U)));
        unit /= 10U;
    }
}

static void topic_begin(fm_topic_t *topic, const fm_names_t *names)
{
    topic->size = 0U;
    topic_text(topic, FM_TOPIC_PREFIX "/");
    topic_text(topic, names->fleet);
}

uint32_t fm_name_bytes(const char *name, uint32_t most)
{
    uint32_t size = 0U;
    bool good = true;

    while (good && (name[size] != '\0')) {
        char c = name[size];

        size++;
        good = (size <= most) && (((c >= 'a') && (c <= 'z')) || ((c >= '0') && (c <= '9')) || (c == '-'));
    }
    return good ? size : 0U;
}

void fm_topic_device(fm_topic_t *topic, const fm_names_t *names, const char *leaf)
{
    topic_begin(topic, names);
    topic_text(topic, "/dev/");
    topic_text(topic, names->id);
    topic_text(topic, "/");
    topic_text(topic, leaf);
}

void fm_topic_round(fm_topic_t *topic, const fm_names_t *names)
{
    topic_begin(topic, names);
    topic_text(topic, "/round");
}

void fm_topic_update(fm_topic_t *topic, const fm_names_t *names, uint32_t shards)
{
    uint32_t hash = 0x811C9DC5U;
    uint32_t i;

    for (i = 0U; names->id[i] != '\0'; i++) {
        hash = (hash ^ (uint32_t)(uint8_t)names->id[i]) * 0x01000193U;
    }
    topic_begin(topic, names);
    topic_text(topic, "/up/");
    topic_number(topic, hash % shards);
    topic_text(topic, "/");
    topic_text(topic, names->id);
}

/** The end of a model's topic. */
static void topic_chunk(fm_topic_t *topic, uint32_t size, uint32_t chunk)
{
    topic_text(topic, "/");
    topic_number(topic, size);
    topic_text(topic, "/");
    topic_number(topic, chunk);
}

void fm_topic_model(fm_topic_t *topic, const fm_names_t *names, uint32_t version, uint32_t size, uint32_t chunk)
{
    topic_begin(topic, names);
    topic_text(topic, "/model/");
    topic_number(topic, version);
    topic_text(topic, "/full");
    topic_chunk(topic, size, chunk);
}

void fm_topic_change(fm_topic_t *topic, const fm_names_t *names, uint32_t version, uint32_t size, uint32_t chunk)
{
    topic_begin(topic, names);
    topic_text(topic, "/model/");
    topic_number(topic, version);
    topic_text(topic, "/from-");
    topic_number(topic, version - 1U);
    topic_chunk(topic, size, chunk);
}

uint32_t fm_topic_model_most(const fm_names_t *names)
{
    fm_topic_t topic;

    /* As the coordinator reckons: a base with as many digits as the version. */
    fm_topic_change(&topic, names, UINT32_MAX, FM_MOST_CHUNK_CLASS, FM_MOST_CHUNK_INDEX);
    return topic.size;
}

fm_bytes_t fm_topic_bytes(const fm_topic_t *topic)
{
    fm_bytes_t bytes = { topic->text, topic->size };

    return bytes;
}
