/** Forward and backward passes of dense layers. Every sum starts at +0 and adds its terms in ascending order. */
#include "fm_network.h"

#include <stddef.h>

#include "fm_math.h"
#include "fm_protocol.h"

/** Whether layer `i` is one that there is code for. */
static bool network_has(const fm_settings_t *settings, uint32_t i)
{
    const fm_layer_t *layer = &settings->layers[i];
    bool last = (i + 1U) == settings->layerCount;

    return (layer->kind == FM_LAYER_KIND_DENSE) && ((!last) || (layer->activation == FM_ACTIVATION_IDENTITY));
}

fm_result_t fm_network_begin(fm_network_t *network, const fm_settings_t *settings)
{
    fm_result_t result = (settings->layerCount == 0U) ? FM_UNSUPPORTED : FM_OK;
    uint32_t inputs = settings->inputs;
    uint32_t parameters = 0U;
    uint32_t i;

    network->settings = settings;
    network->hidden = 0U;
    for (i = 0U; (result == FM_OK) && (i < settings->layerCount); i++) {
        uint32_t units = settings->layers[i].units;

        if (!network_has(settings, i)) {
            result = FM_UNSUPPORTED;
        } else if (units > ((FM_MOST_PARAMETERS - parameters) / (inputs + 1U))) {
            result = FM_BAD_ARGUMENT;
        } else {
            parameters += (inputs + 1U) * units;
            network->hidden += ((i + 1U) < settings->layerCount) ? units : 0U;
            network->classes = units;
            inputs = units;
        }
    }
    return result;
}

uint32_t fm_network_inputs(const fm_network_t *network, uint32_t layer)
{
    return (layer == 0U) ? network->settings->inputs : network->settings->layers[layer - 1U].units;
}

uint32_t fm_network_offset(const fm_network_t *network, uint32_t layer)
{
    uint32_t offset = 0U;
    uint32_t i;

    for (i = 0U; i < layer; i++) {
        offset += (fm_network_inputs(network, i) + 1U) * network->settings->layers[i].units;
    }
    return offset;
}

uint32_t fm_network_outputs(const fm_network_t *network, uint32_t layer)
{
    uint32_t at = 0U;
    uint32_t i;

    for (i = 0U; i < layer; i++) {
        at += network->settings->layers[i].units;
    }
    return at;
}

uint32_t fm_network_deltas(const fm_network_t *network, uint32_t layer)
{
    uint32_t at = fm_network_outputs(network, layer);

    if ((layer + 1U) < network->settings->layerCount) {
        at += network->hidden + network->classes;
    }
    return at;
}

uint32_t fm_network_row(const fm_network_t *network)
{
    return (2U * network->hidden) + network->classes;
}

float fm_row_value(const fm_rows_t *rows, uint32_t row, uint32_t column)
{
    float value = rows->samples->value(rows->samples->context, row, column);

    if (rows->mean != NULL) {
        value = (value - rows->mean[column]) * rows->inverse[column];
    }
    return value;
}

float fm_row_label(const fm_rows_t *rows, uint32_t row)
{
    return rows->samples->value(rows->samples->context, row, rows->features);
}

static float network_activate(uint32_t activation, float z)
{
    float y = z;

    if (activation == FM_ACTIVATION_RELU) {
        y = (z > 0.0F) ? z : 0.0F;
    } else if (activation == FM_ACTIVATION_TANH) {
        y = fm_tanh(z);
    } else {
        /* Identity. */
    }
    return y;
}

/** The gradient of what an activation took in, from that of what it gave out, which is `y`. */
static float network_deactivate(uint32_t activation, float y, float d)
{
    float dz = d;

    if (activation == FM_ACTIVATION_RELU) {
        dz = (y > 0.0F) ? d : 0.0F;
    } else if (activation == FM_ACTIVATION_TANH) {
        dz = d * (1.0F - (y * y));
    } else {
        /* Identity. */
    }
    return dz;
}

void fm_network_forward(const fm_network_t *network, const float *parameters, const fm_rows_t *rows, uint32_t row,
                        float *memory)
{
    const fm_settings_t *settings = network->settings;
    uint32_t w = 0U;
    uint32_t from = 0U;
    uint32_t to = 0U;
    uint32_t l;
    uint32_t k;
    uint32_t j;

    for (l = 0U; l < settings->layerCount; l++) {
        uint32_t inputs = fm_network_inputs(network, l);
        uint32_t units = settings->layers[l].units;

        for (j = 0U; j < units; j++) {
            memory[to + j] = 0.0F;
        }
        for (k = 0U; k < inputs; k++) {
            float x = (l == 0U) ? fm_row_value(rows, row, k) : memory[from + k];

            for (j = 0U; j < units; j++) {
                memory[to + j] += x * parameters[w];
                w++;
            }
        }
        for (j = 0U; j < units; j++) {
            memory[to + j] = network_activate(settings->layers[l].activation, memory[to + j] + parameters[w]);
            w++;
        }
        from = to;
        to += units;
    }
}

/** The gradients below layer `l`, at `below`, from those of its outputs, at `above`. */
static void network_back(const fm_network_t *network, const float *parameters, uint32_t l, float *memory)
{
    const fm_layer_t *lower = &network->settings->layers[l - 1U];
    uint32_t units = network->settings->layers[l].units;
    uint32_t above = fm_network_deltas(network, l);
    uint32_t outputs = fm_network_outputs(network, l - 1U);
    uint32_t below = fm_network_deltas(network, l - 1U);
    uint32_t w = fm_network_offset(network, l);
    uint32_t k;
    uint32_t j;

    for (k = 0U; k < lower->units; k++) {
        float d = 0.0F;

        for (j = 0U; j < units; j++) {
            d += memory[above + j] * parameters[w];
            w++;
        }
        memory[below + k] = network_deactivate(lower->activation, memory[outputs + k], d);
    }
}

void fm_network_backward(const fm_network_t *network, const float *parameters, uint32_t first, float *memory)
{
    uint32_t l;

    for (l = network->settings->layerCount - 1U; l > first; l--) {
        network_back(network, parameters, l, memory);
    }
}
