#include "fm_session.h"

#include <stddef.h>
#include <string.h>

/* States. From CONNECTING on there is a stream. */
#define WAITING 0U
#define OPENING 1U
#define AWAY 2U
#define CONNECTING 3U
#define UP 4U

/* A connection that has held for this long was a good one: the next attempts begin with the shortest delay. */
#define STABLE_MS 10000U

/* Delays between attempts: a random part of 1 s, 2 s, 4 s, ... 64 s. */
#define FIRST_DELAY_MS 1000U
#define MOST_DOUBLINGS 6U

#define PUBACK_BYTES 4U

/** Whether so much time has passed. */
static bool session_passed(const fm_session_t *session, uint32_t sinceMs, uint32_t waitMs)
{
    return (session->nowMs - sinceMs) >= waitMs;
}

static void session_enter(fm_session_t *session, uint8_t state)
{
    session->state = state;
    session->sinceMs = session->nowMs;
    session->heardMs = session->sinceMs;
    session->sentMs = session->sinceMs;
    session->owedMs = session->sinceMs;
    /* Who does not take the client in time is as silent as who does not answer a ping. */
    session->pingedMs = session->sinceMs;
    session->pinged = state == CONNECTING;
}

void fm_session_begin(fm_session_t *session, const fm_port_t *port, const fm_buffers_t *buffers,
                      uint32_t keepAliveSeconds)
{
    (void)memset(session, 0, sizeof(*session));
    session->port = port;
    session->buffers = buffers;
    session->halfMs = 500U * keepAliveSeconds;
}

/** Ends the connection, if there is one; the next attempt comes after a while. */
static void session_drop(fm_session_t *session)
{
    const fm_port_t *port = session->port;

    if ((session->state == UP) && session_passed(session, session->sinceMs, STABLE_MS)) {
        session->attempts = 0U;
    }
    port->reset(port->context);
    session->waitMs = port->random(port->context) % (FIRST_DELAY_MS << session->attempts);
    if (session->attempts < MOST_DOUBLINGS) {
        session->attempts++;
    }
    session->filled = 0U;
    session->used = 0U;
    session->skip = 0U;
    session->queued = 0U;
    session->publishId = 0U;
    session->owed = 0U;
    session_enter(session, WAITING);
}

void fm_session_reset(fm_session_t *session, fm_result_t reason)
{
    session->broken = reason;
}

/* ---- packets that go out ---- */

/** Where the next packet is written: behind those that are queued. */
static fm_writer_t session_packet(const fm_session_t *session)
{
    fm_writer_t packet = { &session->buffers->outgoing[session->queued],
                           session->buffers->outgoingBytes - session->queued, 0U };

    return packet;
}

/** Queues the packet, if there was room for it, and a stream. */
static bool session_queue(fm_session_t *session, const fm_writer_t *packet)
{
    bool fits = (packet->at <= packet->size) && (session->state >= CONNECTING);

    if (fits) {
        session->queued += packet->at;
    }
    return fits;
}

static uint32_t session_next_id(fm_session_t *session)
{
    session->lastId = (session->lastId % 0xFFFFU) + 1U;
    return session->lastId;
}

/** The same with one that is to be acknowledged. */
static bool session_ask(fm_session_t *session, const fm_writer_t *packet)
{
    bool asked = session_queue(session, packet);

    session->owed += asked ? 1U : 0U;
    return asked;
}

bool fm_session_connect(fm_session_t *session, const fm_connect_t *connect)
{
    fm_writer_t packet = session_packet(session);

    fm_mqtt_connect(&packet, connect);
    return session_queue(session, &packet);
}

uint8_t *fm_session_publish(fm_session_t *session, fm_bytes_t topic, bool retain, uint32_t bytes)
{
    fm_writer_t packet = session_packet(session);
    uint8_t *payload = NULL;

    if ((session->state == UP) && (session->publishId == 0U)) {
        uint32_t id = session_next_id(session);

        fm_mqtt_publish(&packet, topic, id, retain, bytes);
        if (session_ask(session, &packet)) {
            session->publishId = id;
            payload = &session->buffers->outgoing[session->queued - bytes];
        }
    }
    return payload;
}

