/** Predictions of the released model. */
#include <stddef.h>
#include <string.h>

#include "fm_device.h"
#include "fm_loss.h"
#include "fm_network.h"

/** One sample, without a label. */
typedef struct {
    const float *x;
} predict_sample_t;

static float predict_value(void *context, uint32_t row, uint32_t column)
{
    /* MISRA Ref 11.5.1: the context is what fm_device_predict() gave. */
    const predict_sample_t *sample = context;

    (void)row;
    return sample->x[column];
}

fm_result_t fm_device_predict(fm_device_t *device, const float *x, float *outputs)
{
    fm_result_t result = FM_AGAIN;

    if (device->released) {
        predict_sample_t sample = { x };
        fm_samples_t samples = { &sample, 1U, predict_value };
        fm_rows_t rows = device->train;
        const fm_settings_t *settings = &device->plan.settings;
        float *memory = &device->options->memory[device->plan.sizeBytes / 4U];
        uint32_t classes = device->network.classes;

        rows.samples = &samples;
        fm_network_forward(&device->network, &device->options->memory[fm_plan_head(settings)], &rows, 0U, memory);
        (void)memcpy(outputs, &memory[fm_network_outputs(&device->network, settings->layerCount - 1U)],
                     sizeof(float) * classes);
        device->plan.loss->predict(outputs, classes);
        result = FM_OK;
    }
    return result;
}

const float *fm_device_model(const fm_device_t *device, uint32_t *count)
{
    const float *model = NULL;

    *count = 0U;
    if (device->released) {
        model = &device->options->memory[fm_plan_head(&device->plan.settings)];
        *count = fm_network_offset(&device->network, device->plan.settings.layerCount);
    }
    return model;
}
