#include "fm_client.h"

#include <stddef.h>
#include <string.h>

/* First bytes of the packets that a device writes (MQTT 3.1.1, section 2.2), and of the answers. */
#define CONNECT 0x10U
#define CONNACK 0x20U
#define PUBLISH 0x30U
#define PUBACK 0x40U
#define SUBSCRIBE 0x80U
#define SUBACK 0x90U
#define UNSUBSCRIBE 0xA0U
#define UNSUBACK 0xB0U
#define PINGREQ 0xC0U
#define PINGRESP 0xD0U
#define TYPE 0xF0U
#define RETAIN 1U

#define GRANTED_QOS_1 1U
#define NOT_GRANTED 0x80U

/* Bytes of the longest answer. Messages leave so much room. */
#define ANSWER_BYTES 5U

/* A packet's first byte and its remaining length, at most. */
#define HEAD_BYTES 5U

/** A packet of the device's: its first byte, and what comes after its head. */
typedef struct {
    uint32_t first;
    const uint8_t *rest;
    uint32_t restBytes;
    /** Bytes of all of it. */
    uint32_t bytes;
} client_packet_t;

static void client_put(fm_client_t *client, uint32_t byte)
{
    client->queue[client->filled] = (uint8_t)(byte & 0xFFU);
    client->filled++;
}

static void client_put_bytes(fm_client_t *client, fm_bytes_t bytes)
{
    (void)memcpy(&client->queue[client->filled], bytes.bytes, bytes.size);
    client->filled += bytes.size;
}

/* ---- what the device writes ---- */

/** The device writes whole packets, the next one first. */
static client_packet_t client_packet(const uint8_t *bytes)
{
    client_packet_t packet = { bytes[0], &bytes[1], 0U, 0U };
    uint32_t shift = 0U;
    bool more = true;

    while (more) {
        packet.restBytes |= ((uint32_t)packet.rest[0] & 0x7FU) << shift;
        more = packet.rest[0] >= 0x80U;
        packet.rest = &packet.rest[1];
        shift += 7U;
    }
    packet.bytes = 1U + (shift / 7U) + packet.restBytes;
    return packet;
}

/** The topic at the front of some bytes, into the client's own; returns its bytes with their length. */
static uint32_t client_topic(fm_client_t *client, const uint8_t *bytes)
{
    uint32_t size = ((uint32_t)bytes[0] << 8U) | (uint32_t)bytes[1];
    uint32_t kept = (size < FM_CLIENT_TOPIC_BYTES) ? size : (FM_CLIENT_TOPIC_BYTES - 1U);

    (void)memcpy(client->topic, &bytes[2], kept);
    client->topic[kept] = '\0';
    return size + 2U;
}

/** Answers a packet with its id, and for SUBACK a return code. */
static void client_acknowledge(fm_client_t *client, uint32_t type, const uint8_t *id, uint32_t code)
{
    client_put(client, type);
    client_put(client, (type == SUBACK) ? 3U : 2U);
    client_put(client, id[0]);
    client_put(client, id[1]);
    if (type == SUBACK) {
        client_put(client, code);
    }
}

/** SUBSCRIBE, UNSUBSCRIBE: the id, then a topic. */
static fm_result_t client_request(fm_client_t *client, const client_packet_t *packet)
{
    const fm_client_calls_t *calls = client->calls;
    bool subscribe = (packet->first & TYPE) == SUBSCRIBE;
    fm_result_t result;

    (void)client_topic(client, &packet->rest[2]);
    result = subscribe ? calls->subscribe(calls->context, client->topic)
                       : calls->unsubscribe(calls->context, client->topic);
    if (result != FM_AGAIN) {
        client_acknowledge(client, subscribe ? SUBACK : UNSUBACK, packet->rest,
                           (result == FM_OK) ? GRANTED_QOS_1 : NOT_GRANTED);
        result = FM_OK;
    }
    return result;
}

/** PUBLISH: a topic, the id, and the payload. */
static fm_result_t client_publish(fm_client_t *client, const client_packet_t *packet)
{
    const fm_client_calls_t *calls = client->calls;
    uint32_t id = client_topic(client, packet->rest);
    uint32_t payload = id + 2U;
    fm_result_t result = calls->publish(calls->context, client->topic, &packet->rest[payload],
                                        packet->restBytes - payload, (packet->first & RETAIN) != 0U);

    if (result == FM_OK) {
        client_acknowledge(client, PUBACK, &packet->rest[id], 0U);
    }
    return result;
}

