/** The Notice, with the model's layers and the settings of local training in it (src/wire/protocol.cddl). */
#include "fm_bits.h"
#include "fm_message.h"

#if FM_LAYERS != FM_MOST_LAYER_LIST
#error "fedmote.h and the protocol differ in how many layers a model may have"
#endif

/* Bounds on the bits of numbers that are not negative: fm_cbor_real(). */
#define REAL_ZERO 0U
#define REAL_LEAST_POSITIVE 1U
#define REAL_ONE 0x3F800000U
#define REAL_MOST (FM_INFINITE - 1U)

static void notice_dense(fm_cbor_t *cbor, fm_layer_t *layer)
{
    fm_cbor_small(cbor, FM_KEY_DENSE_UNITS, &layer->units, FM_LEAST_LAYER_SIZE, FM_MOST_LAYER_SIZE);
    fm_cbor_small(cbor, FM_KEY_DENSE_ACTIVATION, &layer->activation, FM_ACTIVATION_IDENTITY, FM_ACTIVATION_TANH);
}

static void notice_conv1d(fm_cbor_t *cbor, fm_layer_t *layer)
{
    fm_cbor_small(cbor, FM_KEY_CONV1D_CHANNELS, &layer->channels, FM_LEAST_LAYER_SIZE, FM_MOST_LAYER_SIZE);
    fm_cbor_small(cbor, FM_KEY_CONV1D_FILTERS, &layer->units, FM_LEAST_LAYER_SIZE, FM_MOST_LAYER_SIZE);
    fm_cbor_small(cbor, FM_KEY_CONV1D_WIDTH, &layer->width, FM_LEAST_LAYER_SIZE, FM_MOST_LAYER_SIZE);
    fm_cbor_small(cbor, FM_KEY_CONV1D_STRIDE, &layer->stride, FM_LEAST_LAYER_SIZE, FM_MOST_LAYER_SIZE);
    fm_cbor_small(cbor, FM_KEY_CONV1D_ACTIVATION, &layer->activation, FM_ACTIVATION_IDENTITY, FM_ACTIVATION_TANH);
}

static void notice_pool(fm_cbor_t *cbor, fm_layer_t *layer)
{
    fm_cbor_small(cbor, FM_KEY_POOL_MODE, &layer->mode, FM_POOL_MODE_AVERAGE, FM_POOL_MODE_MAX);
    fm_cbor_small(cbor, FM_KEY_POOL_CHANNELS, &layer->channels, FM_LEAST_LAYER_SIZE, FM_MOST_LAYER_SIZE);
    fm_cbor_small(cbor, FM_KEY_POOL_WIDTH, &layer->width, FM_LEAST_LAYER_SIZE, FM_MOST_LAYER_SIZE);
}

static void notice_layer(fm_cbor_t *cbor, fm_layer_t *layer)
{
    static const uint32_t fields[3] = { 3U, 6U, 4U };
    /* Writing counts the fields of a kind that there is; reading does not count. */
    uint32_t outer = fm_cbor_map(cbor, fields[layer->kind % 3U]);

    fm_cbor_small(cbor, FM_KEY_DENSE_KIND, &layer->kind, FM_LAYER_KIND_DENSE, FM_LAYER_KIND_POOL);
    if (layer->kind == FM_LAYER_KIND_DENSE) {
        notice_dense(cbor, layer);
    } else if (layer->kind == FM_LAYER_KIND_CONV1D) {
        notice_conv1d(cbor, layer);
    } else {
        notice_pool(cbor, layer);
    }
    fm_cbor_end_map(cbor, outer);
}

static void notice_layers(fm_cbor_t *cbor, fm_settings_t *settings)
{
    uint32_t i;

    fm_cbor_array(cbor, FM_KEY_TRAINING_LAYERS, &settings->layerCount, 0U, FM_MOST_LAYER_LIST);
    for (i = 0U; (i < settings->layerCount) && (i < FM_MOST_LAYER_LIST); i++) {
        notice_layer(cbor, &settings->layers[i]);
    }
}

