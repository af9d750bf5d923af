/** The Notice: what the coordinator is doing, with the model's layers and the settings of local training. */
#ifndef FM_NOTICE_H
#define FM_NOTICE_H

#include <stdint.h>

#include "fedmote.h"

#define FM_NOTICE_DIGEST 0U
/** Little-endian uint32 each. */
#define FM_NOTICE_CHUNK_CLASSES 1U
#define FM_NOTICE_CODECS 2U

typedef struct {
    fm_notice_numbers_t numbers;
    fm_bytes_t strings[3];
} fm_notice_t;

/**
 * Reads a Notice into a structure that was zeroed. FM_BAD_MESSAGE: the bytes are not exactly one; nothing in the structure is of
 * use then. Ranges of layers that were not given become all layers.
 */
fm_result_t fm_notice_read(fm_notice_t *notice, const uint8_t *bytes, uint32_t size);

/** Writes it into `size` bytes; as fm_message_write(). */
fm_result_t fm_notice_write(fm_notice_t *notice, uint8_t *bytes, uint32_t size, uint32_t *length);

#endif
