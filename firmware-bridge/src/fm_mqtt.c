#include "fm_mqtt.h"

#include <stddef.h>
#include <string.h>

#define QOS_1 2U
#define RETAIN 1U

/* Connect flags (section 3.1.2.3). */
#define CLEAN_SESSION 0x02U
#define WILL_QOS_1 0x0CU
#define WITH_PASSWORD 0x40U
#define WITH_USERNAME 0x80U

/* Reserved flags of SUBSCRIBE and UNSUBSCRIBE. */
#define REQUEST_FLAGS 2U

/* The protocol's name with its length, and its level. */
#define PROTOCOL_BYTES 7U
#define LEVEL_3_1_1 4U

#define GRANTED_MOST 2U

static void mqtt_put_string(fm_writer_t *packet, fm_bytes_t string)
{
    fm_write_number(packet, string.size, 16U);
    fm_write_bytes(packet, string.bytes, string.size);
}

static void mqtt_put_head(fm_writer_t *packet, uint32_t type, uint32_t flags, uint32_t remaining)
{
    uint32_t rest = remaining;

    fm_write(packet, (type << 4U) | flags);
    while (rest > 0x7FU) {
        fm_write(packet, 0x80U | (rest & 0x7FU));
        rest >>= 7U;
    }
    fm_write(packet, rest);
}

void fm_mqtt_connect(fm_writer_t *packet, const fm_connect_t *connect)
{
    static const uint8_t protocol[PROTOCOL_BYTES] = { 0U, 4U, 'M', 'Q', 'T', 'T', LEVEL_3_1_1 };
    uint32_t flags = CLEAN_SESSION | WILL_QOS_1;
    uint32_t remaining = PROTOCOL_BYTES + 3U;
    uint32_t i;

    flags |= (connect->count > FM_CONNECT_USERNAME) ? WITH_USERNAME : 0U;
    flags |= (connect->count > FM_CONNECT_PASSWORD) ? WITH_PASSWORD : 0U;
    for (i = 0U; i < connect->count; i++) {
        remaining += 2U + connect->strings[i].size;
    }
    mqtt_put_head(packet, FM_MQTT_CONNECT, 0U, remaining);
    fm_write_bytes(packet, protocol, PROTOCOL_BYTES);
    fm_write(packet, flags);
    fm_write_number(packet, connect->keepAliveSeconds, 16U);
    for (i = 0U; i < connect->count; i++) {
        mqtt_put_string(packet, connect->strings[i]);
    }
}

static uint32_t mqtt_publish_remaining(uint32_t topicBytes, uint32_t payloadBytes)
{
    return 2U + topicBytes + 2U + payloadBytes;
}

void fm_mqtt_publish(fm_writer_t *packet, fm_bytes_t topic, uint32_t id, bool retain, uint32_t payloadBytes)
{
    mqtt_put_head(packet, FM_MQTT_PUBLISH, QOS_1 | (retain ? RETAIN : 0U),
                  mqtt_publish_remaining(topic.size, payloadBytes));
    mqtt_put_string(packet, topic);
    fm_write_number(packet, id, 16U);
    packet->at += payloadBytes;
}

uint32_t fm_mqtt_publish_bytes(uint32_t topicBytes, uint32_t payloadBytes)
{
    uint32_t remaining = mqtt_publish_remaining(topicBytes, payloadBytes);
    fm_writer_t counted = { NULL, 0U, 0U };

    mqtt_put_head(&counted, FM_MQTT_PUBLISH, QOS_1, remaining);
    return counted.at + remaining;
}

void fm_mqtt_request(fm_writer_t *packet, uint32_t type, uint32_t id, fm_bytes_t topic)
{
    bool subscribe = type == FM_MQTT_SUBSCRIBE;

    mqtt_put_head(packet, type, REQUEST_FLAGS, 2U + 2U + topic.size + (subscribe ? 1U : 0U));
    fm_write_number(packet, id, 16U);
    mqtt_put_string(packet, topic);
    if (subscribe) {
        fm_write(packet, 1U);
    }
}

void fm_mqtt_short(fm_writer_t *packet, uint32_t type, uint32_t id)
{
    mqtt_put_head(packet, type, 0U, (id != 0U) ? 2U : 0U);
    if (id != 0U) {
        fm_write_number(packet, id, 16U);
    }
}

