#include "fm_init.h"

#include "fm_bits.h"
#include "fm_model.h"
#include "fm_protocol.h"
#include "fm_random.h"

/** The square root of a number of 0.00009 to 6, rounded to nearest: bit by bit, with integers. */
static float init_root(float value)
{
    uint32_t bits = fm_float_bits(value);
    uint32_t biased = bits >> 23U;
    uint32_t fraction = (bits & 0x7FFFFFU) | 0x800000U;
    int32_t exponent = (int32_t)biased - 127;
    uint64_t square = (uint64_t)fraction << 25U;
    uint64_t root = 0U;
    uint32_t bit = 0x1000000U;

    /* An even exponent halves; then the root has 25 bits, one more than float32 keeps. */
    if ((exponent % 2) != 0) {
        square <<= 1U;
        exponent--;
    }
    while (bit != 0U) {
        if (((root + bit) * (root + bit)) <= square) {
            root += bit;
        }
        bit >>= 1U;
    }
    /* Never a tie: the square of such a number has 49 bits, and `square` has zeros in its last ones. */
    root = (root + 1U) >> 1U;
    exponent = (exponent / 2) + 126;
    return fm_float(((uint32_t)exponent << 23U) + (uint32_t)root);
}

void fm_init(const fm_model_t *model, float *parameters)
{
    const fm_settings_t *settings = model->settings;
    uint32_t word = 0U;
    uint32_t at = 0U;
    uint32_t l;
    uint32_t i;

    for (l = 0U; l < settings->layerCount; l++) {
        uint32_t inputs = fm_model_inputs(model, l);
        uint32_t units = settings->layers[l].units;
        bool relu = settings->layers[l].activation == FM_ACTIVATION_RELU;
        uint32_t fan = inputs + (relu ? 0U : units);
        float limit = init_root(6.0F / (float)fan);

        for (i = 0U; i < (inputs * units); i++) {
            /* From -1 to 1, in steps of 2^-23. */
            uint32_t random = fm_random_word(&model->key, FM_PURPOSE_INIT, word) >> 8U;
            int32_t whole = (int32_t)random - 8388608;

            parameters[at] = ((float)whole * (1.0F / 8388608.0F)) * limit;
            word++;
            at++;
        }
        for (i = 0U; i < units; i++) {
            parameters[at] = 0.0F;
            at++;
        }
    }
}