static void notice_schedule(fm_cbor_t *cbor, fm_settings_t *settings)
{
    uint32_t outer;

    settings->hasSchedule = fm_cbor_has(cbor, FM_KEY_TRAINING_SCHEDULE, settings->hasSchedule);
    if (settings->hasSchedule) {
        fm_cbor_key(cbor, FM_KEY_TRAINING_SCHEDULE);
        outer = fm_cbor_map(cbor, 3U);
        fm_cbor_small(cbor, FM_KEY_SCHEDULE_KIND, &settings->schedule, FM_SCHEDULE_KIND_CONSTANT,
                      FM_SCHEDULE_KIND_COSINE);
        fm_cbor_uint(cbor, FM_KEY_SCHEDULE_WARMUP, &settings->warmup, 0U, UINT32_MAX);
        fm_cbor_real(cbor, FM_KEY_SCHEDULE_FINAL_FRACTION, &settings->finalFraction, REAL_ZERO, REAL_ONE);
        fm_cbor_end_map(cbor, outer);
    }
}

/** A norm that is absent, or above 0. */
static void notice_norm(fm_cbor_t *cbor, uint32_t key, float *norm)
{
    bool there = fm_cbor_has(cbor, key, fm_float_bits(*norm) != REAL_ZERO);

    if (there) {
        fm_cbor_real(cbor, key, norm, REAL_LEAST_POSITIVE, REAL_MOST);
    } else {
        *norm = 0.0F;
    }
}

static void notice_clipping(fm_cbor_t *cbor, fm_settings_t *settings)
{
    uint32_t outer;

    settings->hasClipping = fm_cbor_has(cbor, FM_KEY_TRAINING_CLIPPING, settings->hasClipping);
    if (settings->hasClipping) {
        uint32_t norms = (fm_float_bits(settings->clipNorm) != REAL_ZERO) ? 1U : 0U;

        norms += (fm_float_bits(settings->exampleClipNorm) != REAL_ZERO) ? 1U : 0U;
        fm_cbor_key(cbor, FM_KEY_TRAINING_CLIPPING);
        outer = fm_cbor_map(cbor, norms);
        notice_norm(cbor, FM_KEY_CLIPPING_STEP, &settings->clipNorm);
        notice_norm(cbor, FM_KEY_CLIPPING_EXAMPLE, &settings->exampleClipNorm);
        fm_cbor_end_map(cbor, outer);
    } else {
        settings->clipNorm = 0.0F;
        settings->exampleClipNorm = 0.0F;
    }
}

/** Layers within `least` to `most` - 1, which is what it means when absent. */
static void notice_range(fm_cbor_t *cbor, uint32_t key, fm_range_t *range, uint32_t least, uint32_t most)
{
    uint32_t outer;

    range->given = fm_cbor_has(cbor, key, range->given);
    if (range->given) {
        fm_cbor_key(cbor, key);
        outer = fm_cbor_map(cbor, 2U);
        fm_cbor_uint(cbor, FM_KEY_RANGE_FROM, &range->from, least, FM_MOST_LAYER_FIRST);
        fm_cbor_uint(cbor, FM_KEY_RANGE_TO, &range->to, range->from + 1U, most);
        fm_cbor_end_map(cbor, outer);
    } else {
        range->from = least;
        range->to = most;
    }
}

static void notice_flag(fm_cbor_t *cbor, uint32_t key, fm_flag_t *flag)
{
    flag->given = fm_cbor_has(cbor, key, flag->given);
    if (flag->given) {
        fm_cbor_bool(cbor, key, &flag->on);
    } else {
        flag->on = false;
    }
}

/** A number that is absent, or at least 1. */
static void notice_staleness(fm_cbor_t *cbor, fm_settings_t *settings)
{
    if (fm_cbor_has(cbor, FM_KEY_TRAINING_MAX_STALENESS, settings->maxStaleness != 0U)) {
        fm_cbor_uint(cbor, FM_KEY_TRAINING_MAX_STALENESS, &settings->maxStaleness, FM_LEAST_STALENESS,
                     FM_MOST_STALENESS);
    } else {
        settings->maxStaleness = 0U;
    }
}

