/** The device itself: its options, its connection, and whose turn it is. */
#include "fm_device.h"

#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_sha256.h"

#define DEFAULT_KEEP_ALIVE_SECONDS 30U
#define MOST_KEEP_ALIVE_SECONDS 43690U

/* How long a device that leaves waits for the broker to hear of it. */
#define LEAVE_MS 2000U

/* The device's own topics: receipt, task, round. */
#define OWN_TOPICS 3U

#define MOST_ROWS 65535U

/* ---- small things that all parts use ---- */

uint32_t fm_device_now(const fm_device_t *device)
{
    const fm_port_t *port = device->options->port;

    return port->now_ms(port->context);
}

uint32_t fm_device_random(const fm_device_t *device, uint32_t most)
{
    const fm_port_t *port = device->options->port;

    return port->random(port->context) % most;
}

static void device_event(const fm_device_t *device, fm_event_t *event)
{
    const fm_device_options_t *options = device->options;

    event->round = device->tookRound;
    event->epoch = device->tookEpoch;
    if (options->event != NULL) {
        options->event(options->context, event);
    }
}

void fm_device_tell(const fm_device_t *device, fm_event_kind_t kind, uint32_t number, fm_result_t result)
{
    fm_event_t event = { kind, result, 0U, 0U, number, { NULL, 0U } };

    device_event(device, &event);
}

void fm_device_quote(const fm_device_t *device, fm_event_kind_t kind, fm_bytes_t text)
{
    fm_event_t event = { kind, FM_OK, 0U, 0U, 0U, text };

    device_event(device, &event);
}

fm_names_t fm_device_names(const fm_device_t *device)
{
    fm_names_t names = { device->options->fleet, device->options->id };

    return names;
}

uint32_t fm_largest_payload(uint32_t topicBytes, uint32_t fixed, uint32_t packetBytes)
{
    uint32_t least = fm_mqtt_publish_bytes(topicBytes, fixed);
    uint32_t size = (packetBytes > least) ? (packetBytes - least) : 0U;
    bool fits = false;

    size = (size > FM_MOST_CHUNK) ? FM_MOST_CHUNK : size;
    /* At most a few bytes too many: the payload's own head, and a longer remaining length. */
    while ((size > 0U) && (!fits)) {
        uint32_t head = (size < 24U) ? 1U : ((size < 0x100U) ? 2U : ((size < 0x10000U) ? 3U : 5U));

        fits = fm_mqtt_publish_bytes(topicBytes, fixed + head + size) <= packetBytes;
        size -= fits ? 0U : 1U;
    }
    return size;
}

void fm_device_end(fm_device_t *device, fm_result_t reason)
{
    fm_work_cancel(device);
    device->ended = reason;
}

void fm_timer_set(fm_timer_t *timer, uint32_t nowMs, uint32_t waitMs)
{
    timer->sinceMs = nowMs;
    timer->waitMs = waitMs;
    timer->armed = true;
}

void fm_timer_clear(fm_timer_t *timer)
{
    timer->armed = false;
}

bool fm_timer_due(fm_timer_t *timer, uint32_t nowMs)
{
    bool due = timer->armed && ((nowMs - timer->sinceMs) >= timer->waitMs);

    if (due) {
        timer->armed = false;
    }
    return due;
}

/* ---- options ---- */

static bool device_names_fit(const fm_device_options_t *options)
{
    return (options->fleet != NULL) && (options->id != NULL) && (options->port != NULL) &&
           (fm_name_bytes(options->fleet, FM_MOST_FLEET_NAME) > 0U) &&
           (fm_name_bytes(options->id, FM_MOST_DEVICE_ID) > 0U);
}

static bool device_samples_fit(const fm_device_options_t *options)
{
    bool train = (options->train.rows <= MOST_ROWS) &&
                 ((options->train.rows == 0U) || ((options->train.value != NULL) && (options->order != NULL)));
    bool test = (options->test.rows <= MOST_ROWS) && ((options->test.rows == 0U) || (options->test.value != NULL));

    return train && test && (options->features >= FM_LEAST_FEATURES) && (options->features <= FM_MOST_FEATURES) &&
           (options->memory != NULL);
}

static bool device_parts_fit(const fm_device_options_t *options)
{
    return (options->parts != NULL) && (options->parts->codecCount >= FM_LEAST_CODEC_LIST) &&
           (options->parts->codecCount <= FM_MOST_CODEC_LIST) && (options->keepAliveSeconds <= MOST_KEEP_ALIVE_SECONDS);
}

