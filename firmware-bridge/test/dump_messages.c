/** Reads messages in hexadecimal, one a line, and prints what is in each as a line of JSON, with names as in src/wire/message.ts. */
#include <stdio.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_message.h"

static const char *separator = "";

static void field(const char *name)
{
    printf("%s\"%s\":", separator, name);
    separator = ",";
}

static void open_map(const char *name)
{
    if (name == NULL) {
        printf("%s", separator);
    } else {
        field(name);
    }
    printf("{");
    separator = "";
}

static void close_map(void)
{
    printf("}");
    separator = ",";
}

static void number(const char *name, double value)
{
    field(name);
    printf("%.17g", value);
}

static void flag(const char *name, bool value)
{
    field(name);
    printf("%s", value ? "true" : "false");
}

static void hex(const char *name, fm_bytes_t value)
{
    field(name);
    printf("\"");
    for (uint32_t i = 0U; i < value.size; i++) {
        printf("%02x", value.bytes[i]);
    }
    printf("\"");
}

static void read_message(uint32_t type, uint8_t *numbers, fm_bytes_t *strings, fm_bytes_t bytes)
{
    fm_message_t message = { type, numbers, strings, NULL };

    (void)fm_message_read(&message, bytes.bytes, bytes.size);
}

static void hello(fm_bytes_t bytes)
{
    fm_hello_t it = { 0 };

    read_message(FM_TYPE_HELLO, (uint8_t *)&it, it.strings, bytes);
    number("session", it.session);
    number("maxPacket", it.maxPacket);
    number("ramKiB", it.ramKiB);
    hex("codecs", it.strings[FM_HELLO_CODECS]);
    hex("abis", it.strings[FM_HELLO_ABIS]);
    number("features", it.features);
}

static void ready(fm_bytes_t bytes)
{
    fm_ready_t it = { 0 };

    read_message(FM_TYPE_READY, (uint8_t *)&it, NULL, bytes);
    number("session", it.session);
    flag("willing", it.willing);
    number("samples", it.samples);
    number("testSamples", it.testSamples);
}

static void gone(fm_bytes_t bytes)
{
    fm_gone_t it = { 0 };

    read_message(FM_TYPE_GONE, (uint8_t *)&it, NULL, bytes);
    number("session", it.session);
}

static void range(const char *name, const fm_range_t *it)
{
    if (it->given != 0U) {
        open_map(name);
        number("from", it->from);
        number("to", it->to);
        close_map();
    }
}

static void layer(const fm_layer_t *it)
{
    open_map(NULL);
    number("kind", it->kind);
    if (it->kind == FM_LAYER_KIND_DENSE) {
        number("units", it->units);
        number("activation", it->activation);
    } else if (it->kind == FM_LAYER_KIND_CONV1D) {
        number("channels", it->channels);
        number("filters", it->units);
        number("width", it->width);
        number("stride", it->stride);
        number("activation", it->activation);
    } else {
        number("mode", it->mode);
        number("channels", it->channels);
        number("width", it->width);
    }
    close_map();
}

static void settings(const fm_settings_t *it)
{
    open_map("training");
    number("inputs", it->inputs);
    field("layers");
    printf("[");
    separator = "";
    for (uint32_t i = 0U; i < it->layerCount; i++) {
        layer(&it->layers[i]);
    }
    printf("]");
    separator = ",";
    number("loss", it->loss);
    number("positiveWeight", (double)it->positiveWeight);
    flag("standardized", it->standardized);
    number("epochs", it->epochs);
    number("batch", it->batch);
    number("learningRate", (double)it->learningRate);
    number("momentum", (double)it->momentum);
    number("l2", (double)it->l2);
    number("proximal", (double)it->proximal);
    if (it->hasErrorFeedback != 0U) {
        flag("errorFeedback", it->errorFeedback);
    }
    if (it->hasSchedule != 0U) {
        open_map("schedule");
        number("kind", it->schedule);
        number("warmup", it->warmup);
        number("finalFraction", (double)it->finalFraction);
        close_map();
    }
    if (it->hasClipping != 0U) {
        open_map("clipping");
        if (it->hasClipNorm != 0U) {
            number("step", (double)it->clipNorm);
        }
        if (it->hasExampleClipNorm != 0U) {
            number("example", (double)it->exampleClipNorm);
        }
        close_map();
    }
    range("trained", &it->trained);
    range("shared", &it->shared);
    if (it->hasMaxStaleness != 0U) {
        number("maxStaleness", it->maxStaleness);
    }
    close_map();
}

