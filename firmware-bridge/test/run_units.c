/** What golden vectors and whole devices do not come to: options out of their bounds, labels, payloads that no encoder makes, sums too large, names. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_loss.h"
#include "fm_message.h"
#include "fm_model.h"
#include "fm_moments.h"
#include "fm_topic.h"
#include "fm_training.h"

static unsigned passed;
static unsigned failed;

static void expect(bool good, const char *what)
{
    if (good) {
        passed++;
    } else {
        failed++;
        printf("%s\n", what);
    }
}

/* ---- options ---- */

static uint32_t zero(void *context)
{
    (void)context;
    return 0U;
}

static float sample(void *context, uint32_t row, uint32_t column)
{
    (void)context;
    (void)row;
    (void)column;
    return 1.0F;
}

static fm_result_t begun(const fm_device_options_t *options)
{
    static fm_device_t device;
    fm_result_t result = fm_device_begin(&device, options);

    /* What never began does nothing, and says so again. */
    expect((result == FM_OK) || (fm_device_poll(&device) == result), "a device that never began polls");
    return result;
}

static void options(void)
{
    static uint8_t incoming[300];
    static uint8_t outgoing[300];
    static const fm_port_t port = { NULL, NULL, NULL, NULL, NULL, zero, zero };
    static const char *const names[] = { "", "A", "a b", "0123456789-0123456789-0123456789-", "\xC3\xA4" };
    const fm_device_options_t good = {
        .fleet = "motes",
        .id = "mote-7",
        .port = &port,
        .buffers = { incoming, sizeof(incoming), outgoing, sizeof(outgoing) },
        .features = 3U,
        .train = { NULL, 2U, sample },
        .parts = &fm_parts_small,
    };
    fm_device_options_t bad = good;

    expect(begun(&good) == FM_OK, "good options are refused");
    for (uint32_t i = 0U; i < 5U; i++) {
        bad.fleet = names[i];
        expect(begun(&bad) == FM_BAD_ARGUMENT, "a fleet's name is taken");
    }
    bad = good;
    bad.id = "mote_7";
    expect(begun(&bad) == FM_BAD_ARGUMENT, "an id is taken");
    bad = good;
    bad.features = 0U;
    expect(begun(&bad) == FM_BAD_ARGUMENT, "no feature");
    bad.features = 65536U;
    expect(begun(&bad) == FM_BAD_ARGUMENT, "too many features");
    bad = good;
    bad.train.rows = 65536U;
    expect(begun(&bad) == FM_BAD_ARGUMENT, "too many rows");
    bad = good;
    bad.train.value = NULL;
    expect(begun(&bad) == FM_BAD_ARGUMENT, "training samples without values");
    bad = good;
    bad.test.rows = 1U;
    expect(begun(&bad) == FM_BAD_ARGUMENT, "test samples without values");
    bad = good;
    bad.keepAliveSeconds = 43690U;
    expect(begun(&bad) == FM_OK, "the longest silence is refused");
    bad.keepAliveSeconds = 43691U;
    expect(begun(&bad) == FM_BAD_ARGUMENT, "a longer one is taken");
    bad = good;
    bad.buffers.incomingBytes = 255U;
    expect(begun(&bad) == FM_NO_SPACE, "a small buffer for packets that come in");
    bad = good;
    bad.buffers.outgoingBytes = 255U;
    expect(begun(&bad) == FM_NO_SPACE, "a small buffer for packets that go out");
}

static void results(void)
{
    for (uint32_t i = 0U; i <= (uint32_t)FM_STOPPED; i++) {
        const char *text = fm_result_text((fm_result_t)i);

        expect(strlen(text) > 0U, "a result without a sentence");
        for (uint32_t k = 0U; k < i; k++) {
            expect(strcmp(text, fm_result_text((fm_result_t)k)) != 0, "two results with one sentence");
        }
    }
    expect(strcmp(fm_result_text((fm_result_t)((uint32_t)FM_STOPPED + 1U)), "no result of this library") == 0,
           "a result that there is not");
}

