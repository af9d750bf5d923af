#include "fm_topic.h"

#include <stdbool.h>

#include "fm_writer.h"

static void topic_text(fm_writer_t *writer, const char *text)
{
    uint32_t i;

    for (i = 0U; text[i] != '\0'; i++) {
        fm_write(writer, (uint8_t)text[i]);
    }
}

static void topic_number(fm_writer_t *writer, uint32_t number)
{
    uint32_t unit = 1U;

    while ((number / unit) >= 10U) {
        unit *= 10U;
    }
    while (unit > 0U) {
        fm_write(writer, 0x30U + ((number / unit) % 10U));
        unit /= 10U;
    }
}

void fm_topic(fm_topic_t *topic, const char *fleet, const char *id, const char *form, const uint32_t *numbers)
{
    fm_writer_t writer = { topic->text, FM_TOPIC_BYTES, 0U };
    uint32_t next = 0U;
    uint32_t i;

    topic_text(&writer, FM_TOPIC_PREFIX "/");
    topic_text(&writer, fleet);
    for (i = 0U; form[i] != '\0'; i++) {
        if (form[i] == 'I') {
            topic_text(&writer, id);
        } else if (form[i] == 'N') {
            topic_number(&writer, numbers[next]);
            next++;
        } else if (form[i] == 'O') {
            next++;
        } else {
            fm_write(&writer, (uint8_t)form[i]);
        }
    }
    /* With names of checked lengths there is room for all of it. */
    topic->view.bytes = topic->text;
    topic->view.size = (writer.at < FM_TOPIC_BYTES) ? writer.at : FM_TOPIC_BYTES;
}

uint32_t fm_topic_shard(const char *id, uint32_t shards)
{
    uint32_t hash = 0x811C9DC5U;
    uint32_t i;

    for (i = 0U; id[i] != '\0'; i++) {
        hash = (hash ^ (uint32_t)(uint8_t)id[i]) * 0x01000193U;
    }
    return hash % shards;
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
