/** Logistic loss of one output and two classes. */
#include <stddef.h>

#include "fm_loss.h"
#include "fm_math.h"
#include "fm_protocol.h"

#define CONFUSION 4U

static bool logistic_fits(float label, uint32_t classes)
{
    return (classes == 1U) && fm_is_class(label, 2U);
}

/** -|z|: what the exponential takes. */
static float logistic_below(float z)
{
    return (z >= 0.0F) ? -z : z;
}

static float logistic_gradient(float *z, uint32_t classes, float label, float positiveWeight, float scale)
{
    float value = z[0];
    float e = fm_exp(logistic_below(value));
    float sum = 1.0F + e;
    float p = ((value >= 0.0F) ? 1.0F : e) / sum;
    float loss = fm_log(sum);

    (void)classes;
    if (label > 0.0F) {
        loss = positiveWeight * (((value < 0.0F) ? -value : 0.0F) + loss);
        p = positiveWeight * (p - 1.0F);
    } else {
        loss = ((value > 0.0F) ? value : 0.0F) + loss;
    }
    z[0] = p * scale;
    return loss;
}

/** Confusion, histograms of the test rows for each class, and those of the training rows. */
static uint32_t logistic_counts(uint32_t classes)
{
    (void)classes;
    return CONFUSION + (4U * FM_SCORE_BINS);
}

/** The bin of a score: from 128 on those that are called 1. */
static uint32_t logistic_bin(float z)
{
    float bounded = -8.0F;
    int32_t bin;

    if (z > -8.0F) {
        bounded = (z < 7.9375F) ? z : 7.9375F;
    }
    bounded *= 16.0F;
    bin = (int32_t)bounded;
    /* Downwards, not toward zero. */
    if ((float)bin > bounded) {
        bin--;
    }
    bin += 128;
    return (uint32_t)bin;
}

static void logistic_tally(fm_tally_t *tally, const float *z, uint32_t classes, float label)
{
    uint32_t truth = (uint32_t)(int32_t)label;
    uint32_t predicted = 0U;

    (void)classes;
    if (z[0] >= 0.0F) {
        predicted = 1U;
    }
    if (!tally->training) {
        tally->counts[(2U * truth) + predicted] += 1.0F;
    }
    tally->counts[CONFUSION + (FM_SCORE_BINS * truth) + logistic_bin(z[0])] += 1.0F;
}

/** Behind the histograms of the test rows come those of the training rows. */
static fm_result_t logistic_turn(fm_evaluation_t *evaluation)
{
    fm_tally_t *tally = &evaluation->tally;
    fm_result_t result = FM_OK;

    if (!tally->training) {
        tally->training = true;
        tally->counts = &tally->counts[2U * FM_SCORE_BINS];
        evaluation->model->samples = evaluation->train;
        evaluation->row = 0U;
        result = FM_AGAIN;
    }
    return result;
}

const fm_loss_t fm_logistic = {
    FM_LOSS_LOGISTIC, 0.0F, logistic_fits, logistic_gradient, logistic_counts, logistic_tally, logistic_turn,
};
