/**
 * A device on its rig, and a broker and coordinator that say anything at any time. The input is what the device is, in two bytes, and then steps: see
 * `steps`. Whatever happens, the device stays within its buffers, writes nothing but whole packets and messages of the protocol, and ends each poll.
 */
#include <stdlib.h>
#include <string.h>

#include "../rig.h"
#include "fm_message.h"
#include "fm_mqtt.h"
#include "fuzz.h"

#define MOST_STEPS 200U
/** Virtual time of one input: long enough for a silence, another connection, and a round. */
#define MOST_MS 150000U
#define MOST_TOPIC 128U

/** What the broker answers by itself. */
#define ANSWER_CONNACK 1U
#define ANSWER_SUBACK 2U
#define ANSWER_PUBACK 4U
#define ANSWER_PING 8U

typedef struct {
    rig_t rig;
    uint32_t answers;
    uint32_t resets;
    /** What the device has written of a packet that is not whole. */
    uint8_t *written;
    uint32_t writtenBytes;
    /** The topic of the chunk that it asked for last. */
    uint8_t chunk[MOST_TOPIC];
    uint32_t chunkBytes;
} world_t;

static uint32_t word(const uint8_t *bytes)
{
    return ((uint32_t)bytes[0] << 8U) | bytes[1];
}

/** The broker says a packet. */
static void say(world_t *world, uint32_t head, const uint8_t *body, uint32_t size)
{
    uint8_t bytes[5] = { (uint8_t)head, 0U, 0U, 0U, 0U };
    uint32_t at = 1U;
    uint32_t rest = size;

    while (rest > 0x7FU) {
        bytes[at] = (uint8_t)(0x80U | (rest & 0x7FU));
        rest >>= 7U;
        at++;
    }
    bytes[at] = (uint8_t)rest;
    rig_feed(&world->rig, bytes, at + 1U);
    rig_feed(&world->rig, body, size);
}

/** A message of the device's is one of the protocol. */
static void check_message(const uint8_t *bytes, uint32_t size)
{
    union {
        fm_hello_t hello;
        fm_ready_t ready;
        fm_gone_t gone;
        fm_update_t update;
    } it;
    uint32_t type = fm_message_type(bytes, size);
    fm_message_t message = { type, (uint8_t *)&it, (type == FM_TYPE_HELLO) ? it.hello.strings : it.update.strings, NULL };

    memset(&it, 0, sizeof(it));
    fuzz_check((type == FM_TYPE_HELLO) || (type == FM_TYPE_READY) || (type == FM_TYPE_GONE) || (type == FM_TYPE_UPDATE),
               "devices say hello, ready, gone and updates");
    fuzz_check(fm_message_read(&message, bytes, size) == FM_OK, "what the device says is a message");
}

static void on_publish(world_t *world, const uint8_t *body, uint32_t size)
{
    uint32_t topic = word(body);

    fuzz_check((4U + topic) <= size, "a topic is within its packet");
    check_message(&body[4U + topic], size - 4U - topic);
    if ((world->answers & ANSWER_PUBACK) != 0U) {
        say(world, FM_MQTT_PUBACK << 4U, &body[2U + topic], 2U);
    }
}

static void on_subscribe(world_t *world, const uint8_t *body, uint32_t size)
{
    const uint8_t suback[3] = { body[0], body[1], 1U };
    uint32_t topic = word(&body[2]);

    fuzz_check(((5U + topic) == size) && (topic <= MOST_TOPIC) && (body[size - 1U] == 1U), "one topic, QoS 1");
    if ((topic > 14U) && (memcmp(&body[4], "fm1/motes/model", 15U) == 0)) {
        memcpy(world->chunk, &body[4], topic);
        world->chunkBytes = topic;
    }
    if ((world->answers & ANSWER_SUBACK) != 0U) {
        say(world, FM_MQTT_SUBACK << 4U, suback, 3U);
    }
}

