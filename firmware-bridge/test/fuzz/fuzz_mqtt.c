/** Any bytes as what a broker sends: packets are found where they end, and views lie within them. */
#include <stdlib.h>

#include "fm_mqtt.h"
#include "fuzz.h"

/** Whether a view lies within the packet. */
static bool within(fm_bytes_t view, const uint8_t *packet, uint32_t size)
{
    return (view.bytes >= packet) && (view.size <= size) && (view.bytes <= &packet[size - view.size]);
}

static void publish(const uint8_t *packet, uint32_t size, const fm_frame_t *frame)
{
    fm_publish_t it;

    if (fm_mqtt_read_publish(packet, size, frame, &it) == FM_OK) {
        fuzz_check(within(it.topic, packet, size) && within(it.payload, packet, size), "views lie within the packet");
        fuzz_check(it.topic.size > 0U, "there is a topic");
        fuzz_check(&it.payload.bytes[it.payload.size] == &packet[size], "the payload is all the rest");
    }
}

/** A whole packet. */
static void whole(const uint8_t *packet, const fm_frame_t *frame)
{
    uint32_t id = 0U;

    switch (frame->type) {
    case FM_MQTT_CONNACK:
        (void)fm_mqtt_read_connack(packet, frame);
        break;
    case FM_MQTT_PUBLISH:
        publish(packet, frame->bytes, frame);
        break;
    case FM_MQTT_PUBACK:
    case FM_MQTT_SUBACK:
    case FM_MQTT_UNSUBACK:
        (void)fm_mqtt_read_ack(packet, frame, &id);
        fuzz_check(id <= 0xFFFFU, "an id has 16 bits");
        break;
    default:
        break;
    }
}

/** Takes the packet at the front; 0: there is none that is whole. */
static uint32_t take(const uint8_t *bytes, uint32_t size)
{
    fm_frame_t frame = { 0U, 0U, 0U, 0U };
    uint8_t *exact = fuzz_copy(bytes, size);
    fm_result_t result = fm_mqtt_frame(exact, size, &frame);
    uint32_t taken = 0U;

    free(exact);
    if (result == FM_AGAIN) {
        fuzz_check(size < 5U, "a header has five bytes at most");
    } else if (result == FM_OK) {
        fuzz_check((frame.headBytes >= 2U) && (frame.headBytes <= 5U) && (frame.bytes >= frame.headBytes), "a header is sound");
        taken = (frame.bytes <= size) ? frame.bytes : 0U;
        exact = fuzz_copy(bytes, (taken > 0U) ? taken : size);
        if (taken > 0U) {
            whole(exact, &frame);
        } else if (frame.type == FM_MQTT_PUBLISH) {
            /* What there is of one that is too large. */
            publish(exact, size, &frame);
        }
        free(exact);
    }
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0U;
    uint32_t taken = 1U;

    while ((taken > 0U) && (at < size)) {
        taken = take(&data[at], (uint32_t)(size - at));
        at += taken;
    }
    return 0;
}