uint32_t fm_session_request(fm_session_t *session, uint32_t type, fm_bytes_t topic)
{
    fm_writer_t packet = session_packet(session);
    uint32_t id = session_next_id(session);

    fm_mqtt_request(&packet, type, id, topic);
    return session_ask(session, &packet) ? id : 0U;
}

/** Queues a packet of a type, and for PUBACK an id. */
static void session_short(fm_session_t *session, uint32_t type, uint32_t id)
{
    fm_writer_t packet = session_packet(session);

    fm_mqtt_short(&packet, type, id);
    (void)session_queue(session, &packet);
}

static fm_result_t session_flush(fm_session_t *session)
{
    uint8_t *outgoing = session->buffers->outgoing;
    fm_result_t result = FM_OK;

    if (session->queued > 0U) {
        int32_t written = session->port->write(session->port->context, outgoing, session->queued);

        if (written < 0) {
            result = FM_CLOSED;
        } else if (written > 0) {
            session->queued -= (uint32_t)written;
            (void)memmove(outgoing, &outgoing[written], session->queued);
            session->sentMs = session->nowMs;
        } else {
            /* The stream takes nothing now. */
        }
    }
    return result;
}

void fm_session_leave(fm_session_t *session)
{
    session_short(session, FM_MQTT_DISCONNECT, 0U);
    (void)session_flush(session);
    session->port->reset(session->port->context);
    session_enter(session, AWAY);
}

/* ---- packets that come in ---- */

/** Forgets what was handed out, and reads what there is. */
static fm_result_t session_read(fm_session_t *session)
{
    uint8_t *incoming = session->buffers->incoming;
    fm_result_t result = FM_OK;
    uint32_t room;

    session->filled -= session->used;
    (void)memmove(incoming, &incoming[session->used], session->filled);
    session->used = 0U;
    room = session->buffers->incomingBytes - session->filled;
    if (room > 0U) {
        int32_t got = session->port->read(session->port->context, &incoming[session->filled], room);

        if (got < 0) {
            result = FM_CLOSED;
        } else if (got > 0) {
            session->filled += (uint32_t)got;
        } else {
            /* Nothing now. */
        }
    }
    /* Of a packet that is too large, all of it is dropped. */
    session->used = (session->skip < session->filled) ? session->skip : session->filled;
    session->skip -= session->used;
    return result;
}

/** A message, or what there is of one that is too large: the rest will be dropped. */
static fm_result_t session_on_publish(fm_session_t *session, const fm_frame_t *frame, fm_session_event_t *event)
{
    bool whole = frame->bytes <= session->filled;
    uint32_t size = whole ? frame->bytes : session->filled;
    fm_result_t result = fm_mqtt_read_publish(session->buffers->incoming, size, frame, &session->message);

    if (result == FM_OK) {
        session->used = size;
        session->skip = frame->bytes - size;
        session->needed = frame->bytes;
        *event = whole ? FM_SESSION_MESSAGE : FM_SESSION_TOO_LARGE;
        if (session->message.id != 0U) {
            session_short(session, FM_MQTT_PUBACK, session->message.id);
        }
    }
    return result;
}

/** PUBACK, SUBACK, UNSUBACK. */
static fm_result_t session_on_ack(fm_session_t *session, const fm_frame_t *frame, fm_session_event_t *event)
{
    fm_result_t result = fm_mqtt_read_ack(session->buffers->incoming, frame, &session->ackId);

    session->owed -= (session->owed > 0U) ? 1U : 0U;
    session->acknowledged = true;
    if (result == FM_BAD_PACKET) {
        /* As it says. */
    } else if (frame->type == FM_MQTT_SUBACK) {
        *event = FM_SESSION_SUBSCRIBED;
        session->result = result;
        result = FM_OK;
    } else if ((frame->type == FM_MQTT_PUBACK) && (session->ackId == session->publishId)) {
        *event = FM_SESSION_PUBLISHED;
        session->publishId = 0U;
    } else {
        /* UNSUBACK, or of something long past. */
    }
    return result;
}

