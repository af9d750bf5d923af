/** Pulling the model: one retained chunk at a time, written straight to where the model lives. */
#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_device.h"
#include "fm_sha256.h"

/* A chunk that has not come after this long is not going to. */
#define CHUNK_MS 5000U

/* Waits between attempts: half of 0.5 s, 1 s, 2 s, ... 32 s, and up to as much again. */
#define HALF_DELAY_MS 250U
#define MOST_DOUBLINGS 6U

void fm_pull_part(fm_device_t *device, uint32_t version, uint32_t bytes)
{
    fm_pull_t *pull = &device->pull;

    pull->version = version;
    pull->partBytes = bytes;
    pull->index = 0U;
}

static void pull_whole(fm_device_t *device)
{
    device->pull.change = false;
    device->holds = false;
    device->holdsPlans = false;
    fm_pull_part(device, device->plan.notice.version, device->plan.notice.sizeBytes);
    fm_sha256_begin(&device->sha);
}

/** The topic of the chunk that is wanted. */
static void pull_topic(const fm_device_t *device, fm_topic_t *topic)
{
    const fm_pull_t *pull = &device->pull;

    const uint32_t numbers[4] = { pull->version, pull->version - 1U, pull->chunkBytes, pull->index };

    fm_device_topic(device, topic, pull->change ? device->options->parts->changes->form : FM_TOPIC_MODEL, numbers);
}

/** Subscribes to the topic of the chunk that is wanted, or leaves it; whether there was room to say so. */
static bool pull_request(fm_device_t *device, uint32_t type)
{
    fm_topic_t topic;

    pull_topic(device, &topic);
    return fm_session_request(&device->session, type, topic.view) != 0U;
}

/** Leaves the topic of the chunk that is asked for. */
static void pull_stop(fm_device_t *device)
{
    if (device->pull.asked) {
        device->pull.asked = false;
        /* Should there be no room to say so, a retained chunk comes again some day, and is not heard. */
        (void)pull_request(device, FM_MQTT_UNSUBSCRIBE);
    }
}

void fm_pull_begin(fm_device_t *device)
{
    const fm_changes_t *changes = device->options->parts->changes;

    pull_stop(device);
    device->stage = FM_STAGE_PULL;
    device->pull.attempts = 0U;
    device->pull.waiting = false;
    device->pull.change = true;
    if ((changes == NULL) || (!changes->begin(device))) {
        pull_whole(device);
    }
}

/** This attempt has failed: the Notice is read again, and after a while it is tried again. Changes are tried once. */
static void pull_fail(fm_device_t *device, fm_result_t reason)
{
    fm_pull_t *pull = &device->pull;
    uint32_t half = HALF_DELAY_MS << pull->attempts;

    pull_stop(device);
    if (pull->change || (reason != FM_SILENT)) {
        pull_whole(device);
    }
    if (pull->attempts < MOST_DOUBLINGS) {
        pull->attempts++;
    }
    pull->waiting = true;
    device->readNotice = true;
    fm_timer_set(device, &pull->timer, half + fm_device_random(device, half));
    fm_device_tell(device, FM_EVENT_PULL_FAILED, 0U, reason);
}

static void pull_ask(fm_device_t *device)
{
    fm_pull_t *pull = &device->pull;
    uint32_t size = device->plan.chunkBytes;

    /* Chunks have the size that the Notice offers now; those of another one begin anew. */
    if ((pull->chunkBytes != size) && ((pull->index == 0U) || (pull->attempts > 0U))) {
        if (pull->index > 0U) {
            pull_whole(device);
        }
        pull->chunkBytes = size;
    }
    pull->asked = pull_request(device, FM_MQTT_SUBSCRIBE);
    fm_timer_set(device, &pull->timer, CHUNK_MS);
}

void fm_pull_send(fm_device_t *device)
{
    fm_pull_t *pull = &device->pull;

    if (device->stage != FM_STAGE_PULL) {
        pull_stop(device);
    } else if (pull->waiting) {
        pull->waiting = !fm_timer_due(device, &pull->timer);
    } else if (pull->asked) {
        if (fm_timer_due(device, &pull->timer)) {
            pull_fail(device, FM_SILENT);
        }
    } else if (device->plan.chunkBytes == 0U) {
        pull_fail(device, FM_TOO_LARGE);
    } else {
        pull_ask(device);
    }
}

