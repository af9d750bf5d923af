/** Notices, Tasks and Receipts: what the coordinator says, and what follows from it. */
#include <stddef.h>

#include "fm_device.h"

/** Whether a Notice is about the round that was last taken up. */
static bool membership_same(const fm_device_t *device, const fm_notice_numbers_t *notice)
{
    return (notice->round == device->tookRound) && (notice->epoch == device->tookEpoch);
}

/** Whether a Notice tells of a commit that took in the round that was last taken up. */
static bool membership_covers(const fm_device_t *device, const fm_notice_numbers_t *notice)
{
    bool later = notice->committedRound > device->tookRound;
    bool same = (notice->committedRound == device->tookRound) && (notice->committedEpoch >= device->tookEpoch);

    return (notice->hasCommitted != 0U) && (later || same);
}

/** Whether a Notice leaves nothing to do for the round that was last taken up. */
static bool membership_over(const fm_device_t *device, const fm_notice_numbers_t *notice, bool kept)
{
    return (!membership_same(device, notice)) || (notice->phase >= FM_ROUND_PHASE_ABANDONED) ||
           ((!kept) && (notice->phase == FM_ROUND_PHASE_COMMITTED));
}

/** What a Notice means for work that is going on, and for the update that is kept. */
static void membership_follow(fm_device_t *device, const fm_notice_numbers_t *notice)
{
    bool kept = device->stage >= FM_STAGE_SPREAD;
    bool committed = kept && membership_covers(device, notice);
    bool working = (device->stage != FM_STAGE_NONE) && (!device->releasing);

    if (working && (committed || membership_over(device, notice, kept))) {
        fm_work_end(device, committed ? FM_EVENT_COMMITTED : FM_EVENT_DROPPED, FM_OK);
    }
    device->finish = notice->phase == FM_ROUND_PHASE_FINISHING;
}

/** The federation has ended: the model is pulled once more, to be kept. */
static void membership_release(fm_device_t *device)
{
    if (device->problem != FM_OK) {
        device->ended = device->problem;
    } else if (!device->releasing) {
        device->releasing = true;
        device->pending = true;
    } else {
        /* It is being pulled. */
    }
}

/** Whatever is being pulled as the end, a Notice may say that it is not. */
static void membership_unrelease(fm_device_t *device, const fm_notice_numbers_t *notice)
{
    bool newer = notice->version != device->plan.notice.version;

    if (device->releasing && (newer || (notice->phase != FM_ROUND_PHASE_RELEASED))) {
        device->releasing = false;
        device->stage = FM_STAGE_NONE;
    }
}

/** Whether a coordinator's Notice was sent again, behind what it has said since: a broker may do that. */
static bool membership_older(const fm_device_t *device, const fm_notice_numbers_t *notice)
{
    const fm_notice_numbers_t *latest = &device->plan.notice;

    return device->hasPlan && (notice->session == latest->session) &&
           ((notice->round < latest->round) || ((notice->round == latest->round) && (notice->epoch < latest->epoch)));
}

static void membership_on_notice(fm_device_t *device, const fm_notice_t *notice)
{
    const fm_notice_numbers_t *numbers = &notice->numbers;
    bool first = !device->hasPlan;
    bool changed = (!first) && (device->plan.notice.session != numbers->session);
    bool doubt = device->offline || changed;

    device->offline = false;
    /* A retained first Notice is older than our greeting; whoever speaks for the first time now may not have heard it. */
    if (doubt || (first && (!device->session.message.retained))) {
        fm_greeting_soon(device);
    }
    membership_unrelease(device, numbers);
    membership_follow(device, numbers);
    fm_plan_take(device, notice, device->stage == FM_STAGE_NONE);
    if (doubt || device->unsure) {
        device->unsure = false;
        fm_upload_resume(device, changed);
    }
    if (numbers->phase == FM_ROUND_PHASE_RELEASED) {
        membership_release(device);
    }
}

