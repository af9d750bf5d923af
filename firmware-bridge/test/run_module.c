/**
 * Modules from a fleet to flash: `run_module FILE`. FILE has signed modules as records (test/firmware/module-records.ts): name, public key, signed manifest,
 * module, and the code with which it is refused by a device that has module 1; empty: it is taken. The first four are modules 1 to 4.
 *
 * Every one of them is offered; then the power fails at every single write to the flash, and again at writes after the restart: there is always a
 * whole, verified module, and in the end the device has what it was told to have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ed25519.h"
#include "fm_cbor.h"
#include "fm_flash.h"
#include "fm_protocol.h"
#include "records.h"

/* ---- flash whose power fails ---- */

#define SECTOR 256U
#define SLOT_SECTORS 12U
#define HEAD_SECTORS 3U
#define FLASH_BYTES ((2U + (2U * SLOT_SECTORS)) * SECTOR)

typedef struct {
    uint8_t bytes[FLASH_BYTES];
    /** Writes until the power fails. */
    uint32_t left;
    bool dead;
    uint32_t writes;
    uint32_t unitBytes;
    uint32_t chance;
    bool misused;
} power_t;

static uint32_t chance(power_t *power)
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
        done = chance(power) % (size + 1U);
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
            *cell &= (uint8_t)(bytes[i] | chance(power));
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
        power->bytes[at + i] |= power->dead ? (uint8_t)(chance(power) & chance(power)) : 0xFFU;
    }
    return power->dead ? FM_CLOSED : FM_OK;
}

/* ---- a device, and what it is offered ---- */

#define MOST_OFFERS 32U

typedef struct {
    record_t record;
    fm_bytes_t key;
    fm_bytes_t envelope;
    fm_bytes_t module;
    fm_bytes_t refusal;
    uint32_t sequence;
    uint32_t chunkBytes;
} offer_t;

static offer_t offers[MOST_OFFERS];
static uint32_t offerCount;

typedef struct {
    power_t power;
    fm_flash_part_t part;
    fm_flash_t flash;
    fm_store_t store;
    uint8_t chunks[4];
    fm_module_options_t options;
    fm_module_t module;
    /** What was last handed over. */
    uint32_t runs;
    uint32_t clock;
    uint32_t chunkWrites;
} rig_t;

static unsigned passed;
static unsigned failed;

