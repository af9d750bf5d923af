/** The device itself: its options, its connection, and whose turn it is. */
#include "fm_device.h"

#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_mqtt.h"
#include "fm_sha256.h"

#define DEFAULT_KEEP_ALIVE_SECONDS 30U
#define MOST_KEEP_ALIVE_SECONDS 43690U

/* The device's own topics. */
#define OWN_TOPICS 3U

/* Bytes of a chunk's message without its payload and the payload's head, all numbers as large as they get. */
#define CHUNK_BYTES 26U

/* Bytes of the longest topic of a change, but for the fleet: FM_TOPIC_CHANGE with all numbers as large as they get. */
#define CHANGE_TOPIC_BYTES (sizeof(FM_TOPIC_PREFIX "//model/4294967295/from-4294967295/1048576/65534") - 1U)

/* ---- small things that all parts use ---- */

uint32_t fm_device_random(const fm_device_t *device, uint32_t most)
{
    const fm_port_t *port = device->options->port;

    return port->random(port->context) % most;
}

static void device_event(const fm_device_t *device, const fm_event_t *event)
{
    const fm_device_options_t *options = device->options;

    if (options->event != NULL) {
        options->event(options->context, event);
    }
}

void fm_device_tell(const fm_device_t *device, fm_event_kind_t kind, uint32_t number, fm_result_t result)
{
    fm_event_t event = { kind, result, device->tookRound, device->tookEpoch, number, { NULL, 0U } };

    device_event(device, &event);
}

void fm_device_quote(const fm_device_t *device, fm_event_kind_t kind, fm_bytes_t text)
{
    fm_event_t event = { kind, FM_OK, device->tookRound, device->tookEpoch, 0U, text };

    device_event(device, &event);
}

void fm_device_topic(const fm_device_t *device, fm_topic_t *topic, const char *form, const uint32_t *numbers)
{
    fm_topic(topic, device->options->fleet, device->options->id, form, numbers);
}

uint8_t *fm_device_publish(fm_device_t *device, const char *form, const uint32_t *numbers, fm_message_t *message,
                           uint32_t *length)
{
    bool retain = message->type == FM_TYPE_HELLO;
    fm_topic_t topic;
    uint8_t *payload;

    /* Without room, for its length. */
    (void)fm_message_write(message, NULL, 0U, length);
    fm_device_topic(device, &topic, form, numbers);
    payload = fm_session_publish(&device->session, topic.view, retain, *length);
    if (payload != NULL) {
        (void)fm_message_write(message, payload, *length, length);
        device->flight = FM_FLIGHT_OTHER;
    }
    return payload;
}

fm_result_t fm_device_read(const fm_device_t *device, uint32_t type, uint8_t *numbers, fm_bytes_t *strings)
{
    fm_message_t message = { type, numbers, strings, NULL };

    return fm_message_read(&message, device->session.message.payload.bytes, device->session.message.payload.size);
}

uint32_t fm_largest_payload(uint32_t topicBytes, uint32_t fixed, uint32_t packetBytes)
{
    uint32_t least = fm_mqtt_publish_bytes(topicBytes, fixed);
    uint32_t size = (packetBytes <= least) ? 0U : (packetBytes - least);

    size = (size > FM_MOST_CHUNK) ? FM_MOST_CHUNK : size;
    /* At most a few bytes too many: the payload's own head, and a longer remaining length. */
    while ((size > 0U) && (fm_mqtt_publish_bytes(topicBytes, fixed + fm_cbor_head_bytes(size) + size) > packetBytes)) {
        size--;
    }
    return size;
}

static uint32_t device_now(const fm_device_t *device)
{
    const fm_port_t *port = device->options->port;

    return port->now_ms(port->context);
}

void fm_timer_set(const fm_device_t *device, fm_timer_t *timer, uint32_t waitMs)
{
    timer->sinceMs = device_now(device);
    timer->waitMs = waitMs + 1U;
}

bool fm_timer_due(const fm_device_t *device, fm_timer_t *timer)
{
    bool due = (timer->waitMs != 0U) && ((device_now(device) - timer->sinceMs) >= timer->waitMs);

    if (due) {
        timer->waitMs = 0U;
    }
    return due;
}

/* ---- options ---- */

static bool device_samples_fit(const fm_samples_t *samples)
{
    return (samples->rows == 0U) || ((samples->rows <= UINT16_MAX) && (samples->value != NULL));
}

static bool device_options_fit(const fm_device_options_t *options)
{
    bool names = (fm_name_bytes(options->fleet, FM_MOST_FLEET_NAME) > 0U) &&
                 (fm_name_bytes(options->id, FM_MOST_DEVICE_ID) > 0U);
    bool data = device_samples_fit(&options->train) && device_samples_fit(&options->test) &&
                (options->features >= FM_LEAST_FEATURES) && (options->features <= FM_MOST_FEATURES);

    return names && data && (options->keepAliveSeconds <= MOST_KEEP_ALIVE_SECONDS);
}

