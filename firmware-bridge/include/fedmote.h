/**
 * Fedmote for firmware: take part in federated learning from a microcontroller, in C99, without malloc,
 * libm, recursion or stdio.
 *
 * A device joins a fleet over MQTT 3.1.1. In each round it pulls the model, trains on its own samples, sends the
 * quantised change, and waits until that has been committed. Samples never leave it.
 *
 * The firmware supplies a byte stream to the broker, a clock, its samples and some memory:
 *
 *     static uint8_t incoming[512], outgoing[512];
 *     static float memory[5500];
 *     static uint16_t order[ROWS];
 *     static fm_device_t device;
 *
 *     static const fm_port_t port = { NULL, uart_open, uart_read, uart_write, uart_reset, tick_ms, chance };
 *     static const fm_device_options_t options = {
 *         .fleet = "motes", .id = "mote-7", .port = &port,
 *         .buffers = { incoming, sizeof(incoming), outgoing, sizeof(outgoing) },
 *         .features = 64, .train = { NULL, ROWS, sample }, .order = order,
 *         .memory = memory, .memoryBytes = sizeof(memory), .parts = &fm_parts_small,
 *     };
 *
 *     fm_result_t result = fm_device_begin(&device, &options);
 *     while ((result == FM_OK) || (result == FM_AGAIN)) {
 *         result = fm_device_poll(&device);
 *         if (result == FM_AGAIN) {
 *             sleep_until_byte_or_ms(50);
 *         }
 *     }
 *
 * When fm_device_poll() says FM_DONE the federation has ended, and fm_device_predict() gives the released model's
 * answers. The bytes on the wire and the arithmetic are those of every other Fedmote device
 * (src/wire/protocol.cddl, assembly/README.md, assembly/CODECS.md).
 */
#ifndef FEDMOTE_H
#define FEDMOTE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- results ---------------------------------------------------------------------------------- */

/** What a call came to. fm_result_text() has a sentence for each. */
typedef enum {
    FM_OK = 0,
    /** Nothing to do for now; call again later. */
    FM_AGAIN,
    /** The federation has ended and its model is in memory. */
    FM_DONE,
    /** An argument or an option is out of its bounds. */
    FM_BAD_ARGUMENT,
    /** A buffer is too small. */
    FM_NO_SPACE,
    /** The memory for models is too small. */
    FM_NO_MEMORY,
    /** A packet is larger than the buffer for incoming packets. */
    FM_TOO_LARGE,
    /** These bytes are no message of protocol 1. */
    FM_BAD_MESSAGE,
    /** These bytes are no MQTT 3.1.1 packet that a broker sends. */
    FM_BAD_PACKET,
    /** The broker does not take this client, or a subscription of its. */
    FM_REFUSED,
    /** The byte stream has ended. */
    FM_CLOSED,
    /** Nothing was heard for too long. */
    FM_SILENT,
    /** The federation asks for what this image has no code for. */
    FM_UNSUPPORTED,
    /** The federation's model takes another number of features. */
    FM_MISFIT,
    /** A label or a value is not one that the model takes. */
    FM_BAD_SAMPLE,
    /** What was pulled is not the model that was announced. */
    FM_BAD_MODEL,
    /** Training or evaluation left the finite numbers. */
    FM_DIVERGED,
    /** The coordinator told this device to stop. */
    FM_STOPPED
} fm_result_t;

/** A sentence in English, for logs. */
const char *fm_result_text(fm_result_t result);

/* ---- what the firmware supplies --------------------------------------------------------------- */

/** Bytes that belong to somebody else; not terminated. */
typedef struct {
    const uint8_t *bytes;
    uint32_t size;
} fm_bytes_t;

/** A byte stream to the broker, a clock, and a little chance. Every function gets `context` back. */
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
    /** Closes the stream, and forgets what is still under way. A stream may lack any sign of being closed. */
    void (*reset)(void *context);
    /** Milliseconds since whenever; they may wrap around, and never go back. */
    uint32_t (*now_ms)(void *context);
    /** 32 bits that differ from one start of the device to the next. */
    uint32_t (*random)(void *context);
} fm_port_t;

/** Memory for packets. */
typedef struct {
    /** For packets that come in: 256 bytes at least. Its size is the largest packet that the device takes. */
    uint8_t *incoming;
    uint32_t incomingBytes;
    /** For packets that go out: 256 bytes at least. No packet is larger. */
    uint8_t *outgoing;
    uint32_t outgoingBytes;
} fm_buffers_t;

