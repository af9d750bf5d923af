/** A round's work: statistics, evaluation or training, a few milliseconds at a time. */
#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_device.h"
#include "fm_evaluation.h"
#include "fm_loss.h"
#include "fm_moments.h"
#include "fm_network.h"
#include "fm_sum.h"
#include "fm_training.h"

/* How long the work keeps the connection waiting. */
#define SLICE_MS 5U

/** The model's parameters. */
static float *work_parameters(const fm_device_t *device)
{
    return &device->options->memory[fm_plan_head(&device->plan.settings)];
}

/** What is free behind the model. */
static float *work_free(const fm_device_t *device)
{
    return &device->options->memory[device->plan.sizeBytes / 4U];
}

/** Rows as this federation's model sees them. */
static void work_rows(const fm_device_t *device, const fm_samples_t *samples, fm_rows_t *rows)
{
    bool standardized = device->plan.settings.standardized;

    rows->samples = samples;
    rows->features = device->options->features;
    rows->mean = standardized ? device->options->memory : NULL;
    rows->inverse = standardized ? &device->options->memory[rows->features] : NULL;
}

void fm_work_fail(fm_device_t *device, fm_result_t reason)
{
    device->stage = FM_STAGE_NONE;
    fm_device_tell(device, FM_EVENT_FAILED, device->tookRound, reason);
}

void fm_work_cancel(fm_device_t *device)
{
    fm_pull_stop(device);
    device->stage = FM_STAGE_NONE;
}

static void work_begin_statistics(fm_device_t *device)
{
    device->feature = 0U;
    device->stage = FM_STAGE_STATISTICS;
}

static void work_begin_evaluation(fm_device_t *device)
{
    fm_evaluation_t *evaluation = &device->evaluation;

    evaluation->network = &device->network;
    evaluation->loss = device->plan.loss;
    evaluation->test = &device->test;
    evaluation->train = &device->train;
    evaluation->parameters = work_parameters(device);
    evaluation->vector = work_free(device);
    evaluation->memory = &work_free(device)[fm_evaluation_size(&device->network, device->plan.loss)];
    fm_evaluation_begin(evaluation);
    device->stage = FM_STAGE_EVALUATE;
}

static void work_begin_training(fm_device_t *device)
{
    fm_training_t *training = &device->training;
    uint32_t parameters = fm_network_offset(&device->network, device->plan.settings.layerCount);
    bool momentum = fm_float_bits(device->plan.settings.momentum) != 0U;
    float *free = work_free(device);
    fm_result_t result;

    training->network = &device->network;
    training->loss = device->plan.loss;
    training->rows = &device->train;
    training->key.seed = device->plan.seed;
    training->key.round = device->plan.round;
    training->key.device[0] = device->key[0];
    training->key.device[1] = device->key[1];
    training->order = device->options->order;
    training->start = work_parameters(device);
    training->weights = free;
    training->velocity = momentum ? &free[parameters] : NULL;
    training->memory = &free[momentum ? (2U * parameters) : parameters];
    result = fm_training_begin(training);
    if (result == FM_OK) {
        device->stage = FM_STAGE_TRAIN;
    } else {
        fm_work_fail(device, result);
    }
}

void fm_work_go_on(fm_device_t *device)
{
    work_rows(device, &device->options->train, &device->train);
    work_rows(device, &device->options->test, &device->test);
    if (device->releasing) {
        fm_device_tell(device, FM_EVENT_RELEASED, device->plan.version, FM_OK);
        device->stage = FM_STAGE_NONE;
        device->released = true;
        device->ended = FM_DONE;
    } else if (device->plan.kind == FM_ROUND_KIND_STATISTICS) {
        work_begin_statistics(device);
    } else if (device->plan.kind == FM_ROUND_KIND_EVALUATE) {
        work_begin_evaluation(device);
    } else {
        work_begin_training(device);
    }
}

void fm_work_begin(fm_device_t *device)
{
    bool needsModel = device->releasing || (device->plan.kind != FM_ROUND_KIND_STATISTICS);

    if (needsModel && (!device->holdsPlans)) {
        device->stage = FM_STAGE_PULL;
        fm_pull_begin(device);
    } else {
        fm_work_go_on(device);
    }
}

/** What is to be sent: `count` values, less `start` where there is one. */
static void work_send(fm_device_t *device, const float *values, const float *start, uint32_t count)
{
    fm_delta_t *delta = &device->delta;

    delta->values = values;
    delta->start = start;
    delta->count = count;
    delta->key.seed = device->plan.seed;
    delta->key.round = device->plan.round;
    delta->key.device[0] = device->key[0];
    delta->key.device[1] = device->key[1];
}

/** Counts travel as they are. */
static void work_send_counts(fm_device_t *device, uint32_t count, uint32_t samples)
{
    work_send(device, work_free(device), NULL, count);
    device->upload.samples = samples;
    device->upload.steps = 0U;
    device->upload.hasLoss = false;
    fm_upload_begin(device, &fm_codec_f32);
}

static void work_on_statistics(fm_device_t *device)
{
    uint32_t features = device->options->features;
    fm_result_t result = fm_moments_feature(&device->options->train, device->feature, work_free(device));

    device->feature++;
    if (result != FM_OK) {
        fm_work_fail(device, result);
    } else if (device->feature == features) {
        work_send_counts(device, fm_moments_size(features), device->options->train.rows);
    } else {
        /* The next feature. */
    }
}

static void work_on_evaluation(fm_device_t *device)
{
    fm_result_t result = fm_evaluation_advance(&device->evaluation);

    if (result == FM_OK) {
        uint32_t size = fm_evaluation_size(&device->network, device->plan.loss);

        work_send_counts(device, size, device->options->test.rows);
    } else if (result != FM_AGAIN) {
        fm_work_fail(device, result);
    } else {
        /* The next row. */
    }
}

/** Training has ended, after all its epochs or since it has to finish. */
static void work_trained(fm_device_t *device)
{
    const fm_training_t *training = &device->training;
    uint32_t from = fm_plan_shared_from(&device->network);

    device->upload.samples = training->samples;
    device->upload.steps = training->steps;
    device->upload.hasLoss = true;
    device->upload.loss = fm_sum_float(&training->lossSum);
    if ((fm_float_bits(device->upload.loss) & FM_MAGNITUDE) >= FM_INFINITE) {
        fm_work_fail(device, FM_DIVERGED);
    } else {
        fm_device_tell(device, FM_EVENT_TRAINED, training->steps, FM_OK);
        work_send(device, &training->weights[from], &training->start[from], fm_plan_shared_count(&device->network));
        device->delta.memory = training->memory;
        fm_upload_begin(device, device->plan.codec);
    }
}

static void work_on_training(fm_device_t *device)
{
    fm_training_t *training = &device->training;
    bool enough = device->finish && fm_training_rests(training) && (training->steps > 0U);

    if (enough || (fm_training_advance(training) == FM_OK)) {
        work_trained(device);
    }
}

bool fm_work_slice(fm_device_t *device)
{
    uint32_t begin = fm_device_now(device);
    bool busy = false;
    bool more = true;

    while (more) {
        switch (device->stage) {
        case FM_STAGE_STATISTICS:
            work_on_statistics(device);
            break;
        case FM_STAGE_EVALUATE:
            work_on_evaluation(device);
            break;
        case FM_STAGE_TRAIN:
            work_on_training(device);
            break;
        case FM_STAGE_HASH:
            fm_upload_hash(device);
            break;
        default:
            more = false;
            break;
        }
        busy = busy || more;
        more = more && ((fm_device_now(device) - begin) < SLICE_MS);
    }
    return busy;
}
