/**
 * Counts instructions: what a training sample takes, for a 64-32-4 softmax model in batches of 8. To be run with
 * `qemu-system-arm -icount shift=0`, where the clock is the number of instructions: one a nanosecond.
 */
#include <stddef.h>

#include "board.h"
#include "fm_bits.h"
#include "fm_init.h"
#include "fm_model.h"
#include "fm_protocol.h"
#include "fm_random.h"
#include "fm_training.h"

#define FEATURES 64U
#define CLASSES 4U
#define ROWS 64U
#define FLOATS 6000U

/* CMSDK timer 0, which counts down at 25 MHz: 40 instructions a tick. */
#define TIMER_CTRL (*(volatile uint32_t *)0x40000000U)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004U)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008U)
#define INSTRUCTIONS_PER_TICK 40U

static float memory[FLOATS];
static uint16_t order[ROWS];

static const fm_key_t key = { 1U, 2U, { 3U, 4U } };

/** Features from -1 to 1, labels in turn. */
static float value(void *context, uint32_t row, uint32_t column)
{
    uint32_t bits = fm_random_word(&key, FM_PURPOSE_ROUNDING, (row * FEATURES) + column);

    (void)context;
    return (column == FEATURES) ? (float)(row % CLASSES) : (((float)(int32_t)(bits >> 8U) / 8388608.0F) - 1.0F);
}

static const fm_samples_t generated = { NULL, ROWS, value };
static float values[ROWS * (FEATURES + 1U)];

static float stored(void *context, uint32_t row, uint32_t column)
{
    (void)context;
    return values[(row * (FEATURES + 1U)) + column];
}

static fm_settings_t settings = {
    .inputs = FEATURES,
    .layerCount = 2U,
    .layers = { { .kind = FM_LAYER_KIND_DENSE, .activation = FM_ACTIVATION_RELU, .units = 32U },
                { .kind = FM_LAYER_KIND_DENSE, .activation = FM_ACTIVATION_IDENTITY, .units = CLASSES } },
    .loss = FM_LOSS_SOFTMAX,
    .positiveWeight = 1.0F,
    .epochs = 1U,
    .batch = 8U,
    .learningRate = 0.05F,
    .trained = { .from = 0U, .to = 2U },
};

int main(int argc, char **argv)
{
    const fm_samples_t samples = { NULL, ROWS, stored };
    fm_model_t model = { .samples = &samples, .loss = &fm_softmax, .key = key };
    fm_training_t training = { .model = &model, .order = order };
    uint32_t parameters;

    (void)argc;
    (void)argv;
    for (uint32_t i = 0U; i < (ROWS * (FEATURES + 1U)); i++) {
        values[i] = generated.value(NULL, i / (FEATURES + 1U), i % (FEATURES + 1U));
    }
    if (fm_model_begin(&model, &settings) != FM_OK) {
        return 1;
    }
    parameters = fm_model_offset(&model, settings.layerCount);
    fm_init(&model, memory);
    training.start = memory;
    training.weights = &memory[parameters];
    training.memory = &memory[2U * parameters];
    TIMER_RELOAD = UINT32_MAX;
    TIMER_VALUE = UINT32_MAX;
    TIMER_CTRL = 1U;
    if (fm_training_begin(&training) != FM_OK) {
        return 1;
    }
    while (fm_training_advance(&training) == FM_AGAIN) {
        /* Until the epoch is over. */
    }
    board_log_number(((UINT32_MAX - TIMER_VALUE) / ROWS) * INSTRUCTIONS_PER_TICK);
    board_log("\n");
    return (training.done.samples == ROWS) ? 0 : 1;
}
