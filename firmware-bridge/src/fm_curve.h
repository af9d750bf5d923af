/** Activations beside ReLU: a table of functions, so that an image links it where its fm_parts_t names it. */
#ifndef FM_CURVE_H
#define FM_CURVE_H

#include "fedmote.h"

struct fm_curve {
    float (*bend)(float z);
    /** The derivative where bend() gave `y`. */
    float (*slope)(float y);
};

#endif
