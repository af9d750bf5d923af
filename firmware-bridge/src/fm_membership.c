/** Notices, Tasks and Receipts: what the coordinator says, and what follows from it. */
#include <stddef.h>

#include "fm_device.h"

/** Whether there is an update that is kept. */
static bool membership_keeps(const fm_device_t *device)
{
    return device->stage >= FM_STAGE_SPREAD;
}

/** What a Notice means for the update that is kept. */
static void membership_settle(fm_device_t *device, const fm_notice_t *notice)
{
    bool same = (notice->round == device->tookRound) && (notice->epoch == device->tookEpoch);
    bool covered = notice->hasCommitted && ((notice->committedRound > device->tookRound) ||
                                            ((notice->committedRound == device->tookRound) &&
                                             (notice->committedEpoch >= device->tookEpoch)));
    bool over = (!same) || (notice->phase == FM_ROUND_PHASE_ABANDONED) || (notice->phase == FM_ROUND_PHASE_RELEASED);

    if (membership_keeps(device) && (covered || over)) {
        device->stage = FM_STAGE_NONE;
        fm_device_tell(device, covered ? FM_EVENT_COMMITTED : FM_EVENT_DROPPED, device->tookRound, FM_OK);
    }
}

/** What a Notice means for work that is going on. */
static void membership_follow(fm_device_t *device, const fm_notice_t *notice)
{
    bool same = (notice->round == device->tookRound) && (notice->epoch == device->tookEpoch);
    bool over = (!same) || (notice->phase == FM_ROUND_PHASE_COMMITTED) || (notice->phase == FM_ROUND_PHASE_ABANDONED) ||
                (notice->phase == FM_ROUND_PHASE_RELEASED);

    if ((device->stage != FM_STAGE_NONE) && (!membership_keeps(device)) && (!device->releasing) && over) {
        fm_work_cancel(device);
    }
    if (notice->phase == FM_ROUND_PHASE_FINISHING) {
        device->finish = true;
    }
}

/** The round begins, if it is the one that was asked for, and is not begun already. */
static void membership_start(fm_device_t *device)
{
    const fm_plan_t *plan = &device->plan;
    bool open = (plan->phase == FM_ROUND_PHASE_SELECTING) || (plan->phase == FM_ROUND_PHASE_WORKING) ||
                (plan->phase == FM_ROUND_PHASE_FINISHING);
    bool asked = device->pending && device->hasPlan && (!device->offline) && open &&
                 (device->pendingRound == plan->round) && (device->pendingEpoch == plan->epoch);
    bool begun = device->took && (device->tookRound == plan->round) && (device->tookEpoch == plan->epoch);
    bool empty = (plan->kind == FM_ROUND_KIND_TRAIN) && (device->options->train.rows == 0U);

    if (asked) {
        device->pending = false;
        if ((!begun) && (!empty) && (device->problem == FM_OK)) {
            device->took = true;
            device->tookRound = plan->round;
            device->tookEpoch = plan->epoch;
            device->finish = plan->phase == FM_ROUND_PHASE_FINISHING;
            fm_device_tell(device, FM_EVENT_JOINED, plan->round, FM_OK);
            fm_work_begin(device);
        }
    }
}

/** The federation has ended: the model is pulled once more, to be kept. */
static void membership_release(fm_device_t *device, bool changed)
{
    if ((!device->releasing) || changed) {
        device->releasing = device->problem == FM_OK;
        if (device->releasing) {
            fm_work_begin(device);
        } else {
            fm_device_end(device, device->problem);
        }
    }
}