/** A whole packet of the device's. */
static void on_packet(world_t *world, uint32_t head, const uint8_t *body, uint32_t size)
{
    static const uint8_t connack[2] = { 0U, 0U };

    switch (head) {
    case (FM_MQTT_CONNECT << 4U):
        fuzz_check((size > 10U) && (memcmp(body, "\0\4MQTT\4", 7U) == 0), "CONNECT is one");
        if ((world->answers & ANSWER_CONNACK) != 0U) {
            say(world, FM_MQTT_CONNACK << 4U, connack, 2U);
        }
        break;
    case (FM_MQTT_PUBLISH << 4U) | 2U:
    case (FM_MQTT_PUBLISH << 4U) | 3U:
        on_publish(world, body, size);
        break;
    case (FM_MQTT_SUBSCRIBE << 4U) | 2U:
        on_subscribe(world, body, size);
        break;
    case (FM_MQTT_UNSUBSCRIBE << 4U) | 2U:
        fuzz_check((4U + word(&body[2])) == size, "one topic");
        if ((world->answers & ANSWER_SUBACK) != 0U) {
            say(world, FM_MQTT_UNSUBACK << 4U, body, 2U);
        }
        break;
    case (FM_MQTT_PUBACK << 4U):
        fuzz_check((size == 2U) && (word(body) != 0U), "an id");
        break;
    case (FM_MQTT_PINGREQ << 4U):
        fuzz_check(size == 0U, "nothing but its type");
        if ((world->answers & ANSWER_PING) != 0U) {
            say(world, FM_MQTT_PINGRESP << 4U, NULL, 0U);
        }
        break;
    default:
        fuzz_check((head == (FM_MQTT_DISCONNECT << 4U)) && (size == 0U), "a packet of a client");
        break;
    }
}

/** Takes whole packets from what the device has written. */
static void listen(world_t *world)
{
    rig_stream_t *stream = &world->rig.stream;
    uint32_t at = 0U;

    if (stream->resets != world->resets) {
        /* What is half written is lost; a poll that resets writes nothing afterwards. */
        world->resets = stream->resets;
        world->writtenBytes = 0U;
        rig_taken(&world->rig);
    }
    world->written = realloc(world->written, world->writtenBytes + stream->toBrokerBytes + 1U);
    if (stream->toBrokerBytes > 0U) {
        memcpy(&world->written[world->writtenBytes], stream->toBroker, stream->toBrokerBytes);
    }
    world->writtenBytes += stream->toBrokerBytes;
    rig_taken(&world->rig);
    for (;;) {
        uint32_t size = 0U;
        uint32_t head = at + 1U;

        while ((head < world->writtenBytes) && (world->written[head] > 0x7FU)) {
            head++;
        }
        if (head >= world->writtenBytes) {
            break;
        }
        for (uint32_t i = at + 1U; i <= head; i++) {
            size |= ((uint32_t)world->written[i] & 0x7FU) << (7U * (i - at - 1U));
        }
        if (size > (world->writtenBytes - head - 1U)) {
            break;
        }
        fuzz_check((size + head - at + 1U) <= world->rig.setup.outgoingBytes, "no packet is larger than the buffer");
        on_packet(world, world->written[at], &world->written[head + 1U], size);
        at = head + 1U + size;
    }
    memmove(world->written, &world->written[at], world->writtenBytes - at);
    world->writtenBytes -= at;
}

/** Lets time pass, and the broker answer. */
static void pass(world_t *world, uint32_t ms)
{
    uint32_t end = world->rig.nowMs + ms;
    fm_result_t result = FM_AGAIN;
    uint32_t turns = 0U;

    end = (end < MOST_MS) ? end : MOST_MS;
    while (((result == FM_AGAIN) || (result == FM_OK)) && (world->rig.nowMs < end) && (turns < 400U)) {
        result = rig_run(&world->rig, end - world->rig.nowMs);
        fuzz_check(world->rig.stream.resets >= world->resets, "resets are counted");
        listen(world);
        turns++;
    }
}

