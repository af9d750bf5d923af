/**
 * Losses: each is a table of functions in a file of its own, so that an image links those it names in its
 * fm_parts_t. The arithmetic is that of assembly/README.md, "Losses".
 */
#ifndef FM_LOSS_H
#define FM_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"

/** Entries of a score histogram; a logit z falls into bin floor(z * 16) + 128, z held to -8 ... 7.9375. */
#define FM_SCORE_BINS 256U

struct fm_loss {
    /** FM_LOSS_... */
    uint16_t id;
    /** With this label, and no weight, the gradients of the outputs times 1 are what the model predicts. */
    float none;
    /** Whether a label may be this; `classes` is the number of outputs. */
    bool (*fits)(float label, uint32_t classes);
    /** Turns outputs into their gradients times `scale`, in place; returns the row's loss. */
    float (*gradient)(float *z, uint32_t classes, float label, float positiveWeight, float scale);
    /** How many counts, or floats in their place, an evaluation has. */
    uint32_t (*counts)(uint32_t classes);
    /** Counts the row with these outputs. */
    void (*tally)(fm_tally_t *tally, const float *z, uint32_t classes, float label);
    /**
     * All rows are counted: writes what is not a count. FM_AGAIN: the training rows are to be counted, too. FM_DIVERGED: a sum is not finite. NULL: all is there.
     */
    fm_result_t (*turn)(fm_evaluation_t *evaluation);
};

/** Whether `label` is 0, 1, ... `classes` - 1. */
bool fm_is_class(float label, uint32_t classes);

#endif
