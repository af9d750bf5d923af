/**
 * A device that takes modules into flash whose power fails, and the fleet that offers them: what the programs of test/run_module.c share.
 */
#ifndef MODULE_RIG_H
#define MODULE_RIG_H

#include "fm_flash.h"
#include "records.h"

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

/** Modules as they are published; the first four are modules 1 to 4. */
extern offer_t moduleOffers[MOST_OFFERS];
extern uint32_t moduleOfferCount;

/** What was expected, and how often it was so. */
extern unsigned modulePassed;
extern unsigned moduleFailed;

/** Counts; prints `what` and two numbers where `good` is false. */
bool module_expect(bool good, const char *what, uint32_t a, uint32_t b);

/** A device with empty flash, whose units have so many bytes. */
void module_new(rig_t *rig, uint32_t unitBytes);

/** The power comes back, for `left` writes: nothing is left but the flash. */
void module_start(rig_t *rig, uint32_t left);

/** Numbers as good as any, the same in every run. */
uint32_t module_chance(power_t *power);

/** Module 1 to 4. */
const offer_t *module_offer(uint32_t sequence);

/** Writes the message of a chunk; bytes of it. */
uint32_t module_chunk(const offer_t *offer, uint32_t index, uint8_t *bytes, uint32_t size);

/** A message comes; whether it was waited for. */
bool module_hear(rig_t *rig, const char *topic, const uint8_t *bytes, uint32_t size);

/** Chunk `index` comes, as the broker has it. */
bool module_hear_chunk(rig_t *rig, const offer_t *offer, uint32_t index);

/** Gives a device what it subscribes to, some of it twice and in disorder, until it has come to an end or the power fails. */
void module_pull(rig_t *rig, const offer_t *offer);

/** Whether the bytes in flash of what runs are those that were signed. */
bool module_whole(const rig_t *rig);

/** The power fails at every write, and again after the restart. */
void module_lose_power(uint32_t unitBytes);

#endif
