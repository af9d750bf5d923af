/** Softmax and cross-entropy. */
#include <stddef.h>

#include "fm_bits.h"
#include "fm_loss.h"
#include "fm_math.h"
#include "fm_protocol.h"

/* More than any class. */
#define NO_CLASS 65536.0F

bool fm_is_class(float label, uint32_t classes)
{
    /* Anything else than a whole number of so many bits is not what it becomes. */
    bool small = (fm_float_bits(label) & FM_MAGNITUDE) < fm_float_bits(NO_CLASS);
    uint32_t whole = small ? (uint32_t)(int32_t)label : classes;

    return (whole < classes) && (fm_float_bits((float)(int32_t)whole) == fm_float_bits(label));
}

/** The first largest output; none of them is -0, since sums begin at +0. */
static uint32_t softmax_largest(const float *z, uint32_t classes)
{
    uint32_t best = 0U;
    uint32_t most = 0U;
    uint32_t j;

    for (j = 0U; j < classes; j++) {
        uint32_t order = fm_order(z[j]);

        if (order > most) {
            most = order;
            best = j;
        }
    }
    return best;
}

static float softmax_gradient(float *z, uint32_t classes, float label, float positiveWeight, float scale)
{
    float most = z[softmax_largest(z, classes)];
    uint32_t truth = (uint32_t)(int32_t)label;
    float own = (truth < classes) ? z[truth] : 0.0F;
    float total = 0.0F;
    uint32_t j;

    (void)positiveWeight;
    for (j = 0U; j < classes; j++) {
        z[j] = fm_exp(z[j] - most);
        total += z[j];
    }
    for (j = 0U; j < classes; j++) {
        float p = z[j] / total;

        z[j] = ((j != truth) ? p : (p - 1.0F)) * scale;
    }
    return (fm_log(total) + most) - own;
}

static uint32_t softmax_counts(uint32_t classes)
{
    return classes * classes;
}

static void softmax_tally(fm_tally_t *tally, const float *z, uint32_t classes, float label)
{
    tally->counts[((uint32_t)(int32_t)label * classes) + softmax_largest(z, classes)] += 1.0F;
}

const fm_loss_t fm_softmax = {
    FM_LOSS_SOFTMAX, NO_CLASS, fm_is_class, softmax_gradient, softmax_counts, softmax_tally, NULL,
};
