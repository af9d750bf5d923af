/** The MQTT session against a broker of a script: every test plays both sides of the byte stream, with a clock of its own. */
#include <stdio.h>
#include <string.h>

#include "fm_mqtt.h"
#include "fm_session.h"

#define HALF_MS 5000U

/** A byte stream whose other end is the test. */
typedef struct {
    uint8_t in[4096];
    uint32_t inSize;
    uint32_t inAt;
    uint8_t out[4096];
    uint32_t outSize;
    /** Bytes that one call of read or write moves at most. */
    uint32_t step;
    uint32_t nowMs;
    uint32_t resets;
    fm_result_t open;
    bool closed;
} wire_t;

static wire_t wire;
static uint8_t incoming[256];
static uint8_t outgoing[256];
static fm_session_t session;
static const char *test_name;
static unsigned passed;
static unsigned failed;

static fm_result_t wire_open(void *context)
{
    return ((const wire_t *)context)->open;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return (a < b) ? a : b;
}

static int32_t wire_read(void *context, uint8_t *bytes, uint32_t size)
{
    wire_t *it = context;
    uint32_t count = smaller(smaller(size, it->step), it->inSize - it->inAt);

    memcpy(bytes, &it->in[it->inAt], count);
    it->inAt += count;
    return (it->closed && (count == 0U)) ? -1 : (int32_t)count;
}

static int32_t wire_write(void *context, const uint8_t *bytes, uint32_t size)
{
    wire_t *it = context;
    uint32_t count = smaller(size, it->step);

    memcpy(&it->out[it->outSize], bytes, count);
    it->outSize += count;
    return it->closed ? -1 : (int32_t)count;
}

static void wire_reset(void *context)
{
    wire_t *it = context;

    it->resets++;
    it->inSize = 0U;
    it->inAt = 0U;
}

static uint32_t wire_now(void *context)
{
    return ((const wire_t *)context)->nowMs;
}

static uint32_t wire_random(void *context)
{
    (void)context;
    return 700U;
}

static const fm_port_t port = { &wire, wire_open, wire_read, wire_write, wire_reset, wire_now, wire_random };
static const fm_buffers_t buffers = { incoming, sizeof(incoming), outgoing, sizeof(outgoing) };

static void expect(bool good, const char *what)
{
    if (good) {
        passed++;
    } else {
        failed++;
        printf("%s: %s\n", test_name, what);
    }
}

/** The other end sends bytes. */
static void sends(const void *bytes, uint32_t size)
{
    memcpy(&wire.in[wire.inSize], bytes, size);
    wire.inSize += size;
}

/** What was written since the last look is this. */
static bool wrote(const void *bytes, uint32_t size)
{
    bool same = (wire.outSize == size) && (memcmp(wire.out, bytes, size) == 0);

    wire.outSize = 0U;
    return same;
}

#define SENDS(text) sends(text, (uint32_t)sizeof(text) - 1U)
#define WROTE(text) wrote(text, (uint32_t)sizeof(text) - 1U)

static fm_bytes_t bytes_of(const char *text)
{
    fm_bytes_t bytes = { (const uint8_t *)text, (uint32_t)strlen(text) };

    return bytes;
}

/** Polls until something happens, at most so often. */
static fm_session_event_t poll(uint32_t most)
{
    fm_session_event_t event = FM_SESSION_NOTHING;

    while ((event == FM_SESSION_NOTHING) && (most > 0U)) {
        event = fm_session_poll(&session);
        most--;
    }
    return event;
}

static void introduce(void)
{
    fm_connect_t connect = { HALF_MS / 500U, 3U, { { NULL, 0U } } };

    connect.strings[0] = bytes_of("mote");
    connect.strings[1] = bytes_of("t/gone");
    connect.strings[2] = bytes_of("\x01\x02");
    expect(fm_session_connect(&session, &connect), "no room for CONNECT");
}

