/** A round's work, a few milliseconds at a time. */
#include <stddef.h>

#include "fm_device.h"

#define SLICE_MS 5U

void fm_work_end(fm_device_t *device, fm_event_kind_t kind, fm_result_t reason)
{
    if (device->stage != FM_STAGE_NONE) {
        device->stage = FM_STAGE_NONE;
        fm_device_tell(device, kind, device->tookRound, reason);
    }
}

/** What a round sends, unless it says otherwise: floats from the free memory, without metrics. */
static void work_place(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;

    upload->codec = &fm_codec_f32;
    upload->message.steps = 0U;
    upload->message.strings[FM_UPDATE_METRICS].size = 0U;
    upload->delta.values = fm_plan_free(device);
    upload->delta.start = NULL;
}

void fm_work_go_on(fm_device_t *device)
{
    device->stage = FM_STAGE_WORK;
    if (device->releasing) {
        device->stage = FM_STAGE_NONE;
        device->released = true;
        device->ended = FM_DONE;
        fm_device_tell(device, FM_EVENT_RELEASED, device->heldVersion, FM_OK);
    } else {
        fm_result_t result;

        work_place(device);
        result = device->plan.round->begin(device, &device->job);

        if (result != FM_OK) {
            fm_work_end(device, FM_EVENT_FAILED, result);
        }
    }
}

void fm_work_begin(fm_device_t *device)
{
    if (device->holdsPlans || ((!device->releasing) && (!device->plan.round->needsModel))) {
        fm_work_go_on(device);
    } else {
        fm_pull_begin(device);
    }
}

bool fm_work_slice(fm_device_t *device)
{
    bool busy = (device->stage == FM_STAGE_WORK) || (device->stage == FM_STAGE_HASH);
    fm_timer_t slice;

    fm_timer_set(device, &slice, SLICE_MS);
    while (((device->stage == FM_STAGE_WORK) || (device->stage == FM_STAGE_HASH)) && (!fm_timer_due(device, &slice))) {
        if (device->stage == FM_STAGE_HASH) {
            fm_upload_hash(device);
        } else {
            fm_result_t result = device->plan.round->advance(device, &device->job);

            if (result == FM_OK) {
                fm_upload_begin(device);
            } else if (result != FM_AGAIN) {
                fm_work_end(device, FM_EVENT_FAILED, result);
            } else {
                /* There is more. */
            }
        }
    }
    return busy;
}