static bool device_buffers_fit(const fm_buffers_t *buffers)
{
    return (buffers->incoming != NULL) && (buffers->outgoing != NULL) &&
           (buffers->incomingBytes >= FM_LEAST_PACKET_BYTES) && (buffers->outgoingBytes >= FM_LEAST_PACKET_BYTES) &&
           (buffers->incomingBytes <= FM_MOST_PACKET_BYTES) && (buffers->outgoingBytes <= FM_MOST_PACKET_BYTES);
}

fm_result_t fm_device_begin(fm_device_t *device, const fm_device_options_t *options)
{
    fm_result_t result = FM_OK;
    uint8_t digest[FM_SHA256_BYTES];

    (void)memset(device, 0, sizeof(*device));
    device->options = options;
    if (!(device_names_fit(options) && device_samples_fit(options) && device_parts_fit(options))) {
        result = FM_BAD_ARGUMENT;
    } else if (!device_buffers_fit(&options->buffers)) {
        result = FM_NO_SPACE;
    } else {
        uint32_t seconds = (options->keepAliveSeconds == 0U) ? DEFAULT_KEEP_ALIVE_SECONDS : options->keepAliveSeconds;

        fm_session_begin(&device->session, options->port, &options->buffers, seconds);
        device->sessionId = options->port->random(options->port->context);
        fm_sha256_begin(&device->sha);
        fm_sha256_add_text(&device->sha, options->id);
        fm_sha256_end(&device->sha, digest);
        device->key[0] = fm_get_be32(&digest[0]);
        device->key[1] = fm_get_be32(&digest[4]);
    }
    device->ended = result;
    return result;
}

/* ---- the connection ---- */

static fm_bytes_t device_text(const char *text)
{
    fm_bytes_t bytes = { NULL, 0U };

    if (text != NULL) {
        bytes.bytes = (const uint8_t *)text;
        while (text[bytes.size] != '\0') {
            bytes.size++;
        }
    }
    return bytes;
}

/** The stream is open: who we are, and what is to be said when we are no more. */
static void device_connect(fm_device_t *device)
{
    const fm_device_options_t *options = device->options;
    fm_names_t names = fm_device_names(device);
    fm_topic_t topic;
    uint8_t gone[16];
    fm_connect_t connect;
    fm_result_t result;

    fm_topic_device(&topic, &names, "gone");
    connect.clientId = device_text(options->id);
    connect.keepAliveSeconds = device->session.keepAliveMs / 1000U;
    connect.willTopic = fm_topic_bytes(&topic);
    connect.willPayload.bytes = gone;
    connect.willPayload.size = fm_greeting_gone(device, gone, sizeof(gone));
    connect.username = device_text(options->username);
    connect.password = device_text(options->password);
    result = fm_session_connect(&device->session, &connect);
    if (result != FM_OK) {
        fm_session_reset(&device->session, result);
    }
}

/** Asks for the next of its own topics, or for the Notice again. */
static bool device_subscribe(fm_device_t *device)
{
    fm_names_t names = fm_device_names(device);
    fm_topic_t topic;
    uint32_t id = 0U;

    if ((device->subscribeId == 0U) && ((device->subscribed < OWN_TOPICS) || device->readNotice)) {
        if (device->subscribed == 0U) {
            fm_topic_device(&topic, &names, "receipt");
        } else if (device->subscribed == 1U) {
            fm_topic_device(&topic, &names, "task");
        } else {
            fm_topic_round(&topic, &names);
        }
        id = fm_session_subscribe(&device->session, fm_topic_bytes(&topic));
        device->subscribeId = id;
        if (id != 0U) {
            device->readNotice = false;
        }
    }
    return id != 0U;
}

/** All that depends on a connection is as with a new one. */
static void device_disconnected(fm_device_t *device)
{
    device->subscribed = 0U;
    device->subscribeId = 0U;
    device->readNotice = false;
    device->flight = FM_FLIGHT_NONE;
    fm_pull_again(device);
}

static void device_on_subscribed(fm_device_t *device, const fm_session_event_t *event)
{
    if (event->result != FM_OK) {
        fm_session_reset(&device->session, event->result);
    } else if (event->id != device->subscribeId) {
        /* A chunk's topic. */
    } else {
        device->subscribeId = 0U;
        if (device->subscribed < OWN_TOPICS) {
            device->subscribed++;
            if (device->subscribed == OWN_TOPICS) {
                fm_greeting_now(device);
                fm_upload_resume(device, false);
            }
        }
    }
}

