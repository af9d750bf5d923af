#include "fm_flash.h"

#include <string.h>

#define NO_SLOT 2U

/* The unit is 32 bytes at most; what is programmed of the state is as long, and the head's manifest a multiple. */
#define MOST_UNIT 32U

/* A state is its four numbers and their CRC. */
#define STATE_BYTES 20U

/* No signed manifest is shorter. */
#define LEAST_ENVELOPE 96U

/* ---- addresses ---- */

static uint32_t head_at(const fm_flash_t *flash, uint32_t slot)
{
    return (2U + (slot * flash->part->slotSectors)) * flash->part->sectorBytes;
}

static uint32_t head_bytes(const fm_flash_t *flash)
{
    return flash->part->headSectors * flash->part->sectorBytes;
}

/** The slot that downloads go to: not the active one. */
static uint32_t loading_slot(const fm_flash_t *flash)
{
    return (flash->state.active == 0U) ? 1U : 0U;
}

static uint32_t slot_of(const fm_flash_t *flash, fm_image_t image)
{
    uint32_t slot = NO_SLOT;

    if (image == FM_IMAGE_ACTIVE) {
        slot = flash->state.active;
    } else if ((image == FM_IMAGE_PREVIOUS) == (flash->state.previous != 0U)) {
        /* The other slot has the one or the other. */
        slot = loading_slot(flash);
    } else {
        /* There is none. */
    }
    return slot;
}

uint32_t fm_flash_address(const fm_flash_t *flash, fm_image_t image)
{
    return head_at(flash, slot_of(flash, image)) + head_bytes(flash);
}

/* ---- the state ---- */

static void put_word(uint8_t *to, uint32_t word)
{
    for (uint32_t i = 0U; i < 4U; i++) {
        to[i] = (uint8_t)(word >> (8U * i));
    }
}

static uint32_t get_word(const uint8_t *from)
{
    return from[0] | ((uint32_t)from[1] << 8U) | ((uint32_t)from[2] << 16U) | ((uint32_t)from[3] << 24U);
}

/** CRC-32 (ISO 3309). */
static uint32_t crc(const uint8_t *bytes, uint32_t size)
{
    uint32_t value = 0xFFFFFFFFU;

    for (uint32_t i = 0U; i < size; i++) {
        value ^= bytes[i];
        for (uint32_t bit = 0U; bit < 8U; bit++) {
            value = (value >> 1U) ^ (((value & 1U) != 0U) ? 0xEDB88320U : 0U);
        }
    }
    return ~value;
}

/** Reads the state in a sector; whether there is one. */
static bool read_state(const fm_flash_part_t *part, uint32_t sector, fm_flash_state_t *state)
{
    uint8_t bytes[STATE_BYTES];
    bool good = part->read(part->context, sector * part->sectorBytes, bytes, sizeof(bytes)) == FM_OK;

    good = good && (get_word(&bytes[16]) == crc(bytes, 16U));
    if (good) {
        const fm_flash_state_t read = { get_word(&bytes[0]), get_word(&bytes[4]), get_word(&bytes[8]), get_word(&bytes[12]) };

        *state = read;
    }
    return good && (state->active <= NO_SLOT);
}

/** Writes a new state into the sector that has the older one: until it is there wholly, the one before counts. */
static fm_result_t write_state(fm_flash_t *flash, uint32_t active, uint32_t previous, uint32_t highest)
{
    const fm_flash_part_t *part = flash->part;
    const fm_flash_state_t state = { flash->state.number + 1U, active, previous, highest };
    uint32_t sector = 1U - flash->sector;
    uint8_t bytes[MOST_UNIT];
    fm_flash_state_t written;
    fm_result_t result;

    (void)memset(bytes, 0xFF, sizeof(bytes));
    put_word(&bytes[0], state.number);
    put_word(&bytes[4], active);
    put_word(&bytes[8], previous);
    put_word(&bytes[12], highest);
    put_word(&bytes[16], crc(bytes, 16U));
    result = part->erase(part->context, sector * part->sectorBytes);
    if (result == FM_OK) {
        result = part->program(part->context, sector * part->sectorBytes, bytes, sizeof(bytes));
    }
    if ((result == FM_OK) && (!read_state(part, sector, &written) || (written.number != state.number))) {
        result = FM_CLOSED;
    }
    if (result == FM_OK) {
        flash->state = state;
        flash->sector = sector;
    }
    return result;
}

