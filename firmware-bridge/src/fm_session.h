/**
 * An MQTT session over a byte stream: connects, keeps alive, notices silence, and begins again.
 *
 * fm_session_poll() does what there is to do and reports one event. There are two buffers: packets that come
 * in are handed out where they lie; packets that go out queue in the other one. A byte stream may lack
 * any sign of being closed: when nothing has been heard for too long, it is reset and opened anew.
 */
#ifndef FM_SESSION_H
#define FM_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"
#include "fm_mqtt.h"

typedef enum {
    FM_SESSION_NOTHING,
    /** The stream is open: call fm_session_connect(). */
    FM_SESSION_OPENED,
    /** The broker has taken us. */
    FM_SESSION_UP,
    /** No longer; `result` says why. It is tried again by itself. */
    FM_SESSION_DOWN,
    /** `message` has come. Its views hold until the next poll. */
    FM_SESSION_MESSAGE,
    /** A message was dropped, since its packet of `needed` bytes is larger than the buffer. `message.topic` says which. */
    FM_SESSION_TOO_LARGE,
    /** What was published last has arrived at the broker. */
    FM_SESSION_PUBLISHED,
    /** The subscription `ackId` is granted; or, with FM_REFUSED in `result`, not. */
    FM_SESSION_SUBSCRIBED
} fm_session_event_t;

/**
 * The buffers are borrowed for good. After half of `keepAliveSeconds` without a word the broker is pinged; when it says
 * nothing in the other half, or does not take the client in that time, the stream is reset.
 */
void fm_session_begin(fm_session_t *session, const fm_port_t *port, const fm_buffers_t *buffers,
                      uint32_t keepAliveSeconds);

/** What has happened; the session's `message`, `result`, `needed` and `ackId` tell more, until the next poll. */
fm_session_event_t fm_session_poll(fm_session_t *session);

/** Introduces the client, after FM_SESSION_OPENED. False: the buffer for outgoing packets is too small. */
bool fm_session_connect(fm_session_t *session, const fm_connect_t *connect);

/**
 * Publishes (QoS 1). Returns where `bytes` bytes of payload go, to be written at once; NULL: not now - the last one is not
 * acknowledged, or there is no room. What never fits is for the caller to avoid.
 */
uint8_t *fm_session_publish(fm_session_t *session, fm_bytes_t topic, bool retain, uint32_t bytes);

/** Subscribes with QoS 1, or unsubscribes (FM_MQTT_SUBSCRIBE, FM_MQTT_UNSUBSCRIBE); returns the packet's id, 0: not now. */
uint32_t fm_session_request(fm_session_t *session, uint32_t type, fm_bytes_t topic);

/** Breaks the connection at the next poll: what came over it makes no sense. It is tried again as after any other end. */
void fm_session_reset(fm_session_t *session, fm_result_t reason);

/** Says goodbye, so that the broker does not send the last will, and stays away. */
void fm_session_leave(fm_session_t *session);

#endif
