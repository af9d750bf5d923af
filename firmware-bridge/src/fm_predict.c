/** The released model: its parameters, and its predictions. */
#include <stddef.h>
#include <string.h>

#include "fm_device.h"
#include "fm_loss.h"
#include "fm_model.h"

/** One sample, without a label. */
typedef struct {
    const float *x;
} predict_sample_t;

static float predict_value(void *context, uint32_t row, uint32_t column)
{
    /* The context is what fm_device_predict() gave. */
    /* cppcheck-suppress misra-c2012-11.5 ; MISRA Ref 11.5.1 */
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
        fm_model_t *model = &device->model;
        float *memory = fm_plan_free(device);

        model->samples = &samples;
        model->parameters = fm_plan_parameters(device);
        fm_model_forward(model, 0U, memory);
        model->samples = NULL;
        (void)memcpy(outputs, &memory[fm_model_last(model)], sizeof(float) * model->classes);
        (void)model->loss->gradient(outputs, model->classes, model->loss->none, 1.0F, 1.0F);
        result = FM_OK;
    }
    return result;
}

const float *fm_device_model(const fm_device_t *device, uint32_t *count)
{
    *count = device->released ? device->plan.parameters : 0U;
    return device->released ? fm_plan_parameters(device) : NULL;
}