static void membership_on_notice(fm_device_t *device, const fm_notice_t *notice, bool retained)
{
    bool first = !device->hasPlan;
    bool returned = device->offline;
    bool changed = (!first) && (device->plan.session != notice->session);
    bool released = (notice->kind == FM_ROUND_KIND_RELEASED) || (notice->phase == FM_ROUND_PHASE_RELEASED);
    bool newer = first || (notice->version != device->plan.version);

    device->offline = false;
    /* A retained first Notice is older than our greeting; whoever speaks for the first time now may not have heard it. */
    if (returned || changed || (first && (!retained))) {
        fm_greeting_soon(device);
    }
    membership_settle(device, notice);
    membership_follow(device, notice);
    if ((device->stage == FM_STAGE_NONE) || (device->releasing && newer)) {
        fm_plan_take(device, notice);
    } else {
        fm_plan_follow(device, notice);
    }
    if (returned || changed) {
        fm_upload_resume(device, changed);
    }
    if (released) {
        membership_release(device, newer);
    } else {
        membership_start(device);
    }
}

static void membership_on_task(fm_device_t *device, const fm_task_t *task)
{
    if (task->action == FM_ACTION_STOP) {
        fm_device_quote(device, FM_EVENT_STOPPED, task->reason);
        fm_device_end(device, FM_STOPPED);
    } else if (task->action == FM_ACTION_WAIT) {
        fm_device_tell(device, FM_EVENT_WAIT, task->retrySeconds, FM_OK);
        fm_greeting_back(device, task->retrySeconds);
    } else if (!fm_greeting_willing(device)) {
        device->readyDue = true;
    } else {
        device->pending = true;
        device->pendingRound = task->round;
        device->pendingEpoch = task->epoch;
        membership_start(device);
    }
}

static fm_result_t membership_notice(fm_device_t *device, const fm_publish_t *publish)
{
    fm_notice_t notice = { 0 };
    fm_cbor_t cbor;
    fm_result_t result;

    fm_cbor_read(&cbor, publish->payload.bytes, publish->payload.size);
    fm_notice_fields(&cbor, &notice);
    result = fm_cbor_end(&cbor);
    if (result != FM_OK) {
        /* Nothing of it counts. */
    } else if (notice.phase == FM_ROUND_PHASE_OFFLINE) {
        device->offline = true;
    } else {
        membership_on_notice(device, &notice, publish->retained);
    }
    return result;
}

static fm_result_t membership_task(fm_device_t *device, const fm_publish_t *publish)
{
    fm_task_t task = { 0 };
    fm_cbor_t cbor;
    fm_result_t result;

    fm_cbor_read(&cbor, publish->payload.bytes, publish->payload.size);
    fm_task_fields(&cbor, &task);
    result = fm_cbor_end(&cbor);
    /* A Task is for the moment: one that a broker kept says nothing. */
    if ((result == FM_OK) && (!publish->retained)) {
        membership_on_task(device, &task);
    }
    return result;
}

static fm_result_t membership_receipt(fm_device_t *device, const fm_publish_t *publish)
{
    fm_receipt_t receipt = { 0 };
    fm_cbor_t cbor;
    fm_result_t result;

    fm_cbor_read(&cbor, publish->payload.bytes, publish->payload.size);
    fm_receipt_fields(&cbor, &receipt);
    result = fm_cbor_end(&cbor);
    if (result == FM_OK) {
        fm_upload_receipt(device, &receipt);
    }
    return result;
}

void fm_membership_hear(fm_device_t *device, const fm_publish_t *publish)
{
    fm_result_t result = FM_OK;

    switch (fm_message_type(publish->payload.bytes, publish->payload.size)) {
    case FM_TYPE_NOTICE:
        result = membership_notice(device, publish);
        break;
    case FM_TYPE_TASK:
        result = membership_task(device, publish);
        break;
    case FM_TYPE_RECEIPT:
        result = membership_receipt(device, publish);
        break;
    default:
        /* A chunk of the model, or an empty message in its place. */
        fm_pull_hear(device, publish);
        break;
    }
    if (result != FM_OK) {
        fm_device_tell(device, FM_EVENT_IGNORED, publish->payload.size, result);
    }
}
