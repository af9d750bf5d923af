/** Packets of a broker's: each is found whole, and every prefix of it is one that goes on, or a connection that ends. */
#include <string.h>

#include "fm_mqtt.h"
#include "fm_session.h"
#include "records.h"

/** A stream that ends after these bytes. */
typedef struct {
    const uint8_t *bytes;
    uint32_t size;
    uint32_t at;
    /** Reads that found nothing: the fifth finds the end. */
    uint32_t idle;
    uint32_t nowMs;
} tape_t;

static fm_result_t tape_open(void *context)
{
    (void)context;
    return FM_OK;
}

static int32_t tape_read(void *context, uint8_t *bytes, uint32_t size)
{
    tape_t *tape = context;
    uint32_t left = tape->size - tape->at;
    uint32_t count = (left < size) ? left : size;

    if (left == 0U) {
        tape->idle++;
        return (tape->idle < 5U) ? 0 : -1;
    }
    memcpy(bytes, &tape->bytes[tape->at], count);
    tape->at += count;
    return (int32_t)count;
}

static int32_t tape_write(void *context, const uint8_t *bytes, uint32_t size)
{
    (void)context;
    (void)bytes;
    return (int32_t)size;
}

static void tape_reset(void *context)
{
    (void)context;
}

static uint32_t tape_now(void *context)
{
    tape_t *tape = context;

    tape->nowMs++;
    return tape->nowMs;
}

/** What a session makes of a CONNACK and then `size` bytes, until the stream ends: events, counted by their kind. */
static void converse(const uint8_t *bytes, uint32_t size, uint32_t *counts, fm_result_t *reason)
{
    static uint8_t incoming[512];
    static uint8_t outgoing[256];
    static uint8_t said[2048];
    const fm_buffers_t buffers = { incoming, sizeof(incoming), outgoing, sizeof(outgoing) };
    tape_t tape = { said, size + 4U, 0U, 0U, 0U };
    const fm_port_t port = { &tape, tape_open, tape_read, tape_write, tape_reset, tape_now, tape_now };
    fm_session_t session;

    memcpy(said, "\x20\x02\x00\x00", 4U);
    memcpy(&said[4], bytes, size);
    fm_session_begin(&session, &port, &buffers, 30U);
    for (uint32_t i = 0U; (i < 100U) && (counts[FM_SESSION_DOWN] == 0U); i++) {
        counts[fm_session_poll(&session)]++;
    }
    *reason = session.result;
}

static bool check_prefix(const record_t *record, fm_bytes_t packet, uint32_t size)
{
    static uint8_t room[1024];
    /* As long as the prefix alone, so that a sanitizer sees what reads past it. */
    uint8_t *prefix = &room[sizeof(room) - size];
    fm_frame_t frame = { 0U, 0U, 0U, 0U };
    fm_publish_t publish;
    uint32_t counts[16] = { 0U };
    fm_result_t reason = FM_OK;
    fm_result_t result;
    bool good = true;

    memcpy(prefix, packet.bytes, size);
    result = fm_mqtt_frame(prefix, size, &frame);
    good &= check(record, (result == FM_AGAIN) || ((result == FM_OK) && (frame.bytes == packet.size)), "another length");
    if ((result == FM_OK) && (frame.type == FM_MQTT_PUBLISH)) {
        result = fm_mqtt_read_publish(prefix, size, &frame, &publish);
        good &= check(record, (result == FM_BAD_PACKET) || (&publish.payload.bytes[publish.payload.size] == &prefix[size]),
                      "a view beyond the prefix");
    }
    converse(prefix, size, counts, &reason);
    good &= check(record, (counts[FM_SESSION_UP] == 1U) && (counts[FM_SESSION_DOWN] == 1U), "it goes on");
    good &= check(record, (reason == FM_CLOSED) && (counts[FM_SESSION_MESSAGE] == 0U) &&
                              (counts[FM_SESSION_SUBSCRIBED] == 0U),
                  "a prefix is taken");
    return good;
}

bool check_packet(const record_t *record)
{
    fm_bytes_t packet = record->strings[1];
    uint32_t message = record_number(record->strings[2], 0U);
    fm_frame_t frame = { 0U, 0U, 0U, 0U };
    uint32_t counts[16] = { 0U };
    fm_result_t reason = FM_OK;
    bool good = check(record, fm_mqtt_frame(packet.bytes, packet.size, &frame) == FM_OK, "it is refused");

    good &= check(record, frame.bytes == packet.size, "its end is not found");
    converse(packet.bytes, packet.size, counts, &reason);
    good &= check(record, (reason == FM_CLOSED) && (counts[FM_SESSION_MESSAGE] == message), "it is not taken");
    for (uint32_t size = 0U; size < packet.size; size++) {
        good = check_prefix(record, packet, size) && good;
    }
    return good;
}
