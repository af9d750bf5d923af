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

void fm_evaluation_begin(fm_evaluation_t *evaluation)
{
    (void)memset(evaluation->vector, 0, sizeof(float) * fm_evaluation_size(evaluation->model));
    (void)memset(&evaluation->tally, 0, sizeof(evaluation->tally));
    evaluation->tally.counts = &evaluation->vector[COUNTS_AT];
    evaluation->row = 0U;
}

static fm_result_t evaluation_count(fm_evaluation_t *evaluation)
{
    const fm_model_t *model = evaluation->model;
    float label = fm_model_label(model, evaluation->row);
    fm_result_t result = FM_BAD_SAMPLE;

    if (model->loss->fits(label, model->classes)) {
        float loss = fm_model_learn(model, evaluation->row, evaluation->memory, 1.0F,
                                    &evaluation->tally);

        fm_sum_add(&evaluation->tally.loss, loss);
        evaluation->row++;
        result = FM_AGAIN;
    }
    return result;
}

/** The rows are through. */
static fm_result_t evaluation_end(fm_evaluation_t *evaluation)
{
    const fm_loss_t *loss = evaluation->model->loss;
    fm_result_t result = FM_OK;

    if (!evaluation->tally.training) {
        evaluation->vector[0] = (float)(int32_t)evaluation->row;
        if (!fm_sum_limbs(&evaluation->tally.loss, &evaluation->vector[1])) {
            result = FM_DIVERGED;
        }
    }
    if ((result == FM_OK) && (loss->turn != NULL)) {
        result = loss->turn(evaluation);
    }
    return result;
}

fm_result_t fm_evaluation_advance(fm_evaluation_t *evaluation)
{
    return (evaluation->row < evaluation->model->samples->rows) ? evaluation_count(evaluation) : evaluation_end(evaluation);
}