/* ---- samples ---- */

static void labels(void)
{
    static const float none[] = { -1.0F, 0.5F, 3.0F, 65536.0F, 1e30F, -1e30F, INFINITY, NAN, -0.0F, 1e-40F };

    for (uint32_t i = 0U; i < 3U; i++) {
        expect(fm_softmax.fits((float)i, 3U), "a class is refused");
    }
    expect(fm_softmax.fits(65534.0F, 65535U), "the last class is refused");
    for (uint32_t i = 0U; i < (sizeof(none) / sizeof(none[0])); i++) {
        expect(!fm_softmax.fits(none[i], 3U), "no class is taken");
    }
    expect(fm_logistic.fits(0.0F, 1U) && fm_logistic.fits(1.0F, 1U), "no or yes are refused");
    expect((!fm_logistic.fits(2.0F, 1U)) && (!fm_logistic.fits(1.0F, 2U)), "something else is taken");
    expect(fm_squared.fits(-1e38F, 1U), "a target is refused");
    expect((!fm_squared.fits(INFINITY, 1U)) && (!fm_squared.fits(NAN, 1U)) && (!fm_squared.fits(1.0F, 2U)),
           "no target is taken");
}

static float large(void *context, uint32_t row, uint32_t column)
{
    (void)row;
    return (column == 0U) ? ((const float *)context)[0] : 1.0F;
}

/** Five limbs of 24 bits, in units of 2^-64: below 2^55. */
static void sums(void)
{
    static float vector[21];
    float value = 0x1p54F;
    fm_samples_t samples = { &value, 1U, large };

    expect(fm_moments_feature(&samples, 0U, vector) == FM_BAD_SAMPLE, "a square that is too large is taken");
    value = 0x1p56F;
    expect(fm_moments_feature(&samples, 0U, vector) == FM_BAD_SAMPLE, "a sum that is too large is taken");
    value = 0x1p27F;
    expect(fm_moments_feature(&samples, 0U, vector) == FM_OK, "the largest square is refused");
    expect((vector[0] == 1.0F) && (vector[4] == 0x1p19F), "another sum");
}

/* ---- payloads ---- */

static void decoders(void)
{
    static const fm_decoder_t *const rotated[3] = { &fm_decoder_eden1, &fm_decoder_eden2, &fm_decoder_eden4 };
    static const fm_key_t key = { 1U, 2U, { 3U, 4U } };
    static float memory[FM_BLOCK_VALUES];
    static float values[FM_BLOCK_VALUES];
    static uint8_t block[2U + (FM_BLOCK_VALUES / 2U)];

    /* Scale 1, levels -1, 127, and the one that no encoder writes. */
    memcpy(block, "\x80\x3F\xFF\x7F\x80", 5U);
    expect(fm_decoder_int8.add(block, 0U, 2U, &key, memory, values) == FM_OK, "levels are refused");
    expect((values[0] == -1.0F) && (values[1] == 127.0F), "other levels");
    expect(fm_decoder_int8.add(block, 0U, 3U, &key, memory, values) == FM_BAD_MODEL, "no level is taken");
    for (uint32_t scale = 0x7F80U; scale <= 0xFFFFU; scale += 0x407FU) {
        block[0] = (uint8_t)(scale & 0xFFU);
        block[1] = (uint8_t)(scale >> 8U);
        expect(fm_decoder_int8.add(block, 0U, 2U, &key, memory, values) == FM_BAD_MODEL, "no scale is taken");
        for (uint32_t i = 0U; i < 3U; i++) {
            expect(rotated[i]->add(block, 0U, 32U, &key, memory, values) == FM_BAD_MODEL, "no scale is taken, rotated");
        }
    }
    /* All centroids the largest there is, 77: 1024 of them are more than an encoder's sums. */
    memset(block, 0xFF, sizeof(block));
    block[0] = 0x80U;
    block[1] = 0x3FU;
    expect(fm_decoder_eden4.add(block, 0U, 1024U, &key, memory, values) == FM_BAD_MODEL, "a sum that is too large is taken");
    expect(fm_decoder_eden4.add(block, 0U, 256U, &key, memory, values) == FM_OK, "a smaller sum is refused");
}