static void device_on_published(fm_device_t *device)
{
    bool chunk = device->flight == FM_FLIGHT_CHUNK;

    device->flight = FM_FLIGHT_NONE;
    if (chunk) {
        fm_upload_sent(device);
    }
}

static void device_on_event(fm_device_t *device, const fm_session_event_t *event)
{
    switch (event->kind) {
    case FM_SESSION_OPENED:
        device_connect(device);
        break;
    case FM_SESSION_UP:
        fm_device_tell(device, FM_EVENT_UP, 0U, FM_OK);
        break;
    case FM_SESSION_DOWN:
        device_disconnected(device);
        fm_device_tell(device, FM_EVENT_DOWN, 0U, event->result);
        break;
    case FM_SESSION_MESSAGE:
        if (device->ended == FM_OK) {
            fm_membership_hear(device, &event->publish);
        }
        break;
    case FM_SESSION_TOO_LARGE:
        fm_device_tell(device, FM_EVENT_TOO_LARGE, event->needed, FM_TOO_LARGE);
        break;
    case FM_SESSION_PUBLISHED:
        device_on_published(device);
        break;
    case FM_SESSION_SUBSCRIBED:
        device_on_subscribed(device, event);
        break;
    default:
        /* Nothing has happened. */
        break;
    }
}

/* ---- turns ---- */

/** Sends one thing, the first that is due. */
static bool device_send(fm_device_t *device)
{
    bool sent = device_subscribe(device);

    if ((!sent) && (device->subscribed == OWN_TOPICS)) {
        sent = fm_greeting_send(device) || fm_pull_send(device) || fm_upload_send(device);
    }
    return sent;
}

void fm_device_leave(fm_device_t *device)
{
    fm_device_end(device, FM_CLOSED);
    device->leaving = true;
    fm_timer_set(&device->leaveTimer, fm_device_now(device), LEAVE_MS);
}

/** Says that the device leaves. */
static bool device_send_gone(fm_device_t *device)
{
    fm_names_t names = fm_device_names(device);
    uint8_t gone[16];
    uint32_t length = fm_greeting_gone(device, gone, sizeof(gone));
    fm_topic_t topic;
    uint8_t *payload;

    fm_topic_device(&topic, &names, "gone");
    payload = fm_session_publish(&device->session, fm_topic_bytes(&topic), false, length);
    if (payload != NULL) {
        (void)memcpy(payload, gone, length);
        device->flight = FM_FLIGHT_GONE;
    }
    return payload != NULL;
}

/** While a device leaves: FM_OK until the broker knows, or has had its time. */
static fm_result_t device_leave(fm_device_t *device)
{
    fm_session_event_t event;
    fm_result_t result = FM_AGAIN;

    if (fm_timer_due(&device->leaveTimer, fm_device_now(device))) {
        fm_session_leave(&device->session);
        device->leaving = false;
    }
    fm_session_poll(&device->session, &event);
    if ((event.kind == FM_SESSION_PUBLISHED) && (device->flight == FM_FLIGHT_GONE)) {
        fm_session_leave(&device->session);
        device->leaving = false;
    }
    if (!device->leaving) {
        result = FM_CLOSED;
    } else if (device->flight != FM_FLIGHT_GONE) {
        (void)device_send_gone(device);
    } else {
        /* The broker has it, or will. */
    }
    return result;
}

fm_result_t fm_device_poll(fm_device_t *device)
{
    fm_result_t result = device->ended;

    if ((device->ended == FM_BAD_ARGUMENT) || (device->ended == FM_NO_SPACE)) {
        /* It never began. */
    } else if (device->ended == FM_CLOSED) {
        result = device->leaving ? device_leave(device) : FM_CLOSED;
    } else {
        fm_session_event_t event;
        bool busy;

        fm_session_poll(&device->session, &event);
        device_on_event(device, &event);
        busy = (event.kind != FM_SESSION_NOTHING);
        fm_upload_tick(device);
        busy = device_send(device) || busy;
        busy = fm_work_slice(device) || busy;
        result = device->ended;
        if (result == FM_OK) {
            result = busy ? FM_OK : FM_AGAIN;
        }
    }
    return result;
}
