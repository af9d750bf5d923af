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
#include "fm_mqtt.h"
#include "fm_session.h"
#include "fm_topic.h"

/* Stages of a round's work, in order. */
#define FM_STAGE_NONE 0U
#define FM_STAGE_PULL 1U
#define FM_STAGE_STATISTICS 2U
#define FM_STAGE_EVALUATE 3U
#define FM_STAGE_TRAIN 4U
/** The payload is encoded once for its digest, the update's id. */
#define FM_STAGE_HASH 5U
/** From here on there is an update that is kept. It waits for its place in the spread; */
#define FM_STAGE_SPREAD 6U
/** is being sent; */
#define FM_STAGE_SEND 7U
/** waits for its receipt; */
#define FM_STAGE_SENT 8U
/** and for its commit. */
#define FM_STAGE_FOLDED 9U

/* What a publish that is not acknowledged yet carries. */
#define FM_FLIGHT_NONE 0U
#define FM_FLIGHT_OTHER 1U
#define FM_FLIGHT_CHUNK 2U
#define FM_FLIGHT_GONE 3U

/* ---- fm_device.c ---- */

uint32_t fm_device_now(const fm_device_t *device);

/** A random number below `most`. */
uint32_t fm_device_random(const fm_device_t *device, uint32_t most);

/** Tells the owner. */
void fm_device_tell(const fm_device_t *device, fm_event_kind_t kind, uint32_t number, fm_result_t result);

/** The same with a text of somebody else's. */
void fm_device_quote(const fm_device_t *device, fm_event_kind_t kind, fm_bytes_t text);

fm_names_t fm_device_names(const fm_device_t *device);

/** The largest payload of a message that, with `fixed` bytes besides, fits a packet of `packetBytes` on a topic of `topicBytes`; 0: none. */
uint32_t fm_largest_payload(uint32_t topicBytes, uint32_t fixed, uint32_t packetBytes);

/** Nothing more is to be done: why fm_device_poll() says so from now on. */
void fm_device_end(fm_device_t *device, fm_result_t reason);

/* ---- timers ---- */

void fm_timer_set(fm_timer_t *timer, uint32_t nowMs, uint32_t waitMs);
void fm_timer_clear(fm_timer_t *timer);

/** Whether its time has come; it is cleared then. */
bool fm_timer_due(fm_timer_t *timer, uint32_t nowMs);

/* ---- fm_greeting.c: what the device says of itself ---- */

/** Whether the device would work now. */
bool fm_greeting_willing(const fm_device_t *device);

/** Hello and Ready as soon as possible; or after jitter; or Ready after so many seconds. */
void fm_greeting_now(fm_device_t *device);
void fm_greeting_soon(fm_device_t *device);
void fm_greeting_back(fm_device_t *device, uint32_t seconds);

/** Whether it sent something. */
bool fm_greeting_send(fm_device_t *device);

/** The last will, and what a device that leaves in peace says: at most `size` bytes; returns the length. */
uint32_t fm_greeting_gone(const fm_device_t *device, uint8_t *to, uint32_t size);

/* ---- fm_plan.c: what the coordinator wants, and whether the device can do it ---- */

/** Takes over a Notice that is not about work in progress. */
void fm_plan_take(fm_device_t *device, const fm_notice_t *notice);

/** Takes over what may change of a Notice about work in progress. */
void fm_plan_follow(fm_device_t *device, const fm_notice_t *notice);

/** Floats of the model's head: means and inverse deviations. */
uint32_t fm_plan_head(const fm_settings_t *settings);

/** The shared parameters: the first, and how many. */
uint32_t fm_plan_shared_from(const fm_network_t *network);
uint32_t fm_plan_shared_count(const fm_network_t *network);

/* ---- fm_membership.c: Notices, Tasks and Receipts ---- */

void fm_membership_hear(fm_device_t *device, const fm_publish_t *publish);

/* ---- fm_pull.c: the model, chunk by chunk ---- */

void fm_pull_begin(fm_device_t *device);
/** The connection is a new one: what was asked for is asked for again. */
void fm_pull_again(fm_device_t *device);
/** The model is not wanted any more. */
void fm_pull_stop(fm_device_t *device);
bool fm_pull_send(fm_device_t *device);
/** A message on a model's topic. */
void fm_pull_hear(fm_device_t *device, const fm_publish_t *publish);

/* ---- fm_work.c: statistics, evaluation, training ---- */

/** The round that the plan names begins. */
void fm_work_begin(fm_device_t *device);

/** The model is there. */
void fm_work_go_on(fm_device_t *device);

/** Does a little; whether there was something to do. */
bool fm_work_slice(fm_device_t *device);

/** Nothing of this round is wanted any more. */
void fm_work_cancel(fm_device_t *device);

/** The round's work came to nothing: nothing is sent. */
void fm_work_fail(fm_device_t *device, fm_result_t reason);

/* ---- fm_upload.c: the one update that is kept ---- */

/** Begins with what `device->upload` and `device->delta` say is to be sent. */
void fm_upload_begin(fm_device_t *device, const fm_codec_t *codec);

/** Encodes another part of it for its digest. */
void fm_upload_hash(fm_device_t *device);

bool fm_upload_send(fm_device_t *device);

/** A chunk has arrived at the broker. */
void fm_upload_sent(fm_device_t *device);

/** After any doubt whether it has arrived. `forgotten`: not even receipts count. */
void fm_upload_resume(fm_device_t *device, bool forgotten);

void fm_upload_receipt(fm_device_t *device, const fm_receipt_t *receipt);

/** What waits no longer: a place in the spread, a receipt. */
void fm_upload_tick(fm_device_t *device);

#endif
