/** Bytes one behind the other, into memory of a fixed size: packets, messages and topics are written so. */
#ifndef FM_WRITER_H
#define FM_WRITER_H

#include <stdint.h>

/** `at` goes on past `size`, so that it tells what room there should have been. */
typedef struct {
    uint8_t *bytes;
    uint32_t size;
    uint32_t at;
} fm_writer_t;

/** The low 8 bits. */
void fm_write(fm_writer_t *writer, uint32_t byte);

/** The low `bits` bits, a multiple of 8, big-endian. */
void fm_write_number(fm_writer_t *writer, uint32_t value, uint32_t bits);

void fm_write_bytes(fm_writer_t *writer, const uint8_t *bytes, uint32_t size);

#endif