/** A new session, whose stream is open. */
static void begin(const char *name)
{
    test_name = name;
    memset(&wire, 0, sizeof(wire));
    wire.step = sizeof(wire.in);
    fm_session_begin(&session, &port, &buffers, HALF_MS / 500U);
}

/** A session that is up. */
static void begin_up(const char *name)
{
    begin(name);
    expect(poll(5U) == FM_SESSION_OPENED, "it does not open");
    introduce();
    SENDS("\x20\x02\x00\x00");
    expect(poll(5U) == FM_SESSION_UP, "it is not up");
    wire.outSize = 0U;
}

static void connects(void)
{
    begin("connects");
    wire.open = FM_AGAIN;
    expect(poll(5U) == FM_SESSION_NOTHING, "an event before the stream is there");
    wire.open = FM_OK;
    expect(poll(1U) == FM_SESSION_OPENED, "the stream is not opened");
    introduce();
    expect(poll(3U) == FM_SESSION_NOTHING, "an event before the answer");
    /* 3.1: clean session, a will with QoS 1. */
    expect(WROTE("\x10\x1C\x00\x04MQTT\x04\x0E\x00\x0A\x00\x04mote\x00\x06t/gone\x00\x02\x01\x02"), "another CONNECT");
    SENDS("\x20\x02\x00\x00");
    expect(poll(2U) == FM_SESSION_UP, "it is not up");
}

static void introduces_with_a_login(void)
{
    fm_connect_t connect = { 10U, 5U, { { NULL, 0U } } };

    begin("introduces itself with a login");
    (void)poll(5U);
    connect.strings[0] = bytes_of("m");
    connect.strings[1] = bytes_of("w");
    connect.strings[2] = bytes_of("x");
    connect.strings[3] = bytes_of("user");
    connect.strings[4] = bytes_of("word");
    expect(fm_session_connect(&session, &connect), "no room");
    (void)poll(1U);
    expect(WROTE("\x10\x1F\x00\x04MQTT\x04\xCE\x00\x0A\x00\x01m\x00\x01w\x00\x01x\x00\x04user\x00\x04word"), "other bytes");
}

static void is_refused(void)
{
    begin("is refused");
    (void)poll(5U);
    introduce();
    SENDS("\x20\x02\x00\x05");
    expect((poll(3U) == FM_SESSION_DOWN) && (session.result == FM_REFUSED), "no refusal");
    expect(wire.resets == 1U, "the stream is not reset");
    expect(poll(5U) == FM_SESSION_NOTHING, "it does not wait");
    wire.nowMs += 700U;
    expect(poll(5U) == FM_SESSION_OPENED, "it does not try again");
}

static void hears_nothing(void)
{
    begin("hears nothing after CONNECT");
    (void)poll(5U);
    introduce();
    wire.nowMs += HALF_MS - 1U;
    expect(poll(3U) == FM_SESSION_NOTHING, "it gives up too early");
    wire.nowMs += 1U;
    expect((poll(3U) == FM_SESSION_DOWN) && (session.result == FM_SILENT), "it waits for ever");

    begin("never opens");
    wire.open = FM_AGAIN;
    (void)poll(5U);
    wire.nowMs += HALF_MS;
    expect((poll(3U) == FM_SESSION_DOWN) && (session.result == FM_SILENT), "it waits for ever");
    wire.open = FM_CLOSED;
    wire.nowMs += 5000U;
    expect((poll(3U) == FM_SESSION_DOWN) && (session.result == FM_CLOSED), "a stream that cannot be opened");
}