/** Entries of the settings' map, which are eleven and those that may be absent. */
static uint32_t notice_settings_entries(const fm_settings_t *settings)
{
    uint32_t entries = 11U;

    entries += settings->errorFeedback.given ? 1U : 0U;
    entries += settings->hasSchedule ? 1U : 0U;
    entries += settings->hasClipping ? 1U : 0U;
    entries += settings->trained.given ? 1U : 0U;
    entries += settings->shared.given ? 1U : 0U;
    entries += (settings->maxStaleness != 0U) ? 1U : 0U;
    return entries;
}

static void notice_settings(fm_cbor_t *cbor, fm_settings_t *settings)
{
    uint32_t outer;

    fm_cbor_key(cbor, FM_KEY_NOTICE_TRAINING);
    outer = fm_cbor_map(cbor, notice_settings_entries(settings));
    fm_cbor_uint(cbor, FM_KEY_TRAINING_INPUTS, &settings->inputs, FM_LEAST_FEATURES, FM_MOST_FEATURES);
    notice_layers(cbor, settings);
    fm_cbor_small(cbor, FM_KEY_TRAINING_LOSS, &settings->loss, FM_LOSS_SOFTMAX, FM_LOSS_CUSTOM);
    fm_cbor_check(cbor, (settings->loss == FM_LOSS_CUSTOM) == (settings->layerCount == 0U));
    fm_cbor_real(cbor, FM_KEY_TRAINING_POSITIVE_WEIGHT, &settings->positiveWeight, REAL_LEAST_POSITIVE, REAL_MOST);
    fm_cbor_bool(cbor, FM_KEY_TRAINING_STANDARDIZED, &settings->standardized);
    fm_cbor_uint(cbor, FM_KEY_TRAINING_EPOCHS, &settings->epochs, FM_LEAST_LOCAL_EPOCHS, FM_MOST_LOCAL_EPOCHS);
    fm_cbor_uint(cbor, FM_KEY_TRAINING_BATCH, &settings->batch, FM_LEAST_BATCH, FM_MOST_BATCH);
    fm_cbor_real(cbor, FM_KEY_TRAINING_LEARNING_RATE, &settings->learningRate, REAL_ZERO, REAL_MOST);
    fm_cbor_real(cbor, FM_KEY_TRAINING_MOMENTUM, &settings->momentum, REAL_ZERO, REAL_ONE);
    fm_cbor_real(cbor, FM_KEY_TRAINING_L2, &settings->l2, REAL_ZERO, REAL_MOST);
    fm_cbor_real(cbor, FM_KEY_TRAINING_PROXIMAL, &settings->proximal, REAL_ZERO, REAL_MOST);
    notice_flag(cbor, FM_KEY_TRAINING_ERROR_FEEDBACK, &settings->errorFeedback);
    notice_schedule(cbor, settings);
    notice_clipping(cbor, settings);
    notice_range(cbor, FM_KEY_TRAINING_TRAINED, &settings->trained, 0U, settings->layerCount);
    notice_range(cbor, FM_KEY_TRAINING_SHARED, &settings->shared, settings->trained.from, settings->trained.to);
    notice_staleness(cbor, settings);
    fm_cbor_end_map(cbor, outer);
}

static void notice_committed(fm_cbor_t *cbor, fm_notice_t *notice)
{
    uint32_t outer;

    notice->hasCommitted = fm_cbor_has(cbor, FM_KEY_NOTICE_COMMITTED, notice->hasCommitted);
    if (notice->hasCommitted) {
        fm_cbor_key(cbor, FM_KEY_NOTICE_COMMITTED);
        outer = fm_cbor_map(cbor, 2U);
        fm_cbor_uint(cbor, FM_KEY_COMMITTED_ROUND, &notice->committedRound, 0U, UINT32_MAX);
        fm_cbor_uint(cbor, FM_KEY_COMMITTED_EPOCH, &notice->committedEpoch, 0U, UINT32_MAX);
        fm_cbor_end_map(cbor, outer);
    }
}

