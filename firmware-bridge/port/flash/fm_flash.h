/**
 * Storage for two modules on NOR flash, as fedmote_module.h wants it (fm_store_t): whatever the power fails in, the active
 * module stays whole, and a download goes on where it was. For flash inside a microcontroller or beside it: what is erased
 * is 0xFF, programming makes zeros of ones, and programming the same bytes once more does no harm. Where it does (flash with an error-correcting
 * code may refuse), a download that was cut in the middle of a chunk begins anew.
 *
 * Sectors 0 and 1 say in turns which slot is active. Slots follow, each with a head: the signed manifest, and a mark for each
 * chunk that is there.
 */
#ifndef FM_FLASH_H
#define FM_FLASH_H

#include <fedmote_module.h>

/** Bytes of a slot's head before its marks. */
#define FM_FLASH_MARKS_AT 320U

/** The flash. Addresses begin at 0 where the area begins that is given to modules: 2 + 2 x slotSectors sectors. */
typedef struct {
    void *context;
    /** What is erased at once: a multiple of 32. */
    uint32_t sectorBytes;
    /** What is programmed at once: 1, 2, 4, 8, 16 or 32. A module's chunks are to be a multiple of it. */
    uint32_t unitBytes;
    /** Sectors of a slot, and of its head, which has room for (headSectors x sectorBytes - 320) / unitBytes chunks. */
    uint32_t slotSectors;
    uint32_t headSectors;
    fm_result_t (*read)(void *context, uint32_t at, uint8_t *bytes, uint32_t size);
    /** Whole units. */
    fm_result_t (*program)(void *context, uint32_t at, const uint8_t *bytes, uint32_t size);
    /** The sector that begins there. */
    fm_result_t (*erase)(void *context, uint32_t at);
} fm_flash_part_t;

/** What is active; as sectors 0 and 1 have it. */
typedef struct {
    /** Counts up: the later of two sectors counts. */
    uint32_t number;
    /** 0 or 1; 2: none. */
    uint32_t active;
    /** 1: the other slot has the module before. */
    uint32_t previous;
    uint32_t highest;
} fm_flash_state_t;

typedef struct {
    const fm_flash_part_t *part;
    fm_flash_state_t state;
    /** The sector that it was read from, or written to. */
    uint32_t sector;
} fm_flash_t;

/** Reads what is active, and fills in `store`. FM_BAD_ARGUMENT: the sizes do not fit together. FM_CLOSED: the flash cannot be read. */
fm_result_t fm_flash_begin(fm_flash_t *flash, const fm_flash_part_t *part, fm_store_t *store);

/** Where an image's bytes begin, for those who run modules in place. */
uint32_t fm_flash_address(const fm_flash_t *flash, fm_image_t image);

#endif