/** A message of the coordinator's, or what comes in its place. */
static void publish(world_t *world, fuzz_input_t *input, uint32_t how)
{
    static const char *const topics[3] = { "fm1/motes/dev/mote-7/receipt", "fm1/motes/dev/mote-7/task", "fm1/motes/round" };
    uint32_t which = how & 3U;
    uint32_t retained = (how >> 2U) & 1U;
    uint32_t qos = 1U - ((how >> 3U) & 1U);
    const uint8_t *topic = (which < 3U) ? (const uint8_t *)topics[which] : world->chunk;
    uint32_t topicBytes = (which < 3U) ? (uint32_t)strlen(topics[which]) : world->chunkBytes;
    uint32_t size = 0U;
    const uint8_t *payload = fuzz_bytes(input, fuzz_word(input), &size);
    uint8_t *body = malloc(4U + (size_t)topicBytes + size);
    uint32_t at = 2U + topicBytes;

    body[0] = 0U;
    body[1] = (uint8_t)topicBytes;
    memcpy(&body[2], topic, topicBytes);
    if (qos == 1U) {
        body[at] = 0U;
        body[at + 1U] = 9U;
        at += 2U;
    }
    if (size > 0U) {
        memcpy(&body[at], payload, size);
    }
    say(world, (FM_MQTT_PUBLISH << 4U) | (qos << 1U) | retained, body, at + size);
    free(body);
}

static void stream(world_t *world, uint32_t how)
{
    static const int32_t most[4] = { INT32_MAX, 1, 0, -1 };
    static const fm_result_t opens[4] = { FM_OK, FM_AGAIN, FM_CLOSED, FM_OK };

    if (how < 8U) {
        world->rig.stream.readMost = most[how & 3U];
    } else if (how < 16U) {
        world->rig.stream.writeMost = most[how & 3U];
    } else {
        world->rig.stream.open = opens[how & 3U];
        world->rig.setup.unwilling = (how & 4U) != 0U;
    }
}

static void query(world_t *world)
{
    static float x[256];
    static float outputs[65535];
    uint32_t count = 0U;
    const float *model = fm_device_model(&world->rig.device, &count);

    if (model != NULL) {
        fuzz_check((4U * count) <= world->rig.setup.memoryBytes, "the model is in memory");
        fuzz_check(fm_device_predict(&world->rig.device, x, outputs) == FM_OK, "it predicts");
    } else {
        fuzz_check(fm_device_predict(&world->rig.device, x, outputs) == FM_AGAIN, "there is nothing to predict with");
    }
}

/** A step is a byte: what, in its lower 3 bits, and how, in its upper 5; some have bytes of their own after it. */
static void steps(world_t *world, fuzz_input_t *input)
{
    for (uint32_t i = 0U; (i < MOST_STEPS) && (input->size > 0U); i++) {
        uint32_t step = fuzz_byte(input);
        uint32_t how = step >> 3U;
        uint32_t size = 0U;
        const uint8_t *bytes;

        switch (step & 7U) {
        case 0U:
            pass(world, (how + 1U) * 64U);
            break;
        case 1U:
            publish(world, input, how);
            break;
        case 2U:
            bytes = fuzz_bytes(input, fuzz_word(input), &size);
            rig_feed(&world->rig, bytes, size);
            break;
        case 3U:
            stream(world, how);
            break;
        case 4U:
            world->answers = how;
            break;
        case 5U:
            pass(world, (how + 1U) * 4096U);
            break;
        case 6U:
            query(world);
            break;
        default:
            world->rig.leaving = world->rig.leaving || (how == 31U);
            break;
        }
    }
    pass(world, 1000U);
    query(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t packets[4] = { 256U, 512U, 300U, 2048U };
    static const uint32_t memories[4] = { 65536U, 4096U, 1024U, 400U };
    fuzz_input_t input = { data, size };
    uint32_t kind = fuzz_byte(&input);
    world_t *world = calloc(1U, sizeof(world_t));
    rig_setup_t setup = { 0 };

    setup.incomingBytes = packets[kind & 3U];
    setup.outgoingBytes = packets[(kind >> 1U) & 3U];
    setup.memoryBytes = memories[(kind >> 3U) & 3U];
    setup.classes = 1U + ((kind >> 5U) & 3U);
    setup.all = (kind & 0x80U) == 0U;
    kind = fuzz_byte(&input);
    setup.features = 1U + (kind & 63U);
    setup.rows = ((kind & 64U) != 0U) ? 0U : 12U;
    setup.testRows = ((kind & 128U) != 0U) ? 0U : 5U;
    setup.login = (kind & 64U) != 0U;
    world->answers = ANSWER_CONNACK | ANSWER_SUBACK | ANSWER_PUBACK | ANSWER_PING;
    fuzz_check(rig_begin(&world->rig, &setup, NULL) == FM_OK, "a device begins");
    steps(world, &input);
    rig_end(&world->rig);
    free(world->written);
    free(world);
    return 0;
}
