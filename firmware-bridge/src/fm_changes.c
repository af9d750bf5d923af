/**
 * Models by their changes: from a version that is held, the changes that lead to the one wanted are added up
 * (assembly/CODECS.md, "Downlink").
 */
#include <stddef.h>

#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_device.h"
#include "fm_sha256.h"

/* Floats that the bytes of the largest block take: 1024 values of 4 bits, and a scale. */
#define BLOCK_FLOATS 129U

/** The decoder that the plan's changes need; NULL: there is none, or are none. */
static const fm_decoder_t *changes_decoder(const fm_device_t *device)
{
    const fm_notice_numbers_t *notice = &device->plan.notice;
    const fm_decoder_t *decoder = NULL;

    if (notice->hasDeltas != 0U) {
        switch (notice->deltasCodec) {
        case FM_CODEC_INT8_NEAREST:
            decoder = &fm_decoder_int8;
            break;
        case FM_CODEC_EDEN1:
            decoder = &fm_decoder_eden1;
            break;
        case FM_CODEC_EDEN2:
            decoder = &fm_decoder_eden2;
            break;
        case FM_CODEC_EDEN4:
            decoder = &fm_decoder_eden4;
            break;
        default:
            /* One that this client has not. */
            break;
        }
    }
    return decoder;
}

/** Bytes of one change's payload. */
static uint32_t changes_bytes(const fm_decoder_t *decoder, uint32_t count)
{
    uint32_t left = count;
    uint32_t bytes = 0U;

    while (left > 0U) {
        uint32_t span = decoder->span(left);

        bytes += decoder->bytes(span);
        left -= (span < left) ? span : left;
    }
    return bytes;
}

static bool changes_begin(fm_device_t *device)
{
    const fm_notice_numbers_t *notice = &device->plan.notice;
    const fm_decoder_t *decoder = changes_decoder(device);
    uint32_t floats = device->plan.modelFloats + BLOCK_FLOATS + FM_BLOCK_VALUES;
    bool possible = device->holds && (decoder != NULL) && (device->heldVersion >= notice->deltasBase) &&
                    (device->heldVersion < notice->version) && (floats <= (device->options->memoryBytes / 4U));

    if (possible) {
        uint32_t bytes = changes_bytes(decoder, fm_plan_shared_count(device));

        /* Together they are shorter than the whole. */
        possible = (bytes > 0U) && ((notice->version - device->heldVersion) <= ((notice->sizeBytes - 1U) / bytes));
        fm_pull_part(device, device->heldVersion + 1U, bytes);
        device->pull.filled = 0U;
        device->pull.at = 0U;
    }
    return possible;
}

static fm_result_t changes_take(fm_device_t *device, fm_bytes_t bytes)
{
    fm_pull_t *pull = &device->pull;
    const fm_decoder_t *decoder = changes_decoder(device);
    const fm_key_t key = { device->plan.notice.seed, pull->version, { 0U, 0U } };
    float *parameters = &fm_plan_parameters(device)[fm_plan_shared_from(device)];
    float *memory = fm_plan_free(device);
    uint8_t *block = (uint8_t *)memory;
    uint32_t count = fm_plan_shared_count(device);
    fm_result_t result = FM_OK;
    uint32_t i;

    /* From the first block on, the model is neither what it was nor what it will be. */
    device->holds = false;
    device->holdsPlans = false;
    for (i = 0U; (result == FM_OK) && (decoder != NULL) && (i < bytes.size); i++) {
        uint32_t span = decoder->span(count - pull->at);

        block[pull->filled] = bytes.bytes[i];
        pull->filled++;
        if (pull->filled == decoder->bytes(span)) {
            result = decoder->add(block, pull->at, count, &key, &memory[BLOCK_FLOATS], parameters);
            pull->filled = 0U;
            /* After the last block the next change begins. */
            pull->at = ((pull->at + span) < count) ? (pull->at + span) : 0U;
        }
    }
    return result;
}

static void changes_digest(fm_device_t *device)
{
    const float *memory = device->options->memory;
    uint8_t raw[4];
    uint32_t i;

    fm_sha256_begin(&device->sha);
    for (i = 0U; i < device->plan.modelFloats; i++) {
        fm_put_le32(raw, fm_float_bits(memory[i]));
        fm_sha256_add(&device->sha, raw, sizeof(raw));
    }
}

const fm_changes_t fm_changes = { FM_TOPIC_CHANGE, changes_begin, changes_take, changes_digest };
