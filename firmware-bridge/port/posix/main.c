/** `fedmote-c-device`: joins a fleet with one client's CSV file, with the options of `fedmote device`. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "fedmote.h"
#include "fm_sha256.h"
#include "stream.h"
#include "table.h"

static volatile sig_atomic_t interrupted = 0;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
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

/** Says why TLS came to nothing. It is the end where it never was otherwise: a wrong file or name does not mend itself. */
static fm_result_t tell_problem(fm_posix_stream_t *stream)
{
    const char *problem = fm_posix_problem(stream);

    if (problem != NULL) {
        fprintf(stderr, "error: %s:%s: %s\n", stream->host, stream->port, problem);
    }
    return ((problem != NULL) && !stream->everSecured) ? FM_CLOSED : FM_AGAIN;
}

/** Takes part until the federation has ended, somebody interrupts, or the broker turns out to be the wrong one. */
static fm_result_t take_part(fm_device_t *device, fm_posix_stream_t *stream)
{
    fm_result_t result = FM_AGAIN;

    while (((result == FM_OK) || (result == FM_AGAIN)) && (interrupted == 0)) {
        result = fm_device_poll(device);
        if (result == FM_AGAIN) {
            result = tell_problem(stream);
        }
        if (result == FM_AGAIN) {
            fm_posix_wait(stream, 20);
        }
    }
    return result;
}

static int run(fm_device_t *device, const fm_device_options_t *options, fm_posix_stream_t *stream)
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
    uint32_t packet = arguments_whole(arguments->packet, 4096U);
    fm_device_options_t options = { 0 };

    options.fleet = arguments->fleet;
    options.id = arguments->id;
    options.port = port;
    options.buffers = (fm_buffers_t){ malloc(packet), packet, malloc(packet), packet };
    options.username = arguments->user;
    options.password = arguments->password;
    options.keepAliveSeconds = arguments_whole(arguments->keepAlive, 0U);
    options.memoryBytes = arguments_whole(arguments->memory, 4U << 20U);
    options.memory = malloc(options.memoryBytes);
    options.parts = &fm_parts_all;
    options.event = on_event;
    options.context = all;
    return options;
}

/** Takes part with a table's samples. */
static int run_with(const arguments_t *arguments, const fm_port_t *port, fm_posix_stream_t *stream,
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

/** Makes the stream to the broker, with TLS where it is to be. False, after a word on stderr, where that cannot be done. */
static bool make_stream(fm_posix_stream_t *stream, fm_port_t *port, const broker_t *broker,
                        const arguments_t *arguments)
{
    fm_tls_files_t files = { arguments->ca, arguments->cert, arguments->key };
    char problem[256];
    bool made = true;

    fm_posix_port(stream, broker->host, broker->port, port);
    if (broker->secure) {
        made = fm_posix_secure(stream, &files, problem, sizeof(problem));
    }
    if (!made) {
        fprintf(stderr, "error: %s\n", problem);
    }
    return made;
}

int main(int argc, char **argv)
{
    arguments_t arguments = { 0 };
    fm_posix_stream_t stream;
    fm_port_t port;
    table_t table;
    broker_t broker;
    int code = 1;

    if (!arguments_read(&arguments, &broker, argc, argv)) {
        return 2;
    }
    if (!table_read(&table, arguments.data, arguments.label, arguments.split, arguments.classes)) {
        fprintf(stderr, "error: %s\n", table.problem);
        return 1;
    }
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    if (make_stream(&stream, &port, &broker, &arguments)) {
        code = run_with(&arguments, &port, &stream, &table);
        fm_posix_free(&stream);
    }
    table_free(&table);
    return code;
}