/** Whether a server sends packets of this type, with these flags. */
static bool mqtt_expected(uint32_t type, uint32_t flags)
{
    /* CONNACK, PUBACK, SUBACK, UNSUBACK, PINGRESP. */
    const uint32_t one = 1U;
    uint32_t answers = (one << FM_MQTT_CONNACK) | (one << FM_MQTT_PUBACK) | (one << FM_MQTT_SUBACK) |
                       (one << FM_MQTT_UNSUBACK) | (one << FM_MQTT_PINGRESP);

    return (type == FM_MQTT_PUBLISH) || ((((answers >> type) & 1U) != 0U) && (flags == 0U));
}

fm_result_t fm_mqtt_frame(const uint8_t *bytes, uint32_t size, fm_frame_t *frame)
{
    fm_result_t result = FM_AGAIN;
    uint32_t remaining = 0U;
    uint32_t i;

    if (size > 0U) {
        frame->type = (uint32_t)bytes[0] >> 4U;
        frame->flags = (uint32_t)bytes[0] & 15U;
        if (!mqtt_expected(frame->type, frame->flags)) {
            result = FM_BAD_PACKET;
        }
    }
    /* Seven bits a byte, the lowest first, four bytes at most. */
    for (i = 1U; (result == FM_AGAIN) && (i < size); i++) {
        remaining |= ((uint32_t)bytes[i] & 0x7FU) << (7U * (i - 1U));
        if (bytes[i] < 0x80U) {
            frame->headBytes = i + 1U;
            frame->bytes = frame->headBytes + remaining;
            result = FM_OK;
        } else if (i == 4U) {
            result = FM_BAD_PACKET;
        } else {
            /* One more byte of it. */
        }
    }
    return result;
}

static uint32_t mqtt_get_16(const uint8_t *bytes)
{
    return ((uint32_t)bytes[0] << 8U) | (uint32_t)bytes[1];
}

fm_result_t fm_mqtt_read_connack(const uint8_t *packet, const fm_frame_t *frame)
{
    fm_result_t result = FM_BAD_PACKET;

    if ((frame->type == FM_MQTT_CONNACK) && (frame->bytes == (frame->headBytes + 2U))) {
        result = (packet[frame->headBytes + 1U] == 0U) ? FM_OK : FM_REFUSED;
    }
    return result;
}

fm_result_t fm_mqtt_read_publish(const uint8_t *packet, uint32_t size, const fm_frame_t *frame, fm_publish_t *publish)
{
    uint32_t qos = (frame->flags >> 1U) & 3U;
    uint32_t at = frame->headBytes + 2U;
    fm_result_t result = FM_BAD_PACKET;

    if ((qos <= 1U) && (size >= at)) {
        uint32_t length = mqtt_get_16(&packet[frame->headBytes]);
        uint32_t end = at + length + ((qos == 1U) ? 2U : 0U);

        if ((length > 0U) && (end <= size)) {
            publish->topic.bytes = &packet[at];
            publish->topic.size = length;
            publish->id = (qos == 1U) ? mqtt_get_16(&packet[at + length]) : 0U;
            publish->payload.bytes = &packet[end];
            publish->payload.size = size - end;
            publish->retained = (frame->flags & RETAIN) != 0U;
            result = ((qos == 1U) && (publish->id == 0U)) ? FM_BAD_PACKET : FM_OK;
        }
    }
    return result;
}

fm_result_t fm_mqtt_read_ack(const uint8_t *packet, const fm_frame_t *frame, uint32_t *id)
{
    /* One subscription is asked for at a time: one return code. */
    uint32_t expected = frame->headBytes + ((frame->type == FM_MQTT_SUBACK) ? 3U : 2U);
    fm_result_t result = FM_BAD_PACKET;

    if (frame->bytes == expected) {
        *id = mqtt_get_16(&packet[frame->headBytes]);
        result = FM_OK;
        if ((frame->type == FM_MQTT_SUBACK) && (packet[expected - 1U] > GRANTED_MOST)) {
            result = FM_REFUSED;
        }
    }
    return result;
}
