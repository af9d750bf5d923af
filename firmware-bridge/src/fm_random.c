/** Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). */
#include "fm_random.h"

#define ROUNDS 10U

void fm_philox(uint32_t *words, const fm_key_t *key, uint32_t purpose, uint32_t index)
{
    uint32_t c0 = index;
    uint32_t c1 = key->round;
    uint32_t c2 = purpose;
    uint32_t c3 = key->seed;
    uint32_t k0 = key->device[0];
    uint32_t k1 = key->device[1];
    uint32_t i;

    for (i = 0U; i < ROUNDS; i++) {
        uint64_t a = (uint64_t)0xD2511F53U * c0;
        uint64_t b = (uint64_t)0xCD9E8D57U * c2;

        c0 = (uint32_t)(b >> 32U) ^ c1 ^ k0;
        c1 = (uint32_t)(b & UINT32_MAX);
        c2 = (uint32_t)(a >> 32U) ^ c3 ^ k1;
        c3 = (uint32_t)(a & UINT32_MAX);
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

uint32_t fm_random_word(const fm_key_t *key, uint32_t purpose, uint32_t index)
{
    uint32_t words[4];

    fm_philox(words, key, purpose, index / 4U);
    return words[index % 4U];
}
