/** Softmax and cross-entropy. */
#include "fm_loss.h"
#include "fm_math.h"
#include "fm_protocol.h"

bool fm_is_class(float label, uint32_t classes)
{
    return (label >= 0.0F) && (label < (float)classes) && ((float)(uint32_t)label == label);
}

/** The first largest output. */
static uint32_t softmax_largest(const float *z, uint32_t classes)
{
    uint32_t best = 0U;
    uint32_t j;

    for (j = 1U; j < classes; j++) {
        if (z[j] > z[best]) {
            best = j;
        }
    }
    return best;
}

/** Turns outputs into e^(z - most), in place; returns their sum. */
static float softmax_exponentials(float *z, uint32_t classes, float most)
{
    float total = 0.0F;
    uint32_t j;

    for (j = 0U; j < classes; j++) {
        z[j] = fm_exp(z[j] - most);
        total += z[j];
    }
    return total;
}

static float softmax_gradient(float *z, uint32_t classes, float label, float positiveWeight, float scale)
{
    float most = z[softmax_largest(z, classes)];
    uint32_t truth = (uint32_t)label;
    float own = z[truth];
    float total = softmax_exponentials(z, classes, most);
    uint32_t j;

    (void)positiveWeight;
    for (j = 0U; j < classes; j++) {
        float p = z[j] / total;

        z[j] = ((j == truth) ? (p - 1.0F) : p) * scale;
    }
    return (fm_log(total) + most) - own;
}

static void softmax_predict(float *z, uint32_t classes)
{
    float total = softmax_exponentials(z, classes, z[softmax_largest(z, classes)]);
    uint32_t j;

    for (j = 0U; j < classes; j++) {
        z[j] = z[j] / total;
    }
}

static uint32_t softmax_counts(uint32_t classes)
{
    return classes * classes;
}

static void softmax_tally(fm_tally_t *tally, const float *z, uint32_t classes, float label)
{
    tally->counts[((uint32_t)label * classes) + softmax_largest(z, classes)] += 1.0F;
}

const fm_loss_t fm_softmax = { FM_LOSS_SOFTMAX, fm_is_class,    softmax_gradient, softmax_predict,
                               softmax_counts,  softmax_tally, false };
