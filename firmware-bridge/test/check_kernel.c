/** Kernels: training, evaluation, initial parameters, predictions, elementary functions, sums, random numbers, SHA-256; bit for bit. */
#include <stdio.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_evaluation.h"
#include "fm_init.h"
#include "fm_loss.h"
#include "fm_math.h"
#include "fm_moments.h"
#include "fm_model.h"
#include "fm_protocol.h"
#include "fm_random.h"
#include "fm_sha256.h"
#include "fm_sum.h"
#include "fm_training.h"
#include "records.h"

#define MOST 4096U
#define MOST_ROWS 256U

static const fm_loss_t *const losses[3] = { &fm_softmax, &fm_logistic, &fm_squared };
static float start[MOST];
static float weights[MOST];
static float memory[2U * MOST];
static uint16_t order[MOST_ROWS];

bool check_sha256(const record_t *record)
{
    bool good = true;

    /* Whole, and in pieces of every size. */
    for (uint32_t piece = 1U; piece <= 130U; piece++) {
        fm_bytes_t text = record->strings[1];
        uint8_t digest[FM_SHA256_BYTES];
        fm_sha256_t sha;

        fm_sha256_begin(&sha);
        for (uint32_t at = 0U; at < text.size; at += piece) {
            fm_sha256_add(&sha, &text.bytes[at], (text.size - at < piece) ? (text.size - at) : piece);
        }
        fm_sha256_end(&sha, digest);
        good &= check(record, memcmp(digest, record->strings[2].bytes, sizeof(digest)) == 0, "another digest");
    }
    return good;
}

bool check_philox(const record_t *record)
{
    /* Seed, round, device, device, purpose, index. */
    fm_bytes_t in = record->strings[1];
    fm_key_t key = { record_number(in, 0U), record_number(in, 1U), { record_number(in, 2U), record_number(in, 3U) } };
    uint32_t words[4];
    bool good = true;

    fm_philox(words, &key, record_number(in, 4U), record_number(in, 5U));
    for (uint32_t i = 0U; i < 4U; i++) {
        good &= check(record, words[i] == record_number(record->strings[2], i), "another word");
    }
    return good;
}

bool check_function(const record_t *record)
{
    fm_bytes_t x = record->strings[1];
    const char *name = (const char *)record->strings[0].bytes;
    float (*function)(float) = (name[0] == 'e') ? fm_exp : (name[0] == 'l') ? fm_log : fm_tanh;
    bool good = true;

    for (uint32_t i = 0U; i < x.size / 4U; i++) {
        uint32_t bits = fm_float_bits(function(record_float(x, i)));

        good &= check(record, bits == record_number(record->strings[2], i), "another value");
    }
    return good;
}

bool check_sum(const record_t *record)
{
    fm_bytes_t x = record->strings[1];
    float limbs[FM_LIMBS];
    float value;
    fm_sum_t sum = { 0 };
    bool good;

    for (uint32_t i = 0U; i < x.size / 4U; i++) {
        fm_sum_add(&sum, record_float(x, i));
    }
    value = fm_sum_float(&sum);
    good = check(record, record_same(record->strings[2], &value, 1U), "another sum");
    good &= check(record, fm_sum_limbs(&sum, limbs) == (record->strings[3].size > 0U), "limbs against expectation");
    if (record->strings[3].size > 0U) {
        good &= check(record, record_same(record->strings[3], limbs, FM_LIMBS), "other limbs");
    }
    return good;
}

/** Rows of floats, the label in another string. */
typedef struct {
    fm_bytes_t x;
    fm_bytes_t y;
    uint32_t features;
} table_t;

static float value(void *context, uint32_t row, uint32_t column)
{
    const table_t *table = context;

    return (column == table->features) ? record_float(table->y, row)
                                       : record_float(table->x, (row * table->features) + column);
}

bool check_moments(const record_t *record)
{
    uint32_t features = record_number(record->strings[1], 0U);
    table_t table = { record->strings[2], record->strings[2], features };
    fm_samples_t samples = { &table, record->strings[2].size / (4U * features), value };
    bool good = true;

    for (uint32_t j = 0U; j < features; j++) {
        good &= check(record, fm_moments_feature(&samples, j, weights) == FM_OK, "a feature is refused");
    }
    return good & check(record, record_same(record->strings[3], weights, fm_moments_size(features)), "other moments");
}

static fm_settings_t settings_of(fm_bytes_t numbers)
{
    /* inputs, loss, positiveWeight, epochs, batch, rate, momentum, l2, proximal, from, to, units and activations. */
    fm_settings_t settings = { 0 };

    settings.inputs = record_number(numbers, 0U);
    settings.loss = (uint16_t)record_number(numbers, 1U);
    settings.positiveWeight = record_float(numbers, 2U);
    settings.epochs = record_number(numbers, 3U);
    settings.batch = record_number(numbers, 4U);
    settings.learningRate = record_float(numbers, 5U);
    settings.momentum = record_float(numbers, 6U);
    settings.l2 = record_float(numbers, 7U);
    settings.proximal = record_float(numbers, 8U);
    settings.trained.from = record_number(numbers, 9U);
    settings.trained.to = record_number(numbers, 10U);
    settings.layerCount = (numbers.size / 4U - 11U) / 2U;
    for (uint32_t l = 0U; l < settings.layerCount; l++) {
        settings.layers[l].kind = FM_LAYER_KIND_DENSE;
        settings.layers[l].units = (uint16_t)record_number(numbers, 11U + (2U * l));
        settings.layers[l].activation = (uint16_t)record_number(numbers, 12U + (2U * l));
    }
    return settings;
}

