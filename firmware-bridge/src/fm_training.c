/** Mini-batch SGD with momentum, weight decay and FedProx's proximal term (Li et al. 2020). */
#include "fm_training.h"

#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_loss.h"
#include "fm_network.h"
#include "fm_protocol.h"
#include "fm_random.h"
#include "fm_sum.h"


static uint32_t training_smaller(uint32_t a, uint32_t b)
{
    return (a < b) ? a : b;
}

uint32_t fm_training_memory(const fm_network_t *network, uint32_t rows)
{
    /* A batch's rows, and one input of each. */
    uint32_t batch = training_smaller(network->settings->batch, rows);
    uint32_t each = fm_network_row(network) + 1U;

    return (batch > (UINT32_MAX / each)) ? UINT32_MAX : (batch * each);
}

bool fm_training_supports(const fm_settings_t *settings)
{
    return (!settings->errorFeedback.on) && (!settings->hasClipping) &&
           ((!settings->hasSchedule) || (settings->schedule == FM_SCHEDULE_KIND_CONSTANT));
}

fm_result_t fm_training_begin(fm_training_t *training)
{
    const fm_settings_t *settings = training->network->settings;
    uint32_t rows = training->rows->samples->rows;
    size_t bytes = sizeof(float) * fm_network_offset(training->network, settings->layerCount);
    fm_result_t result = fm_training_supports(settings) ? FM_OK : FM_UNSUPPORTED;
    uint32_t i;

    for (i = 0U; i < rows; i++) {
        training->order[i] = (uint16_t)i;
        if (!training->loss->fits(fm_row_label(training->rows, i), training->network->classes)) {
            result = FM_BAD_SAMPLE;
        }
    }
    (void)memcpy(training->weights, training->start, bytes);
    if (training->velocity != NULL) {
        (void)memset(training->velocity, 0, bytes);
    }
    training->epoch = 0U;
    training->row = 0U;
    training->taken = 0U;
    training->batch = 0U;
    training->shuffled = 0U;
    training->steps = 0U;
    training->samples = 0U;
    fm_sum_begin(&training->lossSum);
    return result;
}

bool fm_training_rests(const fm_training_t *training)
{
    return training->taken == 0U;
}

/** Fisher-Yates over the order as it is, continuing the stream. */
static void training_shuffle(fm_training_t *training)
{
    uint32_t left;

    for (left = training->rows->samples->rows; left > 1U; left--) {
        uint64_t word = fm_random_word(&training->key, FM_PURPOSE_SHUFFLE, training->shuffled);
        uint32_t other = (uint32_t)((word * left) >> 32U);
        uint16_t swapped = training->order[other];

        training->order[other] = training->order[left - 1U];
        training->order[left - 1U] = swapped;
        training->shuffled++;
    }
}

static float *training_row(const fm_training_t *training, uint32_t i)
{
    return &training->memory[i * fm_network_row(training->network)];
}

/** The next row of the batch, forward and backward. */
static void training_learn(fm_training_t *training)
{
    const fm_network_t *network = training->network;
    const fm_settings_t *settings = network->settings;
    uint32_t row = training->order[training->row + training->taken];
    float *memory = training_row(training, training->taken);
    float *outputs = &memory[fm_network_outputs(network, settings->layerCount - 1U)];
    float scale = 1.0F / (float)training->batch;
    float loss;

    fm_network_forward(network, training->weights, training->rows, row, memory);
    loss = training->loss->gradient(outputs, network->classes, fm_row_label(training->rows, row),
                                    settings->positiveWeight, scale);
    fm_sum_add(&training->lossSum, loss);
    fm_network_backward(network, training->weights, settings->trained.from, memory);
    training->taken++;
    if (training->taken == training->batch) {
        training->layer = settings->trained.from;
        training->input = 0U;
    }
}

/** Takes the step of parameter `at`, whose mean gradient is `gradient`. */
static void training_apply(const fm_training_t *training, uint32_t at, float gradient)
{
    const fm_settings_t *settings = training->network->settings;
    float w = training->weights[at];
    float g = gradient;

    if (fm_float_bits(settings->l2) != 0U) {
        g += settings->l2 * w;
    }
    if (fm_float_bits(settings->proximal) != 0U) {
        g += settings->proximal * (w - training->start[at]);
    }
    if (training->velocity != NULL) {
        g = (settings->momentum * training->velocity[at]) + g;
        training->velocity[at] = g;
    }
    training->weights[at] = w - (settings->learningRate * g);
}

/** Input `k` of a layer for every row of the batch; beyond the inputs there is the one that goes with the biases. */
static void training_gather(const fm_training_t *training, uint32_t layer, uint32_t k, float *column)
{
    uint32_t r;

    for (r = 0U; r < training->batch; r++) {
        if (k == fm_network_inputs(training->network, layer)) {
            column[r] = 1.0F;
        } else if (layer == 0U) {
            column[r] = fm_row_value(training->rows, training->order[training->row + r], k);
        } else {
            column[r] = training_row(training, r)[fm_network_outputs(training->network, layer - 1U) + k];
        }
    }
}

/** Steps the weights of one input of one layer. */
static void training_step(fm_training_t *training)
{
    const fm_network_t *network = training->network;
    uint32_t layer = training->layer;
    uint32_t units = network->settings->layers[layer].units;
    uint32_t at = fm_network_offset(network, layer) + (training->input * units);
    uint32_t stride = fm_network_row(network);
    const float *deltas = &training->memory[fm_network_deltas(network, layer)];
    float *column = training_row(training, training->batch);
    uint32_t j;
    uint32_t r;

    training_gather(training, layer, training->input, column);
    for (j = 0U; j < units; j++) {
        float g = 0.0F;

        for (r = 0U; r < training->batch; r++) {
            g += column[r] * deltas[(r * stride) + j];
        }
        training_apply(training, at + j, g);
    }
    training->input++;
    if (training->input > fm_network_inputs(network, layer)) {
        training->input = 0U;
        training->layer++;
    }
}

/** The batch is done. */
static void training_finish_step(fm_training_t *training)
{
    training->steps++;
    training->samples += training->batch;
    training->row += training->batch;
    training->taken = 0U;
    if (training->row == training->rows->samples->rows) {
        training->row = 0U;
        training->epoch++;
    }
}

static void training_begin_step(fm_training_t *training)
{
    const fm_settings_t *settings = training->network->settings;

    if (training->row == 0U) {
        training_shuffle(training);
    }
    training->batch = training_smaller(settings->batch, training->rows->samples->rows - training->row);
}

fm_result_t fm_training_advance(fm_training_t *training)
{
    fm_result_t result = FM_AGAIN;

    if (training->epoch == training->network->settings->epochs) {
        result = FM_OK;
    } else {
        if (training->taken == 0U) {
            training_begin_step(training);
        }
        if (training->taken < training->batch) {
            training_learn(training);
        } else {
            training_step(training);
            if (training->layer == training->network->settings->trained.to) {
                training_finish_step(training);
            }
        }
    }
    return result;
}
