/** Rounds of evaluation: the test part's sums, and for a binary model the training part's scores. */
#include "fm_evaluation.h"
#include "fm_loss.h"
#include "fm_model.h"
#include "fm_device.h"

static uint32_t evaluation_memory(const fm_device_t *device)
{
    uint32_t size = fm_evaluation_size(&device->model);

    return ((size > FM_MOST_FLOATS) ? FM_MOST_FLOATS : size) + fm_model_row(&device->model);
}

/* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.2 */
static fm_result_t evaluation_begin(fm_device_t *device, fm_job_t *job)
{
    fm_evaluation_t *evaluation = &job->evaluation;

    evaluation->model = &device->model;
    device->model.samples = &device->options->test;
    evaluation->train = &device->options->train;
    device->model.parameters = fm_plan_parameters(device);
    evaluation->vector = fm_plan_free(device);
    device->upload.message.samples = device->options->test.rows;
    device->upload.delta.count = fm_evaluation_size(&device->model);
    evaluation->memory = &evaluation->vector[device->upload.delta.count];
    fm_evaluation_begin(evaluation);
    return FM_OK;
}

/* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.2 */
static fm_result_t evaluation_advance(fm_device_t *device, fm_job_t *job)
{
    (void)device;
    return fm_evaluation_advance(&job->evaluation);
}

const fm_round_t fm_round_evaluation = {
    FM_ROUND_KIND_EVALUATE, true, evaluation_memory, evaluation_begin, evaluation_advance,
};
