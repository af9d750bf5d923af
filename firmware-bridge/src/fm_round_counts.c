#include "fm_round_counts.h"

#include <stddef.h>

void fm_round_counts(fm_device_t *device, uint32_t count, uint32_t samples)
{
    fm_upload_t *upload = &device->upload;

    upload->codec = &fm_codec_f32;
    upload->message.samples = samples;
    upload->message.steps = 0U;
    upload->message.strings[FM_UPDATE_METRICS].size = 0U;
    upload->delta.values = fm_plan_free(device);
    upload->delta.start = NULL;
    upload->delta.count = count;
}
