/** What a device says of itself: Hello (retained) and Ready, after every connection, to every new coordinator, and when asked to come back. */
#include <stddef.h>

#include "fm_codec.h"
#include "fm_device.h"

/* Version of the kernel ABI whose arithmetic this is. */
#define KERNEL_ABI 1U

/* So many devices hear of a new coordinator at once: nobody answers at once. */
#define JITTER_MS 1000U

bool fm_greeting_willing(const fm_device_t *device)
{
    const fm_device_options_t *options = device->options;

    return (device->problem == FM_OK) && ((options->willing == NULL) || options->willing(options->context));
}

void fm_greeting_now(fm_device_t *device)
{
    fm_timer_clear(&device->greetTimer);
    device->helloDue = true;
    device->readyDue = true;
}

void fm_greeting_soon(fm_device_t *device)
{
    fm_timer_set(&device->greetTimer, fm_device_now(device), fm_device_random(device, JITTER_MS));
}

void fm_greeting_back(fm_device_t *device, uint32_t seconds)
{
    fm_timer_set(&device->readyTimer, fm_device_now(device), 1000U * seconds);
}

/** Static facts. */
static bool greeting_hello(fm_device_t *device)
{
    static const uint8_t abis[1] = { KERNEL_ABI };
    const fm_parts_t *parts = device->options->parts;
    fm_names_t names = fm_device_names(device);
    uint8_t codecs[FM_MOST_CODEC_LIST];
    fm_hello_t hello;
    fm_topic_t topic;
    fm_cbor_t cbor;
    uint8_t *payload;
    uint32_t i;

    for (i = 0U; i < parts->codecCount; i++) {
        codecs[i] = (uint8_t)parts->codecs[i]->id;
    }
    hello.session = device->sessionId;
    hello.maxPacket = device->options->buffers.incomingBytes;
    hello.ramKiB = device->options->memoryBytes / 1024U;
    hello.codecs.bytes = codecs;
    hello.codecs.size = parts->codecCount;
    hello.abis.bytes = abis;
    hello.abis.size = sizeof(abis);
    hello.features = device->options->features;
    fm_cbor_write(&cbor, NULL, 0U);
    fm_hello_fields(&cbor, &hello);
    fm_topic_device(&topic, &names, "hello");
    payload = fm_session_publish(&device->session, fm_topic_bytes(&topic), true, cbor.at);
    if (payload != NULL) {
        fm_cbor_write(&cbor, payload, cbor.at);
        fm_hello_fields(&cbor, &hello);
    }
    return payload != NULL;
}

static bool greeting_ready(fm_device_t *device)
{
    fm_names_t names = fm_device_names(device);
    fm_ready_t ready;
    fm_topic_t topic;
    fm_cbor_t cbor;
    uint8_t *payload;

    ready.session = device->sessionId;
    ready.willing = fm_greeting_willing(device);
    ready.samples = device->options->train.rows;
    ready.testSamples = device->options->test.rows;
    fm_cbor_write(&cbor, NULL, 0U);
    fm_ready_fields(&cbor, &ready);
    fm_topic_device(&topic, &names, "ready");
    payload = fm_session_publish(&device->session, fm_topic_bytes(&topic), false, cbor.at);
    if (payload != NULL) {
        fm_cbor_write(&cbor, payload, cbor.at);
        fm_ready_fields(&cbor, &ready);
        device->saidWilling = ready.willing;
    }
    return payload != NULL;
}

bool fm_greeting_send(fm_device_t *device)
{
    uint32_t now = fm_device_now(device);
    bool sent = false;

    if (fm_timer_due(&device->greetTimer, now)) {
        fm_greeting_now(device);
    }
    if (fm_timer_due(&device->readyTimer, now) || (device->greeted && (fm_greeting_willing(device) != device->saidWilling))) {
        device->readyDue = true;
    }
    if (device->flight != FM_FLIGHT_NONE) {
        /* One at a time. */
    } else if (device->helloDue) {
        sent = greeting_hello(device);
        device->helloDue = !sent;
    } else if (device->readyDue) {
        sent = greeting_ready(device);
        device->readyDue = !sent;
        if (sent) {
            device->greeted = true;
            fm_timer_clear(&device->readyTimer);
            fm_device_tell(device, FM_EVENT_GREETED, 0U, device->problem);
        }
    } else {
        /* All is said. */
    }
    if (sent) {
        device->flight = FM_FLIGHT_OTHER;
    }
    return sent;
}

uint32_t fm_greeting_gone(const fm_device_t *device, uint8_t *to, uint32_t size)
{
    fm_gone_t gone = { device->sessionId };
    fm_cbor_t cbor;

    fm_cbor_write(&cbor, to, size);
    fm_gone_fields(&cbor, &gone);
    return cbor.at;
}
