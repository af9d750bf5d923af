#include "fm_evaluation.h"

#include <stddef.h>
#include <string.h>

#include "fm_loss.h"
#include "fm_model.h"
#include "fm_sum.h"

/* The vector begins with the number of rows and the limbs of the loss. */
#define COUNTS_AT (1U + FM_LIMBS)

uint32_t fm_evaluation_size(const fm_model_t *model)
{
    uint32_t counts = model->loss->counts(model->classes);

    return COUNTS_AT + ((counts != 0U) ? counts : (2U * FM_LIMBS));
}

/** The vector's first `count` floats, and all sums, are nothing; rows are counted from the first. */
static void evaluation_clear(fm_evaluation_t *evaluation, uint32_t count)
{
    (void)memset(evaluation->vector, 0, sizeof(float) * count);
    (void)memset(&evaluation->tally, 0, sizeof(evaluation->tally));
    evaluation->tally.counts = &evaluation->vector[COUNTS_AT];
    evaluation->row = 0U;
}

void fm_evaluation_begin(fm_evaluation_t *evaluation)
{
    evaluation_clear(evaluation, fm_evaluation_size(evaluation->model));
    /* Scores of the training rows come first: they are moved when they are complete. */
    evaluation->training = evaluation->model->loss->scores;
}

/** The training rows are counted: their histograms go to the end, and the test rows begin from nothing. */
static void evaluation_turn(fm_evaluation_t *evaluation)
{
    uint32_t scores = 2U * FM_SCORE_BINS;
    uint32_t end = fm_evaluation_size(evaluation->model) - scores;
    float *vector = evaluation->vector;

    (void)memcpy(&vector[end], &vector[end - scores], sizeof(float) * scores);
    evaluation_clear(evaluation, end);
    evaluation->training = false;
}

static fm_result_t evaluation_count(fm_evaluation_t *evaluation, const fm_samples_t *samples)
{
    const fm_model_t *model = evaluation->model;
    const fm_loss_t *loss = model->loss;
    float label = fm_model_label(model, samples, evaluation->row);
    float *outputs = &evaluation->memory[fm_model_last(model)];
    fm_result_t result = FM_BAD_SAMPLE;

    if (loss->fits(label, model->classes)) {
        fm_model_forward(model, evaluation->parameters, samples, evaluation->row, evaluation->memory);
        loss->tally(&evaluation->tally, outputs, model->classes, label);
        fm_sum_add(&evaluation->tally.loss,
                   loss->gradient(outputs, model->classes, label, model->settings->positiveWeight, 1.0F));
        evaluation->row++;
        result = FM_AGAIN;
    }
    return result;
}

static fm_result_t evaluation_end(fm_evaluation_t *evaluation)
{
    float *vector = evaluation->vector;
    bool good = fm_sum_limbs(&evaluation->tally.loss, &vector[1]);

    vector[0] = (float)(int32_t)evaluation->row;
    if (evaluation->model->loss->counts(evaluation->model->classes) == 0U) {
        good = fm_sum_limbs(&evaluation->tally.squared, &vector[COUNTS_AT]) && good;
        good = fm_sum_limbs(&evaluation->tally.absolute, &vector[COUNTS_AT + FM_LIMBS]) && good;
    }
    return good ? FM_OK : FM_DIVERGED;
}

fm_result_t fm_evaluation_advance(fm_evaluation_t *evaluation)
{
    const fm_samples_t *samples = evaluation->training ? evaluation->train : evaluation->test;
    fm_result_t result = FM_AGAIN;

    if (evaluation->row < samples->rows) {
        result = evaluation_count(evaluation, samples);
    } else if (evaluation->training) {
        evaluation_turn(evaluation);
    } else {
        result = evaluation_end(evaluation);
    }
    return result;
}