/** A whole packet. The answer to CONNECT comes first, and once. */
static fm_result_t session_on_packet(fm_session_t *session, const fm_frame_t *frame, fm_session_event_t *event)
{
    fm_result_t result = FM_OK;

    session->used = frame->bytes;
    if ((frame->type == FM_MQTT_CONNACK) == (session->state == UP)) {
        result = FM_BAD_PACKET;
    } else if (frame->type == FM_MQTT_CONNACK) {
        result = fm_mqtt_read_connack(session->buffers->incoming, frame);
        if (result == FM_OK) {
            session_enter(session, UP);
            *event = FM_SESSION_UP;
        }
    } else if (frame->type == FM_MQTT_PUBLISH) {
        result = session_on_publish(session, frame, event);
    } else if (frame->type != FM_MQTT_PINGRESP) {
        result = session_on_ack(session, frame, event);
    } else {
        /* That it has come is all that it says. */
    }
    return result;
}

/** Takes the next packet, if it is there, and there is room to acknowledge it. */
static fm_result_t session_take(fm_session_t *session, fm_session_event_t *event)
{
    fm_frame_t frame;
    fm_result_t result = fm_mqtt_frame(session->buffers->incoming, session->filled, &frame);

    if (result == FM_AGAIN) {
        result = FM_OK;
    } else if ((result != FM_OK) || ((session->buffers->outgoingBytes - session->queued) < PUBACK_BYTES)) {
        /* Refused, or it waits. */
    } else if (frame.bytes <= session->filled) {
        result = session_on_packet(session, &frame, event);
    } else if (session->filled < session->buffers->incomingBytes) {
        /* More of it is to come. */
    } else if ((frame.type == FM_MQTT_PUBLISH) && (session->state == UP)) {
        result = session_on_publish(session, &frame, event);
    } else {
        result = FM_BAD_PACKET;
    }
    return result;
}

/** A ping when it has been quiet for half the time, the end when it stays quiet, or nothing is acknowledged. */
static fm_result_t session_keep_alive(fm_session_t *session)
{
    fm_result_t result = FM_OK;
    uint32_t now = session->nowMs;
    uint32_t half = session->halfMs;

    if ((session->owed == 0U) || session->acknowledged) {
        session->owedMs = now;
        session->acknowledged = false;
    }
    if ((now - session->owedMs) >= (2U * half)) {
        result = FM_SILENT;
    } else if (session->pinged) {
        if ((now - session->pingedMs) >= half) {
            result = FM_SILENT;
        }
    } else if (((now - session->heardMs) >= half) || ((now - session->sentMs) >= half)) {
        session_short(session, FM_MQTT_PINGREQ, 0U);
        session->pinged = true;
        session->pingedMs = now;
    } else {
        /* Recently heard. */
    }
    return result;
}

/** While there is a stream. */
static fm_result_t session_converse(fm_session_t *session, fm_session_event_t *event)
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
        /* Only whole packets count as heard, and the beginning of one that is too large: a packet without end is silence. */
        if (session->used > 0U) {
            session->heardMs = session->nowMs;
            session->pinged = false;
        }
    }
    if (result == FM_OK) {
        result = session_keep_alive(session);
    }
    return result;
}

static fm_result_t session_open(fm_session_t *session, fm_session_event_t *event)
{
    fm_result_t result = session->port->open(session->port->context);

    if (result == FM_OK) {
        session_enter(session, CONNECTING);
        *event = FM_SESSION_OPENED;
    } else if (result == FM_AGAIN) {
        result = session_passed(session, session->sinceMs, session->halfMs) ? FM_SILENT : FM_OK;
    } else {
        /* It failed. */
    }
    return result;
}

fm_session_event_t fm_session_poll(fm_session_t *session)
{
    fm_session_event_t event = FM_SESSION_NOTHING;
    fm_result_t result = FM_OK;

    session->nowMs = session->port->now_ms(session->port->context);
    session->result = FM_OK;
    if (session->state >= CONNECTING) {
        result = session_converse(session, &event);
    } else if (session->state == OPENING) {
        result = session_open(session, &event);
    } else if ((session->state == WAITING) && session_passed(session, session->sinceMs, session->waitMs)) {
        session_enter(session, OPENING);
    } else {
        /* It waits, or is away for good. */
    }
    if (result != FM_OK) {
        session_drop(session);
        session->result = result;
        event = FM_SESSION_DOWN;
    }
    return event;
}
