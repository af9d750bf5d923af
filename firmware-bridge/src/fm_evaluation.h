/** An evaluation as the vector that travels (src/core/evaluation.ts): rows, limbs of the loss, then counts or limbs of errors. */
#ifndef FM_EVALUATION_H
#define FM_EVALUATION_H

#include <stdint.h>

#include "fedmote.h"

/** Floats of the vector. */
uint32_t fm_evaluation_size(const fm_network_t *network, const fm_loss_t *loss);

/**
 * Begins. The caller has filled in network, loss, test, train, parameters, vector (fm_evaluation_size()
 * floats) and memory (fm_network_row() floats); all are borrowed.
 */
void fm_evaluation_begin(fm_evaluation_t *evaluation);

/** One row. FM_AGAIN: there is more. FM_OK: the vector is there. FM_BAD_SAMPLE; FM_DIVERGED: the loss is not finite. */
fm_result_t fm_evaluation_advance(fm_evaluation_t *evaluation);

#endif
