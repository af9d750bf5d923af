/**
 * Modules from a fleet to flash: `run_module FILE`. FILE has signed modules as records (test/firmware/module-records.ts): name, public key, signed manifest,
 * module, and the code with which it is refused by a device that has module 1; empty: it is taken. The first four are modules 1 to 4.
 *
 * Every one of them is offered; then the power fails at every single write to the flash, and again at writes after the restart: there is always a
 * whole, verified module, and in the end the device has what it was told to have.
 */
#include <stdio.h>
#include <string.h>

#include "module_rig.h"

/* ---- what is refused ---- */

static void refuse(const offer_t *offer)
{
    static rig_t rig;
    char code[32];

    module_new(&rig, 8U);
    module_start(&rig, UINT32_MAX);
    module_expect(rig.runs == 0U, "runs before there is a module", rig.runs, 0U);
    fm_module_want(&rig.module, 1U);
    module_pull(&rig, module_offer(1U));
    module_expect((rig.runs == 1U) && (rig.module.state == FM_MODULE_INSTALLED) && module_whole(&rig), "module 1 is not installed", rig.runs, 0U);
    fm_module_want(&rig.module, offer->sequence);
    module_pull(&rig, offer);
    (void)snprintf(code, sizeof(code), "%.*s", (int)offer->refusal.size, (const char *)offer->refusal.bytes);
    if (!module_expect(strcmp(fm_reason_code(rig.module.reason), code) == 0, "another reason", (uint32_t)rig.module.reason, offer->sequence)) {
        printf("%.*s: %s\n", (int)offer->record.strings[0].size, (const char *)offer->record.strings[0].bytes, code);
    }
    module_expect(rig.module.active == ((code[0] == '\0') ? offer->sequence : 1U), "another module runs", rig.module.active, offer->sequence);
    /* And the next one is taken, or the same again, after a restart too. */
    module_start(&rig, UINT32_MAX);
    module_expect(rig.runs == ((code[0] == '\0') ? offer->sequence : 1U), "another module runs after a restart", rig.runs, 0U);
    if (code[0] != '\0') {
        fm_module_want(&rig.module, 2U);
        module_pull(&rig, module_offer(2U));
        module_expect((rig.runs == 2U) && module_whole(&rig), "the next module is not taken", rig.runs, 0U);
    }
    module_expect(!rig.power.misused, "flash is programmed where it is not erased", 0U, 0U);
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
    const offer_t *one = module_offer(1U);
    char topic[FM_MODULE_TOPIC_BYTES];
    uint8_t message[256];
    uint32_t size = module_chunk(one, 0U, message, sizeof(message));

    module_new(&rig, 1U);
    module_start(&rig, UINT32_MAX);
    module_expect(!fm_module_topic(&rig.module, topic) && (topic[0] == '\0'), "a topic of nothing", 0U, 0U);
    module_expect(fm_module_poll(&rig.module) == FM_AGAIN, "something to do", 0U, 0U);
    fm_module_want(&rig.module, 1U);
    module_expect(fm_module_topic(&rig.module, topic) && (strcmp(topic, "fm1/motes/module/train/1/manifest") == 0), "another topic", 0U, 0U);
    module_expect(!module_hear_chunk(&rig, one, 0U), "a chunk before its manifest", 0U, 0U);
    module_expect(!module_hear(&rig, topic, one->envelope.bytes, 0U), "an empty manifest", 0U, 0U);
    module_expect(module_hear(&rig, topic, one->envelope.bytes, one->envelope.size), "no manifest", 0U, 0U);
    module_expect(!module_hear(&rig, topic, one->envelope.bytes, one->envelope.size), "a second manifest", 0U, 0U);
    for (uint32_t i = 0U; i < sizeof(others) / sizeof(others[0]); i++) {
        module_expect(!module_hear(&rig, others[i], message, size) && (rig.module.state == FM_MODULE_LOADING), "heard on another topic", i, 0U);
    }
    module_expect(module_hear_chunk(&rig, one, 0U) && module_hear_chunk(&rig, one, 0U) && (rig.chunkWrites == 1U), "written twice", rig.chunkWrites, 0U);
    fm_module_want(&rig.module, 1U);
    module_expect(rig.module.missing == rig.module.chunkCount - 1U, "begun anew", rig.module.missing, 0U);
    /* Another one is wanted: the first is forgotten. */
    fm_module_want(&rig.module, 2U);
    module_expect(rig.module.state == FM_MODULE_WANTED, "not wanted", 0U, 0U);
    module_start(&rig, UINT32_MAX);
    module_expect((rig.module.state == FM_MODULE_IDLE) && (rig.runs == 0U), "not forgotten", 0U, 0U);
    fm_module_want(&rig.module, 2U);
    module_pull(&rig, module_offer(2U));
    fm_module_want(&rig.module, 1U);
    module_expect(rig.module.reason == FM_REASON_SEQUENCE, "a downgrade", 0U, 0U);
    fm_module_want(&rig.module, 2U);
    module_expect((rig.module.state == FM_MODULE_INSTALLED) && (rig.module.active == 2U), "not the same any more", 0U, 0U);
    /* Nothing before it is left: the firmware's own kernels. */
    module_expect((fm_module_revert(&rig.module) == FM_OK) && (rig.runs == 0U), "not gone back", rig.runs, 0U);
    fm_module_want(&rig.module, 2U);
    module_expect(rig.module.reason == FM_REASON_SEQUENCE, "a replay", 0U, 0U);
}

