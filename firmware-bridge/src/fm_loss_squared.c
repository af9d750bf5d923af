/** Half squared error of one output. */
#include <stddef.h>

#include "fm_bits.h"
#include "fm_loss.h"
#include "fm_protocol.h"
#include "fm_sum.h"

static bool squared_fits(float label, uint32_t classes)
{
    return (classes == 1U) && fm_is_finite(label);
}

static float squared_gradient(float *z, uint32_t classes, float label, float positiveWeight, float scale)
{
    float d = z[0] - label;

    (void)classes;
    (void)positiveWeight;
    z[0] = d * scale;
    return (0.5F * d) * d;
}

/** Limbs of two sums. */
static uint32_t squared_counts(uint32_t classes)
{
    (void)classes;
    return 2U * FM_LIMBS;
}

static void squared_tally(fm_tally_t *tally, const float *z, uint32_t classes, float label)
{
    float e = z[0] - label;

    (void)classes;
    fm_sum_add_square(&tally->squared, e);
    fm_sum_add(&tally->absolute, fm_float(fm_float_bits(e) & FM_MAGNITUDE));
}

static fm_result_t squared_turn(fm_evaluation_t *evaluation)
{
    fm_tally_t *tally = &evaluation->tally;
    bool good = fm_sum_limbs(&tally->squared, tally->counts);

    good = fm_sum_limbs(&tally->absolute, &tally->counts[FM_LIMBS]) && good;
    return good ? FM_OK : FM_DIVERGED;
}

const fm_loss_t fm_squared = {
    FM_LOSS_SQUARED, 0.0F, squared_fits, squared_gradient, squared_counts, squared_tally, squared_turn,
};
