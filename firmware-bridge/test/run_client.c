/** The port over somebody else's MQTT client (port/client): a session speaks to it, and a client that the test plays answers. */
#include <stdio.h>
#include <string.h>

#include "fm_client.h"
#include "fm_session.h"

#define QUEUE_BYTES 400U

static unsigned passed;
static unsigned failed;

static void expect(bool good, const char *what)
{
    if (good) {
        passed++;
    } else {
        failed++;
        printf("%s\n", what);
    }
}

/* ---- the client ---- */

static uint32_t now;
static bool up;
static fm_result_t answer;
static char topic[200];
static uint8_t payload[300];
static uint32_t payloadBytes;
static bool retain;
static unsigned subscribed;
static unsigned unsubscribed;
static unsigned published;

static bool connected(void *context)
{
    (void)context;
    return up;
}

static fm_result_t note(unsigned *count, const char *name)
{
    if (answer == FM_OK) {
        (*count)++;
        (void)snprintf(topic, sizeof(topic), "%s", name);
    }
    return answer;
}

static fm_result_t subscribe(void *context, const char *name)
{
    (void)context;
    return note(&subscribed, name);
}

static fm_result_t unsubscribe(void *context, const char *name)
{
    (void)context;
    return note(&unsubscribed, name);
}

static fm_result_t publish(void *context, const char *name, const uint8_t *bytes, uint32_t size, bool retained)
{
    (void)context;
    (void)memcpy(payload, bytes, size);
    payloadBytes = size;
    retain = retained;
    return note(&published, name);
}

static uint32_t now_ms(void *context)
{
    (void)context;
    return now;
}

static uint32_t chance(void *context)
{
    (void)context;
    return 7U;
}

/* ---- the device's side ---- */

static uint8_t queue[QUEUE_BYTES];
static uint8_t incoming[300];
static uint8_t outgoing[300];
static fm_client_t client;
static fm_session_t session;

static fm_bytes_t text(const char *string)
{
    const fm_bytes_t bytes = { (const uint8_t *)string, (uint32_t)strlen(string) };

    return bytes;
}

/** Polls for at most a minute and a half, until it is this event. */
static bool comes(fm_session_event_t wanted)
{
    bool seen = false;
    unsigned i;

    for (i = 0U; (i < 900U) && (!seen); i++) {
        fm_session_event_t event = fm_session_poll(&session);

        if (event == FM_SESSION_OPENED) {
            const fm_connect_t connect = { 30U, 3U, { text("mote-7"), text("fm1/f/gone"), text("x"), { 0 }, { 0 } } };

            expect(fm_session_connect(&session, &connect), "there is room for CONNECT");
        }
        seen = event == wanted;
        now += 100U;
    }
    return seen;
}

static void begin(void)
{
    static const fm_client_calls_t calls = { NULL, connected, subscribe, unsubscribe, publish, now_ms, chance };
    static const fm_buffers_t buffers = { incoming, sizeof(incoming), outgoing, sizeof(outgoing) };

    fm_client_begin(&client, &calls, queue, sizeof(queue));
    fm_session_begin(&session, &client.port, &buffers, 30U);
    up = true;
    answer = FM_OK;
    expect(comes(FM_SESSION_UP), "a client that is connected is a broker that takes the device");
}

/* ---- cases ---- */

static void waits_for_a_connection(void)
{
    begin();
    up = false;
    expect(comes(FM_SESSION_DOWN) && (session.result == FM_CLOSED), "no connection, no session");
    expect(!comes(FM_SESSION_OPENED), "nothing opens while there is none");
    up = true;
    expect(comes(FM_SESSION_UP), "it begins again by itself");
}

static void subscribes(void)
{
    begin();
    answer = FM_AGAIN;
    expect(fm_session_request(&session, FM_MQTT_SUBSCRIBE, text("fm1/f/round")) != 0U, "SUBSCRIBE is queued");
    expect(fm_session_poll(&session) == FM_SESSION_NOTHING, "it waits while the client is busy");
    answer = FM_OK;
    expect(comes(FM_SESSION_SUBSCRIBED) && (session.result == FM_OK), "it is granted");
    expect((subscribed == 1U) && (strcmp(topic, "fm1/f/round") == 0), "to the topic that was asked for, once");
    expect(fm_session_request(&session, FM_MQTT_UNSUBSCRIBE, text("fm1/f/round")) != 0U, "UNSUBSCRIBE is queued");
    (void)comes(FM_SESSION_SUBSCRIBED);
    expect((unsubscribed == 1U) && (session.owed == 0U), "it is acknowledged");
    answer = FM_REFUSED;
    (void)fm_session_request(&session, FM_MQTT_SUBSCRIBE, text("fm1/f/round"));
    expect(comes(FM_SESSION_SUBSCRIBED) && (session.result == FM_REFUSED), "or it is refused");
}

