/** The Notice as tables, its layers one by one (src/wire/protocol.cddl). */
#include "fm_notice.h"

#include "fm_fields.h"
#include "fm_protocol.h"

#if FM_LAYERS != FM_MOST_LAYER_LIST
#error "fedmote.h and the protocol differ in how many layers a model may have"
#endif

#define N fm_notice_numbers_t

/** All fields, one table behind the other. */
static const fm_field_t notice_fields[] = {
    /* A dense layer, but for its kind. */
    { FM_KEY_DENSE_UNITS, FM_FIELD_SIZE_16, FM_PLACE(fm_layer_t, units) },
    { FM_LAST | FM_KEY_DENSE_ACTIVATION, FM_FIELD_CHOICE_3, FM_PLACE(fm_layer_t, activation) },
    /* A convolution. */
    { FM_KEY_CONV1D_CHANNELS, FM_FIELD_SIZE_16, FM_PLACE(fm_layer_t, channels) },
    { FM_KEY_CONV1D_FILTERS, FM_FIELD_SIZE_16, FM_PLACE(fm_layer_t, units) },
    { FM_KEY_CONV1D_WIDTH, FM_FIELD_SIZE_16, FM_PLACE(fm_layer_t, width) },
    { FM_KEY_CONV1D_STRIDE, FM_FIELD_SIZE_16, FM_PLACE(fm_layer_t, stride) },
    { FM_LAST | FM_KEY_CONV1D_ACTIVATION, FM_FIELD_CHOICE_3, FM_PLACE(fm_layer_t, activation) },
    /* A pool. */
    { FM_KEY_POOL_MODE, FM_FIELD_CHOICE_2, FM_PLACE(fm_layer_t, mode) },
    { FM_KEY_POOL_CHANNELS, FM_FIELD_SIZE_16, FM_PLACE(fm_layer_t, channels) },
    { FM_LAST | FM_KEY_POOL_WIDTH, FM_FIELD_SIZE_16, FM_PLACE(fm_layer_t, width) },
    /* The Notice up to the layers: the map of the settings stays open. */
    { FM_KEY_NOTICE_ROUND, FM_FIELD_UINT32, FM_PLACE(N, round) },
    { FM_KEY_NOTICE_EPOCH, FM_FIELD_UINT32, FM_PLACE(N, epoch) },
    { FM_KEY_NOTICE_KIND, FM_FIELD_CHOICE_4, FM_PLACE(N, kind) },
    { FM_KEY_NOTICE_PHASE, FM_FIELD_CHOICE_7, FM_PLACE(N, phase) },
    { FM_KEY_NOTICE_SESSION, FM_FIELD_UINT32, FM_PLACE(N, session) },
    { FM_KEY_NOTICE_SECONDS_LEFT, FM_FIELD_SECONDS, FM_PLACE(N, secondsLeft) },
    { FM_KEY_NOTICE_VERSION, FM_FIELD_UINT32, FM_PLACE(N, version) },
    { FM_KEY_NOTICE_DIGEST, FM_FIELD_DIGEST, FM_NOTICE_DIGEST },
    { FM_KEY_NOTICE_SIZE_BYTES, FM_FIELD_SIZE_BYTES, FM_PLACE(N, sizeBytes) },
    { FM_KEY_NOTICE_CHUNK_CLASSES, FM_FIELD_CLASSES, FM_NOTICE_CHUNK_CLASSES },
    { FM_KEY_NOTICE_CODECS, FM_FIELD_CODECS, FM_NOTICE_CODECS },
    { FM_KEY_NOTICE_GRID, FM_FIELD_GRID, FM_PLACE(N, grid) },
    { FM_KEY_NOTICE_WEIGHT_CAP, FM_FIELD_WEIGHT, FM_PLACE(N, weightCap) },
    { FM_KEY_NOTICE_SEED, FM_FIELD_UINT32, FM_PLACE(N, seed) },
    { FM_KEY_NOTICE_SHARDS, FM_FIELD_SIZE, FM_PLACE(N, shards) },
    { FM_KEY_NOTICE_SPREAD_SECONDS, FM_FIELD_SECONDS, FM_PLACE(N, spreadSeconds) },
    { FM_OPTIONAL | FM_KEY_NOTICE_COMMITTED, FM_FIELD_MAP, FM_PLACE(N, committedRound) },
    { FM_KEY_COMMITTED_ROUND, FM_FIELD_UINT32, FM_PLACE(N, committedRound) },
    { FM_ENDS | FM_KEY_COMMITTED_EPOCH, FM_FIELD_UINT32, FM_PLACE(N, committedEpoch) },
    { FM_KEY_NOTICE_TRAINING, FM_FIELD_MAP, 0U },
    { FM_LAST | FM_KEY_TRAINING_INPUTS, FM_FIELD_SIZE, FM_PLACE(N, training.inputs) },
    /* From the layers on. */
    { FM_KEY_TRAINING_LOSS, FM_FIELD_CHOICE_4, FM_PLACE(N, training.loss) },
    { FM_KEY_TRAINING_POSITIVE_WEIGHT, FM_FIELD_POSITIVE, FM_PLACE(N, training.positiveWeight) },
    { FM_KEY_TRAINING_STANDARDIZED, FM_FIELD_BOOL, FM_PLACE(N, training.standardized) },
    { FM_KEY_TRAINING_EPOCHS, FM_FIELD_SIZE, FM_PLACE(N, training.epochs) },
    { FM_KEY_TRAINING_BATCH, FM_FIELD_SIZE, FM_PLACE(N, training.batch) },
    { FM_KEY_TRAINING_LEARNING_RATE, FM_FIELD_NOT_NEGATIVE, FM_PLACE(N, training.learningRate) },
    { FM_KEY_TRAINING_MOMENTUM, FM_FIELD_FRACTION, FM_PLACE(N, training.momentum) },
    { FM_KEY_TRAINING_L2, FM_FIELD_NOT_NEGATIVE, FM_PLACE(N, training.l2) },
    { FM_KEY_TRAINING_PROXIMAL, FM_FIELD_NOT_NEGATIVE, FM_PLACE(N, training.proximal) },
    { FM_OPTIONAL | FM_KEY_TRAINING_ERROR_FEEDBACK, FM_FIELD_BOOL, FM_PLACE(N, training.errorFeedback) },
    { FM_OPTIONAL | FM_KEY_TRAINING_SCHEDULE, FM_FIELD_MAP, FM_PLACE(N, training.warmup) },
    { FM_KEY_SCHEDULE_KIND, FM_FIELD_CHOICE_3, FM_PLACE(N, training.schedule) },
    { FM_KEY_SCHEDULE_WARMUP, FM_FIELD_UINT32, FM_PLACE(N, training.warmup) },
    { FM_ENDS | FM_KEY_SCHEDULE_FINAL_FRACTION, FM_FIELD_FRACTION, FM_PLACE(N, training.finalFraction) },
    { FM_OPTIONAL | FM_KEY_TRAINING_CLIPPING, FM_FIELD_MAP, FM_PLACE(N, training.hasClipNorm) },
    { FM_OPTIONAL | FM_KEY_CLIPPING_STEP, FM_FIELD_POSITIVE, FM_PLACE(N, training.clipNorm) },
    { FM_ENDS | FM_OPTIONAL | FM_KEY_CLIPPING_EXAMPLE, FM_FIELD_POSITIVE, FM_PLACE(N, training.exampleClipNorm) },
    { FM_OPTIONAL | FM_KEY_TRAINING_TRAINED, FM_FIELD_MAP, FM_PLACE(N, training.trained.from) },
    { FM_KEY_RANGE_FROM, FM_FIELD_LAYER_FIRST, FM_PLACE(N, training.trained.from) },
    { FM_ENDS | FM_KEY_RANGE_TO, FM_FIELD_LAYER_END, FM_PLACE(N, training.trained.to) },
    { FM_OPTIONAL | FM_KEY_TRAINING_SHARED, FM_FIELD_MAP, FM_PLACE(N, training.shared.from) },
    { FM_KEY_RANGE_FROM, FM_FIELD_LAYER_FIRST, FM_PLACE(N, training.shared.from) },
    { FM_ENDS | FM_KEY_RANGE_TO, FM_FIELD_LAYER_END, FM_PLACE(N, training.shared.to) },
    { FM_ENDS | FM_OPTIONAL | FM_KEY_TRAINING_MAX_STALENESS, FM_FIELD_SIZE, FM_PLACE(N, training.maxStaleness) },
    { FM_OPTIONAL | FM_KEY_NOTICE_DELTAS, FM_FIELD_MAP, FM_PLACE(N, deltasBase) },
    { FM_KEY_DELTAS_BASE, FM_FIELD_UINT32, FM_PLACE(N, deltasBase) },
    { FM_LAST | FM_ENDS | FM_KEY_DELTAS_CODEC, FM_FIELD_CODEC, FM_PLACE(N, deltasCodec) },
};

