#include "fm_evaluation.h"

#include <stddef.h>
#include <string.h>

#include "fm_loss.h"
#include "fm_network.h"
#include "fm_sum.h"

/* The vector begins with the number of rows and the limbs of the loss. */
#define COUNTS_AT (1U + FM_LIMBS)

uint32_t fm_evaluation_size(const fm_network_t *network, const fm_loss_t *loss)
{
    uint32_t counts = loss->counts(network->classes);

    return COUNTS_AT + ((counts == 0U) ? (2U * FM_LIMBS) : counts);
}

static void evaluation_clear(fm_evaluation_t *evaluation)
{
    fm_sum_begin(&evaluation->tally.loss);
    fm_sum_begin(&evaluation->tally.squared);
    fm_sum_begin(&evaluation->tally.absolute);
    evaluation->row = 0U;
}

void fm_evaluation_begin(fm_evaluation_t *evaluation)
{
    uint32_t size = fm_evaluation_size(evaluation->network, evaluation->loss);

    (void)memset(evaluation->vector, 0, sizeof(float) * size);
    evaluation->tally.counts = &evaluation->vector[COUNTS_AT];
    /* Scores of the training rows come first: they are moved when they are complete. */
    evaluation->training = evaluation->loss->scores;
    evaluation->rows = evaluation->training ? evaluation->train : evaluation->test;
    evaluation_clear(evaluation);
}

/** The training rows are counted: their histograms go to the end, and the test rows begin from nothing. */
static void evaluation_turn(fm_evaluation_t *evaluation)
{
    uint32_t size = fm_evaluation_size(evaluation->network, evaluation->loss);
    uint32_t scores = 2U * FM_SCORE_BINS;
    float *vector = evaluation->vector;

    (void)memcpy(&vector[size - scores], &vector[size - (2U * scores)], sizeof(float) * scores);
    (void)memset(vector, 0, sizeof(float) * (size - scores));
    evaluation->training = false;
    evaluation->rows = evaluation->test;
    evaluation_clear(evaluation);
}

static fm_result_t evaluation_count(fm_evaluation_t *evaluation)
{
    const fm_network_t *network = evaluation->network;
    const fm_settings_t *settings = network->settings;
    const fm_loss_t *loss = evaluation->loss;
    float label = fm_row_label(evaluation->rows, evaluation->row);
    float *outputs = &evaluation->memory[fm_network_outputs(network, settings->layerCount - 1U)];
    fm_result_t result = FM_AGAIN;

    if (loss->fits(label, network->classes)) {
        fm_network_forward(network, evaluation->parameters, evaluation->rows, evaluation->row, evaluation->memory);
        loss->tally(&evaluation->tally, outputs, network->classes, label);
        fm_sum_add(&evaluation->tally.loss,
                   loss->gradient(outputs, network->classes, label, settings->positiveWeight, 1.0F));
        evaluation->row++;
    } else {
        result = FM_BAD_SAMPLE;
    }
    return result;
}

static fm_result_t evaluation_end(fm_evaluation_t *evaluation)
{
    float *vector = evaluation->vector;
    bool good = fm_sum_limbs(&evaluation->tally.loss, &vector[1]);

    vector[0] = (float)evaluation->row;
    if (evaluation->loss->counts(evaluation->network->classes) == 0U) {
        good = fm_sum_limbs(&evaluation->tally.squared, &vector[COUNTS_AT]) && good;
        good = fm_sum_limbs(&evaluation->tally.absolute, &vector[COUNTS_AT + FM_LIMBS]) && good;
    }
    return good ? FM_OK : FM_DIVERGED;
}

fm_result_t fm_evaluation_advance(fm_evaluation_t *evaluation)
{
    fm_result_t result = FM_AGAIN;

    if (evaluation->row < evaluation->rows->samples->rows) {
        result = evaluation_count(evaluation);
    } else if (evaluation->training) {
        evaluation_turn(evaluation);
    } else {
        result = evaluation_end(evaluation);
    }
    return result;
}