/** Puts a chunk's bytes in their place. */
static fm_result_t pull_take(fm_device_t *device, fm_bytes_t bytes)
{
    fm_result_t result = FM_OK;

    if (device->pull.change) {
        result = device->options->parts->changes->take(device, bytes);
    } else {
        float *memory = device->options->memory;
        uint8_t *model = (uint8_t *)memory;

        (void)memcpy(&model[device->pull.index * device->pull.chunkBytes], bytes.bytes, bytes.size);
        fm_sha256_add(&device->sha, bytes.bytes, bytes.size);
    }
    return result;
}

/** All that was to be pulled is here. */
static void pull_finish(fm_device_t *device)
{
    bool change = device->pull.change;
    float *memory = device->options->memory;
    uint8_t digest[FM_SHA256_BYTES];

    if (change) {
        device->options->parts->changes->digest(device);
    } else {
        fm_from_le(memory, device->plan.modelFloats);
    }
    fm_sha256_end(&device->sha, digest);
    if (memcmp(digest, device->plan.digest, sizeof(digest)) == 0) {
        device->holds = true;
        device->holdsPlans = true;
        device->heldVersion = device->plan.notice.version;
        fm_device_tell(device, change ? FM_EVENT_CHANGED : FM_EVENT_PULLED, device->heldVersion, FM_OK);
        fm_work_go_on(device);
    } else {
        pull_fail(device, FM_BAD_MODEL);
    }
}

/** Whether this is the chunk that is wanted. */
static bool pull_wanted(const fm_pull_t *pull, const fm_model_chunk_t *chunk, uint32_t count)
{
    uint32_t left = pull->partBytes - (pull->index * pull->chunkBytes);
    uint32_t hasBase = pull->change ? 1U : 0U;

    /* A base that there is not is 0. */
    return (chunk->version == pull->version) && (chunk->index == pull->index) && (chunk->count == count) &&
           (chunk->hasBase == hasBase) && (chunk->base == (hasBase * (pull->version - 1U))) &&
           (chunk->strings[FM_CHUNK_PAYLOAD].size == ((left < pull->chunkBytes) ? left : pull->chunkBytes));
}

/** Whether what has come is on the topic of the chunk that is asked for. A chunk that came already may come again. */
static bool pull_expects(const fm_device_t *device)
{
    const fm_bytes_t *came = &device->session.message.topic;
    bool expects = device->pull.asked && (device->stage == FM_STAGE_PULL);
    fm_topic_t topic;

    if (expects) {
        pull_topic(device, &topic);
        expects = (came->size == topic.view.size) && (memcmp(came->bytes, topic.text, topic.view.size) == 0);
    }
    return expects;
}

void fm_pull_hear(fm_device_t *device)
{
    fm_pull_t *pull = &device->pull;

    if (pull_expects(device)) {
        uint32_t count = (pull->partBytes + (pull->chunkBytes - 1U)) / pull->chunkBytes;
        fm_model_chunk_t chunk = { 0 };
        fm_result_t result = fm_device_read(device, FM_TYPE_MODEL, (uint8_t *)&chunk, chunk.strings);

        /* An empty message says that the model is superseded. */
        if ((result == FM_OK) && pull_wanted(pull, &chunk, count)) {
            result = pull_take(device, chunk.strings[FM_CHUNK_PAYLOAD]);
        } else {
            result = FM_BAD_MODEL;
        }
        if (result != FM_OK) {
            pull_fail(device, result);
        } else {
            pull_stop(device);
            pull->index++;
            if (pull->index < count) {
                /* There is another one. */
            } else if (pull->change && (pull->version < device->plan.notice.version)) {
                fm_pull_part(device, pull->version + 1U, pull->partBytes);
            } else {
                pull_finish(device);
            }
        }
    }
}
