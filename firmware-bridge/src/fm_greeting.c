/** What a device says of itself: Hello (retained) and Ready, after every connection, to every new coordinator, and when asked to come back. */
#include <stddef.h>

#include "fm_codec.h"
#include "fm_device.h"

/* Version of the kernel ABI whose arithmetic this is. */
#define KERNEL_ABI 1U

#define JITTER_MS 1000U

/* Bytes of the last will, at most. */
#define GONE_BYTES 16U

/* Who has heard nothing since its last Ready says it again after so long, and up to half as long again: it may have been lost. */
#define UNHEARD_MS 900000U

bool fm_greeting_willing(const fm_device_t *device)
{
    const fm_device_options_t *options = device->options;

    return (device->problem == FM_OK) && ((options->willing == NULL) || options->willing(options->context));
}

void fm_greeting_now(fm_device_t *device)
{
    device->greetTimer.waitMs = 0U;
    device->helloDue = true;
    device->readyDue = true;
}

void fm_greeting_soon(fm_device_t *device)
{
    fm_timer_set(device, &device->greetTimer, fm_device_random(device, JITTER_MS));
}

/** Static facts. */
static bool greeting_hello(fm_device_t *device)
{
    static const uint8_t abis[1] = { KERNEL_ABI };
    const fm_device_options_t *options = device->options;
    const fm_codec_t *const *list = options->parts->codecs;
    uint8_t codecs[FM_MOST_CODEC_LIST];
    fm_hello_t hello;
    fm_message_t message = { FM_TYPE_HELLO, (uint8_t *)&hello, hello.strings, NULL };
    uint32_t count = 0U;
    uint32_t length;

    while ((count < FM_MOST_CODEC_LIST) && (list[count] != NULL)) {
        codecs[count] = (uint8_t)list[count]->id;
        count++;
    }
    hello.session = device->sessionId;
    hello.maxPacket = options->buffers.incomingBytes;
    hello.ramKiB = options->memoryBytes / 1024U;
    hello.features = options->features;
    hello.strings[FM_HELLO_CODECS].bytes = codecs;
    hello.strings[FM_HELLO_CODECS].size = count;
    hello.strings[FM_HELLO_ABIS].bytes = abis;
    hello.strings[FM_HELLO_ABIS].size = sizeof(abis);
    return fm_device_publish(device, FM_TOPIC_HELLO, NULL, &message, &length) != NULL;
}

static bool greeting_ready(fm_device_t *device)
{
    fm_ready_t ready;
    fm_message_t message = { FM_TYPE_READY, (uint8_t *)&ready, NULL, NULL };
    uint32_t length;

    ready.session = device->sessionId;
    ready.samples = device->options->train.rows;
    ready.testSamples = device->options->test.rows;
    device->saidWilling = fm_greeting_willing(device);
    ready.willing = device->saidWilling ? 1U : 0U;
    return fm_device_publish(device, FM_TOPIC_READY, NULL, &message, &length) != NULL;
}

void fm_greeting_send(fm_device_t *device)
{
    bool changed = device->greeted && (fm_greeting_willing(device) != device->saidWilling);

    /* The coordinator may have forgotten a device that it has told to wait, or that has said nothing for long. */
    if (fm_timer_due(device, &device->greetTimer) || fm_timer_due(device, &device->readyTimer)) {
        fm_greeting_now(device);
    }
    if (changed) {
        device->readyDue = true;
    }
    if (device->flight != FM_FLIGHT_NONE) {
        /* One at a time. */
    } else if (device->helloDue) {
        device->helloDue = !greeting_hello(device);
    } else if (device->readyDue && greeting_ready(device)) {
        device->readyDue = false;
        device->greeted = true;
        fm_timer_set(device, &device->readyTimer, UNHEARD_MS + fm_device_random(device, UNHEARD_MS / 2U));
        fm_device_tell(device, FM_EVENT_GREETED, 0U, device->problem);
    } else {
        /* All is said. */
    }
}

fm_message_t fm_greeting_gone(const fm_device_t *device, fm_gone_t *gone)
{
    fm_message_t message = { FM_TYPE_GONE, (uint8_t *)gone, NULL, NULL };

    gone->session = device->sessionId;
    return message;
}

static fm_bytes_t greeting_text(const char *text)
{
    fm_bytes_t bytes = { (const uint8_t *)text, 0U };

    while ((text != NULL) && (text[bytes.size] != '\0')) {
        bytes.size++;
    }
    return bytes;
}

void fm_greeting_connect(fm_device_t *device)
{
    const fm_device_options_t *options = device->options;
    fm_topic_t topic;
    uint8_t will[GONE_BYTES];
    fm_gone_t gone;
    fm_message_t message = fm_greeting_gone(device, &gone);
    fm_connect_t connect;
    uint32_t length;

    fm_device_topic(device, &topic, FM_TOPIC_GONE, NULL);
    (void)fm_message_write(&message, will, GONE_BYTES, &length);
    connect.keepAliveSeconds = device->session.halfMs / 500U;
    connect.strings[FM_CONNECT_CLIENT_ID] = greeting_text(options->id);
    connect.strings[FM_CONNECT_WILL_TOPIC] = topic.view;
    connect.strings[FM_CONNECT_WILL_PAYLOAD].bytes = will;
    connect.strings[FM_CONNECT_WILL_PAYLOAD].size = length;
    connect.strings[FM_CONNECT_USERNAME] = greeting_text(options->username);
    connect.strings[FM_CONNECT_PASSWORD] = greeting_text(options->password);
    connect.count = FM_CONNECT_STRINGS;
    while ((connect.count > FM_CONNECT_USERNAME) && (connect.strings[connect.count - 1U].bytes == NULL)) {
        connect.count--;
    }
    if (!fm_session_connect(&device->session, &connect)) {
        fm_session_reset(&device->session, FM_NO_SPACE);
    }
}