static void keeps_alive(void)
{
    begin_up("keeps alive");
    wire.nowMs += HALF_MS;
    (void)poll(2U);
    expect(WROTE("\xC0\x00"), "no ping");
    SENDS("\xD0\x00");
    expect(poll(3U) == FM_SESSION_NOTHING, "an event");
    wire.nowMs += HALF_MS;
    (void)poll(2U);
    expect(WROTE("\xC0\x00"), "no second ping");
    wire.nowMs += HALF_MS;
    expect((poll(3U) == FM_SESSION_DOWN) && (session.result == FM_SILENT), "a dead broker goes unnoticed");

    begin_up("was not polled for long");
    wire.nowMs += 100U * HALF_MS;
    SENDS("\xD0\x00");
    expect(poll(3U) == FM_SESSION_NOTHING, "the broker is given up without being asked");
}

static void takes_messages(void)
{
    begin_up("takes messages");
    for (uint32_t step = 1U; step < 20U; step++) {
        wire.step = step;
        /* QoS 1, retained, id 0x1234; then QoS 0. */
        SENDS("\x33\x0C\x00\x03t/a\x12\x34hello\x30\x06\x00\x03t/bx");
        expect(poll(60U) == FM_SESSION_MESSAGE, "no message");
        expect((session.message.topic.size == 3U) && (memcmp(session.message.topic.bytes, "t/a", 3U) == 0), "topic");
        expect((session.message.payload.size == 5U) && (memcmp(session.message.payload.bytes, "hello", 5U) == 0), "payload");
        expect(session.message.retained, "not retained");
        expect(poll(60U) == FM_SESSION_MESSAGE, "no second message");
        expect((session.message.payload.size == 1U) && (!session.message.retained), "the second one");
        expect(poll(60U) == FM_SESSION_NOTHING, "a third one");
        expect(WROTE("\x40\x02\x12\x34"), "not acknowledged, or more than that");
    }
}

static void drops_what_is_too_large(void)
{
    static const uint8_t head[] = { 0x32, 0xB0, 0x09, 0x00, 0x03, 't', '/', 'a', 0x00, 0x07 };
    uint8_t byte = 0x30U;

    begin_up("drops what is too large");
    sends(head, sizeof(head));
    /* A remaining length of 1200: 7 are there. */
    for (uint32_t i = 0U; i < 1193U; i++) {
        sends(&byte, 1U);
    }
    SENDS("\x30\x06\x00\x03t/bx");
    expect(poll(9U) == FM_SESSION_TOO_LARGE, "it goes unsaid");
    expect(session.needed == 1203U, "another size");
    expect((session.message.topic.size == 3U) && (memcmp(session.message.topic.bytes, "t/a", 3U) == 0), "another topic");
    expect(poll(20U) == FM_SESSION_MESSAGE, "the next one is lost");
    expect((session.message.payload.size == 1U) && (session.message.topic.bytes[2] == (uint8_t)'b'), "another message");
    expect(WROTE("\x40\x02\x00\x07"), "it is not acknowledged");

    begin_up("drops for ever, and notices a broker that stops in between");
    SENDS("\x32\xFF\xFF\xFF\x7F\x00\x03t/a\x00\x07");
    for (uint32_t i = 0U; i < 300U; i++) {
        sends(&byte, 1U);
    }
    expect((poll(9U) == FM_SESSION_TOO_LARGE) && (session.needed == 268435460U), "the largest packet there is");
    (void)poll(20U);
    wire.nowMs += HALF_MS;
    (void)poll(1U);
    wire.nowMs += HALF_MS;
    expect((poll(3U) == FM_SESSION_DOWN) && (session.result == FM_SILENT), "a frozen broker");
    wire.nowMs += 5000U;
    expect(poll(5U) == FM_SESSION_OPENED, "it does not begin anew");
    introduce();
    SENDS("\x20\x02\x00\x00\x30\x06\x00\x03t/bx");
    expect(poll(5U) == FM_SESSION_UP, "it is not up again");
    expect(poll(5U) == FM_SESSION_MESSAGE, "what came before is still being dropped");
}

