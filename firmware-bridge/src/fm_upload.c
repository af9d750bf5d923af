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

/* Bytes that are hashed at a time. */
#define PIECE 64U

/** The update as a message: chunk `index` of `count`, with room for a payload of `size` bytes. */
static void upload_message(fm_device_t *device, fm_update_t *message, uint8_t *metrics, uint32_t index, uint32_t count,
                           uint32_t size)
{
    const fm_upload_t *upload = &device->upload;

    message->round = device->tookRound;
    message->epoch = device->tookEpoch;
    message->updateId.bytes = upload->updateId;
    message->updateId.size = sizeof(upload->updateId);
    message->index = index;
    message->count = count;
    message->baseVersion = device->plan.version;
    message->codec = upload->payload.codec->id;
    message->samples = upload->samples;
    message->steps = upload->steps;
    fm_put_le32(metrics, fm_float_bits(upload->loss));
    message->metrics.bytes = metrics;
    message->metrics.size = upload->hasLoss ? 4U : 0U;
    message->payload.bytes = NULL;
    message->payload.size = size;
}

static uint32_t upload_message_bytes(fm_device_t *device, uint32_t index, uint32_t count, uint32_t size)
{
    fm_update_t message;
    uint8_t metrics[4];
    fm_cbor_t cbor;

    upload_message(device, &message, metrics, index, count, size);
    fm_cbor_write(&cbor, NULL, 0U);
    fm_update_fields(&cbor, &message);
    return cbor.at;
}

static void upload_topic(const fm_device_t *device, fm_topic_t *topic)
{
    fm_names_t names = fm_device_names(device);

    fm_topic_update(topic, &names, device->plan.shards);
}

/** Cuts the payload as src/wire/chunk.ts does: into as few chunks as fit packets. False: no cut fits. */
static bool upload_cut(fm_device_t *device)
{
    /* A message's head grows with index and count: few chunks are tried first. */
    static const uint32_t most[5] = { 23U, 24U, 255U, 256U, FM_MOST_CHUNK_COUNT };
    fm_upload_t *upload = &device->upload;
    uint32_t packet = device->options->buffers.outgoingBytes;
    fm_topic_t topic;
    bool cut = false;
    uint32_t i;

    upload_topic(device, &topic);
    packet = (packet > MOST_PACKET_BYTES) ? MOST_PACKET_BYTES : packet;
    for (i = 0U; (!cut) && (i < 5U); i++) {
        /* Without the payload of one byte, and its head. */
        uint32_t fixed = upload_message_bytes(device, most[i] - 1U, most[i], 1U) - 2U;
        uint32_t size = fm_largest_payload(topic.size, fixed, packet);

        if (size > 0U) {
            upload->chunkBytes = size;
            upload->chunks = ((upload->bytes - 1U) / size) + 1U;
            cut = upload->chunks <= most[i];
        }
    }
    return cut;
}

void fm_upload_begin(fm_device_t *device, const fm_codec_t *codec)
{
    fm_upload_t *upload = &device->upload;

    upload->bytes = fm_codec_bytes(codec, device->delta.count);
    upload->hashed = 0U;
    upload->index = 0U;
    upload->resendMs = FIRST_RESEND_MS;
    fm_timer_clear(&upload->timer);
    fm_payload_begin(&upload->payload, codec, &device->delta);
    fm_sha256_begin(&device->sha);
    device->stage = FM_STAGE_HASH;
}

/** The update has its id: from now on it is kept, and sent when its place in the spread has come. */
static void upload_hold(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;
    uint8_t digest[FM_SHA256_BYTES];
    /* The device's place in the spread, always the same: a part of 2^32. */
    uint64_t spread = (uint64_t)device->key[1] * (1000U * device->plan.spreadSeconds);

    fm_sha256_end(&device->sha, digest);
    (void)memcpy(upload->updateId, digest, sizeof(upload->updateId));
    if (upload_cut(device)) {
        device->stage = FM_STAGE_SPREAD;
        fm_timer_set(&upload->timer, fm_device_now(device), (uint32_t)(spread >> 32U));
    } else {
        fm_work_fail(device, FM_NO_SPACE);
    }
}

void fm_upload_hash(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;
    uint32_t left = upload->bytes - upload->hashed;
    uint32_t size = (left < PIECE) ? left : PIECE;
    uint8_t piece[PIECE];
    fm_result_t result = fm_payload_next(&upload->payload, piece, size);

    fm_sha256_add(&device->sha, piece, size);
    upload->hashed += size;
    if (result != FM_OK) {
        fm_work_fail(device, result);
    } else if (upload->hashed == upload->bytes) {
        upload_hold(device);
    } else {
        /* The next piece. */
    }
}

