/**
 * Local training: mini-batch SGD in small units of work, with memory for one batch's activations and none
 * for gradients.
 *
 * First every row of a batch goes forward and backward; its layers' outputs and their gradients are kept.
 * Then each weight's gradient is summed over the rows and applied at once. The sums are those of
 * assembly/README.md, term for term, so the bits are too.
 */
#ifndef FM_TRAINING_H
#define FM_TRAINING_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"

/** Whether there is code for the settings, layers and loss apart. */
bool fm_training_supports(const fm_settings_t *settings, const fm_terms_t *terms);

/** Floats of working memory that training needs besides weights and what its terms take; UINT32_MAX where that is too small a number. */
uint32_t fm_training_memory(const fm_model_t *model, uint32_t rows);

/**
 * Begins. The caller has filled in the first members, up to `memory`; all are borrowed. FM_BAD_SAMPLE: a label that the loss
 * does not take.
 */
fm_result_t fm_training_begin(fm_training_t *training);

/**
 * One unit of work: at most one row's forward and backward pass, or the step of the weights that belong to
 * one input. FM_AGAIN: there is more. FM_OK: all epochs are done.
 */
fm_result_t fm_training_advance(fm_training_t *training);

/** Whether the weights are those after a whole step: training may end here. */
bool fm_training_rests(const fm_training_t *training);

#endif
