/** The samples of this image: an array in flash, which samples.mjs makes from a CSV. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdint.h>

extern const uint32_t samples_features;
extern const uint32_t samples_train_rows;
extern const uint32_t samples_test_rows;

/** Row after row, each its features and then its label: the rows to train with, then those to test with. */
extern const float samples_values[];

#endif
