/** `fedmote-c-device`: joins a fleet with one client's CSV file, with the options of `fedmote device`. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fedmote.h"
#include "fm_sha256.h"
#include "stream.h"
#include "table.h"

static const char usage[] =
    "usage: fedmote-c-device --broker HOST:PORT --fleet NAME --id ID --data CSV --label COL [options]\n"
    "\n"
    "  --broker HOST:PORT     the MQTT broker; mqtt://HOST:PORT will do\n"
    "  --fleet NAME           name of the fleet\n"
    "  --id ID                id of this device: 1 to 64 of a-z, 0-9 and -\n"
    "  --data CSV             this client's samples\n"
    "  --label COL            the column with the label\n"
    "  --split-column COL     the column that says train or test (default: every fifth row is test)\n"
    "  --classes NAMES        class names in label order, with commas (default: labels are class indices)\n"
    "  --packet BYTES         largest MQTT packet, at least 256 (default: 4096)\n"
    "  --memory BYTES         memory for models (default: 4 MiB)\n"
    "  --keep-alive SECONDS   silence that ends a connection (default: 30)\n"
    "  --user NAME, --password WORD   for the broker\n"
    "  --log-level debug      says everything that happens\n";

typedef struct {
    const char *broker;
    const char *fleet;
    const char *id;
    const char *data;
    const char *label;
    const char *split;
    const char *classes;
    const char *packet;
    const char *memory;
    const char *keepAlive;
    const char *user;
    const char *password;
    const char *logLevel;
} arguments_t;

static volatile sig_atomic_t interrupted = 0;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static bool parse(arguments_t *arguments, int argc, char **argv)
{
    const struct {
        const char *name;
        const char **value;
    } options[] = {
        { "--broker", &arguments->broker },       { "--fleet", &arguments->fleet },
        { "--id", &arguments->id },               { "--data", &arguments->data },
        { "--label", &arguments->label },         { "--split-column", &arguments->split },
        { "--classes", &arguments->classes },     { "--packet", &arguments->packet },
        { "--memory", &arguments->memory },       { "--keep-alive", &arguments->keepAlive },
        { "--user", &arguments->user },           { "--password", &arguments->password },
        { "--log-level", &arguments->logLevel },
    };

    for (int i = 1; i < argc; i += 2) {
        const char **value = NULL;

        for (size_t k = 0U; k < sizeof(options) / sizeof(options[0]); k++) {
            if (strcmp(options[k].name, argv[i]) == 0) {
                value = options[k].value;
            }
        }
        if ((value == NULL) || (i + 1 == argc)) {
            fprintf(stderr, "%s: %s\n", argv[i], (value == NULL) ? "no such option" : "its value is missing");
            return false;
        }
        *value = argv[i + 1];
    }
    return true;
}

/** Whether every option is there that has no default. */
static bool complete(const arguments_t *arguments)
{
    return (arguments->broker != NULL) && (arguments->fleet != NULL) && (arguments->id != NULL) &&
           (arguments->data != NULL) && (arguments->label != NULL);
}

/** Takes "mqtt://HOST:PORT" or "HOST:PORT" apart, in place. */
static bool split_broker(char *text, const char **host, const char **port)
{
    char *at = (strncmp(text, "mqtt://", 7U) == 0) ? text + 7 : text;
    char *colon;

    at[strcspn(at, "/")] = '\0';
    colon = strrchr(at, ':');
    *host = at;
    *port = "1883";
    if (colon != NULL) {
        *colon = '\0';
        *port = colon + 1;
    }
    return (*at != '\0') && (strstr(at, "://") == NULL);
}

static uint32_t whole(const char *text, uint32_t otherwise)
{
    return (text == NULL) ? otherwise : (uint32_t)strtoul(text, NULL, 10);
}

static const char *event_name(fm_event_kind_t kind)
{
    static const char *const names[] = { "up",      "down",      "too-large", "ignored", "greeted",     "unfit",
                                         "joined",  "pulled",    "changed",   "pull-failed", "trained", "failed",
                                         "sent",    "folded",    "busy",      "late",    "refused",     "committed",
                                         "dropped", "wait",      "stopped",   "released" };

    return names[kind];
}

static void on_event(void *context, const fm_event_t *event)
{
    const bool *all = context;
    bool bad = event->result != FM_OK;

    if (*all || bad || (event->kind == FM_EVENT_STOPPED) || (event->kind == FM_EVENT_REFUSED)) {
        fprintf(stderr, "%s round=%u epoch=%u number=%u%s%s %.*s\n", event_name(event->kind), event->round,
                event->epoch, event->number, bad ? " " : "", bad ? fm_result_text(event->result) : "",
                (int)event->text.size, (event->text.bytes == NULL) ? "" : (const char *)event->text.bytes);
    }
}

