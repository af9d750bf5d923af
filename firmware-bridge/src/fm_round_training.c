/** Rounds of training. */
#include <stddef.h>

#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_device.h"
#include "fm_sum.h"
#include "fm_terms.h"
#include "fm_training.h"

static uint32_t training_memory(const fm_device_t *device)
{
    const fm_plan_t *plan = &device->plan;
    const fm_terms_t *terms = device->options->parts->terms;
    uint32_t work = fm_training_memory(&device->model, device->options->train.rows);
    uint32_t coding = fm_codec_memory(plan->codec, fm_plan_shared_count(device));
    uint32_t most = (work > coding) ? work : coding;

    most = (most > FM_MOST_FLOATS) ? FM_MOST_FLOATS : most;
    if (terms != NULL) {
        most += terms->floats(&plan->notice.training, plan->parameters);
    }
    return most + plan->parameters;
}

/* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.2 */
static fm_result_t training_begin(fm_device_t *device, fm_job_t *job)
{
    fm_training_t *training = &job->training;

    training->model = &device->model;
    device->model.samples = &device->options->train;
    training->order = device->options->order;
    training->start = fm_plan_parameters(device);
    training->weights = fm_plan_free(device);
    training->memory = &training->weights[device->plan.parameters];
    training->terms = device->options->parts->terms;
    return (device->options->train.rows == 0U) ? FM_BAD_SAMPLE : fm_training_begin(training);
}

/** Training has ended, after all its epochs or since it has to finish. */
static fm_result_t training_end(fm_device_t *device, const fm_training_t *training)
{
    fm_upload_t *upload = &device->upload;
    uint32_t from = fm_plan_shared_from(device);
    float loss = fm_sum_float(&training->done.lossSum);

    upload->codec = device->plan.codec;
    upload->message.samples = training->done.samples;
    upload->message.steps = training->done.steps;
    upload->message.strings[FM_UPDATE_METRICS].size = sizeof(upload->loss);
    fm_put_le32(upload->loss, fm_float_bits(loss));
    upload->delta.values = &training->weights[from];
    upload->delta.start = &training->start[from];
    upload->delta.count = fm_plan_shared_count(device);
    upload->delta.key = &device->model.key;
    upload->delta.memory = training->memory;
    fm_device_tell(device, FM_EVENT_TRAINED, training->done.steps, FM_OK);
    return fm_is_finite(loss) ? FM_OK : FM_DIVERGED;
}

/* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.2 */
static fm_result_t training_advance(fm_device_t *device, fm_job_t *job)
{
    fm_training_t *training = &job->training;
    bool enough = device->finish && fm_training_rests(training) && (training->done.steps > 0U);
    fm_result_t result = enough ? FM_OK : fm_training_advance(training);

    if (result == FM_OK) {
        result = training_end(device, training);
    }
    return result;
}

const fm_round_t fm_round_training = { FM_ROUND_KIND_TRAIN, true, training_memory, training_begin, training_advance };
