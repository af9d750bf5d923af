/** The least program around the library, to see how large it is: test/firmware/sizes.ts links it and reads the map. */
#include <stddef.h>

#include "fedmote.h"

/* For a 64-32-4 softmax model; PARTS, FLOATS, PACKET_BYTES and ROWS come from test/firmware/sizes.ts. */
#define FEATURES 64U

uint8_t image_incoming[PACKET_BYTES];
uint8_t image_outgoing[PACKET_BYTES];
float image_memory[FLOATS];
uint16_t image_order[ROWS];
fm_device_t image_device;

/* What a board has of its own is no part of the sizes: these functions do nothing. */

static fm_result_t nothing_open(void *context)
{
    (void)context;
    return FM_OK;
}

static int32_t nothing_read(void *context, uint8_t *bytes, uint32_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return 0;
}

static int32_t nothing_write(void *context, const uint8_t *bytes, uint32_t size)
{
    (void)context;
    (void)bytes;
    return (int32_t)size;
}

static void nothing_reset(void *context)
{
    (void)context;
}

static uint32_t nothing_number(void *context)
{
    (void)context;
    return 0U;
}

static float nothing_value(void *context, uint32_t row, uint32_t column)
{
    (void)context;
    (void)row;
    (void)column;
    return 0.0F;
}

static const fm_port_t port = { NULL,          nothing_open,   nothing_read,  nothing_write,
                                nothing_reset, nothing_number, nothing_number };

static const fm_device_options_t options = {
    .fleet = "motes",
    .id = "mote",
    .port = &port,
    .buffers = { image_incoming, sizeof(image_incoming), image_outgoing, sizeof(image_outgoing) },
    .features = FEATURES,
    .train = { NULL, ROWS, nothing_value },
    .order = image_order,
    .memory = image_memory,
    .memoryBytes = sizeof(image_memory),
    .parts = &PARTS,
};

void image(void);

void image(void)
{
    fm_result_t result = fm_device_begin(&image_device, &options);

    while ((result == FM_OK) || (result == FM_AGAIN)) {
        result = fm_device_poll(&image_device);
    }
#ifdef EVERYTHING
    static float outputs[4];

    (void)fm_device_predict(&image_device, image_memory, outputs);
    (void)fm_device_model(&image_device, &(uint32_t){ 0U });
    (void)fm_result_text(result);
    (void)fm_device_leave(&image_device);
#endif
}