/** Samples, wherever they are: flash, RAM, a ring buffer of ADC readings. They are read many times, and must not change in a round. */
typedef struct {
    void *context;
    /** At most 65535. */
    uint32_t rows;
    /** Feature `column` of a row; with `column` one past the last feature its label: class index or target. */
    float (*value)(void *context, uint32_t row, uint32_t column);
} fm_samples_t;

/* ---- what the image has code for --------------------------------------------------------------- */

/** A loss; an image links those that it names. */
typedef struct fm_loss fm_loss_t;
extern const fm_loss_t fm_softmax;
extern const fm_loss_t fm_logistic;
extern const fm_loss_t fm_squared;

/** A codec of updates. */
typedef struct fm_codec fm_codec_t;
extern const fm_codec_t fm_codec_f32;
extern const fm_codec_t fm_codec_int8;
extern const fm_codec_t fm_codec_eden1;

/** A kind of round. A device without statistics or evaluation is not willing while the fleet has such a round. */
typedef struct fm_round fm_round_t;
extern const fm_round_t fm_round_training;
extern const fm_round_t fm_round_statistics;
extern const fm_round_t fm_round_evaluation;

/** Weight decay (`l2`), momentum, and the proximal term of FedProx. */
typedef struct fm_terms fm_terms_t;
extern const fm_terms_t fm_terms;

/** An activation beside ReLU: tanh. */
typedef struct fm_curve fm_curve_t;
extern const fm_curve_t fm_curve_tanh;

/** Models by their changes, on the way down. */
typedef struct fm_changes fm_changes_t;
extern const fm_changes_t fm_changes;

/** What an image is made of. Lists end with NULL, and may be the firmware's own; every fleet needs `f32` and `int8`. */
typedef struct {
    const fm_loss_t *const *losses;
    /** At most 16. */
    const fm_codec_t *const *codecs;
    const fm_round_t *const *rounds;
    /** NULL: the device is not willing where a federation asks for one of them. */
    const fm_terms_t *terms;
    /** NULL: the same with tanh. */
    const fm_curve_t *curve;
    /** NULL: models are pulled whole. */
    const fm_changes_t *changes;
} fm_parts_t;

/** All that it takes to take part: statistics, training and evaluation with softmax, ReLU and plain SGD; f32 and int8. */
extern const fm_parts_t fm_parts_least;

/** The same, and tanh; weight decay, momentum and the proximal term. */
extern const fm_parts_t fm_parts_small;

/** Everything. */
extern const fm_parts_t fm_parts_all;

/* ---- a device ---------------------------------------------------------------------------------- */

/** What happens on a device, for logs and lamps. */
typedef enum {
    /** Connected to the broker. */
    FM_EVENT_UP,
    /** No longer, or not yet: `result` says why. It is tried again by itself. */
    FM_EVENT_DOWN,
    /** A message of `number` bytes was dropped: the buffer for incoming packets is smaller. */
    FM_EVENT_TOO_LARGE,
    /** A message that makes no sense was ignored. */
    FM_EVENT_IGNORED,
    /** Said Hello and Ready. */
    FM_EVENT_GREETED,
    /** This device cannot work for the federation as it is: `result` says why; FM_NO_MEMORY: `number` bytes would do. */
    FM_EVENT_UNFIT,
    /** Joined round `number`. */
    FM_EVENT_JOINED,
    /** Holds version `number` of the model: pulled whole, or made of an earlier one by its changes. */
    FM_EVENT_PULLED,
    FM_EVENT_CHANGED,
    /** The model is not there yet (`result`); it is tried again. */
    FM_EVENT_PULL_FAILED,
    /** Trained, in `number` steps. */
    FM_EVENT_TRAINED,
    /** The round's work came to nothing (`result`): nothing is sent. */
    FM_EVENT_FAILED,
    /** Sent an update of `number` bytes. */
    FM_EVENT_SENT,
    /** The coordinator's receipt; refused with its reason in `text`. */
    FM_EVENT_FOLDED,
    FM_EVENT_BUSY,
    FM_EVENT_LATE,
    FM_EVENT_REFUSED,
    /** The update is in a committed model; or its round is over without it. */
    FM_EVENT_COMMITTED,
    FM_EVENT_DROPPED,
    /** To come back in `number` seconds. */
    FM_EVENT_WAIT,
    /** Told to stop, with the coordinator's reason in `text`. */
    FM_EVENT_STOPPED,
    /** The federation has ended with version `number`. */
    FM_EVENT_RELEASED
} fm_event_kind_t;

/** One of them. Nothing in it is a sample or a parameter. `text` holds during the call only. */
typedef struct {
    fm_event_kind_t kind;
    fm_result_t result;
    /** The round that the device last took up. */
    uint32_t round;
    uint32_t epoch;
    uint32_t number;
    fm_bytes_t text;
} fm_event_t;