static fm_result_t membership_notice(fm_device_t *device, fm_bytes_t payload)
{
    fm_notice_t notice = { 0 };
    fm_message_t message = { FM_TYPE_NOTICE, NULL, NULL, &notice };
    fm_result_t result = fm_message_read(&message, payload.bytes, payload.size);

    if ((result != FM_OK) || membership_older(device, &notice.numbers)) {
        /* Nothing of it counts. */
    } else if (notice.numbers.phase == FM_ROUND_PHASE_OFFLINE) {
        device->offline = true;
    } else {
        membership_on_notice(device, &notice);
    }
    return result;
}

static void membership_on_task(fm_device_t *device, const fm_task_t *task)
{
    if (task->action == FM_ACTION_STOP) {
        fm_device_quote(device, FM_EVENT_STOPPED, task->strings[FM_TASK_REASON]);
        fm_work_end(device, FM_EVENT_DROPPED, FM_STOPPED);
        device->ended = FM_STOPPED;
    } else if (task->action == FM_ACTION_WAIT) {
        fm_device_tell(device, FM_EVENT_WAIT, task->retrySeconds, FM_OK);
        fm_timer_set(device, &device->readyTimer, 1000U * task->retrySeconds);
    } else if (fm_greeting_willing(device)) {
        device->pending = true;
        device->pendingRound = task->round;
        device->pendingEpoch = task->epoch;
    } else {
        device->readyDue = true;
    }
}

static fm_result_t membership_task(fm_device_t *device)
{
    fm_task_t task = { 0 };
    fm_result_t result = fm_device_read(device, FM_TYPE_TASK, (uint8_t *)&task, task.strings);

    /* A Task is for the moment: one that a broker kept says nothing. */
    if ((result == FM_OK) && (!device->session.message.retained)) {
        membership_on_task(device, &task);
    }
    return result;
}

static fm_result_t membership_receipt(fm_device_t *device)
{
    fm_receipt_t receipt = { 0 };
    fm_result_t result = fm_device_read(device, FM_TYPE_RECEIPT, (uint8_t *)&receipt, receipt.strings);

    if (result == FM_OK) {
        fm_upload_receipt(device, &receipt);
    }
    return result;
}

void fm_membership_hear(fm_device_t *device)
{
    fm_bytes_t payload = device->session.message.payload;
    uint32_t type = fm_message_type(payload.bytes, payload.size);
    fm_result_t result = FM_OK;

    if (device->ended != FM_OK) {
        /* It is over. */
    } else if (type == FM_TYPE_NOTICE) {
        result = membership_notice(device, payload);
    } else if (type == FM_TYPE_TASK) {
        result = membership_task(device);
    } else if (type == FM_TYPE_RECEIPT) {
        result = membership_receipt(device);
    } else {
        fm_pull_hear(device);
    }
    if (result != FM_OK) {
        fm_device_tell(device, FM_EVENT_IGNORED, payload.size, result);
    }
}

/** Whether the round that was asked for is there to be joined. */
static bool membership_open(const fm_device_t *device)
{
    const fm_notice_numbers_t *notice = &device->plan.notice;

    return device->hasPlan && (!device->offline) && (device->pendingRound == notice->round) &&
           (device->pendingEpoch == notice->epoch) && (notice->phase >= FM_ROUND_PHASE_SELECTING) &&
           (notice->phase <= FM_ROUND_PHASE_FINISHING);
}

void fm_membership_begin(fm_device_t *device)
{
    const fm_notice_numbers_t *notice = &device->plan.notice;

    if (device->pending && device->releasing) {
        device->pending = false;
        fm_work_begin(device);
    } else if (device->pending && membership_open(device)) {
        bool begun = device->took && membership_same(device, notice);

        device->pending = false;
        if ((!begun) && (device->problem == FM_OK)) {
            device->took = true;
            device->tookRound = notice->round;
            device->tookEpoch = notice->epoch;
            fm_device_tell(device, FM_EVENT_JOINED, notice->round, FM_OK);
            fm_work_begin(device);
        }
    } else {
        /* Nothing was asked, or its Notice has not come yet. */
    }
}