static void notice(fm_bytes_t bytes)
{
    fm_notice_t it = { 0 };
    fm_message_t message = { FM_TYPE_NOTICE, NULL, NULL, &it };

    (void)fm_message_read(&message, bytes.bytes, bytes.size);
    number("round", it.numbers.round);
    number("epoch", it.numbers.epoch);
    number("kind", it.numbers.kind);
    number("phase", it.numbers.phase);
    number("session", it.numbers.session);
    number("secondsLeft", it.numbers.secondsLeft);
    number("version", it.numbers.version);
    hex("digest", it.strings[FM_NOTICE_DIGEST]);
    number("sizeBytes", it.numbers.sizeBytes);
    hex("chunkClasses", it.strings[FM_NOTICE_CHUNK_CLASSES]);
    hex("codecs", it.strings[FM_NOTICE_CODECS]);
    number("grid", it.numbers.grid);
    number("weightCap", it.numbers.weightCap);
    number("seed", it.numbers.seed);
    number("shards", it.numbers.shards);
    number("spreadSeconds", it.numbers.spreadSeconds);
    if (it.numbers.hasCommitted != 0U) {
        open_map("committed");
        number("round", it.numbers.committedRound);
        number("epoch", it.numbers.committedEpoch);
        close_map();
    }
    settings(&it.numbers.training);
    if (it.numbers.hasDeltas != 0U) {
        open_map("deltas");
        number("base", it.numbers.deltasBase);
        number("codec", it.numbers.deltasCodec);
        close_map();
    }
}

static void task(fm_bytes_t bytes)
{
    fm_task_t it = { 0 };

    read_message(FM_TYPE_TASK, (uint8_t *)&it, it.strings, bytes);
    number("action", it.action);
    number("round", it.round);
    number("epoch", it.epoch);
    number("retrySeconds", it.retrySeconds);
    hex("reason", it.strings[FM_TASK_REASON]);
}

static void update(fm_bytes_t bytes)
{
    fm_update_t it = { 0 };

    read_message(FM_TYPE_UPDATE, (uint8_t *)&it, it.strings, bytes);
    number("round", it.round);
    number("epoch", it.epoch);
    hex("updateId", it.strings[FM_UPDATE_ID]);
    number("index", it.index);
    number("count", it.count);
    number("baseVersion", it.baseVersion);
    number("codec", it.codec);
    number("samples", it.samples);
    number("steps", it.steps);
    hex("metrics", it.strings[FM_UPDATE_METRICS]);
    hex("payload", it.strings[FM_UPDATE_PAYLOAD]);
}

static void receipt(fm_bytes_t bytes)
{
    fm_receipt_t it = { 0 };

    read_message(FM_TYPE_RECEIPT, (uint8_t *)&it, it.strings, bytes);
    number("status", it.status);
    number("round", it.round);
    number("epoch", it.epoch);
    hex("updateId", it.strings[FM_RECEIPT_UPDATE_ID]);
    number("retrySeconds", it.retrySeconds);
    number("allowedBytes", it.allowedBytes);
    hex("reason", it.strings[FM_RECEIPT_REASON]);
}

static void model(fm_bytes_t bytes)
{
    fm_model_chunk_t it = { 0 };

    read_message(FM_TYPE_MODEL, (uint8_t *)&it, it.strings, bytes);
    number("version", it.version);
    number("index", it.index);
    number("count", it.count);
    if (it.hasBase) {
        number("base", it.base);
    }
    hex("payload", it.strings[FM_CHUNK_PAYLOAD]);
}

int main(void)
{
    static void (*const dumps[])(fm_bytes_t) = { hello, ready, gone, notice, task, update, receipt, model };
    static char line[8192];
    static uint8_t bytes[4096];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        uint32_t size = 0U;
        unsigned byte = 0U;
        uint32_t type;

        while (sscanf(&line[2U * size], "%2x", &byte) == 1) {
            bytes[size] = (uint8_t)byte;
            size++;
        }
        type = fm_message_type(bytes, size);
        separator = "";
        open_map(NULL);
        number("type", type);
        if (type != 0U) {
            dumps[type - 1U]((fm_bytes_t){ bytes, size });
        }
        close_map();
        printf("\n");
    }
    return 0;
}
