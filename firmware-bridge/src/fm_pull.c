/**
 * Pulling the model: one retained chunk at a time, written straight to where the model lives. Whole, with its digest
 * taken on the way; or, from a version that is held, the changes that lead to the one wanted.
 */
#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_device.h"
#include "fm_network.h"
#include "fm_sha256.h"

/* A chunk that has not come after this long is not going to. */
#define CHUNK_MS 5000U

/* Waits between attempts: half of 0.5 s, 1 s, 2 s, ... 32 s, and up to as much again. */
#define FIRST_DELAY_MS 500U
#define MOST_DOUBLINGS 6U

/* Bytes of the largest block of a change: 1024 values of 4 bits, and a scale. In floats it takes this many. */
#define BLOCK_FLOATS 129U

/** Where the model's parameters begin. */
static float *pull_parameters(const fm_device_t *device)
{
    return &device->options->memory[fm_plan_head(&device->plan.settings)];
}

/** What is free behind the model: bytes of a block, then its values. */
static float *pull_free(const fm_device_t *device)
{
    return &device->options->memory[device->plan.sizeBytes / 4U];
}

/* ---- what is to be pulled ---- */

static void pull_part(fm_device_t *device, uint32_t version, uint32_t bytes)
{
    fm_pull_t *pull = &device->pull;

    pull->version = version;
    pull->partBytes = bytes;
    pull->index = 0U;
    pull->asked = false;
    pull->filled = 0U;
    pull->at = 0U;
}

static void pull_whole(fm_device_t *device)
{
    device->pull.change = false;
    device->holds = false;
    device->holdsPlans = false;
    pull_part(device, device->plan.version, device->plan.sizeBytes);
    fm_sha256_begin(&device->sha);
}

/** Bytes of one change's payload. */
static uint32_t pull_change_bytes(const fm_device_t *device)
{
    const fm_decoder_t *decoder = device->plan.decoder;
    uint32_t left = fm_plan_shared_count(&device->network);
    uint32_t bytes = 0U;

    while (left > 0U) {
        uint32_t span = decoder->span(left);

        bytes += decoder->bytes(span);
        left -= (span < left) ? span : left;
    }
    return bytes;
}

/** Whether changes lead from the version that is held to the one wanted, and are shorter than the whole. */
static bool pull_by_changes(const fm_device_t *device)
{
    const fm_plan_t *plan = &device->plan;
    uint32_t needed = (plan->sizeBytes / 4U) + BLOCK_FLOATS + FM_BLOCK_VALUES;
    bool possible = device->holds && (plan->decoder != NULL) && (device->heldVersion >= plan->deltasBase) &&
                    (device->heldVersion < plan->version) && (needed <= (device->options->memoryBytes / 4U));

    if (possible) {
        uint32_t bytes = pull_change_bytes(device);

        possible = (bytes > 0U) && ((plan->version - device->heldVersion) <= ((plan->sizeBytes - 1U) / bytes));
    }
    return possible;
}

void fm_pull_begin(fm_device_t *device)
{
    fm_timer_clear(&device->pull.timer);
    device->pull.attempts = 0U;
    device->pull.waiting = false;
    if (pull_by_changes(device)) {
        device->pull.change = true;
        pull_part(device, device->heldVersion + 1U, pull_change_bytes(device));
    } else {
        pull_whole(device);
    }
}

void fm_pull_again(fm_device_t *device)
{
    fm_pull_t *pull = &device->pull;

    if (pull->asked) {
        fm_timer_clear(&pull->timer);
    }
    pull->asked = false;
    pull->leave = false;
}

void fm_pull_stop(fm_device_t *device)
{
    device->pull.leave = device->pull.leave || device->pull.asked;
    device->pull.asked = false;
}

/** This attempt has failed: the Notice is read again, and after a while it is tried again. */
static void pull_fail(fm_device_t *device, fm_result_t reason)
{
    fm_pull_t *pull = &device->pull;
    uint32_t half = (FIRST_DELAY_MS << pull->attempts) / 2U;

    fm_pull_stop(device);
    if (pull->change) {
        pull_whole(device);
    }
    if (pull->attempts < MOST_DOUBLINGS) {
        pull->attempts++;
    }
    pull->waiting = true;
    device->readNotice = true;
    fm_timer_set(&pull->timer, fm_device_now(device), half + fm_device_random(device, half));
    fm_device_tell(device, FM_EVENT_PULL_FAILED, 0U, reason);
}

