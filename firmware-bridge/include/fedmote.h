/**
 * Fedmote for firmware: take part in federated learning from a microcontroller.
 */
#ifndef FEDMOTE_H
#define FEDMOTE_H

#include <stdbool.h>
#include <stdint.h>

/** What a call came to. fm_result_text() has a sentence for each. */
typedef enum {
    FM_OK = 0,
    /** Nothing to do for now; call again later. */
    FM_AGAIN,
    /** An argument or an option is out of its bounds. */
    FM_BAD_ARGUMENT,
    /** A buffer of the caller's is too small. */
    FM_NO_SPACE,
    /** These bytes are no message of protocol 1. */
    FM_BAD_MESSAGE
} fm_result_t;

/** A sentence in English, for logs. */
const char *fm_result_text(fm_result_t result);

/** Bytes that belong to somebody else. */
typedef struct {
    const uint8_t *bytes;
    uint32_t size;
} fm_bytes_t;

/** Most layers of a model. */
#define FM_LAYERS 15U

/** One layer; which fields count depends on its kind. */
typedef struct {
    uint16_t kind;
    uint16_t activation;
    /** Outputs of a dense layer, filters of a convolution. */
    uint16_t units;
    uint16_t mode;
    uint16_t channels;
    uint16_t width;
    uint16_t stride;
} fm_layer_t;

/** Layers from `from` to `to` - 1. */
typedef struct {
    bool given;
    uint32_t from;
    uint32_t to;
} fm_range_t;

typedef struct {
    bool given;
    bool on;
} fm_flag_t;

/** What to train and how, as the coordinator says it. */
typedef struct {
    uint32_t inputs;
    uint32_t layerCount;
    fm_layer_t layers[FM_LAYERS];
    uint16_t loss;
    float positiveWeight;
    bool standardized;
    uint32_t epochs;
    uint32_t batch;
    float learningRate;
    float momentum;
    float l2;
    float proximal;
    fm_flag_t errorFeedback;
    bool hasSchedule;
    uint16_t schedule;
    uint32_t warmup;
    float finalFraction;
    bool hasClipping;
    /** 0 where there is none. */
    float clipNorm;
    float exampleClipNorm;
    fm_range_t trained;
    fm_range_t shared;
} fm_settings_t;

#endif
