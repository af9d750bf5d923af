/** What training may have beside plain SGD: a table of functions, so that an image links it where its fm_parts_t names it. */
#ifndef FM_TERMS_H
#define FM_TERMS_H

#include <stdint.h>

#include "fedmote.h"

struct fm_terms {
    /** Floats of working memory that it takes for so many parameters. */
    uint32_t (*floats)(const fm_settings_t *settings, uint32_t parameters);
    /** Takes them from training's memory, and begins with nothing. */
    void (*place)(fm_training_t *training, uint32_t parameters);
    /** The gradient by which parameter `at` steps, from what the loss gives. */
    float (*adjust)(const fm_training_t *training, uint32_t at, float gradient);
};

#endif