/* Where they begin: of layers; of the Notice itself. */
#define DENSE 0U
#define CONV1D 2U
#define POOL 7U
#define KINDS 3U
#define HEAD 10U
#define TAIL 31U

static void notice_layers(fm_cbor_t *cbor, fm_settings_t *settings)
{
    static const uint8_t starts[KINDS] = {
        [FM_LAYER_KIND_DENSE] = DENSE, [FM_LAYER_KIND_CONV1D] = CONV1D, [FM_LAYER_KIND_POOL] = POOL,
    };
    uint32_t i;

    fm_cbor_key(cbor, FM_KEY_TRAINING_LAYERS);
    settings->layerCount = fm_cbor_head(cbor, FM_CBOR_ARRAY, settings->layerCount);
    fm_cbor_most(cbor, settings->layerCount, FM_MOST_LAYER_LIST);
    for (i = 0U; (!cbor->failed) && (i < settings->layerCount); i++) {
        fm_layer_t *layer = &settings->layers[i];
        uint32_t kind;

        fm_cbor_open(cbor);
        fm_cbor_key(cbor, FM_KEY_DENSE_KIND);
        kind = fm_cbor_head(cbor, FM_CBOR_UNSIGNED, layer->kind);
        if (kind < KINDS) {
            layer->kind = (uint16_t)kind;
            fm_fields_walk(cbor, &notice_fields[starts[kind]], (uint8_t *)layer, NULL);
        } else {
            cbor->failed = true;
        }
        fm_cbor_close(cbor);
    }
}

