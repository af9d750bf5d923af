/**
 * Sums in float64 (IEEE 754 binary64, to nearest even) of float32 numbers and of their squares, with
 * integers alone: the same bits as `double` gives, without a soft-float library for it. What is added is
 * exact in binary64, and no such sum leaves its range of normal numbers.
 */
#ifndef FM_SUM_H
#define FM_SUM_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"

/** Numbers that a sum becomes on the wire (src/core/limbs.ts). */
#define FM_LIMBS 5U

/** A number that is not finite spoils the sum. A sum of nothing is all zeros. */
void fm_sum_add(fm_sum_t *sum, float value);

void fm_sum_add_square(fm_sum_t *sum, float value);

/** The sum rounded to float32; infinite where it is spoiled, or too large. */
float fm_sum_float(const fm_sum_t *sum);

/**
 * Five whole numbers below 2^24 in size, with the sum's sign: its digits to the base 2^24, the least
 * first, in units of 2^-64; what is smaller is cut off. False where the sum is spoiled or not below 2^55.
 */
bool fm_sum_limbs(const fm_sum_t *sum, float *limbs);

#endif
