#include "fm_session.h"

#include <stddef.h>
#include <string.h>

/* States. */
#define WAITING 0U
#define OPENING 1U
#define CONNECTING 2U
#define UP 3U
#define AWAY 4U

/* A connection that has held for this long was a good one: the next attempts begin with the shortest delay. */
#define STABLE_MS 10000U

/* Delays between attempts: a random part of 1 s, 2 s, 4 s, ... 64 s. */
#define FIRST_DELAY_MS 1000U
#define MOST_DOUBLINGS 6U

#define PUBACK_BYTES 4U

static uint32_t session_now(const fm_session_t *session)
{
    return session->port->now_ms(session->port->context);
}

static void session_enter(fm_session_t *session, uint32_t state)
{
    session->state = state;
    session->sinceMs = session_now(session);
}

void fm_session_begin(fm_session_t *session, const fm_port_t *port, const fm_buffers_t *buffers,
                      uint32_t keepAliveSeconds)
{
    (void)memset(session, 0, sizeof(*session));
    session->port = port;
    session->buffers = buffers;
    session->keepAliveMs = 1000U * keepAliveSeconds;
    session_enter(session, WAITING);
}

/** Ends the connection, if there is one, and says after how long the next attempt is. */
static void session_drop(fm_session_t *session, fm_result_t reason, fm_session_event_t *event)
{
    uint32_t most;

    if ((session->state == UP) && ((session_now(session) - session->sinceMs) >= STABLE_MS)) {
        session->attempts = 0U;
    }
    session->port->reset(session->port->context);
    most = FIRST_DELAY_MS << session->attempts;
    session->waitMs = session->port->random(session->port->context) % most;
    if (session->attempts < MOST_DOUBLINGS) {
        session->attempts++;
    }
    session->filled = 0U;
    session->used = 0U;
    session->skip = 0U;
    session->from = 0U;
    session->to = 0U;
    session->publishId = 0U;
    session->pinged = false;
    session_enter(session, WAITING);
    event->kind = FM_SESSION_DOWN;
    event->result = reason;
}

void fm_session_reset(fm_session_t *session, fm_result_t reason)
{
    session->broken = reason;
}

/* ---- packets that go out ---- */

/** Where the next packet of `bytes` goes; its `bytes` is NULL where there is no room now. */
static fm_packet_t session_room(fm_session_t *session, uint32_t bytes)
{
    const fm_buffers_t *buffers = session->buffers;
    fm_packet_t packet = { NULL, bytes, 0U };

    if (session->from > 0U) {
        (void)memmove(buffers->outgoing, &buffers->outgoing[session->from], session->to - session->from);
        session->to -= session->from;
        session->from = 0U;
    }
    if (((session->state == UP) || (session->state == CONNECTING)) &&
        ((buffers->outgoingBytes - session->to) >= bytes)) {
        packet.bytes = &buffers->outgoing[session->to];
        session->to += bytes;
    }
    return packet;
}

static uint32_t session_next_id(fm_session_t *session)
{
    session->lastId = (session->lastId % 0xFFFFU) + 1U;
    return session->lastId;
}

fm_result_t fm_session_connect(fm_session_t *session, const fm_connect_t *connect)
{
    fm_packet_t packet = { NULL, 0U, 0U };

    fm_mqtt_connect(&packet, connect);
    packet = session_room(session, packet.at);
    if (packet.bytes != NULL) {
        fm_mqtt_connect(&packet, connect);
    }
    return (packet.bytes != NULL) ? FM_OK : FM_NO_SPACE;
}

uint8_t *fm_session_publish(fm_session_t *session, fm_bytes_t topic, bool retain, uint32_t bytes)
{
    uint8_t *payload = NULL;

    if ((session->state == UP) && (session->publishId == 0U)) {
        fm_packet_t packet = session_room(session, fm_mqtt_publish_bytes(topic.size, bytes));

        if (packet.bytes != NULL) {
            session->publishId = session_next_id(session);
            fm_mqtt_publish(&packet, topic, session->publishId, retain, bytes);
            payload = &packet.bytes[packet.size - bytes];
        }
    }
    return payload;
}

uint32_t fm_session_subscribe(fm_session_t *session, fm_bytes_t topic)
{
    fm_packet_t packet = { NULL, 0U, 0U };
    uint32_t id = 0U;

    fm_mqtt_subscribe(&packet, 0U, topic);
    packet = session_room(session, packet.at);
    if (packet.bytes != NULL) {
        id = session_next_id(session);
        fm_mqtt_subscribe(&packet, id, topic);
    }
    return id;
}

