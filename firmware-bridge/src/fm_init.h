/** Initial parameters: what a federation's first model is, should a device want to make its own. */
#ifndef FM_INIT_H
#define FM_INIT_H

#include "fedmote.h"

/** Writes all parameters, from the model's key alone: weights uniform (Glorot and Bengio 2010; before a relu He et al. 2015), biases 0. */
void fm_init(const fm_model_t *model, float *parameters);

#endif
