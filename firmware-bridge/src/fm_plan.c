/** What the coordinator wants, and whether this device can do it. */
#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_device.h"
#include "fm_evaluation.h"
#include "fm_loss.h"
#include "fm_moments.h"
#include "fm_network.h"
#include "fm_training.h"

/* More than 32 bits of bytes can hold. */
#define MOST_FLOATS 0x3FFFFFFFU

uint32_t fm_plan_head(const fm_settings_t *settings)
{
    return settings->standardized ? (2U * settings->inputs) : 0U;
}

uint32_t fm_plan_shared_from(const fm_network_t *network)
{
    return fm_network_offset(network, network->settings->shared.from);
}

uint32_t fm_plan_shared_count(const fm_network_t *network)
{
    return fm_network_offset(network, network->settings->shared.to) - fm_plan_shared_from(network);
}

/** The largest class whose every chunk reaches this device; 0: none does. As src/wire/chunk.ts reckons. */
static uint32_t plan_chunk_class(const fm_device_t *device, fm_bytes_t classes)
{
    fm_model_chunk_t worst = { UINT32_MAX, FM_MOST_CHUNK_INDEX, FM_MOST_CHUNK_COUNT, true, UINT32_MAX - 1U, { NULL, 1U } };
    fm_names_t names = fm_device_names(device);
    fm_cbor_t cbor;
    uint32_t limit;
    uint32_t best = 0U;
    uint32_t i;

    fm_cbor_write(&cbor, NULL, 0U);
    fm_model_chunk_fields(&cbor, &worst);
    /* Without the payload of one byte, and its head. */
    limit = fm_largest_payload(fm_topic_model_most(&names), cbor.at - 2U, device->options->buffers.incomingBytes);
    for (i = 0U; i < classes.size; i += 4U) {
        uint32_t size = fm_get_le32(&classes.bytes[i]);

        /* They ascend. */
        best = (size <= limit) ? size : best;
    }
    return best;
}

static const fm_loss_t *plan_loss(const fm_parts_t *parts, uint32_t id)
{
    const fm_loss_t *loss = NULL;
    uint32_t i;

    for (i = 0U; i < parts->lossCount; i++) {
        if (parts->losses[i]->id == id) {
            loss = parts->losses[i];
        }
    }
    return loss;
}

/** The first of the coordinator's codecs that this device has. */
static const fm_codec_t *plan_codec(const fm_parts_t *parts, fm_bytes_t wanted)
{
    const fm_codec_t *codec = NULL;
    uint32_t k;
    uint32_t i;

    for (k = 0U; (codec == NULL) && (k < wanted.size); k++) {
        for (i = 0U; i < parts->codecCount; i++) {
            if (parts->codecs[i]->id == wanted.bytes[k]) {
                codec = parts->codecs[i];
            }
        }
    }
    return codec;
}

static const fm_decoder_t *plan_decoder(const fm_parts_t *parts, const fm_notice_t *notice)
{
    const fm_decoder_t *decoder = NULL;
    uint32_t i;

    for (i = 0U; notice->hasDeltas && (i < parts->decoderCount); i++) {
        if (parts->decoders[i]->id == notice->deltasCodec) {
            decoder = parts->decoders[i];
        }
    }
    return decoder;
}

static uint32_t plan_larger(uint32_t a, uint32_t b)
{
    return (a > b) ? a : b;
}

static uint32_t plan_smaller(uint32_t a, uint32_t b)
{
    return (a < b) ? a : b;
}

/** Floats beside the model that the federation's rounds take on this device, at most MOST_FLOATS of each kind. */
static uint32_t plan_work_memory(const fm_device_t *device, uint32_t parameters)
{
    const fm_plan_t *plan = &device->plan;
    const fm_network_t *network = &device->network;
    uint32_t rows = device->options->train.rows;
    uint32_t counts = plan_smaller(fm_evaluation_size(network, plan->loss), MOST_FLOATS);
    uint32_t need = fm_moments_size(plan->settings.inputs);

    need = plan_larger(need, counts + network->hidden + network->classes);
    if ((rows > 0U) && (plan->codec != NULL)) {
        uint32_t training = plan_smaller(fm_training_memory(network, rows), MOST_FLOATS);

        training = plan_larger(training, fm_codec_memory(plan->codec, fm_plan_shared_count(network)));
        training += parameters + ((fm_float_bits(plan->settings.momentum) != 0U) ? parameters : 0U);
        need = plan_larger(need, training);
    }
    return need;
}