/** Layers from `from` to `to` - 1, not none; all of those where they were not given. */
static void notice_range(fm_cbor_t *cbor, fm_range_t *range, uint32_t from, uint32_t to)
{
    if (range->given == 0U) {
        range->from = from;
        range->to = to;
    } else {
        fm_cbor_most(cbor, from, range->from);
        fm_cbor_most(cbor, range->from + 1U, range->to);
        fm_cbor_most(cbor, range->to, to);
    }
}

/** What must hold between fields. */
static void notice_check(fm_cbor_t *cbor, fm_notice_numbers_t *numbers)
{
    fm_settings_t *settings = &numbers->training;

    if ((settings->loss == FM_LOSS_CUSTOM) != (settings->layerCount == 0U)) {
        cbor->failed = true;
    }
    notice_range(cbor, &settings->trained, 0U, settings->layerCount);
    notice_range(cbor, &settings->shared, settings->trained.from, settings->trained.to);
    if ((numbers->hasDeltas != 0U) && (numbers->deltasBase >= numbers->version)) {
        cbor->failed = true;
    }
}

void fm_notice_walk(fm_cbor_t *cbor, fm_notice_t *notice)
{
    uint8_t *numbers = (uint8_t *)&notice->numbers;

    fm_fields_walk(cbor, &notice_fields[HEAD], numbers, notice->strings);
    notice_layers(cbor, &notice->numbers.training);
    fm_fields_walk(cbor, &notice_fields[TAIL], numbers, NULL);
    notice_check(cbor, &notice->numbers);
}
