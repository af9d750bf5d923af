/** Leaving a fleet in peace. */
#include <stddef.h>

#include "fm_device.h"

#define LEAVE_MS 2000U

fm_result_t fm_device_leave(fm_device_t *device)
{
    fm_session_event_t event;
    fm_result_t result = FM_AGAIN;

    if (device->ended != FM_CLOSED) {
        /* The first call. */
        fm_work_end(device, FM_EVENT_DROPPED, FM_CLOSED);
        device->ended = FM_CLOSED;
        device->helloDue = true;
        fm_timer_set(device, &device->greetTimer, LEAVE_MS);
    }
    event = fm_session_poll(&device->session);
    if (((event == FM_SESSION_PUBLISHED) && (!device->helloDue)) || fm_timer_due(device, &device->greetTimer)) {
        fm_session_leave(&device->session);
        result = FM_CLOSED;
    } else if (device->helloDue) {
        fm_gone_t gone;
        fm_message_t message = fm_greeting_gone(device, &gone);
        uint32_t length;

        device->helloDue = fm_device_publish(device, FM_TOPIC_GONE, NULL, &message, &length) == NULL;
    } else {
        /* It is on its way. */
    }
    return result;
}