/* ---- asking ---- */

/** The topic of the chunk that is asked for, or was last. */
static void pull_topic(const fm_device_t *device, fm_topic_t *topic)
{
    const fm_pull_t *pull = &device->pull;
    fm_names_t names = fm_device_names(device);

    if (pull->topicChange) {
        fm_topic_change(topic, &names, pull->topicVersion, pull->chunkBytes, pull->topicIndex);
    } else {
        fm_topic_model(topic, &names, pull->topicVersion, pull->chunkBytes, pull->topicIndex);
    }
}

static bool pull_leave(fm_device_t *device)
{
    bool left = false;
    fm_topic_t topic;

    if (device->pull.leave) {
        pull_topic(device, &topic);
        left = fm_session_unsubscribe(&device->session, fm_topic_bytes(&topic));
        device->pull.leave = !left;
    }
    return left;
}

/** Chunks have the size that the Notice offers now; those of another size begin anew. */
static void pull_size(fm_device_t *device)
{
    fm_pull_t *pull = &device->pull;

    if ((pull->chunkBytes != device->plan.chunkBytes) && ((pull->index == 0U) || (pull->attempts > 0U))) {
        if (pull->index > 0U) {
            pull_whole(device);
        }
        pull->chunkBytes = device->plan.chunkBytes;
    }
}

static bool pull_ask(fm_device_t *device)
{
    fm_pull_t *pull = &device->pull;
    fm_topic_t topic;

    pull_size(device);
    pull->topicVersion = pull->version;
    pull->topicIndex = pull->index;
    pull->topicChange = pull->change;
    pull_topic(device, &topic);
    pull->asked = fm_session_subscribe(&device->session, fm_topic_bytes(&topic)) != 0U;
    if (pull->asked) {
        fm_timer_set(&pull->timer, fm_device_now(device), CHUNK_MS);
    }
    return pull->asked;
}

bool fm_pull_send(fm_device_t *device)
{
    fm_pull_t *pull = &device->pull;
    bool sent = pull_leave(device);

    if (device->stage != FM_STAGE_PULL) {
        /* Nothing is wanted. */
    } else if (fm_timer_due(&pull->timer, fm_device_now(device))) {
        if (pull->waiting) {
            pull->waiting = false;
        } else {
            pull_fail(device, FM_SILENT);
        }
    } else if (pull->waiting || pull->asked || pull->leave) {
        /* Its time has not come. */
    } else if (device->plan.chunkBytes == 0U) {
        pull_fail(device, FM_TOO_LARGE);
    } else {
        sent = pull_ask(device) || sent;
    }
    return sent;
}

/* ---- taking ---- */

/** Takes the next bytes of a change: block after block, each as soon as it is whole. */
static fm_result_t pull_take_change(fm_device_t *device, fm_bytes_t bytes)
{
    fm_pull_t *pull = &device->pull;
    const fm_decoder_t *decoder = device->plan.decoder;
    fm_key_t key = { device->plan.seed, pull->version, { 0U, 0U } };
    uint8_t *block = (uint8_t *)pull_free(device);
    uint32_t count = fm_plan_shared_count(&device->network);
    fm_result_t result = FM_OK;
    uint32_t i;

    for (i = 0U; (result == FM_OK) && (i < bytes.size) && (pull->at < count); i++) {
        uint32_t span = decoder->span(count - pull->at);

        block[pull->filled] = bytes.bytes[i];
        pull->filled++;
        if (pull->filled == decoder->bytes(span)) {
            result = decoder->add(block, pull->at, count, &key, &pull_free(device)[BLOCK_FLOATS],
                                  &pull_parameters(device)[fm_plan_shared_from(&device->network)]);
            pull->filled = 0U;
            pull->at += span;
        }
    }
    return result;
}

static fm_result_t pull_take(fm_device_t *device, fm_bytes_t bytes)
{
    fm_result_t result = FM_OK;

    if (device->pull.change) {
        /* From the first block on, the model is neither what it was nor what it will be. */
        device->holds = false;
        device->holdsPlans = false;
        result = pull_take_change(device, bytes);
    } else {
        uint8_t *model = (uint8_t *)device->options->memory;

        (void)memcpy(&model[device->pull.index * device->pull.chunkBytes], bytes.bytes, bytes.size);
        fm_sha256_add(&device->sha, bytes.bytes, bytes.size);
    }
    return result;
}

