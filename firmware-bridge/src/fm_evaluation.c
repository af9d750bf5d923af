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
    return COUNTS_AT + model->loss->counts(model->classes);
}

/** All sums are nothing; rows are counted from the first. */
static void evaluation_clear(fm_evaluation_t *evaluation, bool training)
{
    (void)memset(&evaluation->tally, 0, sizeof(evaluation->tally));
    evaluation->tally.counts = &evaluation->vector[COUNTS_AT];
    evaluation->row = 0U;
    evaluation->training = training;
}

void fm_evaluation_begin(fm_evaluation_t *evaluation)
{
    const fm_model_t *model = evaluation->model;

    (void)memset(evaluation->vector, 0, sizeof(float) * fm_evaluation_size(model));
    /* The training rows come first: their counts are moved when they are complete. */
    evaluation_clear(evaluation, model->loss->keep != NULL);
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
    const fm_loss_t *loss = evaluation->model->loss;
    bool good = fm_sum_limbs(&evaluation->tally.loss, &evaluation->vector[1]);

    evaluation->vector[0] = (float)(int32_t)evaluation->row;
    if (loss->finish != NULL) {
        good = loss->finish(&evaluation->tally) && good;
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
        evaluation->model->loss->keep(evaluation->tally.counts);
        evaluation_clear(evaluation, false);
    } else {
        result = evaluation_end(evaluation);
    }
    return result;
}
