/** Forward and backward passes of dense layers. Every sum starts at +0 and adds its terms in ascending order. */
#include "fm_model.h"

#include <stddef.h>

#include "fm_bits.h"
#include "fm_curve.h"
#include "fm_loss.h"
#include "fm_protocol.h"

fm_result_t fm_model_begin(fm_model_t *model, const fm_settings_t *settings)
{
    fm_result_t result = (settings->layerCount == 0U) ? FM_UNSUPPORTED : FM_OK;
    uint32_t inputs = settings->inputs;
    uint32_t left = FM_MOST_PARAMETERS;
    uint32_t i;

    model->settings = settings;
    model->hidden = 0U;
    model->classes = 0U;
    for (i = 0U; i < settings->layerCount; i++) {
        const fm_layer_t *layer = &settings->layers[i];

        /* The units of the layer before are hidden ones. */
        model->hidden += model->classes;
        model->classes = layer->units;
        if ((layer->kind != FM_LAYER_KIND_DENSE) || ((layer->activation == FM_ACTIVATION_TANH) && (model->curve == NULL))) {
            result = FM_UNSUPPORTED;
        } else if (layer->units > (left / (inputs + 1U))) {
            result = FM_BAD_ARGUMENT;
        } else {
            left -= (inputs + 1U) * layer->units;
            inputs = layer->units;
        }
        if (((i + 1U) == settings->layerCount) && (layer->activation != FM_ACTIVATION_IDENTITY)) {
            result = FM_UNSUPPORTED;
        }
    }
    return result;
}

uint32_t fm_model_inputs(const fm_model_t *model, uint32_t layer)
{
    return (layer == 0U) ? model->settings->inputs : model->settings->layers[layer - 1U].units;
}

uint32_t fm_model_offset(const fm_model_t *model, uint32_t layer)
{
    uint32_t offset = 0U;
    uint32_t i;

    for (i = 0U; i < layer; i++) {
        offset += (fm_model_inputs(model, i) + 1U) * model->settings->layers[i].units;
    }
    return offset;
}

uint32_t fm_model_outputs(const fm_model_t *model, uint32_t layer)
{
    uint32_t at = 0U;
    uint32_t i;

    for (i = 0U; i < layer; i++) {
        at += model->settings->layers[i].units;
    }
    return at;
}

uint32_t fm_model_last(const fm_model_t *model)
{
    return model->hidden;
}

uint32_t fm_model_deltas(const fm_model_t *model, uint32_t outputs)
{
    return (outputs < model->hidden) ? (outputs + model->hidden + model->classes) : outputs;
}

uint32_t fm_model_row(const fm_model_t *model)
{
    return (2U * model->hidden) + model->classes;
}

float fm_model_label(const fm_model_t *model, uint32_t row)
{
    return model->samples->value(model->samples->context, row, model->settings->inputs);
}

float fm_model_value(const fm_model_t *model, uint32_t row, uint32_t column)
{
    float value = model->samples->value(model->samples->context, row, column);

    if (model->scales != NULL) {
        value = (value - model->scales[column]) * model->scales[model->settings->inputs + column];
    }
    return value;
}

static float model_activate(const fm_model_t *model, uint32_t activation, float z)
{
    float y = z;

    if (activation == FM_ACTIVATION_RELU) {
        y = fm_is_above_zero(z) ? z : 0.0F;
    } else if ((activation == FM_ACTIVATION_TANH) && (model->curve != NULL)) {
        y = model->curve->bend(z);
    } else {
        /* Identity. */
    }
    return y;
}

/** The gradient of what an activation took in, from that of what it gave out, which is `y`. */
static float model_deactivate(const fm_model_t *model, uint32_t activation, float y, float d)
{
    float dz = d;

    if (activation == FM_ACTIVATION_RELU) {
        dz = fm_is_above_zero(y) ? d : 0.0F;
    } else if ((activation == FM_ACTIVATION_TANH) && (model->curve != NULL)) {
        dz = d * model->curve->slope(y);
    } else {
        /* Identity. */
    }
    return dz;
}

void fm_model_forward(const fm_model_t *model, uint32_t row, float *memory)
{
    const float *w = model->parameters;
    const float *x = memory;
    float *y = memory;
    uint32_t l;
    uint32_t k;
    uint32_t j;

    for (l = 0U; l < model->settings->layerCount; l++) {
        uint32_t inputs = fm_model_inputs(model, l);
        uint32_t units = model->settings->layers[l].units;

        for (k = 0U; k <= inputs; k++) {
            /* The biases, last, go with a one; sums begin at +0. */
            float value = 1.0F;

            if (k < inputs) {
                value = (l == 0U) ? fm_model_value(model, row, k) : x[k];
            }
            for (j = 0U; j < units; j++) {
                y[j] = ((k == 0U) ? 0.0F : y[j]) + (value * w[j]);
            }
            w = &w[units];
        }
        for (j = 0U; j < units; j++) {
            y[j] = model_activate(model, model->settings->layers[l].activation, y[j]);
        }
        x = y;
        y = &y[units];
    }
}

float fm_model_learn(const fm_model_t *model, uint32_t row, float *memory, float scale, fm_tally_t *tally)
{
    const fm_loss_t *loss = model->loss;
    float label = fm_model_label(model, row);
    float *outputs = &memory[model->hidden];

    fm_model_forward(model, row, memory);
    if (tally != NULL) {
        loss->tally(tally, outputs, model->classes, label);
    }
    return loss->gradient(outputs, model->classes, label, model->settings->positiveWeight, scale);
}

void fm_model_backward(const fm_model_t *model, uint32_t first, float *memory)
{
    const fm_layer_t *layers = model->settings->layers;
    uint32_t outputs = model->hidden;
    uint32_t l;
    uint32_t k;
    uint32_t j;

    for (l = model->settings->layerCount - 1U; l > first; l--) {
        const float *w = &model->parameters[fm_model_offset(model, l)];
        const float *above = &memory[fm_model_deltas(model, outputs)];
        uint32_t units = layers[l].units;
        uint32_t inputs = layers[l - 1U].units;
        float *below;

        outputs -= inputs;
        below = &memory[fm_model_deltas(model, outputs)];
        for (k = 0U; k < inputs; k++) {
            float d = 0.0F;

            for (j = 0U; j < units; j++) {
                d += above[j] * w[j];
            }
            w = &w[units];
            below[k] = model_deactivate(model, layers[l - 1U].activation, memory[outputs + k], d);
        }
    }
}