static void publishes(void)
{
    uint8_t *place;
    uint32_t size;

    /* One and two bytes of remaining length, and no payload. */
    for (size = 0U; size <= 250U; size += 25U) {
        begin();
        answer = FM_AGAIN;
        place = fm_session_publish(&session, text("fm1/f/up/3/a"), size == 250U, size);
        expect(place != NULL, "there is room for PUBLISH");
        (void)memset(place, (int)size, size);
        expect(fm_session_poll(&session) == FM_SESSION_NOTHING, "it waits while the client is busy");
        answer = FM_OK;
        expect(comes(FM_SESSION_PUBLISHED), "it is acknowledged");
        expect((strcmp(topic, "fm1/f/up/3/a") == 0) && (retain == (size == 250U)), "topic and flag are as they were");
        expect((payloadBytes == size) && ((size == 0U) || (payload[size - 1U] == size)), "so is the payload");
    }
    answer = FM_CLOSED;
    (void)fm_session_publish(&session, text("fm1/f/up/3/a"), false, 1U);
    expect(comes(FM_SESSION_DOWN) && (session.result == FM_CLOSED), "where it cannot be done, the connection is given up");
}

static void receives(void)
{
    static const uint8_t bytes[QUEUE_BYTES] = { 1U, 2U, 3U };
    const fm_bytes_t round = text("fm1/f/round");
    const fm_bytes_t whole = { bytes, QUEUE_BYTES };
    unsigned taken = 0U;
    unsigned come = 0U;
    uint32_t size;

    begin();
    for (size = 0U; size <= 280U; size++) {
        const fm_bytes_t part = { bytes, size };

        expect(fm_client_message(&client, round, part, (size % 2U) == 1U) == FM_OK, "there is room for a message");
        expect(comes(FM_SESSION_MESSAGE), "it comes");
        expect((session.message.payload.size == size) && (session.message.retained == ((size % 2U) == 1U)), "as it was");
        expect((session.message.topic.size == round.size) && (session.message.id == 0U), "nobody acknowledges it twice");
    }
    expect(fm_client_message(&client, round, whole, false) == FM_TOO_LARGE, "larger than the queue is too large");
    while (fm_client_message(&client, round, round, false) == FM_OK) {
        taken++;
    }
    expect(taken > 5U, "several wait in the queue");
    expect(fm_client_message(&client, round, round, false) == FM_AGAIN, "when it is full, no more");
    (void)fm_session_request(&session, FM_MQTT_SUBSCRIBE, round);
    while (comes(FM_SESSION_MESSAGE)) {
        come++;
    }
    expect(come == taken, "all come, and what the device says meanwhile is answered");
    expect(session.owed == 0U, "nothing is owed");
}

/** However full it is, the next of the device's packets can be answered. */
static void leaves_room(void)
{
    static const uint8_t bytes[64] = { 0U };
    const fm_bytes_t round = text("fm1/f/round");
    uint32_t size;

    for (size = 0U; size < sizeof(bytes); size++) {
        const fm_bytes_t part = { bytes, size };

        begin();
        while (fm_client_message(&client, round, part, false) == FM_OK) {
            /* Until it is full. */
        }
        (void)fm_session_request(&session, FM_MQTT_SUBSCRIBE, round);
        subscribed = 0U;
        (void)client.port.write(&client, outgoing, session.queued);
        expect(subscribed == 1U, "a full queue has room for an answer");
    }
}

static void is_lost(void)
{
    const fm_bytes_t round = text("fm1/f/round");

    begin();
    while (fm_client_message(&client, round, round, false) == FM_OK) {
        /* More than the device takes at once. */
    }
    fm_client_lost(&client);
    expect(comes(FM_SESSION_DOWN) && (session.result == FM_CLOSED), "a connection that was lost and is back is a new one");
    expect(client.filled == 0U, "and nothing of the old one is left");
    expect(comes(FM_SESSION_UP), "the device begins again");
}

static void stays(void)
{
    begin();
    expect(!comes(FM_SESSION_DOWN), "pings are answered");
    fm_session_leave(&session);
    expect(!comes(FM_SESSION_OPENED), "what has left stays away");
}

int main(void)
{
    waits_for_a_connection();
    subscribes();
    publishes();
    receives();
    leaves_room();
    is_lost();
    stays();
    printf("%u passed, %u failed\n", passed, failed);
    return (failed == 0U) ? 0 : 1;
}