/** The digest of the model in memory; what was pulled whole is turned into this machine's floats. */
static void pull_digest(fm_device_t *device, uint8_t *digest)
{
    float *memory = device->options->memory;
    uint32_t count = device->plan.sizeBytes / 4U;
    uint8_t raw[4];
    uint32_t i;

    if (device->pull.change) {
        fm_sha256_begin(&device->sha);
    }
    for (i = 0U; i < count; i++) {
        if (device->pull.change) {
            fm_put_le32(raw, fm_float_bits(memory[i]));
            fm_sha256_add(&device->sha, raw, sizeof(raw));
        } else {
            (void)memcpy(raw, &((const uint8_t *)memory)[4U * i], sizeof(raw));
            memory[i] = fm_float(fm_get_le32(raw));
        }
    }
    fm_sha256_end(&device->sha, digest);
}

/** All that was to be pulled is here. */
static void pull_finish(fm_device_t *device)
{
    uint8_t digest[FM_SHA256_BYTES];

    pull_digest(device, digest);
    if (memcmp(digest, device->plan.digest, sizeof(digest)) == 0) {
        device->holds = true;
        device->holdsPlans = true;
        device->heldVersion = device->plan.version;
        fm_device_tell(device, device->pull.change ? FM_EVENT_CHANGED : FM_EVENT_PULLED, device->heldVersion, FM_OK);
        fm_work_go_on(device);
    } else {
        pull_whole(device);
        pull_fail(device, FM_BAD_MODEL);
    }
}

/** The chunk that was wanted is in its place. */
static void pull_next(fm_device_t *device)
{
    fm_pull_t *pull = &device->pull;
    uint32_t size = device->pull.chunkBytes;

    pull->asked = false;
    pull->leave = true;
    pull->attempts = 0U;
    fm_timer_clear(&pull->timer);
    pull->index++;
    if (pull->index < ((pull->partBytes + (size - 1U)) / size)) {
        /* There is another one. */
    } else if (pull->change && (pull->version < device->plan.version)) {
        pull_part(device, pull->version + 1U, pull->partBytes);
    } else {
        pull_finish(device);
    }
}

/** Whether this is the chunk that is wanted. */
static bool pull_wanted(const fm_device_t *device, const fm_model_chunk_t *chunk)
{
    const fm_pull_t *pull = &device->pull;
    uint32_t size = device->pull.chunkBytes;
    uint32_t left = pull->partBytes - (pull->index * size);

    return (chunk->version == pull->version) && (chunk->index == pull->index) &&
           (chunk->count == ((pull->partBytes + (size - 1U)) / size)) && (chunk->hasBase == pull->change) &&
           ((!chunk->hasBase) || (chunk->base == (pull->version - 1U))) &&
           (chunk->payload.size == ((left < size) ? left : size));
}

/** Whether a message is on the topic of the chunk that is asked for. */
static bool pull_expects(const fm_device_t *device, const fm_publish_t *publish)
{
    bool expected = (device->stage == FM_STAGE_PULL) && device->pull.asked;
    fm_topic_t topic;

    if (expected) {
        pull_topic(device, &topic);
        expected = (publish->topic.size == topic.size) && (memcmp(publish->topic.bytes, topic.text, topic.size) == 0);
    }
    return expected;
}

void fm_pull_hear(fm_device_t *device, const fm_publish_t *publish)
{
    if (pull_expects(device, publish)) {
        fm_model_chunk_t chunk = { 0 };
        fm_result_t result = FM_BAD_MODEL;
        fm_cbor_t cbor;

        fm_cbor_read(&cbor, publish->payload.bytes, publish->payload.size);
        fm_model_chunk_fields(&cbor, &chunk);
        if ((fm_cbor_end(&cbor) == FM_OK) && pull_wanted(device, &chunk)) {
            result = pull_take(device, chunk.payload);
        }
        if (result == FM_OK) {
            pull_next(device);
        } else {
            /* Superseded, or not what was announced: from the start. */
            pull_whole(device);
            pull_fail(device, result);
        }
    }
}