/* ---- names and messages ---- */

static void names(void)
{
    static const char most[] = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
    static const char change[] = "fm1/motes/model/4294967295/from-4294967294/1048576/0";
    const uint32_t numbers[4] = { UINT32_MAX, UINT32_MAX - 1U, 1048576U, 0U };
    fm_topic_t topic;

    expect(fm_name_bytes(most, 64U) == 64U, "the longest name is refused");
    expect(fm_name_bytes(most, 63U) == 0U, "a longer one is taken");
    for (uint32_t c = 1U; c < 256U; c++) {
        char name[2] = { 'a', '\0' };
        bool good = strchr("abcdefghijklmnopqrstuvwxyz0123456789-", (int)c) != NULL;

        memcpy(name, &(uint8_t){ (uint8_t)c }, 1U);
        expect((fm_name_bytes(name, 1U) == 1U) == good, "a character");
    }
    fm_topic(&topic, "motes", "mote-7", FM_TOPIC_CHANGE, numbers);
    expect((topic.view.size == strlen(change)) && (memcmp(topic.text, change, topic.view.size) == 0), "another topic");
    /* What has no room is left out. */
    fm_topic(&topic, most, most, FM_TOPIC_RECEIPT, NULL);
    expect((topic.view.size == FM_TOPIC_BYTES) && (memcmp(topic.text, "fm1/zz", 6U) == 0), "a topic that is too long");
}

static void messages(void)
{
    uint8_t bytes[64];
    uint32_t length = 0U;
    fm_task_t task = { 1U, 2U, 3U, 3U, { { NULL, 0U } } };
    fm_message_t message = { FM_TYPE_TASK, (uint8_t *)&task, task.strings, NULL };

    expect(fm_message_write(&message, bytes, sizeof(bytes), &length) == FM_BAD_ARGUMENT, "an action that there is not");
    task.action = 2U;
    expect(fm_message_write(&message, bytes, sizeof(bytes), &length) == FM_OK, "an action is refused");
}

/* ---- parts that an image may be without ---- */

/** Training settings with this one above 0. */
static bool trains(float l2, float momentum, float proximal, const fm_terms_t *terms)
{
    fm_settings_t settings = { 0 };

    settings.l2 = l2;
    settings.momentum = momentum;
    settings.proximal = proximal;
    return fm_training_supports(&settings, terms);
}

static fm_result_t begins(uint16_t activation, const fm_curve_t *curve)
{
    fm_settings_t settings = { .inputs = 2U, .layerCount = 2U };
    fm_model_t model = { .curve = curve };

    settings.layers[0].units = 3U;
    settings.layers[0].activation = activation;
    settings.layers[1].units = 2U;
    return fm_model_begin(&model, &settings);
}

static void parts(void)
{
    expect(trains(0.0F, 0.0F, 0.0F, NULL), "plain SGD is declined");
    expect(!trains(0.5F, 0.0F, 0.0F, NULL), "weight decay without code for it");
    expect(!trains(0.0F, 0.5F, 0.0F, NULL), "momentum without code for it");
    expect(!trains(0.0F, 0.0F, 0.5F, NULL), "the proximal term without code for it");
    expect(trains(0.5F, 0.5F, 0.5F, &fm_terms), "terms that there is code for are declined");
    expect(begins(FM_ACTIVATION_RELU, NULL) == FM_OK, "ReLU is declined");
    expect(begins(FM_ACTIVATION_TANH, NULL) == FM_UNSUPPORTED, "tanh without code for it");
    expect(begins(FM_ACTIVATION_TANH, &fm_curve_tanh) == FM_OK, "tanh that there is code for is declined");
}

int main(void)
{
    options();
    results();
    labels();
    sums();
    decoders();
    names();
    messages();
    parts();
    printf("%u passed, %u failed\n", passed, failed);
    return (failed == 0U) ? 0 : 1;
}
