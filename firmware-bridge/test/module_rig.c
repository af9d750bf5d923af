#include "module_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ed25519.h"
#include "fm_cbor.h"
#include "fm_protocol.h"

/* ---- flash whose power fails ---- */

uint32_t module_chance(power_t *power)
{
    power->chance = (power->chance * 1664525U) + 1013904223U;
    return power->chance >> 8U;
}

/** Counts a write: what is done of it, of `size` bytes. The one that the power fails in is done in part. */
static uint32_t power_spend(power_t *power, uint32_t size)
{
    uint32_t done = size;

    power->writes++;
    if (power->dead) {
        done = 0U;
    } else if (power->left == 0U) {
        power->dead = true;
        done = module_chance(power) % (size + 1U);
    } else {
        power->left--;
    }
    return done;
}

static fm_result_t power_read(void *context, uint32_t at, uint8_t *bytes, uint32_t size)
{
    power_t *power = context;

    if ((at + size > FLASH_BYTES) || power->dead) {
        power->misused |= !power->dead;
        return FM_CLOSED;
    }
    memcpy(bytes, &power->bytes[at], size);
    return FM_OK;
}

static fm_result_t power_program(void *context, uint32_t at, const uint8_t *bytes, uint32_t size)
{
    power_t *power = context;
    bool before = power->dead;
    uint32_t done;

    if ((at % power->unitBytes != 0U) || (size % power->unitBytes != 0U) || (at + size > FLASH_BYTES)) {
        power->misused = true;
        return FM_CLOSED;
    }
    done = power_spend(power, size);
    for (uint32_t i = 0U; i < size; i++) {
        uint8_t *cell = &power->bytes[at + i];

        if (i < done) {
            /* Zeros come of ones, never ones of zeros: what is programmed must have been erased, or be the same. */
            power->misused |= (*cell & bytes[i]) != bytes[i];
            *cell &= bytes[i];
        } else if (!before && (i < done + power->unitBytes)) {
            /* Where it was cut, some of the bits. */
            *cell &= (uint8_t)(bytes[i] | module_chance(power));
        }
    }
    return power->dead ? FM_CLOSED : FM_OK;
}

static fm_result_t power_erase(void *context, uint32_t at)
{
    power_t *power = context;
    bool before = power->dead;

    if ((at % SECTOR != 0U) || (at + SECTOR > FLASH_BYTES)) {
        power->misused = true;
        return FM_CLOSED;
    }
    (void)power_spend(power, SECTOR);
    for (uint32_t i = 0U; (i < SECTOR) && !before; i++) {
        /* Where it was cut, any byte is erased, or some of its bits, or it is as it was. */
        power->bytes[at + i] |= power->dead ? (uint8_t)(module_chance(power) & module_chance(power)) : 0xFFU;
    }
    return power->dead ? FM_CLOSED : FM_OK;
}

/* ---- a device, and what it is offered ---- */

offer_t moduleOffers[MOST_OFFERS];
uint32_t moduleOfferCount;

unsigned modulePassed;
unsigned moduleFailed;

bool module_expect(bool good, const char *what, uint32_t a, uint32_t b)
{
    modulePassed += good ? 1U : 0U;
    moduleFailed += good ? 0U : 1U;
    if (!good) {
        printf("%s (%u, %u)\n", what, a, b);
    }
    return good;
}

static void rig_run(void *context, const fm_manifest_t *manifest)
{
    rig_t *rig = context;

    rig->runs = (manifest == NULL) ? 0U : manifest->sequence;
}

static uint32_t rig_now(void *context)
{
    const rig_t *rig = context;

    return rig->clock;
}

static bool rig_verify(void *context, const uint8_t *key, const uint8_t *message, uint32_t size, const uint8_t *signature)
{
    return ed25519_verify(context, key, message, size, signature);
}

/** The power comes back: nothing is left but the flash. */
void module_start(rig_t *rig, uint32_t left)
{
    static const char *const tags[] = { "south", "north", NULL };
    const fm_flash_part_t part = { &rig->power, SECTOR, rig->power.unitBytes, SLOT_SECTORS, HEAD_SECTORS,
                                   power_read,  power_program, power_erase };
    const fm_module_options_t options = { "motes",      "train", tags,           moduleOffers[0].key.bytes, 1U,      1U,      0U,   1024U,
                                          rig->chunks, sizeof(rig->chunks), 256U, &rig->store, rig_verify, rig_now, rig_run, rig };

    rig->power.dead = false;
    rig->power.left = left;
    rig->part = part;
    rig->options = options;
    rig->runs = 99U;
    if (module_expect(fm_flash_begin(&rig->flash, &rig->part, &rig->store) == FM_OK, "the flash is not read", left, 0U)) {
        (void)fm_module_begin(&rig->module, &rig->options);
    }
}