static uint32_t flash_highest(void *context)
{
    const fm_flash_t *flash = context;

    return flash->state.highest;
}

/* ---- images ---- */

static uint32_t flash_load(void *context, fm_image_t image, uint8_t *envelope)
{
    const fm_flash_t *flash = context;
    const fm_flash_part_t *part = flash->part;
    uint32_t slot = slot_of(flash, image);
    uint32_t size = 0U;
    uint8_t word[4];

    if ((slot != NO_SLOT) && (part->read(part->context, head_at(flash, slot), word, sizeof(word)) == FM_OK)) {
        size = get_word(word);
        if ((size < LEAST_ENVELOPE) || (size > FM_ENVELOPE_BYTES) ||
            (part->read(part->context, head_at(flash, slot) + 4U, envelope, size) != FM_OK)) {
            size = 0U;
        }
    }
    return size;
}

static fm_result_t flash_read(void *context, fm_image_t image, uint32_t offset, uint8_t *bytes, uint32_t size)
{
    const fm_flash_t *flash = context;

    return flash->part->read(flash->part->context, fm_flash_address(flash, image) + offset, bytes, size);
}

/* ---- a download ---- */

static uint32_t mark_at(const fm_flash_t *flash, uint32_t index)
{
    return head_at(flash, loading_slot(flash)) + FM_FLASH_MARKS_AT + (index * flash->part->unitBytes);
}

static bool flash_has(void *context, uint32_t index)
{
    const fm_flash_t *flash = context;
    const fm_flash_part_t *part = flash->part;
    uint8_t mark[MOST_UNIT];
    bool has = part->read(part->context, mark_at(flash, index), mark, part->unitBytes) == FM_OK;

    for (uint32_t i = 0U; has && (i < part->unitBytes); i++) {
        has = mark[i] == 0U;
    }
    return has;
}

/** Erases the first `bytes` of the slot for downloads. */
static fm_result_t erase_loading(const fm_flash_t *flash, uint32_t bytes)
{
    const fm_flash_part_t *part = flash->part;
    fm_result_t result = FM_OK;

    for (uint32_t at = 0U; (result == FM_OK) && (at < bytes); at += part->sectorBytes) {
        result = part->erase(part->context, head_at(flash, loading_slot(flash)) + at);
    }
    return result;
}

static fm_result_t flash_start(void *context, const fm_manifest_t *manifest, fm_bytes_t envelope)
{
    fm_flash_t *flash = context;
    const fm_flash_part_t *part = flash->part;
    uint32_t chunks = (manifest->sizeBytes + (manifest->chunkBytes - 1U)) / manifest->chunkBytes;
    uint8_t head[FM_FLASH_MARKS_AT];
    fm_result_t result = FM_OK;

    if (((manifest->chunkBytes % part->unitBytes) != 0U) ||
        ((chunks * part->unitBytes) > (head_bytes(flash) - FM_FLASH_MARKS_AT))) {
        result = FM_UNSUPPORTED;
    } else if (flash->state.previous != 0U) {
        /* What is erased next can no longer be gone back to. */
        result = write_state(flash, flash->state.active, 0U, flash->state.highest);
    } else {
        /* It is as it is. */
    }
    if (result == FM_OK) {
        result = erase_loading(flash, head_bytes(flash) + manifest->sizeBytes);
    }
    if (result == FM_OK) {
        (void)memset(head, 0xFF, sizeof(head));
        put_word(head, envelope.size);
        (void)memcpy(&head[4], envelope.bytes, envelope.size);
        result = part->program(part->context, head_at(flash, loading_slot(flash)), head, sizeof(head));
    }
    return result;
}