/** What was gone back from does not come again, neither by a restart nor when it is told. A manifest is the one of its topic. */
static void go_back(void)
{
    static rig_t rig;
    char topic[FM_MODULE_TOPIC_BYTES];

    module_new(&rig, 2U);
    module_start(&rig, UINT32_MAX);
    for (uint32_t sequence = 1U; sequence <= 2U; sequence++) {
        fm_module_want(&rig.module, sequence);
        module_pull(&rig, module_offer(sequence));
    }
    module_expect((fm_module_revert(&rig.module) == FM_OK) && (rig.runs == 1U) && module_whole(&rig), "not gone back", rig.runs, 0U);
    module_expect((rig.module.state == FM_MODULE_REVERTED) && (rig.module.sequence == 2U), "not said", 0U, 0U);
    module_start(&rig, UINT32_MAX);
    module_expect((rig.module.state == FM_MODULE_IDLE) && (rig.runs == 1U), "taken up again", (uint32_t)rig.module.state, rig.runs);
    fm_module_want(&rig.module, 2U);
    module_expect((rig.module.reason == FM_REASON_SEQUENCE) && (rig.runs == 1U), "a replay", 0U, 0U);
    fm_module_want(&rig.module, 3U);
    module_expect(fm_module_topic(&rig.module, topic), "no topic", 0U, 0U);
    (void)module_hear(&rig, topic, module_offer(4U)->envelope.bytes, module_offer(4U)->envelope.size);
    module_expect((rig.module.state == FM_MODULE_REFUSED) && (rig.module.reason == FM_REASON_SEQUENCE), "another manifest than was told", 0U, 0U);
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
        module_new(&rig, 16U);
        module_start(&rig, UINT32_MAX);
        fm_module_want(&rig.module, 1U);
        module_pull(&rig, module_offer(1U));
        rig.store.start = (i == 0U) ? fail_start : rig.store.start;
        rig.store.write = (i == 1U) ? fail_write : rig.store.write;
        rig.store.finish = (i == 2U) ? fail : rig.store.finish;
        rig.store.read = (i == 3U) ? fail_read : rig.store.read;
        rig.store.install = (i == 4U) ? fail_install : rig.store.install;
        fm_module_want(&rig.module, 2U);
        module_pull(&rig, module_offer(2U));
        module_expect((rig.module.state == FM_MODULE_REFUSED) && (rig.module.reason == FM_REASON_STORAGE), "another reason", i,
               (uint32_t)rig.module.reason);
        module_expect(rig.module.active == 1U, "another module runs", i, rig.module.active);
        module_start(&rig, UINT32_MAX);
        module_expect((rig.runs == 1U) && (rig.module.state == FM_MODULE_IDLE), "not as before", i, rig.runs);
        fm_module_want(&rig.module, 2U);
        module_pull(&rig, module_offer(2U));
        module_expect((rig.runs == 2U) && module_whole(&rig), "not taken when it is told again", i, rig.runs);
    }
}