static bool check_trained(const record_t *record, fm_training_t *training, uint32_t parameters)
{
    const fm_trained_t *done = &training->done;
    fm_result_t result = fm_training_begin(training);
    float loss;
    bool good = check(record, result == FM_OK, "it does not begin");

    while (good && (done->steps < record_number(record->strings[9], 0U))) {
        good = check(record, fm_training_advance(training) == FM_AGAIN, "it ends early");
    }
    loss = fm_sum_float(&done->lossSum);
    good &= check(record, fm_training_rests(training), "it does not rest");
    good &= check(record, record_same(record->strings[7], weights, parameters), "another result");
    good &= check(record, record_same(record->strings[8], &loss, 1U), "another loss");
    good &= check(record, done->steps == record_number(record->strings[9], 0U), "another number of steps");
    good &= check(record, done->samples == record_number(record->strings[9], 1U), "another number of samples");
    result = (done->samples == training->model->settings->epochs * training->model->samples->rows) ? FM_OK : FM_AGAIN;
    good &= check(record, fm_training_advance(training) == result, "it does not end when it should");
    return good;
}

static bool check_evaluated(const record_t *record, fm_model_t *model, const fm_samples_t *samples)
{
    fm_evaluation_t evaluation = { .model = model, .train = samples };
    uint32_t size = fm_evaluation_size(model);
    fm_result_t result;
    bool good = true;

    model->samples = samples;
    model->parameters = weights;
    evaluation.vector = start;
    evaluation.memory = memory;
    fm_evaluation_begin(&evaluation);
    while ((result = fm_evaluation_advance(&evaluation)) == FM_AGAIN) {
        /* Until it is done. */
    }
    if (record->strings[10].size > 0U) {
        good &= check(record, result == FM_OK, "the evaluation fails");
        good &= check(record, record_same(record->strings[10], start, size), "another evaluation");
    } else {
        good &= check(record, result == FM_DIVERGED, "sums that cannot travel are let through");
    }
    model->samples = samples;
    for (uint32_t row = 0U; row < samples->rows; row++) {
        float *outputs = &memory[fm_model_last(model)];
        uint32_t bytes = 4U * model->classes;
        fm_bytes_t expected = { &record->strings[11].bytes[row * bytes], bytes };

        fm_model_forward(model, row, memory);
        (void)model->loss->gradient(outputs, model->classes, model->loss->none, 1.0F, 1.0F);
        good &= check(record, record_same(expected, outputs, model->classes), "another prediction");
    }
    return good;
}

/** Trains as a record says, from its start; `key` is that of the initial parameters. */
static bool check_from_start(const record_t *record, fm_model_t *model, const fm_samples_t *samples, fm_key_t key)
{
    const fm_settings_t *settings = model->settings;
    uint32_t parameters = fm_model_offset(model, settings->layerCount);
    fm_training_t training = { .model = model };
    bool good = check(record, fm_training_memory(model, samples->rows) <= MOST, "too large for this test");

    good &= check(record, fm_training_supports(settings, &fm_terms), "no code for it");
    model->samples = samples;
    training.order = order;
    training.start = start;
    training.weights = weights;
    training.terms = &fm_terms;
    training.memory = memory;
    model->key = key;
    fm_init(model, start);
    good &= check(record, record_same(record->strings[5], start, parameters), "other initial parameters");
    model->key = record_key(record->strings[2]);
    (void)record_floats(record->strings[6], start, MOST);
    return good && check_trained(record, &training, parameters);
}

bool check_training(const record_t *record)
{
    fm_settings_t settings = settings_of(record->strings[1]);
    table_t table = { record->strings[3], record->strings[4], settings.inputs };
    fm_samples_t samples = { &table, record->strings[4].size / 4U, value };
    fm_model_t model = { .loss = losses[settings.loss], .curve = &fm_curve_tanh };

    return check(record, fm_model_begin(&model, &settings) == FM_OK, "no model") &&
           check_from_start(record, &model, &samples, record_key(record->strings[2])) &&
           check_evaluated(record, &model, &samples);
}

bool check_round(const record_t *record)
{
    fm_settings_t settings = settings_of(record->strings[1]);
    table_t table = { record->strings[3], record->strings[4], settings.inputs };
    fm_samples_t samples = { &table, record->strings[4].size / 4U, value };
    fm_model_t model = { .loss = losses[settings.loss], .curve = &fm_curve_tanh };
    fm_key_t first = { record_number(record->strings[2], 0U), 0U, { 0U, 0U } };
    fm_delta_t delta = { weights, start, record->strings[7].size / 4U, &model.key, memory };

    return check(record, fm_model_begin(&model, &settings) == FM_OK, "no model") &&
           check_from_start(record, &model, &samples, first) &&
           check_payload(record, &delta, record_number(record->strings[10], 0U), record->strings[11]);
}

bool check_evaluation(const record_t *record)
{
    fm_settings_t settings = settings_of(record->strings[1]);
    table_t table = { record->strings[3], record->strings[4], settings.inputs };
    fm_samples_t samples = { &table, record->strings[4].size / 4U, value };
    fm_model_t model = { .loss = losses[settings.loss], .curve = &fm_curve_tanh };

    (void)record_floats(record->strings[2], weights, MOST);
    return check(record, fm_model_begin(&model, &settings) == FM_OK, "no model") &&
           check_evaluated(record, &model, &samples);
}