/** From the first chunk on. */
static void upload_start(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;

    upload->index = 0U;
    fm_payload_begin(&upload->payload, upload->payload.codec, &device->delta);
    fm_timer_clear(&upload->timer);
    device->stage = FM_STAGE_SEND;
    /* A chunk that is still on its way is not one of these. */
    if (device->flight == FM_FLIGHT_CHUNK) {
        device->flight = FM_FLIGHT_OTHER;
    }
}

void fm_upload_tick(fm_device_t *device)
{
    bool due = fm_timer_due(&device->upload.timer, fm_device_now(device));

    if ((device->stage == FM_STAGE_SPREAD) && (due || device->finish)) {
        upload_start(device);
    } else if ((device->stage == FM_STAGE_SENT) && due) {
        upload_start(device);
    } else {
        /* Nothing is due. */
    }
}

bool fm_upload_send(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;
    bool sent = false;

    if ((device->stage == FM_STAGE_SEND) && (device->flight == FM_FLIGHT_NONE) && (!device->offline)) {
        uint32_t left = upload->bytes - (upload->index * upload->chunkBytes);
        uint32_t size = (left < upload->chunkBytes) ? left : upload->chunkBytes;
        uint32_t length = upload_message_bytes(device, upload->index, upload->chunks, size);
        fm_topic_t topic;
        uint8_t *payload;

        upload_topic(device, &topic);
        payload = fm_session_publish(&device->session, fm_topic_bytes(&topic), false, length);
        if (payload != NULL) {
            fm_update_t message;
            uint8_t metrics[4];
            fm_cbor_t cbor;

            upload_message(device, &message, metrics, upload->index, upload->chunks, size);
            fm_cbor_write(&cbor, payload, length);
            fm_update_fields(&cbor, &message);
            /* It could be encoded for its digest, so it can be again. */
            (void)fm_payload_next(&upload->payload, &payload[length - size], size);
            device->flight = FM_FLIGHT_CHUNK;
            sent = true;
        }
    }
    return sent;
}

void fm_upload_sent(fm_device_t *device)
{
    fm_upload_t *upload = &device->upload;

    if (device->stage == FM_STAGE_SEND) {
        upload->index++;
        if (upload->index == upload->chunks) {
            fm_device_tell(device, FM_EVENT_SENT, upload->bytes, FM_OK);
            device->stage = FM_STAGE_SENT;
            /* "Busy" may have come already, and said when. */
            if (!upload->timer.armed) {
                fm_timer_set(&upload->timer, fm_device_now(device),
                             upload->resendMs + fm_device_random(device, upload->resendMs / 4U));
                upload->resendMs *= 2U;
                upload->resendMs = (upload->resendMs > MOST_RESEND_MS) ? MOST_RESEND_MS : upload->resendMs;
            }
        }
    }
}

void fm_upload_resume(fm_device_t *device, bool forgotten)
{
    bool unsure = (device->stage == FM_STAGE_SEND) || (device->stage == FM_STAGE_SENT) ||
                  ((device->stage == FM_STAGE_FOLDED) && forgotten);

    if (unsure) {
        upload_start(device);
    }
}

/** Turned away for good. */
static void upload_drop(fm_device_t *device)
{
    device->stage = FM_STAGE_NONE;
}

void fm_upload_receipt(fm_device_t *device, const fm_receipt_t *receipt)
{
    fm_upload_t *upload = &device->upload;
    uint32_t round = device->tookRound;
    bool mine = (device->stage >= FM_STAGE_SEND) &&
                (memcmp(receipt->updateId.bytes, upload->updateId, sizeof(upload->updateId)) == 0);
    uint32_t seconds = (receipt->retrySeconds > 0U) ? receipt->retrySeconds : 1U;

    if (!mine) {
        /* Of an update that is gone. */
    } else if (receipt->status == FM_RECEIPT_STATUS_BUSY) {
        fm_timer_set(&upload->timer, fm_device_now(device), 1000U * seconds);
        fm_device_tell(device, FM_EVENT_BUSY, seconds, FM_OK);
    } else if (receipt->status == FM_RECEIPT_STATUS_LATE) {
        upload_drop(device);
        fm_device_tell(device, FM_EVENT_LATE, round, FM_OK);
    } else if (receipt->status == FM_RECEIPT_STATUS_REFUSED) {
        upload_drop(device);
        fm_device_quote(device, FM_EVENT_REFUSED, receipt->reason);
    } else if (device->stage != FM_STAGE_FOLDED) {
        fm_timer_clear(&upload->timer);
        device->stage = FM_STAGE_FOLDED;
        fm_device_tell(device, FM_EVENT_FOLDED, round, FM_OK);
    } else {
        /* Folded, as is known already. */
    }
}