static void print_model(const fm_device_t *device)
{
    uint8_t digest[FM_SHA256_BYTES];
    uint32_t count = 0U;
    const float *model = fm_device_model(device, &count);
    fm_sha256_t sha;

    fm_sha256_begin(&sha);
    fm_sha256_add(&sha, (const uint8_t *)model, (uint32_t)sizeof(float) * count);
    fm_sha256_end(&sha, digest);
    fprintf(stderr, "has the released model parameters=%u digest=", count);
    for (size_t i = 0U; i < sizeof(digest); i++) {
        fprintf(stderr, "%02x", digest[i]);
    }
    fprintf(stderr, "\n");
}

/** Takes part until the federation has ended, or somebody interrupts. */
static fm_result_t take_part(fm_device_t *device, const fm_posix_stream_t *stream)
{
    fm_result_t result = FM_AGAIN;

    while (((result == FM_OK) || (result == FM_AGAIN)) && (interrupted == 0)) {
        result = fm_device_poll(device);
        if (result == FM_AGAIN) {
            fm_posix_wait(stream, 20);
        }
    }
    return result;
}

static int run(fm_device_t *device, const fm_device_options_t *options, const fm_posix_stream_t *stream)
{
    fm_result_t result = fm_device_begin(device, options);

    if (result != FM_OK) {
        fprintf(stderr, "error: %s\n", fm_result_text(result));
        return 1;
    }
    result = take_part(device, stream);
    if (result == FM_DONE) {
        print_model(device);
    } else {
        fprintf(stderr, "error: %s\n", (interrupted != 0) ? "interrupted" : fm_result_text(result));
    }
    while (fm_device_leave(device) == FM_AGAIN) {
        fm_posix_wait(stream, 20);
    }
    return (result == FM_DONE) ? 0 : 1;
}

/** What the device needs of the command line and of the machine; the samples are the caller's. */
static fm_device_options_t options_of(const arguments_t *arguments, const fm_port_t *port, bool *all)
{
    uint32_t packet = whole(arguments->packet, 4096U);
    fm_device_options_t options = { 0 };

    options.fleet = arguments->fleet;
    options.id = arguments->id;
    options.port = port;
    options.buffers = (fm_buffers_t){ malloc(packet), packet, malloc(packet), packet };
    options.username = arguments->user;
    options.password = arguments->password;
    options.keepAliveSeconds = whole(arguments->keepAlive, 0U);
    options.memoryBytes = whole(arguments->memory, 4U << 20U);
    options.memory = malloc(options.memoryBytes);
    options.parts = &fm_parts_all;
    options.event = on_event;
    options.context = all;
    return options;
}

/** Takes part with a table's samples. */
static int run_with(const arguments_t *arguments, const fm_port_t *port, const fm_posix_stream_t *stream,
                    const table_t *table)
{
    static fm_device_t device;
    bool all = (arguments->logLevel != NULL) && (strcmp(arguments->logLevel, "debug") == 0);
    table_view_t train = { &table->train, table->features };
    table_view_t test = { &table->test, table->features };
    fm_device_options_t options = options_of(arguments, port, &all);
    int code;

    options.features = table->features;
    options.train = (fm_samples_t){ &train, table->train.rows, table_value };
    options.test = (fm_samples_t){ &test, table->test.rows, table_value };
    options.order = malloc(sizeof(uint16_t) * (table->train.rows + 1U));
    code = run(&device, &options, stream);
    free(options.buffers.incoming);
    free(options.buffers.outgoing);
    free(options.order);
    free(options.memory);
    return code;
}

int main(int argc, char **argv)
{
    arguments_t arguments = { 0 };
    fm_posix_stream_t stream;
    fm_port_t port;
    table_t table;
    const char *host;
    const char *service;
    char broker[256];
    int code;

    if (!parse(&arguments, argc, argv) || !complete(&arguments)) {
        fputs(usage, stderr);
        return 2;
    }
    (void)snprintf(broker, sizeof(broker), "%s", arguments.broker);
    if (!split_broker(broker, &host, &service)) {
        fprintf(stderr, "error: expected a broker like mqtt://HOST:PORT, got %s\n", arguments.broker);
        return 2;
    }
    if (!table_read(&table, arguments.data, arguments.label, arguments.split, arguments.classes)) {
        fprintf(stderr, "error: %s\n", table.problem);
        return 1;
    }
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    fm_posix_port(&stream, host, service, &port);
    code = run_with(&arguments, &port, &stream, &table);
    table_free(&table);
    return code;
}