/** What is expired by the clock is taken without one. */
static void without_clock(void)
{
    static rig_t rig;

    for (uint32_t i = 0U; i < moduleOfferCount; i++) {
        if ((moduleOffers[i].refusal.size == 7U) && (memcmp(moduleOffers[i].refusal.bytes, "expired", 7U) == 0)) {
            for (uint32_t how = 0U; how < 2U; how++) {
                module_new(&rig, 32U);
                module_start(&rig, UINT32_MAX);
                rig.clock = 0U;
                rig.options.now = (how == 0U) ? rig.options.now : NULL;
                fm_module_want(&rig.module, moduleOffers[i].sequence);
                module_pull(&rig, &moduleOffers[i]);
                module_expect(rig.runs == moduleOffers[i].sequence, "not taken without a clock", how, rig.runs);
            }
        }
    }
}

/** An active module that rots: the one before it, then none. */
static void rot(void)
{
    static rig_t rig;

    module_new(&rig, 4U);
    module_start(&rig, UINT32_MAX);
    for (uint32_t sequence = 1U; sequence <= 2U; sequence++) {
        fm_module_want(&rig.module, sequence);
        module_pull(&rig, module_offer(sequence));
    }
    for (uint32_t runs = 2U; runs > 0U; runs--) {
        module_expect(rig.runs == runs, "another module runs", rig.runs, runs);
        rig.power.bytes[fm_flash_address(&rig.flash, FM_IMAGE_ACTIVE) + 100U] ^= 1U;
        module_start(&rig, UINT32_MAX);
    }
    module_expect(rig.runs == 0U, "a damaged module runs", rig.runs, 0U);
    module_start(&rig, UINT32_MAX);
    module_expect(rig.runs == 0U, "a damaged module runs at the next start", rig.runs, 0U);
    fm_module_want(&rig.module, 3U);
    module_pull(&rig, module_offer(3U));
    module_expect((rig.runs == 3U) && module_whole(&rig), "the next module is not taken", rig.runs, 0U);
}

static void bad_options(void)
{
    static rig_t rig;
    fm_module_options_t options;
    fm_flash_part_t part;

    module_new(&rig, 8U);
    module_start(&rig, UINT32_MAX);
    for (uint32_t i = 0U; i < 6U; i++) {
        options = rig.options;
        options.fleet = (i == 0U) ? "Motes" : options.fleet;
        options.slot = (i == 1U) ? "" : options.slot;
        options.store = (i == 2U) ? NULL : options.store;
        options.verify = (i == 3U) ? NULL : options.verify;
        options.run = (i == 4U) ? NULL : options.run;
        options.chunks = (i == 5U) ? NULL : options.chunks;
        module_expect(fm_module_begin(&rig.module, &options) == FM_BAD_ARGUMENT, "options", i, 0U);
    }
    for (uint32_t i = 0U; i < 5U; i++) {
        part = rig.part;
        part.unitBytes = (i == 0U) ? 64U : ((i == 1U) ? 3U : part.unitBytes);
        part.sectorBytes = (i == 2U) ? 100U : part.sectorBytes;
        part.headSectors = (i == 3U) ? 1U : ((i == 4U) ? SLOT_SECTORS : part.headSectors);
        module_expect(fm_flash_begin(&rig.flash, &part, &rig.store) == FM_BAD_ARGUMENT, "sizes of the flash", i, 0U);
    }
}

/* ---- the file ---- */

static bool take_offer(const record_t *record)
{
    offer_t *offer = &moduleOffers[moduleOfferCount];

    if ((record->kind != RECORD_MODULE) || (record->count < 6U) || (moduleOfferCount == MOST_OFFERS)) {
        return false;
    }
    offer->record = *record;
    offer->key = record->strings[1];
    offer->envelope = record->strings[2];
    offer->module = record->strings[3];
    offer->refusal = record->strings[4];
    offer->sequence = record_number(record->strings[5], 0U);
    offer->chunkBytes = record_number(record->strings[5], 1U);
    moduleOfferCount++;
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
    for (uint32_t i = 1U; i < moduleOfferCount; i++) {
        refuse(&moduleOffers[i]);
    }
    ignore();
    go_back();
    storage_fails();
    without_clock();
    rot();
    bad_options();
    for (uint32_t unitBytes = 1U; unitBytes <= 8U; unitBytes *= 8U) {
        module_lose_power(unitBytes);
    }
    printf("%u passed, %u failed\n", modulePassed, moduleFailed);
    return (moduleFailed == 0U) ? 0 : 1;
}
