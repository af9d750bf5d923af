/**
 * The one update that a device keeps: sent until a receipt says that it was folded, kept until a Notice says that it was
 * committed, or its round is over. Its payload is never in memory as a whole: every chunk is encoded when it is sent.
 */
#include <stddef.h>
#include <string.h>

#include "fm_bits.h"
#include "fm_codec.h"
#include "fm_device.h"
#include "fm_sha256.h"

/* A device sends no larger packet than this: 64 KiB and what goes around them. */
#define MOST_PACKET_BYTES (65536U + 512U)

#define FIRST_RESEND_MS 10000U
#define MOST_RESEND_MS 60000U

static fm_message_t upload_message(fm_upload_t *upload)
{
    fm_message_t message = { FM_TYPE_UPDATE, (uint8_t *)&upload->message, upload->message.strings, NULL };

    return message;
}

static uint32_t upload_shard(const fm_device_t *device)
{
    return fm_topic_shard(device->options->id, device->plan.notice.shards);
}

/**
 * Cuts the payload as src/wire/chunk.ts does: into as few chunks as fit packets. A message's head grows with index and count: few are
 * tried first, then as many as those would have to be. False: no cut fits.
 */
static bool upload_cut(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;
    fm_message_t message = upload_message(upload);
    uint32_t packet = device->options->buffers.outgoingBytes;
    uint32_t shard = upload_shard(device);
    uint32_t count = 1U;
    fm_topic_t topic;

    fm_device_topic(device, &topic, FM_TOPIC_UPDATE, &shard);
    packet = (packet < MOST_PACKET_BYTES) ? packet : MOST_PACKET_BYTES;
    upload->message.strings[FM_UPDATE_PAYLOAD].size = 1U;
    do {
        uint32_t length;

        upload->message.count = count;
        upload->message.index = count - 1U;
        (void)fm_message_write(&message, NULL, 0U, &length);
        /* Without the payload of one byte, and its head. */
        upload->chunkBytes = fm_largest_payload(topic.view.size, length - 2U, packet);
        count = (upload->chunkBytes > 0U) ? (((upload->bytes - 1U) / upload->chunkBytes) + 1U) : UINT32_MAX;
    } while ((count > upload->message.count) && (count <= FM_MOST_CHUNK_COUNT));
    upload->message.count = count;
    return count <= FM_MOST_CHUNK_COUNT;
}

void fm_upload_begin(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;
    fm_update_t *message = &upload->message;

    message->round = device->tookRound;
    message->epoch = device->tookEpoch;
    message->baseVersion = device->plan.notice.version;
    message->codec = upload->codec->id;
    message->strings[FM_UPDATE_ID].bytes = upload->updateId;
    message->strings[FM_UPDATE_ID].size = sizeof(upload->updateId);
    message->strings[FM_UPDATE_METRICS].bytes = upload->loss;
    message->strings[FM_UPDATE_PAYLOAD].bytes = NULL;
    upload->bytes = fm_codec_bytes(upload->codec, upload->delta.count);
    upload->at = 0U;
    upload->resendMs = FIRST_RESEND_MS;
    fm_sha256_begin(&device->sha);
    device->stage = FM_STAGE_HASH;
}

/** The update has its id: from now on it is kept, and sent when its place in the spread has come. */
static void upload_hold(fm_device_t *device)
{
    uint8_t digest[FM_SHA256_BYTES];
    /* The device's place in the spread, always the same: a part of 2^32. */
    uint64_t spread = (uint64_t)device->model.key.device[1] * (1000U * device->plan.notice.spreadSeconds);

    fm_sha256_end(&device->sha, digest);
    (void)memcpy(device->upload.updateId, digest, sizeof(device->upload.updateId));
    if (upload_cut(device)) {
        device->stage = FM_STAGE_SPREAD;
        fm_timer_set(device, &device->upload.timer, (uint32_t)(spread >> 32U));
    } else {
        fm_work_end(device, FM_EVENT_FAILED, FM_NO_SPACE);
    }
}

/** Encodes up to `most` bytes, from where hashing and sending are, and goes on behind them. */
static fm_result_t upload_read(fm_upload_t *upload, uint8_t *to, uint32_t most, uint32_t *size)
{
    uint32_t from = upload->at;
    uint32_t left = upload->bytes - from;

    *size = (left < most) ? left : most;
    upload->at += *size;
    return fm_codec_read(upload->codec, &upload->delta, from, to, *size);
}

void fm_upload_hash(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;
    uint8_t piece[FM_BLOCK_BYTES];
    uint32_t size;
    fm_result_t result = upload_read(upload, piece, FM_BLOCK_BYTES, &size);

    fm_sha256_add(&device->sha, piece, size);
    if (result != FM_OK) {
        fm_work_end(device, FM_EVENT_FAILED, result);
    } else if (upload->at == upload->bytes) {
        upload_hold(device);
    } else {
        /* The next piece. */
    }
}

