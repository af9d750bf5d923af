/** Mini-batch SGD. */
#include "fm_training.h"

#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_loss.h"
#include "fm_model.h"
#include "fm_protocol.h"
#include "fm_random.h"
#include "fm_sum.h"
#include "fm_terms.h"

static uint32_t training_smaller(uint32_t a, uint32_t b)
{
    return (a < b) ? a : b;
}

uint32_t fm_training_memory(const fm_model_t *model, uint32_t rows)
{
    /* A batch's rows, and one input of each. */
    uint32_t batch = training_smaller(model->settings->batch, rows);
    uint32_t each = fm_model_row(model) + 1U;

    return (batch > (UINT32_MAX / each)) ? UINT32_MAX : (batch * each);
}

bool fm_training_supports(const fm_settings_t *settings, const fm_terms_t *terms)
{
    uint32_t none = settings->errorFeedback | settings->hasClipping | settings->warmup |
                    (settings->schedule ^ FM_SCHEDULE_KIND_CONSTANT);

    if (terms == NULL) {
        none |= fm_float_bits(settings->l2) | fm_float_bits(settings->proximal) | fm_float_bits(settings->momentum);
    }
    return none == 0U;
}

fm_result_t fm_training_begin(fm_training_t *training)
{
    fm_model_t *model = training->model;
    uint32_t parameters = fm_model_offset(model, model->settings->layerCount);
    fm_result_t result = FM_OK;
    uint32_t i;

    for (i = 0U; i < training->model->samples->rows; i++) {
        training->order[i] = (uint16_t)i;
        if (!model->loss->fits(fm_model_label(model, i), model->classes)) {
            result = FM_BAD_SAMPLE;
        }
    }
    model->parameters = training->weights;
    (void)memcpy(training->weights, training->start, sizeof(float) * parameters);
    if (training->terms != NULL) {
        training->terms->place(training, parameters);
    }
    (void)memset(&training->done, 0, sizeof(training->done));
    return result;
}

bool fm_training_rests(const fm_training_t *training)
{
    return training->done.taken == 0U;
}

/** Fisher-Yates over the order as it is, continuing the stream. */
static void training_shuffle(fm_training_t *training)
{
    uint16_t *order = training->order;
    uint32_t left;

    for (left = training->model->samples->rows; left > 1U; left--) {
        uint64_t word = fm_random_word(&training->model->key, FM_PURPOSE_SHUFFLE, training->done.shuffled);
        uint32_t other = (uint32_t)((word * left) >> 32U);
        uint16_t swapped = order[other];

        order[other] = order[left - 1U];
        order[left - 1U] = swapped;
        training->done.shuffled++;
    }
}

/** A row of the batch goes forward and backward. */
static void training_learn(fm_training_t *training, uint32_t i)
{
    const fm_model_t *model = training->model;
    uint32_t row = training->order[training->done.row + i];
    float *memory = &training->memory[i * fm_model_row(model)];
    float loss = fm_model_learn(model, row, memory,
                                1.0F / (float)(int32_t)training->done.batch, NULL);

    fm_sum_add(&training->done.lossSum, loss);
    fm_model_backward(model, model->settings->trained.from, memory);
}

/** Takes the step of parameter `at`, whose mean gradient is `gradient`. */
static void training_apply(const fm_training_t *training, uint32_t at, float gradient)
{
    float g = gradient;

    if (training->terms != NULL) {
        g = training->terms->adjust(training, at, g);
    }
    training->weights[at] -= training->model->settings->learningRate * g;
}

/**
 * The input of the layer that steps, for row `r` of the batch; beyond the inputs there is the one that goes with the biases. `outputs`: where the layer's
 * outputs are in a row's memory.
 */
static float training_input(const fm_training_t *training, uint32_t inputs, uint32_t outputs, uint32_t r)
{
    const fm_trained_t *done = &training->done;
    const fm_model_t *model = training->model;
    float x = 1.0F;

    if (done->input == inputs) {
        /* As it is. */
    } else if (done->layer == 0U) {
        x = fm_model_value(model, training->order[done->row + r], done->input);
    } else {
        x = training->memory[(r * fm_model_row(model)) + (outputs - inputs) + done->input];
    }
    return x;
}

/** Steps the weights of one input of one layer. */
static void training_step(fm_training_t *training, uint32_t inputs)
{
    const fm_trained_t *done = &training->done;
    const fm_model_t *model = training->model;
    uint32_t stride = fm_model_row(model);
    uint32_t outputs = fm_model_outputs(model, done->layer);
    uint32_t units = model->settings->layers[done->layer].units;
    uint32_t weight = fm_model_offset(model, done->layer) + (done->input * units);
    const float *deltas = &training->memory[fm_model_deltas(model, outputs)];
    float *column = &training->memory[done->batch * stride];
    uint32_t j;
    uint32_t r;

    for (r = 0U; r < done->batch; r++) {
        column[r] = training_input(training, inputs, outputs, r);
    }
    for (j = 0U; j < units; j++) {
        float g = 0.0F;

        for (r = 0U; r < done->batch; r++) {
            g += column[r] * deltas[(r * stride) + j];
        }
        training_apply(training, weight + j, g);
    }
}

/** The batch is learned: its next input steps, and when all have, the step is done. */
static void training_update(fm_training_t *training)
{
    fm_trained_t *done = &training->done;
    const fm_settings_t *settings = training->model->settings;
    uint32_t inputs = fm_model_inputs(training->model, done->layer);

    training_step(training, inputs);
    done->input++;
    if (done->input > inputs) {
        done->input = 0U;
        done->layer++;
    }
    if (done->layer == settings->trained.to) {
        done->steps++;
        done->samples += done->batch;
        done->row += done->batch;
        done->taken = 0U;
    }
}

/** A new batch begins, and perhaps a new epoch. */
static void training_begin_batch(fm_training_t *training)
{
    const fm_settings_t *settings = training->model->settings;
    fm_trained_t *done = &training->done;
    uint32_t rows = training->model->samples->rows;

    if (done->row == rows) {
        done->row = 0U;
    }
    if (done->row == 0U) {
        training_shuffle(training);
    }
    done->batch = training_smaller(settings->batch, rows - done->row);
    done->layer = settings->trained.from;
    done->input = 0U;
}

fm_result_t fm_training_advance(fm_training_t *training)
{
    fm_trained_t *done = &training->done;
    fm_result_t result = FM_AGAIN;

    if (done->samples == (training->model->settings->epochs * training->model->samples->rows)) {
        result = FM_OK;
    } else {
        if (done->taken == 0U) {
            training_begin_batch(training);
        }
        if (done->taken < done->batch) {
            training_learn(training, done->taken);
            done->taken++;
        } else {
            training_update(training);
        }
    }
    return result;
}