static void publishes(void)
{
    uint8_t *payload;

    begin_up("publishes");
    payload = fm_session_publish(&session, bytes_of("t"), true, 3U);
    expect(payload != NULL, "no room");
    memcpy(payload, "abc", 3U);
    expect(fm_session_publish(&session, bytes_of("t"), false, 1U) == NULL, "two at a time");
    wire.step = 1U;
    expect(poll(30U) == FM_SESSION_NOTHING, "an event");
    expect(WROTE("\x33\x08\x00\x01t\x00\x01""abc"), "another packet");
    SENDS("\x40\x02\x00\x63");
    expect(poll(10U) == FM_SESSION_NOTHING, "the acknowledgement of something else");
    SENDS("\x40\x02\x00\x01");
    expect(poll(10U) == FM_SESSION_PUBLISHED, "no acknowledgement");
    /* 1 + 2 + 2 + 1 + 2 bytes around the payload; the remaining length takes two. */
    wire.step = 4096U;
    expect(fm_session_publish(&session, bytes_of("t"), false, 249U) == NULL, "a byte too many");
    payload = fm_session_publish(&session, bytes_of("t"), false, 248U);
    expect((payload != NULL) && (&payload[248] == &outgoing[256]), "the largest packet");
}

static void subscribes(void)
{
    uint32_t id;

    begin_up("subscribes");
    id = fm_session_request(&session, FM_MQTT_SUBSCRIBE, bytes_of("t/+"));
    expect(id == 1U, "another id");
    expect(fm_session_request(&session, FM_MQTT_UNSUBSCRIBE, bytes_of("u")) == 2U, "another id");
    (void)poll(3U);
    expect(WROTE("\x82\x08\x00\x01\x00\x03t/+\x01\xA2\x05\x00\x02\x00\x01u"), "other packets");
    SENDS("\x90\x03\x00\x01\x01\xB0\x02\x00\x02\x90\x03\x00\x01\x80");
    expect((poll(3U) == FM_SESSION_SUBSCRIBED) && (session.result == FM_OK) && (session.ackId == 1U), "not granted");
    expect((poll(5U) == FM_SESSION_SUBSCRIBED) && (session.result == FM_REFUSED), "not refused");
    for (uint32_t i = 0U; i < 40U; i++) {
        id = fm_session_request(&session, FM_MQTT_SUBSCRIBE, bytes_of("0123456789"));
    }
    expect(id == 0U, "more than there is room for");
}

static void waits_until_it_can_acknowledge(void)
{
    begin_up("waits until it can acknowledge");
    expect(fm_session_publish(&session, bytes_of("t"), false, 248U) != NULL, "no room");
    wire.step = 0U;
    SENDS("\x32\x06\x00\x01t\x00\x09x");
    expect(poll(5U) == FM_SESSION_NOTHING, "a message that cannot be acknowledged");
    wire.step = 4096U;
    expect(poll(5U) == FM_SESSION_MESSAGE, "no message");
}

static void is_broken_by(const char *name, const void *bytes, uint32_t size)
{
    begin_up(name);
    sends(bytes, size);
    expect((poll(9U) == FM_SESSION_DOWN) && (session.result == FM_BAD_PACKET), "it is let through");
    wire.nowMs += 64000U;
    expect(poll(5U) == FM_SESSION_OPENED, "it does not begin anew");
}

#define IS_BROKEN_BY(name, text) is_broken_by(name, text, (uint32_t)sizeof(text) - 1U)

