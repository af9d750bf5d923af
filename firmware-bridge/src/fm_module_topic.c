/** Topics of modules (src/wire/topics.ts): what to subscribe to, and what a message is about. */
#include <string.h>

#include "fm_module.h"
#include "fm_topic.h"

/** Digits of the highest index of a chunk. */
#define MOST_DIGITS 5U

bool fm_module_topic(const fm_module_t *module, char text[FM_MODULE_TOPIC_BYTES])
{
    const fm_module_options_t *options = module->options;
    bool some = (module->state == FM_MODULE_WANTED) || (module->state == FM_MODULE_LOADING);

    text[0] = '\0';
    if (some) {
        const char *form = (module->state == FM_MODULE_WANTED) ? FM_TOPIC_MANIFEST : FM_TOPIC_MODULE;
        uint32_t numbers[2] = { module->sequence, 0U };
        fm_topic_t topic;
        uint32_t i;

        while ((module->state == FM_MODULE_LOADING) && (numbers[1] < module->chunkCount) &&
               fm_module_has(module, numbers[1])) {
            numbers[1]++;
        }
        fm_topic(&topic, options->fleet, options->slot, form, numbers);
        for (i = 0U; i < topic.view.size; i++) {
            text[i] = (char)topic.text[i];
        }
        text[topic.view.size] = '\0';
    }
    return some;
}

/** A number without needless zeros; UINT32_MAX where it is none. */
static uint32_t topic_index(const uint8_t *text, uint32_t size)
{
    uint32_t index = 0U;
    bool good = (size > 0U) && (size <= MOST_DIGITS) && ((text[0] != 0x30U) || (size == 1U));
    uint32_t i;

    for (i = 0U; good && (i < size); i++) {
        uint32_t digit = (uint32_t)text[i] - 0x30U;

        good = digit <= 9U;
        index = (10U * index) + digit;
    }
    return good ? index : UINT32_MAX;
}

bool fm_module_on_message(fm_module_t *module, fm_bytes_t topic, fm_bytes_t payload)
{
    const fm_module_options_t *options = module->options;
    static const uint8_t manifest[] = { 0x6DU, 0x61U, 0x6EU, 0x69U, 0x66U, 0x65U, 0x73U, 0x74U };
    fm_topic_t root;
    bool ours;

    fm_topic(&root, options->fleet, options->slot, FM_TOPIC_OF_MODULE, &module->sequence);
    /* An empty message clears a topic. */
    ours = (payload.size > 0U) && (topic.size > root.view.size) &&
           (memcmp(topic.bytes, root.text, root.view.size) == 0);
    if (ours) {
        const uint8_t *rest = &topic.bytes[root.view.size];
        uint32_t size = topic.size - root.view.size;
        uint32_t index = topic_index(rest, size);

        if ((size == sizeof(manifest)) && (memcmp(rest, manifest, sizeof(manifest)) == 0)) {
            ours = module->state == FM_MODULE_WANTED;
            fm_module_on_manifest(module, payload);
        } else {
            ours = (module->state == FM_MODULE_LOADING) && (index < module->chunkCount);
            fm_module_on_chunk(module, index, payload);
        }
    }
    return ours;
}