static bool expect(bool good, const char *what, uint32_t a, uint32_t b)
{
    passed += good ? 1U : 0U;
    failed += good ? 0U : 1U;
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
static void rig_start(rig_t *rig, uint32_t left)
{
    static const char *const tags[] = { "south", "north", NULL };
    const fm_flash_part_t part = { &rig->power, SECTOR, rig->power.unitBytes, SLOT_SECTORS, HEAD_SECTORS,
                                   power_read,  power_program, power_erase };
    const fm_module_options_t options = { "motes",      "train", tags,           offers[0].key.bytes, 1U,      1U,      0U,   1024U,
                                          rig->chunks, sizeof(rig->chunks), 256U, &rig->store, rig_verify, rig_now, rig_run, rig };

    rig->power.dead = false;
    rig->power.left = left;
    rig->part = part;
    rig->options = options;
    rig->runs = 99U;
    if (expect(fm_flash_begin(&rig->flash, &rig->part, &rig->store) == FM_OK, "the flash is not read", left, 0U)) {
        (void)fm_module_begin(&rig->module, &rig->options);
    }
}

static void rig_new(rig_t *rig, uint32_t unitBytes)
{
    memset(rig, 0, sizeof(*rig));
    memset(rig->power.bytes, 0xFF, sizeof(rig->power.bytes));
    rig->power.unitBytes = unitBytes;
    rig->power.chance = 1U;
    rig->clock = 1000U;
}

static const offer_t *offer_of(uint32_t sequence)
{
    return &offers[sequence - 1U];
}

/** The message of a chunk. */
static uint32_t chunk_message(const offer_t *offer, uint32_t index, uint8_t *bytes, uint32_t size)
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

static bool hear(rig_t *rig, const char *topic, const uint8_t *bytes, uint32_t size)
{
    uint32_t missing = rig->module.missing;
    const fm_bytes_t name = { (const uint8_t *)topic, (uint32_t)strlen(topic) };
    bool heard = fm_module_on_message(&rig->module, name, (fm_bytes_t){ bytes, size });

    rig->chunkWrites += (missing > rig->module.missing) ? 1U : 0U;
    return heard;
}

/** Chunk `index`, as the broker has it. */
static bool hear_chunk(rig_t *rig, const offer_t *offer, uint32_t index)
{
    uint8_t message[256];
    char topic[FM_MODULE_TOPIC_BYTES];

    (void)snprintf(topic, sizeof(topic), "fm1/motes/module/train/%u/%u", offer->sequence, index);
    return hear(rig, topic, message, chunk_message(offer, index, message, sizeof(message)));
}

/** Gives a device what it subscribes to, some of it twice and in disorder, until it has come to an end or the power fails. */
static void pull(rig_t *rig, const offer_t *offer)
{
    fm_result_t result = FM_OK;
    char topic[FM_MODULE_TOPIC_BYTES];

    for (uint32_t i = 0U; (i < 1000U) && !rig->power.dead && fm_module_topic(&rig->module, topic); i++) {
        if (rig->module.state == FM_MODULE_WANTED) {
            (void)hear(rig, topic, offer->envelope.bytes, offer->envelope.size);
        } else if (i % 3U == 0U) {
            (void)hear_chunk(rig, offer, (uint32_t)strtoul(strrchr(topic, '/') + 1, NULL, 10));
        } else {
            (void)hear_chunk(rig, offer, chance(&rig->power) % rig->module.chunkCount);
        }
    }
    while (!rig->power.dead && (result == FM_OK)) {
        result = fm_module_poll(&rig->module);
    }
}

/** What runs is whole: its bytes in the flash are those that were signed. */
static bool whole(const rig_t *rig)
{
    const offer_t *offer = (rig->module.active == 0U) ? NULL : offer_of(rig->module.active);

    return (offer == NULL) || (memcmp(&rig->power.bytes[fm_flash_address(&rig->flash, FM_IMAGE_ACTIVE)], offer->module.bytes,
                                      offer->module.size) == 0);
}

/* ---- what is refused ---- */

static void refuse(const offer_t *offer)
{
    static rig_t rig;
    char code[32];

    rig_new(&rig, 8U);
    rig_start(&rig, UINT32_MAX);
    expect(rig.runs == 0U, "runs before there is a module", rig.runs, 0U);
    fm_module_want(&rig.module, 1U);
    pull(&rig, offer_of(1U));
    expect((rig.runs == 1U) && (rig.module.state == FM_MODULE_INSTALLED) && whole(&rig), "module 1 is not installed", rig.runs, 0U);
    fm_module_want(&rig.module, offer->sequence);
    pull(&rig, offer);
    (void)snprintf(code, sizeof(code), "%.*s", (int)offer->refusal.size, (const char *)offer->refusal.bytes);
    if (!expect(strcmp(fm_reason_code(rig.module.reason), code) == 0, "another reason", (uint32_t)rig.module.reason, offer->sequence)) {
        printf("%.*s: %s\n", (int)offer->record.strings[0].size, (const char *)offer->record.strings[0].bytes, code);
    }
    expect(rig.module.active == ((code[0] == '\0') ? offer->sequence : 1U), "another module runs", rig.module.active, offer->sequence);
    /* And the next one is taken, or the same again, after a restart too. */
    rig_start(&rig, UINT32_MAX);
    expect(rig.runs == ((code[0] == '\0') ? offer->sequence : 1U), "another module runs after a restart", rig.runs, 0U);
    if (code[0] != '\0') {
        fm_module_want(&rig.module, 2U);
        pull(&rig, offer_of(2U));
        expect((rig.runs == 2U) && whole(&rig), "the next module is not taken", rig.runs, 0U);
    }
    expect(!rig.power.misused, "flash is programmed where it is not erased", 0U, 0U);
}

/** Messages that are not waited for, and downloads that are given up. */
static void ignore(void)
{
    static const char *const others[] = {
        "fm1/motes/module/train/1/00",    "fm1/motes/module/train/1/+1",  "fm1/motes/module/train/1/",  "fm1/motes/module/train/1/99999",
        "fm1/motes/module/train/1/65536", "fm1/motes/module/train/2/0",   "fm1/motes/module/trail/1/0", "fm1/motes/module/train/1/manifesto",
        "fm1/motes/round",                "fm1/motes/module/train/1/1/2", "fm1/motes/module/train/1",   "fm1/motes/module/train/1/100000",
    };
    static rig_t rig;
    const offer_t *one = offer_of(1U);
    char topic[FM_MODULE_TOPIC_BYTES];
    uint8_t message[256];
    uint32_t size = chunk_message(one, 0U, message, sizeof(message));

    rig_new(&rig, 1U);
    rig_start(&rig, UINT32_MAX);
    expect(!fm_module_topic(&rig.module, topic) && (topic[0] == '\0'), "a topic of nothing", 0U, 0U);
    expect(fm_module_poll(&rig.module) == FM_AGAIN, "something to do", 0U, 0U);
    fm_module_want(&rig.module, 1U);
    expect(fm_module_topic(&rig.module, topic) && (strcmp(topic, "fm1/motes/module/train/1/manifest") == 0), "another topic", 0U, 0U);
    expect(!hear_chunk(&rig, one, 0U), "a chunk before its manifest", 0U, 0U);
    expect(!hear(&rig, topic, one->envelope.bytes, 0U), "an empty manifest", 0U, 0U);
    expect(hear(&rig, topic, one->envelope.bytes, one->envelope.size), "no manifest", 0U, 0U);
    expect(!hear(&rig, topic, one->envelope.bytes, one->envelope.size), "a second manifest", 0U, 0U);
    for (uint32_t i = 0U; i < sizeof(others) / sizeof(others[0]); i++) {
        expect(!hear(&rig, others[i], message, size) && (rig.module.state == FM_MODULE_LOADING), "heard on another topic", i, 0U);
    }
    expect(hear_chunk(&rig, one, 0U) && hear_chunk(&rig, one, 0U) && (rig.chunkWrites == 1U), "written twice", rig.chunkWrites, 0U);
    fm_module_want(&rig.module, 1U);
    expect(rig.module.missing == rig.module.chunkCount - 1U, "begun anew", rig.module.missing, 0U);
    /* Another one is wanted: the first is forgotten. */
    fm_module_want(&rig.module, 2U);
    expect(rig.module.state == FM_MODULE_WANTED, "not wanted", 0U, 0U);
    rig_start(&rig, UINT32_MAX);
    expect((rig.module.state == FM_MODULE_IDLE) && (rig.runs == 0U), "not forgotten", 0U, 0U);
    fm_module_want(&rig.module, 2U);
    pull(&rig, offer_of(2U));
    fm_module_want(&rig.module, 1U);
    expect(rig.module.reason == FM_REASON_SEQUENCE, "a downgrade", 0U, 0U);
    fm_module_want(&rig.module, 2U);
    expect((rig.module.state == FM_MODULE_INSTALLED) && (rig.module.active == 2U), "not the same any more", 0U, 0U);
    /* Nothing before it is left: the firmware's own kernels. */
    expect((fm_module_revert(&rig.module) == FM_OK) && (rig.runs == 0U), "not gone back", rig.runs, 0U);
    fm_module_want(&rig.module, 2U);
    expect(rig.module.reason == FM_REASON_SEQUENCE, "a replay", 0U, 0U);
}

/** What was gone back from does not come again, neither by a restart nor when it is told. A manifest is the one of its topic. */
static void go_back(void)
{
    static rig_t rig;
    char topic[FM_MODULE_TOPIC_BYTES];

    rig_new(&rig, 2U);
    rig_start(&rig, UINT32_MAX);
    for (uint32_t sequence = 1U; sequence <= 2U; sequence++) {
        fm_module_want(&rig.module, sequence);
        pull(&rig, offer_of(sequence));
    }
    expect((fm_module_revert(&rig.module) == FM_OK) && (rig.runs == 1U) && whole(&rig), "not gone back", rig.runs, 0U);
    expect((rig.module.state == FM_MODULE_REVERTED) && (rig.module.sequence == 2U), "not said", 0U, 0U);
    rig_start(&rig, UINT32_MAX);
    expect((rig.module.state == FM_MODULE_IDLE) && (rig.runs == 1U), "taken up again", (uint32_t)rig.module.state, rig.runs);
    fm_module_want(&rig.module, 2U);
    expect((rig.module.reason == FM_REASON_SEQUENCE) && (rig.runs == 1U), "a replay", 0U, 0U);
    fm_module_want(&rig.module, 3U);
    expect(fm_module_topic(&rig.module, topic), "no topic", 0U, 0U);
    (void)hear(&rig, topic, offer_of(4U)->envelope.bytes, offer_of(4U)->envelope.size);
    expect((rig.module.state == FM_MODULE_REFUSED) && (rig.module.reason == FM_REASON_SEQUENCE), "another manifest than was told", 0U, 0U);
}

static fm_result_t fail_start(void *context, const fm_manifest_t *manifest, fm_bytes_t envelope)
{
    (void)context;
    (void)manifest;
    (void)envelope;
    return FM_CLOSED;
}

static fm_result_t fail_write(void *context, uint32_t index, uint32_t offset, fm_bytes_t bytes)
{
    (void)context;
    (void)index;
    (void)offset;
    (void)bytes;
    return FM_CLOSED;
}

static fm_result_t fail_read(void *context, fm_image_t image, uint32_t offset, uint8_t *bytes, uint32_t size)
{
    (void)context;
    (void)image;
    (void)offset;
    (void)bytes;
    (void)size;
    return FM_CLOSED;
}

static fm_result_t fail(void *context)
{
    (void)context;
    return FM_CLOSED;
}

static fm_result_t fail_install(void *context, uint32_t sequence)
{
    (void)context;
    (void)sequence;
    return FM_CLOSED;
}

/** Storage that fails while the power is there: the module before runs on, and the download begins anew when it is told again. */
static void storage_fails(void)
{
    static rig_t rig;

    for (uint32_t i = 0U; i < 5U; i++) {
        rig_new(&rig, 16U);
        rig_start(&rig, UINT32_MAX);
        fm_module_want(&rig.module, 1U);
        pull(&rig, offer_of(1U));
        rig.store.start = (i == 0U) ? fail_start : rig.store.start;
        rig.store.write = (i == 1U) ? fail_write : rig.store.write;
        rig.store.finish = (i == 2U) ? fail : rig.store.finish;
        rig.store.read = (i == 3U) ? fail_read : rig.store.read;
        rig.store.install = (i == 4U) ? fail_install : rig.store.install;
        fm_module_want(&rig.module, 2U);
        pull(&rig, offer_of(2U));
        expect((rig.module.state == FM_MODULE_REFUSED) && (rig.module.reason == FM_REASON_STORAGE), "another reason", i,
               (uint32_t)rig.module.reason);
        expect(rig.module.active == 1U, "another module runs", i, rig.module.active);
        rig_start(&rig, UINT32_MAX);
        expect((rig.runs == 1U) && (rig.module.state == FM_MODULE_IDLE), "not as before", i, rig.runs);
        fm_module_want(&rig.module, 2U);
        pull(&rig, offer_of(2U));
        expect((rig.runs == 2U) && whole(&rig), "not taken when it is told again", i, rig.runs);
    }
}

/** What is expired by the clock is taken without one. */
static void without_clock(void)
{
    static rig_t rig;

    for (uint32_t i = 0U; i < offerCount; i++) {
        if ((offers[i].refusal.size == 7U) && (memcmp(offers[i].refusal.bytes, "expired", 7U) == 0)) {
            for (uint32_t how = 0U; how < 2U; how++) {
                rig_new(&rig, 32U);
                rig_start(&rig, UINT32_MAX);
                rig.clock = 0U;
                rig.options.now = (how == 0U) ? rig_now : NULL;
                fm_module_want(&rig.module, offers[i].sequence);
                pull(&rig, &offers[i]);
                expect(rig.runs == offers[i].sequence, "not taken without a clock", how, rig.runs);
            }
        }
    }
}

/** An active module that rots: the one before it, then none. */
static void rot(void)
{
    static rig_t rig;

    rig_new(&rig, 4U);
    rig_start(&rig, UINT32_MAX);
    for (uint32_t sequence = 1U; sequence <= 2U; sequence++) {
        fm_module_want(&rig.module, sequence);
        pull(&rig, offer_of(sequence));
    }
    for (uint32_t runs = 2U; runs > 0U; runs--) {
        expect(rig.runs == runs, "another module runs", rig.runs, runs);
        rig.power.bytes[fm_flash_address(&rig.flash, FM_IMAGE_ACTIVE) + 100U] ^= 1U;
        rig_start(&rig, UINT32_MAX);
    }
    expect(rig.runs == 0U, "a damaged module runs", rig.runs, 0U);
    rig_start(&rig, UINT32_MAX);
    expect(rig.runs == 0U, "a damaged module runs at the next start", rig.runs, 0U);
    fm_module_want(&rig.module, 3U);
    pull(&rig, offer_of(3U));
    expect((rig.runs == 3U) && whole(&rig), "the next module is not taken", rig.runs, 0U);
}

static void bad_options(void)
{
    static rig_t rig;
    fm_module_options_t options;
    fm_flash_part_t part;

    rig_new(&rig, 8U);
    rig_start(&rig, UINT32_MAX);
    for (uint32_t i = 0U; i < 6U; i++) {
        options = rig.options;
        options.fleet = (i == 0U) ? "Motes" : options.fleet;
        options.slot = (i == 1U) ? "" : options.slot;
        options.store = (i == 2U) ? NULL : options.store;
        options.verify = (i == 3U) ? NULL : options.verify;
        options.run = (i == 4U) ? NULL : options.run;
        options.chunks = (i == 5U) ? NULL : options.chunks;
        expect(fm_module_begin(&rig.module, &options) == FM_BAD_ARGUMENT, "options", i, 0U);
    }
    for (uint32_t i = 0U; i < 5U; i++) {
        part = rig.part;
        part.unitBytes = (i == 0U) ? 64U : ((i == 1U) ? 3U : part.unitBytes);
        part.sectorBytes = (i == 2U) ? 100U : part.sectorBytes;
        part.headSectors = (i == 3U) ? 1U : ((i == 4U) ? SLOT_SECTORS : part.headSectors);
        expect(fm_flash_begin(&rig.flash, &part, &rig.store) == FM_BAD_ARGUMENT, "sizes of the flash", i, 0U);
    }
}

/* ---- power that fails ---- */

/** What the fleet tells this device: 2, then 3, then to go back to 2, then 4. */
typedef struct {
    bool reverted;
    /** What ran when the power was there last. */
    uint32_t active;
} fleet_t;

/** The fleet goes on with a device that has just started, until it has module 4 or the power fails. Whether it has. */
static bool live(rig_t *rig, fleet_t *fleet)
{
    while (!rig->power.dead && (rig->module.active != 4U)) {
        uint32_t active = rig->module.active;

        fleet->active = active;
        if ((active == 3U) && !fleet->reverted) {
            fleet->reverted = (fm_module_revert(&rig->module) == FM_OK) && !rig->power.dead;
        } else {
            uint32_t next = fleet->reverted ? 4U : active + 1U;

            fm_module_want(&rig->module, next);
            pull(rig, offer_of(next));
            if (!rig->power.dead && !expect(rig->module.active == next, "not installed", rig->module.active, next)) {
                return true;
            }
        }
    }
    return !rig->power.dead;
}

/** A device with module 1 whose power fails after `first` writes, and after `second` more. False: it did not come to the first. */
static bool lose_power(uint32_t unitBytes, uint32_t first, uint32_t second)
{
    static rig_t rig;
    fleet_t fleet = { false, 1U };
    uint32_t lives[3] = { first, second, UINT32_MAX };
    bool lost = false;
    bool done = false;

    rig_new(&rig, unitBytes);
    rig_start(&rig, UINT32_MAX);
    fm_module_want(&rig.module, 1U);
    pull(&rig, offer_of(1U));
    rig.chunkWrites = 0U;
    rig.power.chance = (first * 977U) + (second * 31U);
    rig_start(&rig, UINT32_MAX);
    rig.power.left = lives[0];
    for (uint32_t life = 0U; (life < 3U) && !done; life++) {
        if (life > 0U) {
            rig_start(&rig, lives[life]);
            if (rig.power.dead) {
                continue;
            }
            uint32_t active = fleet.active;

            /* What ran before, or what was just being switched to. */
            expect((rig.runs == active) || (rig.runs == active + 1U) || ((active == 3U) && (rig.runs == 2U)) ||
                       ((active == 2U) && (rig.runs == 4U)),
                   "another module runs after a restart", rig.runs, active);
            expect((rig.runs != 0U) && (rig.runs == rig.module.active) && whole(&rig), "no whole module after a restart", first, second);
            /* The fleet hears of what became of its word. */
            fleet.reverted = fleet.reverted || ((active == 3U) && (rig.runs == 2U)) || (rig.runs == 4U);
        }
        done = live(&rig, &fleet);
        lost = lost || (life == 0U && !done);
    }
    expect(done && (rig.runs == 4U) && whole(&rig), "module 4 does not run in the end", first, second);
    expect(!rig.power.misused, "flash is programmed where it is not erased", first, second);
    if (second == UINT32_MAX) {
        uint32_t chunks = 0U;

        for (uint32_t sequence = 2U; sequence <= 4U; sequence++) {
            chunks += (offer_of(sequence)->module.size + offer_of(sequence)->chunkBytes - 1U) / offer_of(sequence)->chunkBytes;
        }
        /* A download goes on where it was. */
        expect(rig.chunkWrites <= chunks + 1U, "chunks are fetched again", rig.chunkWrites, chunks);
    }
    return lost;
}

/* Of the writes after a restart, every so many are tried. */
#define STRIDE 43U

static void lose_power_everywhere(uint32_t unitBytes)
{
    uint32_t first = 0U;

    while (lose_power(unitBytes, first, UINT32_MAX)) {
        for (uint32_t second = first % STRIDE; (unitBytes > 1U) && (second < 90U); second += STRIDE) {
            (void)lose_power(unitBytes, first, second);
        }
        first++;
    }
    expect(first > 100U, "too few writes", first, unitBytes);
}

/* ---- the file ---- */

static bool take_offer(const record_t *record)
{
    offer_t *offer = &offers[offerCount];

    if ((record->kind != RECORD_MODULE) || (record->count < 6U) || (offerCount == MOST_OFFERS)) {
        return false;
    }
    offer->record = *record;
    offer->key = record->strings[1];
    offer->envelope = record->strings[2];
    offer->module = record->strings[3];
    offer->refusal = record->strings[4];
    offer->sequence = record_number(record->strings[5], 0U);
    offer->chunkBytes = record_number(record->strings[5], 1U);
    offerCount++;
    return true;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[1U << 18U];
    FILE *file = (argc == 2) ? fopen(argv[1], "rb") : NULL;
    uint32_t size;
    uint32_t at = 0U;
    record_t record;

    if (file == NULL) {
        fprintf(stderr, "usage: run_module FILE\n");
        return 2;
    }
    size = (uint32_t)fread(bytes, 1U, sizeof(bytes), file);
    (void)fclose(file);
    while (record_next(bytes, size, &at, &record)) {
        if (!take_offer(&record)) {
            fprintf(stderr, "%s: not a file of modules\n", argv[1]);
            return 2;
        }
    }
    for (uint32_t i = 1U; i < offerCount; i++) {
        refuse(&offers[i]);
    }
    ignore();
    go_back();
    storage_fails();
    without_clock();
    rot();
    bad_options();
    for (uint32_t unitBytes = 1U; unitBytes <= 8U; unitBytes *= 8U) {
        lose_power_everywhere(unitBytes);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return (failed == 0U) ? 0 : 1;
}