static void notice_deltas(fm_cbor_t *cbor, fm_notice_t *notice)
{
    uint32_t outer;

    notice->hasDeltas = fm_cbor_has(cbor, FM_KEY_NOTICE_DELTAS, notice->hasDeltas);
    if (notice->hasDeltas) {
        fm_cbor_check(cbor, notice->version > 0U);
        fm_cbor_key(cbor, FM_KEY_NOTICE_DELTAS);
        outer = fm_cbor_map(cbor, 2U);
        fm_cbor_uint(cbor, FM_KEY_DELTAS_BASE, &notice->deltasBase, 0U, notice->version - 1U);
        fm_cbor_small(cbor, FM_KEY_DELTAS_CODEC, &notice->deltasCodec, 0U, FM_MOST_CODEC);
        fm_cbor_end_map(cbor, outer);
    }
}

/** The sizes in which the model is there: each within its bounds, ascending. */
static void notice_classes(fm_cbor_t *cbor, fm_bytes_t *classes)
{
    uint32_t before = FM_LEAST_CHUNK_CLASS - 1U;
    uint32_t i;

    fm_cbor_bytes(cbor, FM_KEY_NOTICE_CHUNK_CLASSES, classes, 4U * FM_LEAST_CLASS_LIST, 4U * FM_MOST_CLASS_LIST);
    fm_cbor_check(cbor, (classes->size % 4U) == 0U);
    for (i = 0U; (i + 4U) <= classes->size; i += 4U) {
        uint32_t size = fm_get_le32(&classes->bytes[i]);

        fm_cbor_check(cbor, (size > before) && (size <= FM_MOST_CHUNK_CLASS));
        before = size;
    }
}

void fm_notice_fields(fm_cbor_t *cbor, fm_notice_t *notice)
{
    fm_message_begin(cbor, FM_TYPE_NOTICE, 17U + (notice->hasCommitted ? 1U : 0U) + (notice->hasDeltas ? 1U : 0U));
    fm_cbor_uint(cbor, FM_KEY_NOTICE_ROUND, &notice->round, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_NOTICE_EPOCH, &notice->epoch, 0U, UINT32_MAX);
    fm_cbor_small(cbor, FM_KEY_NOTICE_KIND, &notice->kind, FM_ROUND_KIND_TRAIN, FM_ROUND_KIND_RELEASED);
    fm_cbor_small(cbor, FM_KEY_NOTICE_PHASE, &notice->phase, FM_ROUND_PHASE_OFFLINE, FM_ROUND_PHASE_RELEASED);
    fm_cbor_uint(cbor, FM_KEY_NOTICE_SESSION, &notice->session, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_NOTICE_SECONDS_LEFT, &notice->secondsLeft, 0U, FM_MOST_SECONDS);
    fm_cbor_uint(cbor, FM_KEY_NOTICE_VERSION, &notice->version, 0U, UINT32_MAX);
    fm_cbor_bytes(cbor, FM_KEY_NOTICE_DIGEST, &notice->digest, FM_LEAST_DIGEST, FM_MOST_DIGEST);
    fm_cbor_uint(cbor, FM_KEY_NOTICE_SIZE_BYTES, &notice->sizeBytes, 0U, FM_MOST_MODEL_BYTES);
    notice_classes(cbor, &notice->chunkClasses);
    fm_cbor_ids(cbor, FM_KEY_NOTICE_CODECS, &notice->codecs, FM_LEAST_CODEC_LIST, FM_MOST_CODEC_LIST);
    fm_cbor_int(cbor, FM_KEY_NOTICE_GRID, &notice->grid, FM_LEAST_GRID, FM_MOST_GRID);
    fm_cbor_uint(cbor, FM_KEY_NOTICE_WEIGHT_CAP, &notice->weightCap, FM_LEAST_WEIGHT_CAP, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_NOTICE_SEED, &notice->seed, 0U, UINT32_MAX);
    fm_cbor_uint(cbor, FM_KEY_NOTICE_SHARDS, &notice->shards, FM_LEAST_SHARDS, FM_MOST_SHARDS);
    fm_cbor_uint(cbor, FM_KEY_NOTICE_SPREAD_SECONDS, &notice->spreadSeconds, 0U, FM_MOST_SECONDS);
    notice_committed(cbor, notice);
    notice_settings(cbor, &notice->training);
    notice_deltas(cbor, notice);
    fm_cbor_end_map(cbor, 0U);
}