void module_new(rig_t *rig, uint32_t unitBytes)
{
    memset(rig, 0, sizeof(*rig));
    memset(rig->power.bytes, 0xFF, sizeof(rig->power.bytes));
    rig->power.unitBytes = unitBytes;
    rig->power.chance = 1U;
    rig->clock = 1000U;
}

const offer_t *module_offer(uint32_t sequence)
{
    return &moduleOffers[sequence - 1U];
}

/** The message of a chunk. */
uint32_t module_chunk(const offer_t *offer, uint32_t index, uint8_t *bytes, uint32_t size)
{
    uint32_t count = (offer->module.size + offer->chunkBytes - 1U) / offer->chunkBytes;
    uint32_t left = offer->module.size - (index * offer->chunkBytes);
    fm_bytes_t payload = { &offer->module.bytes[index * offer->chunkBytes], (left < offer->chunkBytes) ? left : offer->chunkBytes };
    const uint32_t numbers[5] = { FM_PROTOCOL, FM_TYPE_MODULE, offer->sequence, index, count };
    fm_cbor_t cbor;

    fm_cbor_write(&cbor, bytes, size);
    fm_cbor_open(&cbor);
    for (uint32_t key = 0U; key < 5U; key++) {
        fm_cbor_key(&cbor, key);
        (void)fm_cbor_head(&cbor, FM_CBOR_UNSIGNED, numbers[key]);
    }
    fm_cbor_key(&cbor, FM_KEY_PAYLOAD);
    (void)fm_cbor_head(&cbor, FM_CBOR_BYTES, payload.size);
    fm_cbor_contents(&cbor, &payload, payload.size);
    fm_cbor_close(&cbor);
    return (fm_cbor_end(&cbor) == FM_OK) ? cbor.out.at : 0U;
}

bool module_hear(rig_t *rig, const char *topic, const uint8_t *bytes, uint32_t size)
{
    uint32_t missing = rig->module.missing;
    const fm_bytes_t name = { (const uint8_t *)topic, (uint32_t)strlen(topic) };
    bool heard = fm_module_on_message(&rig->module, name, (fm_bytes_t){ bytes, size });

    rig->chunkWrites += (missing > rig->module.missing) ? 1U : 0U;
    return heard;
}

/** Chunk `index`, as the broker has it. */
bool module_hear_chunk(rig_t *rig, const offer_t *offer, uint32_t index)
{
    uint8_t message[256];
    char topic[FM_MODULE_TOPIC_BYTES];

    (void)snprintf(topic, sizeof(topic), "fm1/motes/module/train/%u/%u", offer->sequence, index);
    return module_hear(rig, topic, message, module_chunk(offer, index, message, sizeof(message)));
}

/** Gives a device what it subscribes to, some of it twice and in disorder, until it has come to an end or the power fails. */
void module_pull(rig_t *rig, const offer_t *offer)
{
    fm_result_t result = FM_OK;
    char topic[FM_MODULE_TOPIC_BYTES];

    for (uint32_t i = 0U; (i < 1000U) && !rig->power.dead && fm_module_topic(&rig->module, topic); i++) {
        if (rig->module.state == FM_MODULE_WANTED) {
            (void)module_hear(rig, topic, offer->envelope.bytes, offer->envelope.size);
        } else if (i % 3U == 0U) {
            (void)module_hear_chunk(rig, offer, (uint32_t)strtoul(strrchr(topic, '/') + 1, NULL, 10));
        } else {
            (void)module_hear_chunk(rig, offer, module_chance(&rig->power) % rig->module.chunkCount);
        }
    }
    while (!rig->power.dead && (result == FM_OK)) {
        result = fm_module_poll(&rig->module);
    }
}

/** What runs is whole: its bytes in the flash are those that were signed. */
bool module_whole(const rig_t *rig)
{
    const offer_t *offer = (rig->module.active == 0U) ? NULL : module_offer(rig->module.active);

    return (offer == NULL) || (memcmp(&rig->power.bytes[fm_flash_address(&rig->flash, FM_IMAGE_ACTIVE)], offer->module.bytes,
                                      offer->module.size) == 0);
}
