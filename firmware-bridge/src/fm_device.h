/**
 * The parts of the device among themselves. One device is one context; each file here looks after one
 * matter of it: greeting, the coordinator's word, pulling the model, the round's work, the upload.
 */
#ifndef FM_DEVICE_H
#define FM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"
#include "fm_message.h"
#include "fm_notice.h"
#include "fm_session.h"
#include "fm_topic.h"

/* Stages of a round's work, in order. */
#define FM_STAGE_NONE 0U
#define FM_STAGE_PULL 1U
#define FM_STAGE_WORK 2U
/** The payload is encoded once for its digest, the update's id. */
#define FM_STAGE_HASH 3U
/** From here on there is an update that is kept. It waits for its place in the spread; */
#define FM_STAGE_SPREAD 4U
/** is being sent; */
#define FM_STAGE_SEND 5U
/** waits for its receipt; */
#define FM_STAGE_SENT 6U
/** and for its commit. */
#define FM_STAGE_FOLDED 7U

/* What a publish that is not acknowledged yet carries. */
#define FM_FLIGHT_NONE 0U
#define FM_FLIGHT_OTHER 1U
#define FM_FLIGHT_CHUNK 2U

/** A kind of round. */
struct fm_round {
    /** FM_ROUND_KIND_... */
    uint16_t kind;
    bool needsModel;
    /** Floats that it takes beside the model, at most FM_MOST_FLOATS. */
    uint32_t (*memory)(const fm_device_t *device);
    /** Begins the plan's round. Other results than FM_OK: it cannot. */
    fm_result_t (*begin)(fm_device_t *device, fm_job_t *job);
    /**
     * Does a little. FM_AGAIN: there is more. FM_OK: done; what is to be sent is in `device->upload`. Anything else: it came to
     * nothing.
     */
    fm_result_t (*advance)(fm_device_t *device, fm_job_t *job);
};

/** More floats than 32 bits of bytes can hold. */
#define FM_MOST_FLOATS 0x3FFFFFFFU

/** Models by their changes. */
struct fm_changes {
    /** The form of their topics. */
    const char *form;
    /** Whether changes lead from the model that is held to the one wanted; then they are what is pulled. */
    bool (*begin)(fm_device_t *device);
    /** Takes the next bytes of a change. */
    fm_result_t (*take)(fm_device_t *device, fm_bytes_t bytes);
    /** Takes the digest of the model in memory. */
    void (*digest)(fm_device_t *device);
};

/* ---- fm_device.c ---- */

/** A random number below `most`. */
uint32_t fm_device_random(const fm_device_t *device, uint32_t most);

/** Tells the owner. */
void fm_device_tell(const fm_device_t *device, fm_event_kind_t kind, uint32_t number, fm_result_t result);

/** The same with a text of somebody else's. */
void fm_device_quote(const fm_device_t *device, fm_event_kind_t kind, fm_bytes_t text);

/** A topic of the fleet, in one of the forms FM_TOPIC_... */
void fm_device_topic(const fm_device_t *device, fm_topic_t *topic, const char *form, const uint32_t *numbers);

/**
 * Publishes a message, a Hello retained. Returns its `*length` bytes, in which a payload that was left out is to be filled in at once;
 * NULL: not now.
 */
uint8_t *fm_device_publish(fm_device_t *device, const char *form, const uint32_t *numbers, fm_message_t *message,
                           uint32_t *length);

/** Reads what has come as a message of this type. */
fm_result_t fm_device_read(const fm_device_t *device, uint32_t type, uint8_t *numbers, fm_bytes_t *strings);

/** The largest payload of a message that, with `fixed` bytes besides, fits a packet of `packetBytes` on a topic of `topicBytes`; 0: none. */
uint32_t fm_largest_payload(uint32_t topicBytes, uint32_t fixed, uint32_t packetBytes);

/** Sets a timer; 0 ms is soon. */
void fm_timer_set(const fm_device_t *device, fm_timer_t *timer, uint32_t waitMs);

/** Whether a timer is set and its time has come; it is off then. */
bool fm_timer_due(const fm_device_t *device, fm_timer_t *timer);

/* ---- fm_greeting.c: what the device says of itself ---- */

/** Whether the device would work now. */
bool fm_greeting_willing(const fm_device_t *device);

/** Hello and Ready as soon as possible. */
void fm_greeting_now(fm_device_t *device);

/** After jitter: many devices hear of a new coordinator at once. */
void fm_greeting_soon(fm_device_t *device);

/** Says what is due. */
void fm_greeting_send(fm_device_t *device);

/** The stream is open: who we are, and what is to be said when we are no more. */
void fm_greeting_connect(fm_device_t *device);

/** The message of a device that is gone. */
fm_message_t fm_greeting_gone(const fm_device_t *device, fm_gone_t *gone);

/* ---- fm_plan.c: what the coordinator wants, and whether the device can do it ---- */

/** Takes over a Notice. Where `whole` is false, there is work in progress, and only what may change of it. */
void fm_plan_take(fm_device_t *device, const fm_notice_t *notice, bool whole);

/** The model's parameters, and what is free behind them. */
float *fm_plan_parameters(const fm_device_t *device);
float *fm_plan_free(const fm_device_t *device);

/** The shared parameters: the first, and how many. */
uint32_t fm_plan_shared_from(const fm_device_t *device);
uint32_t fm_plan_shared_count(const fm_device_t *device);

/* ---- fm_membership.c: Notices, Tasks and Receipts ---- */

void fm_membership_hear(fm_device_t *device);

/** Begins the round that was asked for, or the last pull, if it is time. */
void fm_membership_begin(fm_device_t *device);

/* ---- fm_pull.c: the model, chunk by chunk ---- */

void fm_pull_begin(fm_device_t *device);

/** From here on it is version `version`, or its change, of so many bytes. */
void fm_pull_part(fm_device_t *device, uint32_t version, uint32_t bytes);

/** Asks for what is wanted, and leaves what is not. */
void fm_pull_send(fm_device_t *device);

/** A message of type model, or none. */
void fm_pull_hear(fm_device_t *device);

/* ---- fm_work.c: a round's work ---- */

/** The round that the plan names begins. */
void fm_work_begin(fm_device_t *device);

/** The model is there. */
void fm_work_go_on(fm_device_t *device);

/** Does a little; whether there was something to do. */
bool fm_work_slice(fm_device_t *device);

/** Nothing of this round is wanted any more, or it came to nothing. */
void fm_work_end(fm_device_t *device, fm_event_kind_t kind, fm_result_t reason);

/* ---- fm_upload.c: the one update that is kept ---- */

/** Begins with what `device->upload` says is to be sent. */
void fm_upload_begin(fm_device_t *device);

/** Encodes another part of it for its digest. */
void fm_upload_hash(fm_device_t *device);

/** Sends the next chunk, if it is time. */
void fm_upload_send(fm_device_t *device);

/** A chunk has arrived at the broker. */
void fm_upload_sent(fm_device_t *device);

/** After any doubt whether it has arrived. `forgotten`: not even receipts count. */
void fm_upload_resume(fm_device_t *device, bool forgotten);

void fm_upload_receipt(fm_device_t *device, const fm_receipt_t *receipt);

#endif
