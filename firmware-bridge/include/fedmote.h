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
    FM_BAD_MESSAGE,
    /** These bytes are no MQTT 3.1.1 packet that a broker sends. */
    FM_BAD_PACKET,
    /** The broker does not take this client, or a subscription of its. */
    FM_REFUSED,
    /** The byte stream ended. */
    FM_CLOSED,
    /** Nothing was heard for too long. */
    FM_SILENT,
    /** The federation asks for what this image has no code for. */
    FM_UNSUPPORTED,
    /** A label, or a value, is not what the model takes. */
    FM_BAD_SAMPLE,
    /** What was pulled is not the model that was announced. */
    FM_BAD_MODEL,
    /** Training or evaluation left the finite numbers. */
    FM_DIVERGED
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

/** Samples, wherever they are: flash, RAM, a ring buffer of ADC readings. */
typedef struct {
    void *context;
    /** At most 65535. */
    uint32_t rows;
    /** Feature `column` of a row; with `column` one past the last feature, the label: class index or target. */
    float (*value)(void *context, uint32_t row, uint32_t column);
} fm_samples_t;

/**
 * What the library needs from the machine: a byte stream to the broker, a clock, and a little chance.
 * Every function gets `context` back.
 */
typedef struct {
    void *context;
    /**
     * Opens the stream: begins to, or goes on. FM_OK: it is there. FM_AGAIN: not yet. Anything else: it
     * failed; it is reset, and opened again later.
     */
    fm_result_t (*open)(void *context);
    /** Reads at most `size` bytes that are there. Bytes read; 0: none now; below 0: the stream has ended. */
    int32_t (*read)(void *context, uint8_t *bytes, uint32_t size);
    /** Writes at most `size` bytes without waiting. Bytes taken; 0: none now; below 0: the stream has ended. */
    int32_t (*write)(void *context, const uint8_t *bytes, uint32_t size);
    /** Closes the stream, and forgets what is still under way. */
    void (*reset)(void *context);
    /** Milliseconds since whenever; it may wrap around, and never goes back. */
    uint32_t (*now_ms)(void *context);
    /** 32 bits that nobody guesses, and that differ from one start to the next. */
    uint32_t (*random)(void *context);
} fm_port_t;

/** Memory for packets. */
typedef struct {
    /** For packets that come in: at least 256 bytes. Its size is the largest packet that the device takes. */
    uint8_t *incoming;
    uint32_t incomingBytes;
    /** For packets that go out: as many, and no packet is larger. */
    uint8_t *outgoing;
    uint32_t outgoingBytes;
} fm_buffers_t;

typedef struct fm_loss fm_loss_t;
typedef struct fm_codec fm_codec_t;
typedef struct fm_decoder fm_decoder_t;

/* ---- inside the context ---- */

typedef struct {
    const fm_port_t *port;
    const fm_buffers_t *buffers;
    uint32_t keepAliveMs;
    uint32_t state;
    uint32_t attempts;
    /** Bytes in the buffer for incoming packets; of those, the ones that were handed out. Bytes still to be dropped. */
    uint32_t filled;
    uint32_t used;
    uint32_t skip;
    /** What is still to be written: outgoing[from] to outgoing[to - 1]. */
    uint32_t from;
    uint32_t to;
    /** Packet ids: the last one used, and that of a publish that is not acknowledged yet, or 0. */
    uint32_t lastId;
    uint32_t publishId;
    /** Since when it is in this state, and for how long it waits. */
    uint32_t sinceMs;
    uint32_t waitMs;
    uint32_t heardMs;
    uint32_t sentMs;
    uint32_t pingedMs;
    bool pinged;
    /** Why the connection is to be broken; FM_OK: it is not. */
    fm_result_t broken;
} fm_session_t;

typedef struct {
    uint32_t state[8];
    uint32_t bytes;
    uint8_t block[64];
} fm_sha256_t;

/** Names random streams: assembly/README.md. */
typedef struct {
    uint32_t seed;
    uint32_t round;
    /** The first 8 bytes of SHA-256(device id), big-endian. */
    uint32_t device[2];
} fm_key_t;

typedef struct {
    uint64_t mantissa;
    int32_t exponent;
    bool negative;
    bool spoiled;
} fm_sum_t;

/** Rows as the model sees them. */
typedef struct {
    const fm_samples_t *samples;
    uint32_t features;
    /** One of each a feature; NULL where the federation does not standardise. */
    const float *mean;
    const float *inverse;
} fm_rows_t;

typedef struct {
    const fm_settings_t *settings;
    /** Units of all layers but the last, and of the last. */
    uint32_t hidden;
    uint32_t classes;
} fm_network_t;

typedef struct {
    const fm_network_t *network;
    const fm_loss_t *loss;
    const fm_rows_t *rows;
    fm_key_t key;
    uint16_t *order;
    const float *start;
    float *weights;
    float *velocity;
    float *memory;
    /** Where it stands: epoch, row within it, size of the batch and how many of it are taken; then layer and input. */
    uint32_t epoch;
    uint32_t row;
    uint32_t batch;
    uint32_t taken;
    uint32_t layer;
    uint32_t input;
    uint32_t shuffled;
    /** Done so far. */
    uint32_t steps;
    uint32_t samples;
    fm_sum_t lossSum;
} fm_training_t;

/** What is counted over rows. */
typedef struct {
    fm_sum_t loss;
    fm_sum_t squared;
    fm_sum_t absolute;
    float *counts;
} fm_tally_t;

typedef struct {
    const fm_network_t *network;
    const fm_loss_t *loss;
    const fm_rows_t *test;
    const fm_rows_t *train;
    const float *parameters;
    float *vector;
    float *memory;
    /** Whether the training rows are being counted; the rows, and the next of them. */
    bool training;
    const fm_rows_t *rows;
    uint32_t row;
    fm_tally_t tally;
} fm_evaluation_t;

/** What is encoded: `values`, less `start` where that is not NULL. */
typedef struct {
    const float *values;
    const float *start;
    uint32_t count;
    fm_key_t key;
    float *memory;
} fm_delta_t;

typedef struct {
    const fm_codec_t *codec;
    const fm_delta_t *delta;
    /** The next value to encode. */
    uint32_t at;
    uint32_t used;
    uint32_t filled;
    uint8_t block[130];
} fm_payload_t;

extern const fm_loss_t fm_softmax;
extern const fm_loss_t fm_logistic;
extern const fm_loss_t fm_squared;

extern const fm_codec_t fm_codec_f32;
extern const fm_codec_t fm_codec_int8;
extern const fm_codec_t fm_codec_eden1;

extern const fm_decoder_t fm_decoder_int8;
extern const fm_decoder_t fm_decoder_eden1;
extern const fm_decoder_t fm_decoder_eden4;

#endif
