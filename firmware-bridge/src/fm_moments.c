#include "fm_moments.h"

#include "fm_sum.h"

uint32_t fm_moments_size(uint32_t features)
{
    return 1U + (2U * FM_LIMBS * features);
}

fm_result_t fm_moments_feature(const fm_samples_t *samples, uint32_t feature, float *vector)
{
    uint32_t at = fm_moments_size(feature);
    fm_sum_t sum = { 0 };
    fm_sum_t squares = { 0 };
    uint32_t row;
    bool good;

    for (row = 0U; row < samples->rows; row++) {
        float value = samples->value(samples->context, row, feature);

        fm_sum_add(&sum, value);
        fm_sum_add_square(&squares, value);
    }
    vector[0] = (float)(int32_t)samples->rows;
    good = fm_sum_limbs(&sum, &vector[at]) && fm_sum_limbs(&squares, &vector[at + FM_LIMBS]);
    return good ? FM_OK : FM_BAD_SAMPLE;
}