/** How a device is made. Everything is borrowed for as long as the device lives. */
typedef struct {
    /** 1 to 32, and 1 to 64, of a-z, 0-9 and "-". The id is unique in the fleet. */
    const char *fleet;
    const char *id;
    const fm_port_t *port;
    fm_buffers_t buffers;
    /** For the broker; NULL: none. */
    const char *username;
    const char *password;
    /** A silence of this many seconds ends a connection, and so does a packet, or an acknowledgement, that takes longer; 0: 30. */
    uint32_t keepAliveSeconds;

    /** Values of a sample, 1 to 65535. */
    uint32_t features;
    fm_samples_t train;
    /** What is kept aside to evaluate with; may be none. */
    fm_samples_t test;
    /** Room for the order of the training rows: as many entries as there are. */
    uint16_t *order;

    /**
     * Where models, and all else that depends on their size, live. In floats, for P parameters of which a row's
     * layers have H hidden and C output units, batches of B rows, and S = 2 features if the federation standardises:
     *
     *     training      S + 2 P + max(B (2 H + C + 1), 1024 for eden1) + P with momentum
     *     evaluation    S + P + H + C + 6 + (softmax: C C, logistic: 1028, squared: 10)
     *     statistics    S + P + 1 + 10 features
     *
     * FM_EVENT_UNFIT tells how many bytes a federation needs.
     */
    float *memory;
    uint32_t memoryBytes;
    const fm_parts_t *parts;

    /** The device's own say: opted in, on power, idle; NULL: always. */
    bool (*willing)(void *context);
    /** Told what happens; NULL: nobody is. Must not call the device. */
    void (*event)(void *context, const fm_event_t *event);
    void *context;
} fm_device_options_t;

typedef struct fm_device fm_device_t;

/** Begins. FM_BAD_ARGUMENT: an option is out of its bounds. FM_NO_SPACE: a buffer for packets is too small. */
fm_result_t fm_device_begin(fm_device_t *device, const fm_device_options_t *options);

/**
 * Does what there is to do: a few milliseconds at most, and never waits. To be called again and again.
 *
 * FM_OK: there is more to do. FM_AGAIN: not before bytes arrive or some time has passed; 50 ms are fine.
 * FM_DONE: the federation has ended, and its model is here. FM_STOPPED: the coordinator told the device to stop.
 * Anything else: why it could not keep the model that the federation ended with.
 */
fm_result_t fm_device_poll(fm_device_t *device);

/** Leaves the fleet: says so, then disconnects. To be called, in place of fm_device_poll(), until it no longer says FM_AGAIN; 2 s at most. */
fm_result_t fm_device_leave(fm_device_t *device);

/**
 * The released model's outputs for one raw sample of `features` values, standardised as in training: probabilities
 * (softmax, logistic) or a value, one for each output unit. FM_AGAIN: there is no released model yet.
 */
fm_result_t fm_device_predict(fm_device_t *device, const float *x, float *outputs);

/** The released model's parameters, in canonical order (src/core/model.ts); NULL: there is none yet. */
const float *fm_device_model(const fm_device_t *device, uint32_t *count);

/* ---- inside the context: not for others --------------------------------------------------------- */

/* The order of members is the one with which code is smallest: what is used most is within reach of the shortest instructions, bytes below 32, words below 128. */

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

/** Layers from `from` to `to` - 1; all where it was not given. */
typedef struct {
    uint32_t given;
    uint32_t from;
    uint32_t to;
} fm_range_t;

/** What to train and how. What may be absent has a word before it that says whether it is there; it is 0 otherwise. */
typedef struct {
    uint32_t inputs;
    uint32_t layerCount;
    fm_range_t shared;
    float learningRate;
    uint16_t loss;
    uint16_t standardized;
    float positiveWeight;
    fm_range_t trained;
    uint16_t schedule;
    uint32_t hasExampleClipNorm;
    float exampleClipNorm;
    float l2;
    float proximal;
    uint32_t batch;
    uint32_t epochs;
    fm_layer_t layers[FM_LAYERS];
    uint32_t hasErrorFeedback;
    uint16_t errorFeedback;
    float finalFraction;
    uint32_t hasClipping;
    uint32_t hasClipNorm;
    float clipNorm;
    uint32_t hasMaxStaleness;
    /** Updates of earlier rounds are taken, from models of at most so many commits ago. */
    uint32_t maxStaleness;
    uint32_t hasSchedule;
    uint32_t warmup;
    float momentum;
} fm_settings_t;

