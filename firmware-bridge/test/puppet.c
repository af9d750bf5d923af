/**
 * A device on a rig, moved by lines on standard input (test/firmware/puppet.ts):
 *
 *     feed HEX                  the broker says so
 *     open NAME                 what open() says from now on: OK, AGAIN, CLOSED, ...
 *     read N, write N           most bytes a read, a write takes; -1: the stream has ended
 *     run MS                    goes on for so long, or until the device has written, opened or reset something
 *     willing 0|1               its owner's say
 *     leave                     fm_device_leave() in place of fm_device_poll() from now on
 *     model, predict            the released model; its outputs for the first sample
 *
 * Every line is answered with lines of their own - `event`, `wrote`, `model`, `outputs` - and then with one that begins with `at`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static const char *const results[] = { "OK",         "AGAIN",  "DONE",        "BAD_ARGUMENT", "NO_SPACE",   "NO_MEMORY",
                                       "TOO_LARGE",  "BAD_MESSAGE", "BAD_PACKET", "REFUSED",   "CLOSED",     "SILENT",
                                       "UNSUPPORTED", "MISFIT", "BAD_SAMPLE",  "BAD_MODEL",    "DIVERGED",   "STOPPED" };
static const char *const events[] = { "UP",     "DOWN",    "TOO_LARGE", "IGNORED", "GREETED", "UNFIT",     "JOINED",
                                      "PULLED", "CHANGED", "PULL_FAILED", "TRAINED", "FAILED",  "SENT",      "FOLDED",
                                      "BUSY",   "LATE",    "REFUSED",   "COMMITTED", "DROPPED", "WAIT",    "STOPPED",
                                      "RELEASED" };

static rig_t rig;

static void print_hex(const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0U; i < size; i++) {
        printf("%02x", bytes[i]);
    }
    printf("\n");
}

static void on_event(void *context, const fm_event_t *event)
{
    (void)context;
    printf("event %s %s %u %u %u ", events[event->kind], results[event->result], (unsigned)event->round,
           (unsigned)event->epoch, (unsigned)event->number);
    print_hex(event->text.bytes, event->text.size);
}

/** The text becomes the bytes that it stands for, in its own place. */
static void feed(char *hex)
{
    uint8_t *bytes = (uint8_t *)hex;
    uint32_t size = 0U;
    unsigned byte = 0U;

    while (sscanf(&hex[2U * size], "%2x", &byte) == 1) {
        bytes[size] = (uint8_t)byte;
        size++;
    }
    rig_feed(&rig, bytes, size);
}

static fm_result_t result_of(const char *name)
{
    fm_result_t result = FM_OK;

    for (uint32_t i = 0U; i < sizeof(results) / sizeof(results[0]); i++) {
        if (strcmp(results[i], name) == 0) {
            result = (fm_result_t)i;
        }
    }
    return result;
}

static void print_floats(const char *name, const float *values, uint32_t count)
{
    printf("%s ", name);
    print_hex((const uint8_t *)values, 4U * count);
}

static void print_model(void)
{
    uint32_t count = 0U;
    const float *model = fm_device_model(&rig.device, &count);

    print_floats("model", model, (model == NULL) ? 0U : count);
}

static void predict(void)
{
    static float x[65535];
    static float outputs[65535];

    for (uint32_t i = 0U; i < rig.setup.features; i++) {
        x[i] = rig.options.train.value(&rig, 0U, i);
    }
    if (fm_device_predict(&rig.device, x, outputs) == FM_OK) {
        print_floats("outputs", outputs, (rig.setup.classes == 2U) ? 1U : rig.setup.classes);
    }
}

static fm_result_t obey(const char *command, char *argument, fm_result_t last)
{
    fm_result_t result = last;

    if (strcmp(command, "feed") == 0) {
        feed(argument);
    } else if (strcmp(command, "open") == 0) {
        rig.stream.open = result_of(argument);
    } else if (strcmp(command, "read") == 0) {
        rig.stream.readMost = atoi(argument);
    } else if (strcmp(command, "write") == 0) {
        rig.stream.writeMost = atoi(argument);
    } else if (strcmp(command, "willing") == 0) {
        rig.setup.unwilling = atoi(argument) == 0;
    } else if (strcmp(command, "leave") == 0) {
        rig.leaving = true;
    } else if (strcmp(command, "model") == 0) {
        print_model();
    } else if (strcmp(command, "predict") == 0) {
        predict();
    } else {
        result = rig_run(&rig, (uint32_t)atoi(argument));
    }
    return result;
}

/** `puppet incoming=512 outgoing=512 memory=65536 features=4 classes=3 rows=20 test=5 all=0 login=0 broken=0`. */
static rig_setup_t setup_of(int argc, char **argv)
{
    static const char *const names[] = { "incoming", "outgoing", "memory", "features", "classes", "rows", "test", "all", "login", "broken" };
    uint32_t values[10] = { 512U, 512U, 65536U, 4U, 3U, 20U, 5U, 0U, 0U, 0U };
    rig_setup_t setup = { 0 };

    for (int i = 1; i < argc; i++) {
        for (uint32_t k = 0U; k < 10U; k++) {
            size_t length = strlen(names[k]);

            if ((strncmp(argv[i], names[k], length) == 0) && (argv[i][length] == '=')) {
                values[k] = (uint32_t)strtoul(&argv[i][length + 1U], NULL, 10);
            }
        }
    }
    setup.incomingBytes = values[0];
    setup.outgoingBytes = values[1];
    setup.memoryBytes = values[2];
    setup.features = values[3];
    setup.classes = values[4];
    setup.rows = values[5];
    setup.testRows = values[6];
    setup.all = values[7] != 0U;
    setup.login = values[8] != 0U;
    setup.broken = values[9] != 0U;
    return setup;
}

int main(int argc, char **argv)
{
    size_t room = 1U << 22U;
    char *line = malloc(room);
    rig_setup_t setup = setup_of(argc, argv);
    fm_result_t result = rig_begin(&rig, &setup, on_event);

    while ((line != NULL) && (fgets(line, (int)room, stdin) != NULL)) {
        char *space;

        line[strcspn(line, "\n")] = '\0';
        space = strchr(line, ' ');
        if (space != NULL) {
            *space = '\0';
        }
        result = obey(line, (space == NULL) ? line : &space[1], result);
        if (rig.stream.toBrokerBytes > 0U) {
            printf("wrote ");
            print_hex(rig.stream.toBroker, rig.stream.toBrokerBytes);
            rig_taken(&rig);
        }
        printf("at %u %s %u %u %u\n", (unsigned)rig.nowMs, results[result], (unsigned)rig.stream.opened,
               (unsigned)rig.stream.resets, (unsigned)rig.stream.toDeviceBytes);
        (void)fflush(stdout);
    }
    free(line);
    rig_end(&rig);
    return 0;
}
