/** Begins a device whose stream never opens: links the whole library, and shows that it is there. */
#include <stdio.h>

#include <fedmote.h>
#include <fedmote_module.h>

static fm_result_t closed(void *context)
{
    (void)context;
    return FM_CLOSED;
}

static int32_t read_none(void *context, uint8_t *bytes, uint32_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return -1;
}

static int32_t write_none(void *context, const uint8_t *bytes, uint32_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return -1;
}

static void reset(void *context)
{
    (void)context;
}

static uint32_t zero(void *context)
{
    (void)context;
    return 0U;
}

int main(void)
{
    static uint8_t incoming[256];
    static uint8_t outgoing[256];
    static float memory[16];
    static fm_device_t device;
    static const fm_port_t port = { NULL, closed, read_none, write_none, reset, zero, zero };
    static const fm_device_options_t options = {
        .fleet = "motes", .id = "mote-7", .port = &port,
        .buffers = { incoming, sizeof(incoming), outgoing, sizeof(outgoing) },
        .features = 1, .memory = memory, .memoryBytes = sizeof(memory), .parts = &fm_parts_all,
    };
    fm_result_t result = fm_device_begin(&device, &options);

    if (result == FM_OK) {
        result = fm_device_poll(&device);
    }
    printf("%s%s\n", fm_result_text(result), fm_reason_code(FM_REASON_NONE));
    return 0;
}
