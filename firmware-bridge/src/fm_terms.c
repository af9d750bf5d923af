/** Weight decay, momentum, and FedProx's proximal term (Li et al. 2020). */
#include "fm_terms.h"

#include <stddef.h>
#include <string.h>

#include "fm_bits.h"

static uint32_t terms_floats(const fm_settings_t *settings, uint32_t parameters)
{
    return fm_is_above_zero(settings->momentum) ? parameters : 0U;
}

static void terms_place(fm_training_t *training, uint32_t parameters)
{
    uint32_t floats = terms_floats(training->model->settings, parameters);

    training->velocity = NULL;
    if (floats > 0U) {
        training->velocity = training->memory;
        training->memory = &training->memory[floats];
        (void)memset(training->velocity, 0, sizeof(float) * floats);
    }
}

static float terms_adjust(const fm_training_t *training, uint32_t at, float gradient)
{
    const fm_settings_t *settings = training->model->settings;
    float g = gradient;

    if (fm_is_above_zero(settings->l2)) {
        g += settings->l2 * training->weights[at];
    }
    if (fm_is_above_zero(settings->proximal)) {
        g += settings->proximal * (training->weights[at] - training->start[at]);
    }
    if (training->velocity != NULL) {
        g = (settings->momentum * training->velocity[at]) + g;
        training->velocity[at] = g;
    }
    return g;
}

const fm_terms_t fm_terms = { terms_floats, terms_place, terms_adjust };
