/** An evaluation as the vector that travels (src/core/evaluation.ts): rows, limbs of the loss, then counts or limbs of errors. */
#ifndef FM_EVALUATION_H
#define FM_EVALUATION_H

#include <stdint.h>

#include "fedmote.h"

/** Floats of the vector. */
uint32_t fm_evaluation_size(const fm_model_t *model);

/**
 * Begins. The caller has filled in the first members, up to `memory` (fm_model_row() floats); all are borrowed. `vector` has
 * fm_evaluation_size() floats.
 */
void fm_evaluation_begin(fm_evaluation_t *evaluation);

/** One row. FM_AGAIN: there is more. FM_OK: the vector is there. FM_BAD_SAMPLE; FM_DIVERGED: the loss is not finite. */
fm_result_t fm_evaluation_advance(fm_evaluation_t *evaluation);

#endif
