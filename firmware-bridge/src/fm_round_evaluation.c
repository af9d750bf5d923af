/** Rounds of evaluation: the test part's sums, and for a binary model the training part's scores. */
#include <stddef.h>

#include "fm_evaluation.h"
#include "fm_loss.h"
#include "fm_model.h"
#include "fm_device.h"

static uint32_t evaluation_memory(const fm_device_t *device)
{
    /* With a loss that counts nothing no memory is enough. */
    uint32_t size = FM_MOST_FLOATS;

    if (device->model.loss->counts != NULL) {
        size = fm_evaluation_size(&device->model);
        size = (size > FM_MOST_FLOATS) ? FM_MOST_FLOATS : size;
    }
    return size + fm_model_row(&device->model);
}

static fm_result_t evaluation_begin(fm_device_t *device)
{
    fm_evaluation_t *evaluation = &device->job.evaluation;

    evaluation->model = &device->model;
    evaluation->test = &device->options->test;
    evaluation->train = &device->options->train;
    evaluation->parameters = fm_plan_parameters(device);
    evaluation->vector = fm_plan_free(device);
    device->upload.message.samples = evaluation->test->rows;
    device->upload.delta.count = fm_evaluation_size(&device->model);
    evaluation->memory = &evaluation->vector[device->upload.delta.count];
    fm_evaluation_begin(evaluation);
    return FM_OK;
}

static fm_result_t evaluation_advance(fm_device_t *device)
{
    return fm_evaluation_advance(&device->job.evaluation);
}

const fm_round_t fm_round_evaluation = {
    FM_ROUND_KIND_EVALUATE, true, evaluation_memory, evaluation_begin, evaluation_advance,
};
