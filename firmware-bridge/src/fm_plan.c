/** What the coordinator wants, and whether this device can do it. */
#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_device.h"
#include "fm_codec.h"
#include "fm_loss.h"
#include "fm_model.h"
#include "fm_training.h"

float *fm_plan_parameters(const fm_device_t *device)
{
    return &device->options->memory[device->plan.headFloats];
}

float *fm_plan_free(const fm_device_t *device)
{
    return &device->options->memory[device->plan.modelFloats];
}

uint32_t fm_plan_shared_from(const fm_device_t *device)
{
    return fm_model_offset(&device->model, device->plan.notice.training.shared.from);
}

uint32_t fm_plan_shared_count(const fm_device_t *device)
{
    return fm_model_offset(&device->model, device->plan.notice.training.shared.to) - fm_plan_shared_from(device);
}

/** The largest class that this device takes; 0: none is small enough. */
static uint32_t plan_chunk_class(const fm_device_t *device, fm_bytes_t classes)
{
    const uint8_t *bytes = classes.bytes;
    uint32_t best = 0U;
    uint32_t i;

    for (i = 0U; i < classes.size; i += 4U) {
        uint32_t size = fm_get_le32(&bytes[i]);

        /* They ascend. */
        best = (size <= device->chunkLimit) ? size : best;
    }
    return best;
}

static const fm_loss_t *plan_loss(const fm_parts_t *parts, uint32_t id)
{
    uint32_t i = 0U;

    while ((parts->losses[i] != NULL) && (parts->losses[i]->id != id)) {
        i++;
    }
    return parts->losses[i];
}

static const fm_round_t *plan_round(const fm_parts_t *parts, uint32_t kind)
{
    uint32_t i = 0U;

    while ((parts->rounds[i] != NULL) && (parts->rounds[i]->kind != kind)) {
        i++;
    }
    return parts->rounds[i];
}

/** The first of the coordinator's codecs that this device has. */
static const fm_codec_t *plan_codec(const fm_parts_t *parts, fm_bytes_t wanted)
{
    const fm_codec_t *codec = NULL;
    uint32_t k;

    for (k = 0U; (codec == NULL) && (k < wanted.size); k++) {
        uint32_t i = 0U;

        while ((parts->codecs[i] != NULL) && (parts->codecs[i]->id != wanted.bytes[k])) {
            i++;
        }
        codec = parts->codecs[i];
    }
    return codec;
}

/** Floats that the federation's rounds take on this device, with the model. */
static uint32_t plan_floats(const fm_device_t *device, const fm_plan_t *plan)
{
    const fm_round_t *const *rounds = device->options->parts->rounds;
    uint32_t most = 0U;
    uint32_t i;

    for (i = 0U; rounds[i] != NULL; i++) {
        uint32_t floats = rounds[i]->memory(device);

        most = (floats > most) ? floats : most;
    }
    return most + plan->modelFloats;
}

/** Whether there is code for all of it. Layers that learn and are not shared would have to be kept from round to round. */
static bool plan_supported(const fm_device_t *device, const fm_plan_t *plan, const fm_model_t *model)
{
    const fm_settings_t *settings = &plan->notice.training;
    bool shared = (settings->shared.from == settings->trained.from) && (settings->shared.to == settings->trained.to);
    bool parts = (model->loss != NULL) && (plan->codec != NULL) &&
                 ((plan->round != NULL) || (plan->notice.kind == FM_ROUND_KIND_RELEASED));

    return shared && parts && fm_training_supports(settings, device->options->parts->terms);
}

/** Whether the device can work for this federation; where memory is what is missing, `*bytes` would do. */
static fm_result_t plan_problem(const fm_device_t *device, const fm_plan_t *plan, const fm_model_t *model,
                                fm_result_t layers, uint32_t *bytes)
{
    fm_result_t result = layers;

    if (plan->notice.training.inputs != device->options->features) {
        result = FM_MISFIT;
    } else if ((result == FM_OK) && (!plan_supported(device, plan, model))) {
        result = FM_UNSUPPORTED;
    } else if (result == FM_OK) {
        uint32_t floats = plan_floats(device, plan);

        *bytes = (floats > FM_MOST_FLOATS) ? UINT32_MAX : (4U * floats);
        if (plan->notice.sizeBytes != (4U * plan->modelFloats)) {
            result = FM_BAD_MODEL;
        } else if (floats > (device->options->memoryBytes / 4U)) {
            result = FM_NO_MEMORY;
        } else {
            /* It can. */
        }
    } else {
        /* The layers say why. */
    }
    return result;
}

/** A new round, or the same one without work in progress. */
static void plan_begin(fm_device_t *device, fm_plan_t *plan, const fm_notice_t *notice)
{
    const fm_parts_t *parts = device->options->parts;
    const fm_settings_t *settings = &plan->notice.training;
    fm_model_t *model = &device->model;
    fm_result_t before = device->problem;
    uint32_t bytes = 0U;
    fm_result_t layers;

    /* The digest tells all of a model; one of another shape is of no use for changes either. */
    device->holdsPlans = device->holdsPlans && (device->heldVersion == notice->numbers.version) &&
                         (memcmp(plan->digest, notice->strings[FM_NOTICE_DIGEST].bytes, sizeof(plan->digest)) == 0);
    device->holds = device->holds && (plan->notice.sizeBytes == notice->numbers.sizeBytes) &&
                    (settings->standardized == notice->numbers.training.standardized);
    plan->notice = notice->numbers;
    (void)memcpy(plan->digest, notice->strings[FM_NOTICE_DIGEST].bytes, sizeof(plan->digest));
    plan->codec = plan_codec(parts, notice->strings[FM_NOTICE_CODECS]);
    plan->round = plan_round(parts, plan->notice.kind);
    model->curve = parts->curve;
    layers = fm_model_begin(model, settings);
    model->loss = plan_loss(parts, settings->loss);
    model->scales = NULL;
    plan->headFloats = 0U;
    if (settings->standardized != 0U) {
        model->scales = device->options->memory;
        plan->headFloats = 2U * settings->inputs;
    }
    model->key.seed = plan->notice.seed;
    model->key.round = plan->notice.round;
    plan->parameters = fm_model_offset(model, settings->layerCount);
    plan->modelFloats = plan->headFloats + plan->parameters;
    device->hasPlan = true;
    device->problem = plan_problem(device, plan, model, layers, &bytes);
    if ((device->problem != FM_OK) && (device->problem != before)) {
        fm_device_tell(device, FM_EVENT_UNFIT, bytes, device->problem);
    }
}

void fm_plan_take(fm_device_t *device, const fm_notice_t *notice, bool whole)
{
    fm_notice_numbers_t *numbers = &device->plan.notice;

    if (whole) {
        plan_begin(device, &device->plan, notice);
    }
    numbers->session = notice->numbers.session;
    numbers->phase = notice->numbers.phase;
    numbers->shards = notice->numbers.shards;
    device->plan.chunkBytes = plan_chunk_class(device, notice->strings[FM_NOTICE_CHUNK_CLASSES]);
}
