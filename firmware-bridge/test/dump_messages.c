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

static void hello(fm_cbor_t *cbor)
{
    fm_hello_t it = { 0 };

    fm_hello_fields(cbor, &it);
    number("session", it.session);
    number("maxPacket", it.maxPacket);
    number("ramKiB", it.ramKiB);
    hex("codecs", it.codecs);
    hex("abis", it.abis);
    number("features", it.features);
}

static void ready(fm_cbor_t *cbor)
{
    fm_ready_t it = { 0 };

    fm_ready_fields(cbor, &it);
    number("session", it.session);
    flag("willing", it.willing);
    number("samples", it.samples);
    number("testSamples", it.testSamples);
}

static void gone(fm_cbor_t *cbor)
{
    fm_gone_t it = { 0 };

    fm_gone_fields(cbor, &it);
    number("session", it.session);
}

static void range(const char *name, const fm_range_t *it)
{
    if (it->given) {
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
    if (it->errorFeedback.given) {
        flag("errorFeedback", it->errorFeedback.on);
    }
    if (it->hasSchedule) {
        open_map("schedule");
        number("kind", it->schedule);
        number("warmup", it->warmup);
        number("finalFraction", (double)it->finalFraction);
        close_map();
    }
    if (it->hasClipping) {
        open_map("clipping");
        if (it->clipNorm > 0.0F) {
            number("step", (double)it->clipNorm);
        }
        if (it->exampleClipNorm > 0.0F) {
            number("example", (double)it->exampleClipNorm);
        }
        close_map();
    }
    range("trained", &it->trained);
    range("shared", &it->shared);
    if (it->maxStaleness != 0U) {
        number("maxStaleness", it->maxStaleness);
    }
    close_map();
}

static void notice(fm_cbor_t *cbor)
{
    fm_notice_t it = { 0 };

    fm_notice_fields(cbor, &it);
    number("round", it.round);
    number("epoch", it.epoch);
    number("kind", it.kind);
    number("phase", it.phase);
    number("session", it.session);
    number("secondsLeft", it.secondsLeft);
    number("version", it.version);
    hex("digest", it.digest);
    number("sizeBytes", it.sizeBytes);
    hex("chunkClasses", it.chunkClasses);
    hex("codecs", it.codecs);
    number("grid", it.grid);
    number("weightCap", it.weightCap);
    number("seed", it.seed);
    number("shards", it.shards);
    number("spreadSeconds", it.spreadSeconds);
    if (it.hasCommitted) {
        open_map("committed");
        number("round", it.committedRound);
        number("epoch", it.committedEpoch);
        close_map();
    }
    settings(&it.training);
    if (it.hasDeltas) {
        open_map("deltas");
        number("base", it.deltasBase);
        number("codec", it.deltasCodec);
        close_map();
    }
}

static void task(fm_cbor_t *cbor)
{
    fm_task_t it = { 0 };

    fm_task_fields(cbor, &it);
    number("action", it.action);
    number("round", it.round);
    number("epoch", it.epoch);
    number("retrySeconds", it.retrySeconds);
    hex("reason", it.reason);
}

static void update(fm_cbor_t *cbor)
{
    fm_update_t it = { 0 };

    fm_update_fields(cbor, &it);
    number("round", it.round);
    number("epoch", it.epoch);
    hex("updateId", it.updateId);
    number("index", it.index);
    number("count", it.count);
    number("baseVersion", it.baseVersion);
    number("codec", it.codec);
    number("samples", it.samples);
    number("steps", it.steps);
    hex("metrics", it.metrics);
    hex("payload", it.payload);
}

static void receipt(fm_cbor_t *cbor)
{
    fm_receipt_t it = { 0 };

    fm_receipt_fields(cbor, &it);
    number("status", it.status);
    number("round", it.round);
    number("epoch", it.epoch);
    hex("updateId", it.updateId);
    number("retrySeconds", it.retrySeconds);
    number("allowedBytes", it.allowedBytes);
    hex("reason", it.reason);
}

static void model(fm_cbor_t *cbor)
{
    fm_model_chunk_t it = { 0 };

    fm_model_chunk_fields(cbor, &it);
    number("version", it.version);
    number("index", it.index);
    number("count", it.count);
    if (it.hasBase) {
        number("base", it.base);
    }
    hex("payload", it.payload);
}

int main(void)
{
    static void (*const dumps[])(fm_cbor_t *) = { hello, ready, gone, notice, task, update, receipt, model };
    static char line[8192];
    static uint8_t bytes[4096];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        uint32_t size = 0U;
        unsigned byte = 0U;
        uint32_t type;
        fm_cbor_t cbor;

        while (sscanf(&line[2U * size], "%2x", &byte) == 1) {
            bytes[size] = (uint8_t)byte;
            size++;
        }
        type = fm_message_type(bytes, size);
        separator = "";
        open_map(NULL);
        number("type", type);
        fm_cbor_read(&cbor, bytes, size);
        if (type != 0U) {
            dumps[type - 1U](&cbor);
        }
        close_map();
        printf("\n");
    }
    return 0;
}