/** The parts of the settings that there is code for, but for layers and loss. */
static bool plan_supported(const fm_settings_t *settings)
{
    /* Layers that learn, and are not shared, would have to be kept from round to round. */
    bool allShared = (settings->shared.from == settings->trained.from) && (settings->shared.to == settings->trained.to);

    return allShared && fm_training_supports(settings);
}

/** Whether the device can work for this federation; `*number` then tells bytes of memory that it would need. */
static fm_result_t plan_problem(fm_device_t *device, uint32_t *number)
{
    const fm_device_options_t *options = device->options;
    const fm_plan_t *plan = &device->plan;
    const fm_settings_t *settings = &plan->settings;
    fm_result_t result = fm_network_begin(&device->network, settings);

    if (settings->inputs != options->features) {
        result = FM_MISFIT;
    } else if ((plan->loss == NULL) || (!plan_supported(settings))) {
        result = FM_UNSUPPORTED;
    } else if (result == FM_OK) {
        uint32_t parameters = fm_network_offset(&device->network, settings->layerCount);
        uint32_t floats = (plan->sizeBytes / 4U) + plan_work_memory(device, parameters);

        *number = (floats > MOST_FLOATS) ? UINT32_MAX : (4U * floats);
        if (plan->sizeBytes != (4U * (fm_plan_head(settings) + parameters))) {
            result = FM_BAD_MODEL;
        } else if (floats > (options->memoryBytes / 4U)) {
            result = FM_NO_MEMORY;
        } else if ((plan->codec == NULL) && (options->train.rows > 0U)) {
            result = FM_UNSUPPORTED;
        } else {
            /* It can. */
        }
    } else {
        /* The network says why. */
    }
    return result;
}

/** Whether the model in memory is what the Notice names, and what of it is of use otherwise. */
static void plan_compare_held(fm_device_t *device, const fm_notice_t *notice)
{
    const fm_plan_t *plan = &device->plan;

    device->holds = device->holds && (notice->sizeBytes == plan->sizeBytes) &&
                    (notice->training.standardized == plan->settings.standardized) &&
                    (notice->training.inputs == plan->settings.inputs);
    device->holdsPlans = device->holds && device->holdsPlans && (notice->version == plan->version) &&
                         (memcmp(notice->digest.bytes, plan->digest, sizeof(plan->digest)) == 0);
}

void fm_plan_take(fm_device_t *device, const fm_notice_t *notice)
{
    const fm_parts_t *parts = device->options->parts;
    fm_plan_t *plan = &device->plan;
    fm_result_t before = device->problem;
    uint32_t number = 0U;

    plan_compare_held(device, notice);
    plan->round = notice->round;
    plan->epoch = notice->epoch;
    plan->version = notice->version;
    plan->sizeBytes = notice->sizeBytes;
    plan->seed = notice->seed;
    plan->kind = notice->kind;
    plan->deltasBase = notice->deltasBase;
    plan->settings = notice->training;
    (void)memcpy(plan->digest, notice->digest.bytes, sizeof(plan->digest));
    plan->loss = plan_loss(parts, notice->training.loss);
    plan->codec = plan_codec(parts, notice->codecs);
    plan->decoder = plan_decoder(parts, notice);
    fm_plan_follow(device, notice);
    device->hasPlan = true;
    device->problem = plan_problem(device, &number);
    if ((device->problem != FM_OK) && (device->problem != before)) {
        fm_device_tell(device, FM_EVENT_UNFIT, number, device->problem);
    }
}

void fm_plan_follow(fm_device_t *device, const fm_notice_t *notice)
{
    device->plan.session = notice->session;
    device->plan.phase = notice->phase;
    device->plan.shards = notice->shards;
    device->plan.spreadSeconds = notice->spreadSeconds;
    device->plan.chunkBytes = plan_chunk_class(device, notice->chunkClasses);
}
