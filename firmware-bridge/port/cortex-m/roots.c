/**
 * The constants of SHA-256, worked out where they are wanted: 170 bytes of code in place of a table of 288. An image that links this file takes them from here; it is
 * slower: firmware-bridge/README.md says by how much.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fm_sha256.h"

/** a * b / 2^32, but for what is cut off. */
static uint64_t roots_product(uint64_t a, uint64_t b)
{
    uint32_t low = (uint32_t)a;
    uint64_t part = (uint64_t)low * (uint32_t)b;

    return ((a >> 32U) * b) + ((uint64_t)low * (b >> 32U)) + (part >> 32U);
}

uint32_t fm_sha256_root(uint32_t *at, bool cube)
{
    uint32_t prime = *at;
    uint32_t divisor;
    /* With 39 bits behind the point, of which the last 7 stay 0; of its powers' upper words 14 are behind it, and 21. */
    uint64_t root = 0U;
    uint64_t bit;

    do {
        prime++;
        divisor = 2U;
        while (((divisor * divisor) <= prime) && ((prime % divisor) != 0U)) {
            divisor++;
        }
    } while ((divisor * divisor) <= prime);
    *at = prime;
    for (bit = 0x20000000000U; bit > 0x40U; bit >>= 1U) {
        uint64_t power = roots_product(root | bit, root | bit);
        uint32_t point = 14U;

        if (cube) {
            power = roots_product(power, root | bit);
            point = 21U;
        }
        if ((uint32_t)(power >> 32U) < (prime << point)) {
            root |= bit;
        }
    }
    return (uint32_t)(root >> 7U);
}