/** A Notice, but for its strings. */
typedef struct {
    int32_t grid;
    uint16_t kind;
    uint32_t spreadSeconds;
    uint32_t hasDeltas;
    uint32_t deltasBase;
    uint16_t phase;
    uint32_t sizeBytes;
    uint32_t version;
    uint32_t weightCap;
    uint32_t session;
    uint32_t shards;
    uint32_t round;
    uint32_t hasCommitted;
    uint32_t committedRound;
    uint32_t committedEpoch;
    uint32_t epoch;
    uint32_t seed;
    uint32_t secondsLeft;
    uint16_t deltasCodec;
    fm_settings_t training;
} fm_notice_numbers_t;

/** Off where it waits 0 ms. */
typedef struct {
    uint32_t sinceMs;
    uint32_t waitMs;
} fm_timer_t;

typedef struct {
    uint32_t state[8];
    uint32_t words[16];
    uint32_t bytes;
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
    bool spoiled;
    bool negative;
    int32_t exponent;
} fm_sum_t;

/** What a broker has delivered: views of the packet. */
typedef struct {
    fm_bytes_t topic;
    fm_bytes_t payload;
    /** 0 with QoS 0. */
    uint32_t id;
    bool retained;
} fm_publish_t;

typedef struct {
    /** Why the connection is to be broken; FM_OK: it is not. */
    fm_result_t broken;
    /** How many acknowledgements the broker owes. */
    uint32_t owed;
    /** Of the last event. */
    fm_result_t result;
    bool pinged;
    uint8_t state;
    /** Of a publish that is not acknowledged yet, or 0. */
    uint32_t publishId;
    /** Whether an acknowledgement has come since the last look at the clock. */
    bool acknowledged;
    uint8_t attempts;
    /** Bytes in the buffer for incoming packets. */
    uint32_t filled;
    /** How long it waits. */
    uint32_t waitMs;
    /** The packet id used last. */
    uint32_t lastId;
    uint32_t ackId;
    /** The clock at this poll. */
    uint32_t nowMs;
    const fm_port_t *port;
    /** Since when it has sent none. */
    uint32_t owedMs;
    /** Since when it is in this state. */
    uint32_t sinceMs;
    /** Of those in the buffer, the ones that were handed out. */
    uint32_t used;
    uint32_t sentMs;
    fm_publish_t message;
    /** Bytes that are still to be written. */
    uint32_t queued;
    const fm_buffers_t *buffers;
    uint32_t heardMs;
    uint32_t needed;
    /** Half of the silence that ends a connection. */
    uint32_t halfMs;
    /** Bytes still to be dropped. */
    uint32_t skip;
    uint32_t pingedMs;
} fm_session_t;

/** A model, and how this device's samples and random numbers go into it. */
typedef struct {
    /** Units of all layers but the last. */
    uint32_t hidden;
    /** Units of the last. */
    uint32_t classes;
    /** What does for tanh; NULL: nothing. */
    const fm_curve_t *curve;
    const fm_loss_t *loss;
    /** Means and inverse deviations of the inputs; NULL where the federation does not standardise. */
    const float *scales;
    fm_key_t key;
    /** What outputs are made with. */
    const float *parameters;
    const fm_settings_t *settings;
    const fm_samples_t *samples;
} fm_model_t;

/** How far training has come. */
typedef struct {
    fm_sum_t lossSum;
    /** The input whose weights step. */
    uint32_t input;
    uint32_t steps;
    uint32_t shuffled;
    /** How many of the batch are learned. */
    uint32_t taken;
    /** When all are: the layer that steps. */
    uint32_t layer;
    uint32_t samples;
    /** Size of the batch. */
    uint32_t batch;
    /** Row of the epoch. */
    uint32_t row;
} fm_trained_t;

typedef struct {
    fm_trained_t done;
    /** What does for weight decay, momentum and the proximal term; NULL: nothing. */
    const fm_terms_t *terms;
    /** fm_training_memory() floats. */
    float *memory;
    /** Of momentum, or NULL. */
    float *velocity;
    /** The parameters before, left alone. */
    const float *start;
    fm_model_t *model;
    /** Those of now. */
    float *weights;
    /** As many as there are rows. */
    uint16_t *order;
} fm_training_t;

/** What is counted over rows. */
typedef struct {
    float *counts;
    /** Training rows, of which only scores are counted. */
    bool training;
    fm_sum_t loss;
    fm_sum_t squared;
    fm_sum_t absolute;
} fm_tally_t;

typedef struct {
    const fm_samples_t *train;
    fm_tally_t tally;
    /** The row that is next. */
    uint32_t row;
    float *memory;
    float *vector;
    fm_model_t *model;
} fm_evaluation_t;

