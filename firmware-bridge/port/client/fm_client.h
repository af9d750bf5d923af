/**
 * For firmware that has an MQTT client already: a device takes part over that client's connection.
 *
 * The library goes on speaking MQTT, to this port: it takes the packets apart, calls the client, and hands on
 * what the client receives. So the firmware keeps its one connection, its TLS and its reconnecting.
 *
 *     static uint8_t queue[1024];
 *     static fm_client_t client;
 *
 *     fm_client_begin(&client, &calls, queue, sizeof(queue));
 *     options.port = &client.port;
 *
 * Nothing here waits, and nothing is locked: where the client calls back from another thread, one lock goes around
 * fm_device_poll() and around each call of fm_client_message() and fm_client_lost().
 */
#ifndef FM_CLIENT_H
#define FM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What the firmware's client can do; every call gets `context` back. Topics end with a zero byte; all that is given is
 * borrowed during the call. FM_OK: done, or the client has it and will do it. FM_AGAIN: not now, ask again. Anything else: it
 * cannot be done.
 */
typedef struct {
    void *context;
    /** Whether the broker has taken the client. */
    bool (*connected)(void *context);
    /** QoS 1. Of a topic that is subscribed to already, too: then the broker sends once more what it retains. */
    fm_result_t (*subscribe)(void *context, const char *topic);
    fm_result_t (*unsubscribe)(void *context, const char *topic);
    /** QoS 1. */
    fm_result_t (*publish)(void *context, const char *topic, const uint8_t *payload, uint32_t bytes, bool retain);
    /** As in fm_port_t. */
    uint32_t (*now_ms)(void *context);
    uint32_t (*random)(void *context);
} fm_client_calls_t;

/** Bytes of the longest topic, with the zero byte. */
#define FM_CLIENT_TOPIC_BYTES 128U

/** Only `port` is for others. */
typedef struct {
    fm_port_t port;
    const fm_client_calls_t *calls;
    uint8_t *queue;
    uint32_t queueBytes;
    uint32_t filled;
    bool lost;
    char topic[FM_CLIENT_TOPIC_BYTES];
} fm_client_t;

/** Begins; all is borrowed. `queue` holds what has come until the device looks: two of its incoming packets are enough. */
void fm_client_begin(fm_client_t *client, const fm_client_calls_t *calls, uint8_t *queue, uint32_t queueBytes);

/**
 * Hands on a message that the client has received; its topic begins with "fm1/". FM_AGAIN: there is no room before the device has
 * been polled; offer it again, or drop it: it costs the device time. FM_TOO_LARGE: it never fits.
 */
fm_result_t fm_client_message(fm_client_t *client, fm_bytes_t topic, fm_bytes_t payload, bool retained);

/** The client has lost its connection, and with it its subscriptions: the device asks for them anew. */
void fm_client_lost(fm_client_t *client);

#ifdef __cplusplus
}
#endif

#endif
