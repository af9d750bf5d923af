#include "fm_bits.h"

#include <string.h>

uint32_t fm_load(const uint8_t *place, uint32_t bytes)
{
    /* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.1 */
    fm_pun_t pun;
    uint32_t value;

    (void)memcpy(pun.bytes, place, bytes);
    if (bytes == 4U) {
        value = pun.bits;
    } else if (bytes == 2U) {
        value = pun.halves[0];
    } else {
        value = pun.bytes[0];
    }
    return value;
}

void fm_store(uint8_t *place, uint32_t value, uint32_t bytes)
{
    /* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.1 */
    fm_pun_t pun;

    if (bytes == 4U) {
        pun.bits = value;
    } else if (bytes == 2U) {
        pun.halves[0] = (uint16_t)(value & 0xFFFFU);
    } else {
        pun.bytes[0] = (uint8_t)(value & 0xFFU);
    }
    (void)memcpy(place, pun.bytes, bytes);
}