/** From the first chunk on. */
static void upload_start(fm_device_t *device)
{
    device->upload.at = 0U;
    device->upload.message.index = 0U;
    device->upload.timer.waitMs = 0U;
    device->stage = FM_STAGE_SEND;
    /* A chunk that is still on its way is not one of these. */
    if (device->flight == FM_FLIGHT_CHUNK) {
        device->flight = FM_FLIGHT_OTHER;
    }
}

/** The next chunk. */
static void upload_chunk(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;
    fm_message_t message = upload_message(upload);
    uint32_t left = upload->bytes - upload->at;
    uint32_t size = (left < upload->chunkBytes) ? left : upload->chunkBytes;
    uint32_t shard = upload_shard(device);
    uint32_t length;
    uint8_t *bytes;

    upload->message.strings[FM_UPDATE_PAYLOAD].size = size;
    bytes = fm_device_publish(device, FM_TOPIC_UPDATE, &shard, &message, &length);
    if (bytes != NULL) {
        /* It could be encoded for its digest, so it can be again. */
        (void)upload_read(upload, &bytes[length - size], size, &size);
        device->flight = FM_FLIGHT_CHUNK;
    }
}

void fm_upload_send(fm_device_t *device)
{
    bool waits = (device->stage == FM_STAGE_SPREAD) || (device->stage == FM_STAGE_SENT);
    bool hurry = (device->stage == FM_STAGE_SPREAD) && device->finish;

    if (waits && (hurry || fm_timer_due(device, &device->upload.timer))) {
        upload_start(device);
    }
    if ((device->stage == FM_STAGE_SEND) && (device->flight == FM_FLIGHT_NONE) && (!device->offline)) {
        upload_chunk(device);
    }
}

void fm_upload_sent(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;

    if ((device->stage == FM_STAGE_SEND) && (device->flight == FM_FLIGHT_CHUNK)) {
        upload->message.index++;
        if (upload->at == upload->bytes) {
            device->stage = FM_STAGE_SENT;
            fm_device_tell(device, FM_EVENT_SENT, upload->bytes, FM_OK);
            /* "Busy" may have come already, and said when. */
            if (upload->timer.waitMs == 0U) {
                fm_timer_set(device, &upload->timer, upload->resendMs + fm_device_random(device, upload->resendMs / 4U));
                upload->resendMs = (upload->resendMs > (MOST_RESEND_MS / 2U)) ? MOST_RESEND_MS : (2U * upload->resendMs);
            }
        }
    }
}

void fm_upload_resume(fm_device_t *device, bool forgotten)
{
    if ((device->stage >= FM_STAGE_SEND) && (forgotten || (device->stage != FM_STAGE_FOLDED))) {
        upload_start(device);
    }
}

/**
 * Whether a receipt is about this very update: the same bytes may have been sent in an earlier epoch, too. A late receipt names the current round, so
 * this update's names a newer one than its own, once some of it was sent; all others name their update's.
 */
static bool upload_is_meant(const fm_device_t *device, const fm_receipt_t *receipt)
{
    const fm_upload_t *upload = &device->upload;
    const uint8_t *id = receipt->strings[FM_RECEIPT_UPDATE_ID].bytes;
    uint32_t named = receipt->epoch;
    uint32_t own = device->tookEpoch;
    bool meant;

    if (named == own) {
        named = receipt->round;
        own = device->tookRound;
    }
    if (receipt->status == FM_RECEIPT_STATUS_LATE) {
        meant = (named > own) && (upload->at > 0U);
    } else {
        meant = named == own;
    }
    return meant && (device->stage >= FM_STAGE_SEND) && (memcmp(id, upload->updateId, sizeof(upload->updateId)) == 0);
}

void fm_upload_receipt(fm_device_t *device, const fm_receipt_t *receipt)
{
    if (!upload_is_meant(device, receipt)) {
        /* Of an update that is gone. */
    } else if (receipt->status == FM_RECEIPT_STATUS_BUSY) {
        fm_timer_set(device, &device->upload.timer, 1000U * receipt->retrySeconds);
        fm_device_tell(device, FM_EVENT_BUSY, receipt->retrySeconds, FM_OK);
    } else if (receipt->status == FM_RECEIPT_STATUS_LATE) {
        fm_work_end(device, FM_EVENT_LATE, FM_OK);
    } else if (receipt->status == FM_RECEIPT_STATUS_REFUSED) {
        fm_device_quote(device, FM_EVENT_REFUSED, receipt->strings[FM_RECEIPT_REASON]);
        fm_work_end(device, FM_EVENT_DROPPED, FM_OK);
    } else if (device->stage != FM_STAGE_FOLDED) {
        device->stage = FM_STAGE_FOLDED;
        fm_device_tell(device, FM_EVENT_FOLDED, device->tookRound, FM_OK);
    } else {
        /* Folded, as is known already. */
    }
}