static void is_broken(void)
{
    uint8_t topic[300] = { 0x30, 0xFF, 0x01, 0x00, 0xFD };

    IS_BROKEN_BY("a type that is reserved", "\xF0\x00");
    IS_BROKEN_BY("CONNECT from the broker", "\x10\x00");
    IS_BROKEN_BY("DISCONNECT from the broker", "\xE0\x00");
    IS_BROKEN_BY("PUBREC", "\x50\x02\x00\x01");
    IS_BROKEN_BY("flags where there are none", "\x41\x02\x00\x01");
    IS_BROKEN_BY("a remaining length of five bytes", "\x30\xFF\xFF\xFF\xFF\x01");
    IS_BROKEN_BY("QoS 2", "\x34\x06\x00\x01t\x00\x01x");
    IS_BROKEN_BY("QoS 3", "\x36\x06\x00\x01t\x00\x01x");
    IS_BROKEN_BY("a message without a topic", "\x30\x02\x00\x00");
    IS_BROKEN_BY("a message of nothing", "\x30\x00");
    IS_BROKEN_BY("a topic that is longer than its message", "\x30\x04\x00\x09xy");
    IS_BROKEN_BY("a message that ends in its id", "\x32\x04\x00\x01t\x00");
    IS_BROKEN_BY("a message with id 0", "\x32\x05\x00\x01t\x00\x00");
    IS_BROKEN_BY("CONNACK again", "\x20\x02\x00\x00");
    IS_BROKEN_BY("a short PUBACK", "\x40\x01\x00");
    IS_BROKEN_BY("a long PUBACK", "\x40\x03\x00\x01\x00");
    IS_BROKEN_BY("a short SUBACK", "\x90\x02\x00\x01");
    IS_BROKEN_BY("a SUBACK of two", "\x90\x04\x00\x01\x00\x00");
    memset(&topic[5], 'a', sizeof(topic) - 5U);
    is_broken_by("a topic that is longer than the buffer", topic, sizeof(topic));
    memset(topic, 0, sizeof(topic));
    topic[0] = 0x40U;
    topic[1] = 0xFFU;
    topic[2] = 0x01U;
    is_broken_by("a PUBACK that is larger than the buffer", topic, sizeof(topic));

    begin("a message before CONNACK");
    (void)poll(5U);
    introduce();
    SENDS("\x30\x04\x00\x01tx");
    expect((poll(5U) == FM_SESSION_DOWN) && (session.result == FM_BAD_PACKET), "it is let through");

    begin("a CONNACK that is too long");
    (void)poll(5U);
    introduce();
    SENDS("\x20\x03\x00\x00\x00");
    expect((poll(5U) == FM_SESSION_DOWN) && (session.result == FM_BAD_PACKET), "it is let through");
}

static void ends(void)
{
    begin_up("the stream ends");
    wire.closed = true;
    expect((poll(3U) == FM_SESSION_DOWN) && (session.result == FM_CLOSED), "it goes unnoticed");

    begin_up("is reset by its owner");
    fm_session_reset(&session, FM_BAD_MESSAGE);
    expect((poll(3U) == FM_SESSION_DOWN) && (session.result == FM_BAD_MESSAGE), "it goes on");

    begin_up("leaves");
    fm_session_leave(&session);
    expect(WROTE("\xE0\x00"), "no DISCONNECT");
    expect(wire.resets == 1U, "the stream is still open");
    wire.nowMs += 100000U;
    expect(poll(9U) == FM_SESSION_NOTHING, "it comes back");
    expect(fm_session_publish(&session, bytes_of("t"), false, 1U) == NULL, "it publishes");
}

static void backs_off(void)
{
    uint32_t waited = 0U;

    begin("backs off");
    wire.open = FM_CLOSED;
    for (uint32_t i = 0U; i < 12U; i++) {
        expect(poll(5U) == FM_SESSION_DOWN, "it does not try");
        expect(session.waitMs < (1000U << smaller(i, 6U)), "it waits too long");
        waited += session.waitMs;
        wire.nowMs += session.waitMs;
    }
    expect(waited == (12U * 700U), "it does not wait as chance says");
}

int main(void)
{
    connects();
    introduces_with_a_login();
    is_refused();
    hears_nothing();
    keeps_alive();
    takes_messages();
    drops_what_is_too_large();
    publishes();
    subscribes();
    waits_until_it_can_acknowledge();
    is_broken();
    ends();
    backs_off();
    printf("%u passed, %u failed\n", passed, failed);
    return (failed == 0U) ? 0 : 1;
}