bool fm_session_unsubscribe(fm_session_t *session, fm_bytes_t topic)
{
    fm_packet_t packet = { NULL, 0U, 0U };

    fm_mqtt_unsubscribe(&packet, 0U, topic);
    packet = session_room(session, packet.at);
    if (packet.bytes != NULL) {
        fm_mqtt_unsubscribe(&packet, session_next_id(session), topic);
    }
    return packet.bytes != NULL;
}

/** Queues a packet of nothing but its type, if there is room. */
static void session_send_empty(fm_session_t *session, uint32_t type)
{
    fm_packet_t packet = session_room(session, 2U);

    if (packet.bytes != NULL) {
        fm_mqtt_empty(&packet, type);
    }
}

static fm_result_t session_flush(fm_session_t *session)
{
    uint32_t left = session->to - session->from;
    fm_result_t result = FM_OK;

    if (left > 0U) {
        int32_t written = session->port->write(session->port->context, &session->buffers->outgoing[session->from], left);

        if (written < 0) {
            result = FM_CLOSED;
        } else {
            session->from += (uint32_t)written;
            session->sentMs = (written > 0) ? session_now(session) : session->sentMs;
        }
    }
    return result;
}

void fm_session_leave(fm_session_t *session)
{
    session_send_empty(session, FM_MQTT_DISCONNECT);
    (void)session_flush(session);
    session->port->reset(session->port->context);
    session_enter(session, AWAY);
}

/* ---- packets that come in ---- */

static fm_result_t session_read(fm_session_t *session)
{
    const fm_buffers_t *buffers = session->buffers;
    fm_result_t result = FM_OK;
    int32_t got = 0;
    uint32_t room;

    /* What was handed out is no longer needed. */
    if (session->used > 0U) {
        (void)memmove(buffers->incoming, &buffers->incoming[session->used], session->filled - session->used);
        session->filled -= session->used;
        session->used = 0U;
    }
    room = buffers->incomingBytes - session->filled;
    if (room > 0U) {
        got = session->port->read(session->port->context, &buffers->incoming[session->filled], room);
    }
    if (got < 0) {
        result = FM_CLOSED;
    } else if (got > 0) {
        session->filled += (uint32_t)got;
        session->heardMs = session_now(session);
        session->pinged = false;
    } else {
        /* Nothing now. */
    }
    if (session->skip > 0U) {
        uint32_t dropped = (session->skip < session->filled) ? session->skip : session->filled;

        session->skip -= dropped;
        session->used = dropped;
    }
    return result;
}

/** Acknowledges a message. There is room: session_take() has seen to it. */
static void session_acknowledge(fm_session_t *session, uint32_t id)
{
    if (id != 0U) {
        fm_packet_t packet = session_room(session, PUBACK_BYTES);

        if (packet.bytes != NULL) {
            fm_mqtt_puback(&packet, id);
        }
    }
}

/** A packet that is larger than the buffer: its topic and id are there, the rest will be dropped. */
static fm_result_t session_too_large(fm_session_t *session, const fm_frame_t *frame, fm_session_event_t *event)
{
    fm_result_t result = FM_BAD_PACKET;

    if (frame->type == FM_MQTT_PUBLISH) {
        result = fm_mqtt_read_publish(session->buffers->incoming, session->filled, frame, &event->publish);
    }
    if (result == FM_OK) {
        event->kind = FM_SESSION_TOO_LARGE;
        event->needed = frame->bytes;
        session->skip = frame->bytes - session->filled;
        session->used = session->filled;
        session_acknowledge(session, event->publish.id);
    }
    return result;
}

/** What an acknowledgement is of. */
static fm_result_t session_on_ack(fm_session_t *session, const uint8_t *packet, const fm_frame_t *frame,
                                  fm_session_event_t *event)
{
    fm_result_t result = fm_mqtt_read_ack(packet, frame, &event->id);

    if (result != FM_BAD_PACKET) {
        if (frame->type == FM_MQTT_SUBACK) {
            event->kind = FM_SESSION_SUBSCRIBED;
            event->result = result;
        } else if ((frame->type == FM_MQTT_PUBACK) && (event->id == session->publishId)) {
            event->kind = FM_SESSION_PUBLISHED;
            session->publishId = 0U;
        } else {
            /* UNSUBACK, or of something long past. */
        }
        result = FM_OK;
    }
    return result;
}