/** Programs bytes, the last unit filled up, and reads them back. */
static fm_result_t program(const fm_flash_part_t *part, uint32_t at, const uint8_t *bytes, uint32_t size)
{
    uint8_t piece[MOST_UNIT];
    uint8_t again[MOST_UNIT];
    uint32_t count = 0U;
    fm_result_t result = FM_OK;

    for (uint32_t i = 0U; (result == FM_OK) && (i < size); i += count) {
        count = ((size - i) < part->unitBytes) ? (size - i) : part->unitBytes;
        (void)memset(piece, 0xFF, sizeof(piece));
        (void)memcpy(piece, &bytes[i], count);
        result = part->program(part->context, at + i, piece, part->unitBytes);
        if (result == FM_OK) {
            result = part->read(part->context, at + i, again, part->unitBytes);
        }
        if ((result == FM_OK) && (memcmp(again, piece, part->unitBytes) != 0)) {
            result = FM_CLOSED;
        }
    }
    return result;
}

static fm_result_t flash_write(void *context, uint32_t index, uint32_t offset, fm_bytes_t bytes)
{
    static const uint8_t mark[MOST_UNIT] = { 0U };
    const fm_flash_t *flash = context;
    const fm_flash_part_t *part = flash->part;
    fm_result_t result = program(part, fm_flash_address(flash, FM_IMAGE_LOADING) + offset, bytes.bytes, bytes.size);

    if (result == FM_OK) {
        result = part->program(part->context, mark_at(flash, index), mark, part->unitBytes);
    }
    return result;
}

static fm_result_t flash_finish(void *context)
{
    (void)context;
    return FM_OK;
}

static fm_result_t flash_install(void *context, uint32_t sequence)
{
    fm_flash_t *flash = context;

    return write_state(flash, loading_slot(flash), (flash->state.active == NO_SLOT) ? 0U : 1U, sequence);
}

static fm_result_t flash_revert(void *context)
{
    fm_flash_t *flash = context;
    uint32_t active = (flash->state.previous != 0U) ? loading_slot(flash) : NO_SLOT;

    return write_state(flash, active, 0U, flash->state.highest);
}

static fm_result_t flash_erase(void *context)
{
    const fm_flash_t *flash = context;

    /* The slot has a download where it has no module to go back to. */
    return (flash->state.previous != 0U) ? FM_OK : erase_loading(flash, head_bytes(flash));
}

/* ---- the start ---- */

static bool fits(const fm_flash_part_t *part)
{
    return (part->unitBytes > 0U) && (part->unitBytes <= MOST_UNIT) && ((MOST_UNIT % part->unitBytes) == 0U) &&
           (part->sectorBytes > 0U) && ((part->sectorBytes % MOST_UNIT) == 0U) &&
           ((part->headSectors * part->sectorBytes) > FM_FLASH_MARKS_AT) && (part->slotSectors > part->headSectors);
}

/** The later of the two states; that of an empty flash where there is none. */
static void find_state(fm_flash_t *flash)
{
    fm_flash_state_t states[2];
    bool first = read_state(flash->part, 0U, &states[0]);
    bool second = read_state(flash->part, 1U, &states[1]);

    flash->sector = 1U;
    if (first && ((!second) || ((states[0].number - states[1].number) < 0x80000000U))) {
        flash->sector = 0U;
    }
    if (first || second) {
        flash->state = states[flash->sector];
    } else {
        const fm_flash_state_t none = { 0U, NO_SLOT, 0U, 0U };

        flash->state = none;
    }
}

fm_result_t fm_flash_begin(fm_flash_t *flash, const fm_flash_part_t *part, fm_store_t *store)
{
    uint8_t byte;
    fm_result_t result = FM_BAD_ARGUMENT;

    if (fits(part)) {
        const fm_store_t calls = { flash,       (part->slotSectors - part->headSectors) * part->sectorBytes,
                                   flash_highest, flash_load,
                                   flash_has,   flash_start,
                                   flash_write, flash_read,
                                   flash_finish, flash_install,
                                   flash_revert, flash_erase };

        flash->part = part;
        find_state(flash);
        *store = calls;
        result = part->read(part->context, 0U, &byte, 1U);
    }
    return result;
}
