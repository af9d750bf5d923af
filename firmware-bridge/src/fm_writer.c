#include "fm_writer.h"

void fm_write(fm_writer_t *writer, uint32_t byte)
{
    if (writer->at < writer->size) {
        writer->bytes[writer->at] = (uint8_t)(byte & 0xFFU);
    }
    writer->at++;
}

void fm_write_number(fm_writer_t *writer, uint32_t value, uint32_t bits)
{
    uint32_t left = bits;

    while (left > 0U) {
        left -= 8U;
        fm_write(writer, value >> left);
    }
}

void fm_write_bytes(fm_writer_t *writer, const uint8_t *bytes, uint32_t size)
{
    uint32_t i;

    for (i = 0U; i < size; i++) {
        fm_write(writer, bytes[i]);
    }
}
