/** Statistics of a device's features as the vector that travels (src/core/moments.ts): rows, then limbs of each feature's sum and sum of squares. */
#ifndef FM_MOMENTS_H
#define FM_MOMENTS_H

#include <stdint.h>

#include "fedmote.h"

/** Floats of the vector. */
uint32_t fm_moments_size(uint32_t features);

/**
 * Writes feature `feature` of the raw rows, and with the first one their number. FM_BAD_SAMPLE: a value
 * that is not finite, or far too large.
 */
fm_result_t fm_moments_feature(const fm_samples_t *samples, uint32_t feature, float *vector);

#endif