/** One round is worked on at a time, and begins anew. */
/* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.2 */
typedef union {
    fm_training_t training;
    fm_evaluation_t evaluation;
    /** Of statistics: the feature that is next. */
    uint32_t feature;
} fm_job_t;

/** What is encoded: `values`, less `start` where that is not NULL. */
typedef struct {
    const float *values;
    const float *start;
    uint32_t count;
    const fm_key_t *key;
    float *memory;
} fm_delta_t;

/** What the coordinator said last. */
typedef struct {
    /** What this image has for the codec; NULL: nothing. */
    const fm_codec_t *codec;
    uint32_t parameters;
    /** Floats of means and inverse deviations. */
    uint32_t headFloats;
    /** Of the model in all. */
    uint32_t modelFloats;
    /** What it has for the round. */
    const fm_round_t *round;
    fm_notice_numbers_t notice;
    /** The size of chunks in which this device pulls the model; 0: none is small enough. */
    uint32_t chunkBytes;
    uint8_t digest[32];
} fm_plan_t;

/** The model on its way. */
typedef struct {
    /** Whether the chunk is asked for. */
    bool asked;
    /** Whether it waits before another attempt. */
    bool waiting;
    /** Whether it is a change that is pulled. */
    bool change;
    uint8_t attempts;
    /** Of a change: the next value. */
    uint32_t at;
    /** The size of chunks. */
    uint32_t chunkBytes;
    /** Of a change: bytes of the block that is not whole yet. */
    uint32_t filled;
    /** Bytes of what is pulled. */
    uint32_t partBytes;
    /** The next chunk. */
    uint32_t index;
    /** The version whose bytes are pulled. */
    uint32_t version;
    fm_timer_t timer;
} fm_pull_t;

/** Strings of an update, in their order. */
#define FM_UPDATE_ID 0U
/** Little-endian float32 each. */
#define FM_UPDATE_METRICS 1U
/** Writing: where its `bytes` is NULL, room is left for `size` bytes, at the end of the message. */
#define FM_UPDATE_PAYLOAD 2U

/** An update as it travels. */
typedef struct {
    uint32_t index;
    uint32_t count;
    uint32_t steps;
    uint32_t samples;
    uint32_t round;
    uint32_t epoch;
    fm_bytes_t strings[3];
    uint16_t codec;
    uint32_t baseVersion;
} fm_update_t;

/** The update that is kept. */
typedef struct {
    /** Bytes of the payload. */
    uint32_t bytes;
    fm_timer_t timer;
    /** Where hashing and sending are. */
    uint32_t at;
    /** Bytes of each chunk. */
    uint32_t chunkBytes;
    const fm_codec_t *codec;
    uint32_t resendMs;
    fm_update_t message;
    uint8_t loss[4];
    fm_delta_t delta;
    uint8_t updateId[8];
} fm_upload_t;

struct fm_device {
    uint32_t pendingRound;
    /** The connection was lost, and no Notice has come since: nothing is sent of an update that may be committed. */
    bool unsure;
    /** A Task whose Notice has not come yet. */
    bool pending;
    /** Why it is over; FM_OK: it is not. */
    fm_result_t ended;
    /** Whether it is the plan's. */
    bool holdsPlans;
    bool helloDue;
    /** The Notice is to be read again. */
    bool readNotice;
    bool released;
    /** Whether there is a model in memory. */
    bool holds;
    bool greeted;
    bool releasing;
    bool hasPlan;
    /** How many of its own topics it has subscribed to. */
    uint8_t subscribed;
    bool offline;
    /** Whether it has to finish. */
    bool finish;
    bool readyDue;
    /** Why this device cannot work for the federation; FM_OK: it can. */
    fm_result_t problem;
    /** Whether a round was taken up. */
    bool took;
    bool saidWilling;
    uint8_t stage;
    uint8_t flight;
    const fm_device_options_t *options;
    fm_pull_t pull;
    /** The largest chunk of a model that it takes. */
    uint32_t chunkLimit;
    uint32_t pendingEpoch;
    uint32_t subscribeId;
    uint32_t tookRound;
    uint32_t tookEpoch;
    fm_upload_t upload;
    fm_plan_t plan;
    fm_timer_t readyTimer;
    /** Tells this life of the device from others. */
    uint32_t sessionId;
    /* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.2 */
    fm_job_t job;
    fm_session_t session;
    fm_timer_t greetTimer;
    fm_model_t model;
    uint32_t heldVersion;
    fm_sha256_t sha;
};

#ifdef __cplusplus
}
#endif

#endif
