/** Rounds of statistics: exact sums of the training features. */
#include "fm_moments.h"
#include "fm_device.h"

static uint32_t statistics_memory(const fm_device_t *device)
{
    return fm_moments_size(device->options->features);
}

/* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.2 */
static fm_result_t statistics_begin(fm_device_t *device, fm_job_t *job)
{
    job->feature = 0U;
    device->upload.message.samples = device->options->train.rows;
    device->upload.delta.count = statistics_memory(device);
    return FM_OK;
}

/* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.2 */
static fm_result_t statistics_advance(fm_device_t *device, fm_job_t *job)
{
    const fm_samples_t *train = &device->options->train;
    fm_result_t result = fm_moments_feature(train, job->feature, fm_plan_free(device));

    job->feature++;
    if ((result == FM_OK) && (job->feature < device->options->features)) {
        result = FM_AGAIN;
    }
    return result;
}

const fm_round_t fm_round_statistics = {
    FM_ROUND_KIND_STATISTICS, false, statistics_memory, statistics_begin, statistics_advance,
};
