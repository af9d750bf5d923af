/**
 * A model of dense layers, one row at a time, in the fixed order of assembly/README.md, "The arithmetic".
 *
 * Memory of one row: the outputs of every layer, the first layer first; then the gradients of the hidden
 * layers' outputs in the same order. The last layer's gradients take the place of its outputs.
 */
#ifndef FM_MODEL_H
#define FM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"

/**
 * Takes the layers in, but no loss, no scales and no key. FM_UNSUPPORTED: layers that are not dense, tanh without a curve, or a last one that is
 * not without activation; FM_BAD_ARGUMENT: more than 2^24 parameters. Borrows `settings`.
 */
fm_result_t fm_model_begin(fm_model_t *model, const fm_settings_t *settings);

/** The first parameter of a layer's weights, [inputs][units]; its biases follow. With the number of layers: all parameters. */
uint32_t fm_model_offset(const fm_model_t *model, uint32_t layer);

/** Inputs of a layer. */
uint32_t fm_model_inputs(const fm_model_t *model, uint32_t layer);

/** Where in a row's memory a layer's outputs are; and the gradients of outputs that are there. */
uint32_t fm_model_outputs(const fm_model_t *model, uint32_t layer);
uint32_t fm_model_deltas(const fm_model_t *model, uint32_t outputs);

/** Where the last layer's outputs are. */
uint32_t fm_model_last(const fm_model_t *model);

/** Floats of one row's memory. */
uint32_t fm_model_row(const fm_model_t *model);

/** Value `column` of a row, as the model sees it: standardised where that is asked for. */
float fm_model_value(const fm_model_t *model, uint32_t row, uint32_t column);

/** The row's label. */
float fm_model_label(const fm_model_t *model, uint32_t row);

/** All layers' outputs for a row, into `memory`. */
void fm_model_forward(const fm_model_t *model, uint32_t row, float *memory);

/**
 * All of a row but the way back: its outputs, which `tally` counts where it is not NULL; then their gradients times `scale` in their place. Returns the loss.
 */
float fm_model_learn(const fm_model_t *model, uint32_t row, float *memory, float scale, fm_tally_t *tally);

/**
 * From the gradients of the last layer's outputs, those of the hidden layers' outputs, down to the inputs of
 * layer `first`, the lowest that learns.
 */
void fm_model_backward(const fm_model_t *model, uint32_t first, float *memory);

#endif