/** A whole packet while the session is up. */
static fm_result_t session_on_packet(fm_session_t *session, const uint8_t *packet, const fm_frame_t *frame,
                                     fm_session_event_t *event)
{
    fm_result_t result = FM_OK;

    switch (frame->type) {
    case FM_MQTT_PUBLISH:
        result = fm_mqtt_read_publish(packet, frame->bytes, frame, &event->publish);
        if (result == FM_OK) {
            event->kind = FM_SESSION_MESSAGE;
            session_acknowledge(session, event->publish.id);
        }
        break;
    case FM_MQTT_PUBACK:
    case FM_MQTT_SUBACK:
    case FM_MQTT_UNSUBACK:
        result = session_on_ack(session, packet, frame, event);
        break;
    case FM_MQTT_PINGRESP:
        /* That it has come is all that it says. */
        break;
    default:
        result = FM_BAD_PACKET;
        break;
    }
    return result;
}

/** The answer to CONNECT: nothing else may come before it. */
static fm_result_t session_on_connack(fm_session_t *session, const uint8_t *packet, const fm_frame_t *frame,
                                      fm_session_event_t *event)
{
    fm_result_t result = fm_mqtt_read_connack(packet, frame);

    if (result == FM_OK) {
        session_enter(session, UP);
        event->kind = FM_SESSION_UP;
    }
    return result;
}

/** Takes the next packet, if it is there. */
static fm_result_t session_take(fm_session_t *session, fm_session_event_t *event)
{
    const uint8_t *packet = session->buffers->incoming;
    uint32_t room = session->buffers->outgoingBytes - (session->to - session->from);
    fm_frame_t frame;
    fm_result_t result = fm_mqtt_frame(packet, session->filled, &frame);

    if (result == FM_AGAIN) {
        result = FM_OK;
    } else if ((result != FM_OK) || (room < PUBACK_BYTES)) {
        /* Refused, or it waits until it can be acknowledged. */
    } else if (frame.bytes <= session->filled) {
        session->used = frame.bytes;
        result = (session->state == UP) ? session_on_packet(session, packet, &frame, event)
                                        : session_on_connack(session, packet, &frame, event);
    } else if (session->filled == session->buffers->incomingBytes) {
        result = session_too_large(session, &frame, event);
    } else {
        /* More of it is to come. */
    }
    return result;
}

/** A ping when it has been quiet for half the time, the end when it stays quiet. */
static fm_result_t session_keep_alive(fm_session_t *session)
{
    uint32_t half = session->keepAliveMs / 2U;
    uint32_t now = session_now(session);
    fm_result_t result = FM_OK;

    if (session->state == CONNECTING) {
        result = ((now - session->sinceMs) >= half) ? FM_SILENT : FM_OK;
    } else if (session->pinged) {
        result = ((now - session->pingedMs) >= half) ? FM_SILENT : FM_OK;
    } else if (((now - session->heardMs) >= half) || ((now - session->sentMs) >= half)) {
        session_send_empty(session, FM_MQTT_PINGREQ);
        session->pinged = true;
        session->pingedMs = now;
        session->sentMs = now;
    } else {
        /* Recently heard. */
    }
    return result;
}

/** While there is a stream. */
static void session_converse(fm_session_t *session, fm_session_event_t *event)
{
    fm_result_t result = session->broken;

    session->broken = FM_OK;
    if (result == FM_OK) {
        result = session_flush(session);
    }
    if (result == FM_OK) {
        result = session_read(session);
    }
    if ((result == FM_OK) && (session->used == 0U)) {
        result = session_take(session, event);
    }
    if (result == FM_OK) {
        result = session_keep_alive(session);
    }
    if (result != FM_OK) {
        session_drop(session, result, event);
    }
}

static void session_open(fm_session_t *session, fm_session_event_t *event)
{
    fm_result_t result = session->port->open(session->port->context);

    if (result == FM_OK) {
        session_enter(session, CONNECTING);
        session->heardMs = session->sinceMs;
        session->sentMs = session->sinceMs;
        event->kind = FM_SESSION_OPENED;
    } else if (result != FM_AGAIN) {
        session_drop(session, result, event);
    } else if ((session_now(session) - session->sinceMs) >= (session->keepAliveMs / 2U)) {
        session_drop(session, FM_SILENT, event);
    } else {
        /* Not yet. */
    }
}

void fm_session_poll(fm_session_t *session, fm_session_event_t *event)
{
    event->kind = FM_SESSION_NOTHING;
    event->result = FM_OK;
    switch (session->state) {
    case WAITING:
        if ((session_now(session) - session->sinceMs) >= session->waitMs) {
            session_enter(session, OPENING);
        }
        break;
    case OPENING:
        session_open(session, event);
        break;
    case CONNECTING:
    case UP:
        session_converse(session, event);
        break;
    default:
        /* Away for good. */
        break;
    }
}