/** The first 8 bytes of the id's SHA-256 name the device's random streams, and its place in the spread. */
static void device_set_key(fm_device_t *device)
{
    uint8_t digest[FM_SHA256_BYTES];
    const char *id = device->options->id;

    fm_sha256_begin(&device->sha);
    fm_sha256_add(&device->sha, (const uint8_t *)id, fm_name_bytes(id, FM_MOST_DEVICE_ID));
    fm_sha256_end(&device->sha, digest);
    device->model.key.device[0] = fm_get_be32(&digest[0]);
    device->model.key.device[1] = fm_get_be32(&digest[4]);
}

/** The largest chunk of any model that reaches this device. As src/wire/chunk.ts reckons. */
static uint32_t device_chunk_limit(const fm_device_options_t *options)
{
    uint32_t topic = fm_name_bytes(options->fleet, FM_MOST_FLEET_NAME) + CHANGE_TOPIC_BYTES;

    return fm_largest_payload(topic, CHUNK_BYTES, options->buffers.incomingBytes);
}

fm_result_t fm_device_begin(fm_device_t *device, const fm_device_options_t *options)
{
    const fm_buffers_t *buffers = &options->buffers;
    uint32_t seconds = (options->keepAliveSeconds == 0U) ? DEFAULT_KEEP_ALIVE_SECONDS : options->keepAliveSeconds;

    (void)memset(device, 0, sizeof(*device));
    device->options = options;
    if (!device_options_fit(options)) {
        device->ended = FM_BAD_ARGUMENT;
    } else if ((buffers->incomingBytes < FM_LEAST_PACKET_BYTES) || (buffers->outgoingBytes < FM_LEAST_PACKET_BYTES)) {
        device->ended = FM_NO_SPACE;
    } else {
        fm_session_begin(&device->session, options->port, buffers, seconds);
        device->sessionId = fm_device_random(device, UINT32_MAX);
        device_set_key(device);
        device->chunkLimit = device_chunk_limit(options);
    }
    return device->ended;
}

/* ---- the connection ---- */

/** Asks for the next of its own topics, or for the Notice again. */
static void device_subscribe(fm_device_t *device)
{
    static const char *const forms[OWN_TOPICS + 1U] = { FM_TOPIC_RECEIPT, FM_TOPIC_TASK, FM_TOPIC_ROUND,
                                                        FM_TOPIC_ROUND };
    fm_topic_t topic;

    if ((device->subscribeId == 0U) && ((device->subscribed < OWN_TOPICS) || device->readNotice)) {
        fm_device_topic(device, &topic, forms[device->subscribed], NULL);
        device->subscribeId = fm_session_request(&device->session, FM_MQTT_SUBSCRIBE, topic.view);
        device->readNotice = device->readNotice && (device->subscribeId == 0U);
    }
}

static void device_on_subscribed(fm_device_t *device)
{
    if (device->session.result != FM_OK) {
        fm_session_reset(&device->session, FM_REFUSED);
    } else if (device->session.ackId == device->subscribeId) {
        device->subscribeId = 0U;
        if (device->subscribed < OWN_TOPICS) {
            device->subscribed++;
            if (device->subscribed == OWN_TOPICS) {
                fm_greeting_now(device);
            }
        }
    } else {
        /* A chunk's topic. */
    }
}

/** All that depends on a connection is as with a new one. */
static void device_disconnected(fm_device_t *device)
{
    device->subscribed = 0U;
    device->subscribeId = 0U;
    device->flight = FM_FLIGHT_NONE;
    device->pull.asked = false;
    device->unsure = true;
}

static void device_on_event(fm_device_t *device, fm_session_event_t event)
{
    switch (event) {
    case FM_SESSION_OPENED:
        fm_greeting_connect(device);
        break;
    case FM_SESSION_UP:
        fm_device_tell(device, FM_EVENT_UP, 0U, FM_OK);
        break;
    case FM_SESSION_DOWN:
        device_disconnected(device);
        fm_device_tell(device, FM_EVENT_DOWN, 0U, device->session.result);
        break;
    case FM_SESSION_MESSAGE:
        fm_membership_hear(device);
        break;
    case FM_SESSION_TOO_LARGE:
        fm_device_tell(device, FM_EVENT_TOO_LARGE, device->session.needed, FM_TOO_LARGE);
        break;
    case FM_SESSION_PUBLISHED:
        fm_upload_sent(device);
        device->flight = FM_FLIGHT_NONE;
        break;
    case FM_SESSION_SUBSCRIBED:
        device_on_subscribed(device);
        break;
    default:
        /* Nothing has happened. */
        break;
    }
}

fm_result_t fm_device_poll(fm_device_t *device)
{
    bool began = (device->ended != FM_BAD_ARGUMENT) && (device->ended != FM_NO_SPACE);
    fm_result_t result = FM_AGAIN;

    if (began) {
        fm_session_event_t event = fm_session_poll(&device->session);
        bool busy;

        device_on_event(device, event);
        fm_membership_begin(device);
        device_subscribe(device);
        if (device->subscribed == OWN_TOPICS) {
            fm_greeting_send(device);
            fm_pull_send(device);
            if (!device->unsure) {
                fm_upload_send(device);
            }
        }
        busy = fm_work_slice(device) || (event != FM_SESSION_NOTHING) || (device->session.queued > 0U);
        result = busy ? FM_OK : FM_AGAIN;
    }
    return (device->ended != FM_OK) ? device->ended : result;
}
