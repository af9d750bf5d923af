/**
 * MQTT 3.1.1 packets (OASIS standard), the part that a Fedmote device speaks: clean session, QoS 1, a last
 * will. A pure codec: no stream, no clock, no state.
 */
#ifndef FM_MQTT_H
#define FM_MQTT_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"
#include "fm_writer.h"

/* Packet types: the upper half of the first byte. */
#define FM_MQTT_CONNECT 1U
#define FM_MQTT_CONNACK 2U
#define FM_MQTT_PUBLISH 3U
#define FM_MQTT_PUBACK 4U
#define FM_MQTT_SUBSCRIBE 8U
#define FM_MQTT_SUBACK 9U
#define FM_MQTT_UNSUBSCRIBE 10U
#define FM_MQTT_UNSUBACK 11U
#define FM_MQTT_PINGREQ 12U
#define FM_MQTT_PINGRESP 13U
#define FM_MQTT_DISCONNECT 14U

/* ---- writing ---- */

/* The strings of a CONNECT packet, in order. The last one, or the last two, may be left out. */
#define FM_CONNECT_CLIENT_ID 0U
#define FM_CONNECT_WILL_TOPIC 1U
#define FM_CONNECT_WILL_PAYLOAD 2U
#define FM_CONNECT_USERNAME 3U
#define FM_CONNECT_PASSWORD 4U
#define FM_CONNECT_STRINGS 5U

/** How a client introduces itself. */
typedef struct {
    uint32_t keepAliveSeconds;
    /** 3, 4 or 5. */
    uint32_t count;
    fm_bytes_t strings[FM_CONNECT_STRINGS];
} fm_connect_t;

void fm_mqtt_connect(fm_writer_t *packet, const fm_connect_t *connect);

/** All of a PUBLISH packet (QoS 1) but its payload, for which room is left: `payloadBytes`, at the end of the packet. */
void fm_mqtt_publish(fm_writer_t *packet, fm_bytes_t topic, uint32_t id, bool retain, uint32_t payloadBytes);

/** Bytes of such a packet, whole. */
uint32_t fm_mqtt_publish_bytes(uint32_t topicBytes, uint32_t payloadBytes);

/** SUBSCRIBE with QoS 1, or UNSUBSCRIBE. */
void fm_mqtt_request(fm_writer_t *packet, uint32_t type, uint32_t id, fm_bytes_t topic);

/** A packet of nothing but its type (PINGREQ, DISCONNECT), or of type and id (PUBACK). */
void fm_mqtt_short(fm_writer_t *packet, uint32_t type, uint32_t id);

/* ---- reading ---- */

/** The fixed header. */
typedef struct {
    uint32_t type;
    uint32_t flags;
    uint32_t headBytes;
    /** Bytes of the whole packet. */
    uint32_t bytes;
} fm_frame_t;

/** FM_AGAIN: the header is not there yet. FM_BAD_PACKET: no server sends such a header. */
fm_result_t fm_mqtt_frame(const uint8_t *bytes, uint32_t size, fm_frame_t *frame);

/** CONNACK. FM_REFUSED: the broker does not want this client. */
fm_result_t fm_mqtt_read_connack(const uint8_t *packet, const fm_frame_t *frame);

/**
 * PUBLISH, from the first `size` bytes of the packet: where that is less than the whole, the payload is what there
 * is of it. FM_BAD_PACKET also where topic and id are not there, and for QoS 2.
 */
fm_result_t fm_mqtt_read_publish(const uint8_t *packet, uint32_t size, const fm_frame_t *frame, fm_publish_t *publish);

/** PUBACK, SUBACK, UNSUBACK: what they acknowledge. FM_REFUSED: the broker did not grant the subscription. */
fm_result_t fm_mqtt_read_ack(const uint8_t *packet, const fm_frame_t *frame, uint32_t *id);

#endif
