/**
 * Elementary functions from additions, multiplications and shifts alone, so that every runtime gives the
 * same bits (assembly/README.md, "The arithmetic"). No libm.
 */
#ifndef FM_MATH_H
#define FM_MATH_H

/** e^x for x <= 0; what is below -87 counts as -87. */
float fm_exp(float x);

/** ln x for normal x > 0. */
float fm_log(float x);

/** tanh x. */
float fm_tanh(float x);

#endif
