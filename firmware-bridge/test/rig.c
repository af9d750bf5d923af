#include "rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How far the clock goes when the device has nothing to do; and after how many calls of it by one. */
#define IDLE_MS 20U
#define CALLS_PER_MS 16U

static fm_result_t rig_open(void *context)
{
    rig_t *rig = context;

    if (rig->stream.open == FM_OK) {
        rig->stream.opened++;
    }
    return rig->stream.open;
}

static int32_t rig_read(void *context, uint8_t *bytes, uint32_t size)
{
    rig_stream_t *stream = &((rig_t *)context)->stream;
    uint32_t most = (stream->readMost < 0) ? 0U : (uint32_t)stream->readMost;
    uint32_t count = (size < most) ? size : most;

    if (stream->readMost < 0) {
        return -1;
    }
    count = (count < stream->toDeviceBytes) ? count : stream->toDeviceBytes;
    if (count > 0U) {
        memcpy(bytes, &stream->toDevice[stream->read], count);
        stream->read += count;
        stream->toDeviceBytes -= count;
    }
    return (int32_t)count;
}

static void append(uint8_t **to, uint32_t *have, const uint8_t *bytes, uint32_t size)
{
    uint8_t *more = realloc(*to, (size_t)*have + size + 1U);

    if (more == NULL) {
        abort();
    }
    if (size > 0U) {
        memcpy(&more[*have], bytes, size);
    }
    *to = more;
    *have += size;
}

static int32_t rig_write(void *context, const uint8_t *bytes, uint32_t size)
{
    rig_stream_t *stream = &((rig_t *)context)->stream;
    uint32_t most = (stream->writeMost < 0) ? 0U : (uint32_t)stream->writeMost;
    uint32_t count = (size < most) ? size : most;

    if (stream->writeMost < 0) {
        return -1;
    }
    append(&stream->toBroker, &stream->toBrokerBytes, bytes, count);
    return (int32_t)count;
}

static void rig_reset(void *context)
{
    rig_stream_t *stream = &((rig_t *)context)->stream;

    stream->resets++;
    stream->read = 0U;
    stream->toDeviceBytes = 0U;
}

static uint32_t rig_now(void *context)
{
    rig_t *rig = context;

    rig->calls++;
    if (rig->calls == CALLS_PER_MS) {
        rig->calls = 0U;
        rig->nowMs++;
    }
    return rig->nowMs;
}

/** Marsaglia's xorshift: any numbers will do. */
static uint32_t rig_random(void *context)
{
    rig_t *rig = context;

    rig->chance ^= rig->chance << 13U;
    rig->chance ^= rig->chance >> 17U;
    rig->chance ^= rig->chance << 5U;
    return rig->chance;
}

/** Samples that a model can learn something from. */
static float rig_value(void *context, uint32_t row, uint32_t column)
{
    const rig_setup_t *setup = &((const rig_t *)context)->setup;
    float value = ((float)(((row * 31U) + (column * 17U)) % 21U) - 10.0F) / 8.0F;

    if (column == setup->features) {
        value = (setup->classes == 1U) ? ((float)(row % 7U) / 4.0F) : (float)(row % setup->classes);
    }
    return (setup->broken && (row == 3U) && (column == 0U)) ? NAN : value;
}

static bool rig_willing(void *context)
{
    return !((const rig_t *)context)->setup.unwilling;
}

fm_result_t rig_begin(rig_t *rig, const rig_setup_t *setup, void (*event)(void *context, const fm_event_t *event))
{
    fm_device_options_t *options = &rig->options;

    memset(rig, 0, sizeof(*rig));
    rig->setup = *setup;
    rig->stream.readMost = INT32_MAX;
    rig->stream.writeMost = INT32_MAX;
    rig->chance = 0x2545F491U;
    rig->memory = malloc(setup->memoryBytes);
    rig->order = malloc(2U * (size_t)setup->rows);
    rig->incoming = malloc(setup->incomingBytes);
    rig->outgoing = malloc(setup->outgoingBytes);
    rig->port = (fm_port_t){ rig, rig_open, rig_read, rig_write, rig_reset, rig_now, rig_random };
    options->fleet = "motes";
    options->id = "mote-7";
    options->port = &rig->port;
    options->buffers = (fm_buffers_t){ rig->incoming, setup->incomingBytes, rig->outgoing, setup->outgoingBytes };
    options->username = setup->login ? "user" : NULL;
    options->password = setup->login ? "word" : NULL;
    options->features = setup->features;
    options->train = (fm_samples_t){ rig, setup->rows, rig_value };
    options->test = (fm_samples_t){ rig, setup->testRows, rig_value };
    options->order = rig->order;
    options->memory = rig->memory;
    options->memoryBytes = setup->memoryBytes;
    options->parts = setup->all ? &fm_parts_all : &fm_parts_small;
    options->willing = rig_willing;
    options->event = event;
    options->context = rig;
    return fm_device_begin(&rig->device, options);
}

void rig_end(rig_t *rig)
{
    free(rig->memory);
    free(rig->order);
    free(rig->incoming);
    free(rig->outgoing);
    free(rig->stream.toDevice);
    free(rig->stream.toBroker);
}

void rig_feed(rig_t *rig, const uint8_t *bytes, uint32_t size)
{
    rig_stream_t *stream = &rig->stream;

    if (stream->read > 0U) {
        memmove(stream->toDevice, &stream->toDevice[stream->read], stream->toDeviceBytes);
        stream->read = 0U;
    }
    append(&stream->toDevice, &stream->toDeviceBytes, bytes, size);
}

void rig_taken(rig_t *rig)
{
    rig->stream.toBrokerBytes = 0U;
}

fm_result_t rig_run(rig_t *rig, uint32_t ms)
{
    uint32_t begin = rig->nowMs;
    uint32_t opened = rig->stream.opened;
    uint32_t resets = rig->stream.resets;
    fm_result_t result = FM_OK;

    while (((result == FM_OK) || (result == FM_AGAIN)) && (rig->stream.toBrokerBytes == 0U) &&
           (rig->stream.opened == opened) && (rig->stream.resets == resets) && ((rig->nowMs - begin) < ms)) {
        result = rig->leaving ? fm_device_leave(&rig->device) : fm_device_poll(&rig->device);
        if (result == FM_AGAIN) {
            uint32_t left = ms - (rig->nowMs - begin);

            rig->nowMs += ((rig->nowMs - begin) >= ms) ? 0U : ((left < IDLE_MS) ? left : IDLE_MS);
        }
    }
    return result;
}