static fm_result_t client_take(fm_client_t *client, const client_packet_t *packet)
{
    static const uint8_t accepted[2] = { 0U, 0U };
    fm_result_t result = FM_OK;

    switch (packet->first & TYPE) {
    case CONNECT:
        client_acknowledge(client, CONNACK, accepted, 0U);
        break;
    case PUBLISH:
        result = client_publish(client, packet);
        break;
    case SUBSCRIBE:
    case UNSUBSCRIBE:
        result = client_request(client, packet);
        break;
    case PINGREQ:
        client_put(client, PINGRESP);
        client_put(client, 0U);
        break;
    default:
        /* DISCONNECT: the connection is the firmware's. */
        break;
    }
    return result;
}

static bool client_is_up(const fm_client_t *client)
{
    return (!client->lost) && client->calls->connected(client->calls->context);
}

static int32_t client_write(void *context, const uint8_t *bytes, uint32_t size)
{
    fm_client_t *client = context;
    int32_t taken = 0;

    (void)size;
    if (!client_is_up(client)) {
        taken = -1;
    } else if ((client->queueBytes - client->filled) >= ANSWER_BYTES) {
        client_packet_t packet = client_packet(bytes);
        fm_result_t result = client_take(client, &packet);

        if (result == FM_OK) {
            taken = (int32_t)packet.bytes;
        } else if (result != FM_AGAIN) {
            taken = -1;
        } else {
            /* Not now. */
        }
    } else {
        /* The device has to read first. */
    }
    return taken;
}

/* ---- what the device reads ---- */

static fm_result_t client_open(void *context)
{
    fm_client_t *client = context;

    client->lost = false;
    return client_is_up(client) ? FM_OK : FM_AGAIN;
}

static int32_t client_read(void *context, uint8_t *bytes, uint32_t size)
{
    fm_client_t *client = context;
    uint32_t got = (size < client->filled) ? size : client->filled;

    if (got > 0U) {
        (void)memcpy(bytes, client->queue, got);
        client->filled -= got;
        (void)memmove(client->queue, &client->queue[got], client->filled);
    }
    return client_is_up(client) ? (int32_t)got : -1;
}

static void client_reset(void *context)
{
    fm_client_t *client = context;

    client->filled = 0U;
}

static uint32_t client_now_ms(void *context)
{
    const fm_client_t *client = context;

    return client->calls->now_ms(client->calls->context);
}

static uint32_t client_random(void *context)
{
    const fm_client_t *client = context;

    return client->calls->random(client->calls->context);
}

/* ---- what the firmware calls ---- */

void fm_client_begin(fm_client_t *client, const fm_client_calls_t *calls, uint8_t *queue, uint32_t queueBytes)
{
    const fm_port_t port = { client,       client_open,   client_read,  client_write,
                             client_reset, client_now_ms, client_random };

    (void)memset(client, 0, sizeof(*client));
    client->port = port;
    client->calls = calls;
    client->queue = queue;
    client->queueBytes = queueBytes;
}

fm_result_t fm_client_message(fm_client_t *client, fm_bytes_t topic, fm_bytes_t payload, bool retained)
{
    uint32_t remaining = 2U + topic.size + payload.size;
    uint32_t bytes = HEAD_BYTES + remaining + ANSWER_BYTES;
    fm_result_t result = FM_OK;

    if ((topic.size > UINT16_MAX) || (payload.size > client->queueBytes) || (bytes > client->queueBytes)) {
        result = FM_TOO_LARGE;
    } else if (bytes > (client->queueBytes - client->filled)) {
        result = FM_AGAIN;
    } else {
        /* QoS 0: the client has acknowledged it. */
        client_put(client, PUBLISH | (retained ? RETAIN : 0U));
        while (remaining >= 0x80U) {
            client_put(client, (remaining & 0x7FU) | 0x80U);
            remaining >>= 7U;
        }
        client_put(client, remaining);
        client_put(client, topic.size >> 8U);
        client_put(client, topic.size);
        client_put_bytes(client, topic);
        client_put_bytes(client, payload);
    }
    return result;
}

void fm_client_lost(fm_client_t *client)
{
    client->lost = true;
}
