/**
 * A device on an MPS2 board: the samples in its flash, the broker at the other end of its UART.
 *
 *     qemu-system-arm -M mps2-an385 -display none -monitor none -kernel device.elf \
 *       -semihosting-config enable=on,target=native,arg=device,arg=FLEET,arg=ID \
 *       -chardev socket,id=broker,host=127.0.0.1,port=1883,reconnect=1,nodelay=on -serial chardev:broker
 *
 * It says on the debugger's console what happens, and ends when the federation does: 0 with its model, 1 without.
 */
#include <stddef.h>

#include "board.h"
#include "fm_sha256.h"
#include "samples.h"

/* Enough for a 64-32-4 softmax model with standardised features, trained in batches of 8 (fedmote.h has the formula). */
#ifndef MEMORY_FLOATS
#define MEMORY_FLOATS 5104
#endif
#ifndef PACKET_BYTES
#define PACKET_BYTES 512
#endif
#ifndef MOST_ROWS
#define MOST_ROWS 256
#endif
#ifndef KEEP_ALIVE_SECONDS
#define KEEP_ALIVE_SECONDS 30
#endif
#ifndef PARTS
#define PARTS fm_parts_all
#endif

static uint8_t incoming[PACKET_BYTES];
static uint8_t outgoing[PACKET_BYTES];
static float memory[MEMORY_FLOATS];
static uint16_t order[MOST_ROWS];
static fm_device_t device;

static float sample(void *context, uint32_t row, uint32_t column)
{
    const float *values = context;

    return values[(row * (samples_features + 1U)) + column];
}

static void log_pair(const char *name, uint32_t number)
{
    board_log(name);
    board_log_number(number);
}

static void on_event(void *context, const fm_event_t *event)
{
    static const char *const names[] = { "up",     "down",   "too-large", "ignored",     "greeted", "unfit",
                                         "joined", "pulled", "changed",   "pull-failed", "trained", "failed",
                                         "sent",   "folded", "busy",      "late",        "refused", "committed",
                                         "dropped", "wait",  "stopped",   "released" };

    (void)context;
    board_log(names[event->kind]);
    log_pair(" round=", event->round);
    log_pair(" epoch=", event->epoch);
    log_pair(" number=", event->number);
    if (event->result != FM_OK) {
        board_log(" ");
        board_log(fm_result_text(event->result));
    }
    board_log(" ");
    board_log_bytes(event->text);
    board_log("\n");
}

/* Not inlined: its arrays would be on the stack all the time. */
__attribute__((noinline)) static void log_model(void)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[FM_SHA256_BYTES];
    char text[(2U * FM_SHA256_BYTES) + 2U];
    uint32_t count = 0U;
    const float *model = fm_device_model(&device, &count);
    fm_sha256_t sha;

    fm_sha256_begin(&sha);
    fm_sha256_add(&sha, (const uint8_t *)model, (uint32_t)sizeof(float) * count);
    fm_sha256_end(&sha, digest);
    for (uint32_t i = 0U; i < FM_SHA256_BYTES; i++) {
        text[2U * i] = digits[digest[i] >> 4U];
        text[(2U * i) + 1U] = digits[digest[i] & 15U];
    }
    text[2U * FM_SHA256_BYTES] = '\n';
    text[(2U * FM_SHA256_BYTES) + 1U] = '\0';
    log_pair("has the released model parameters=", count);
    board_log(" digest=");
    board_log(text);
}

static fm_result_t run(const fm_device_options_t *options)
{
    fm_result_t result = fm_device_begin(&device, options);

    while ((result == FM_OK) || (result == FM_AGAIN)) {
        result = fm_device_poll(&device);
        if (result == FM_AGAIN) {
            board_wait();
        }
    }
    return result;
}

int main(int argc, char **argv)
{
    const uint32_t testAt = samples_train_rows * (samples_features + 1U);
    fm_device_options_t options = {
        .port = &board_port,
        .buffers = { incoming, sizeof(incoming), outgoing, sizeof(outgoing) },
        .keepAliveSeconds = KEEP_ALIVE_SECONDS,
        .features = samples_features,
        .train = { (void *)(uintptr_t)samples_values, samples_train_rows, sample },
        .test = { (void *)(uintptr_t)&samples_values[testAt], samples_test_rows, sample },
        .order = order,
        .memory = memory,
        .memoryBytes = sizeof(memory),
        .parts = &PARTS,
        .event = on_event,
    };
    fm_result_t result = FM_BAD_ARGUMENT;

    board_begin();
    if ((argc == 3) && (samples_train_rows <= MOST_ROWS)) {
        options.fleet = argv[1];
        options.id = argv[2];
        result = run(&options);
    }
    log_pair("stack=", board_stack_used());
    board_log("\n");
    if (result == FM_DONE) {
        log_model();
    } else {
        board_log("error: ");
        board_log(fm_result_text(result));
        board_log("\n");
    }
    return (result == FM_DONE) ? 0 : 1;
}
