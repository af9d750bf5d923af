/** SHA-256 (FIPS 180-4, section 6.2), with a message schedule of 16 words that turns in place. */
#include "fm_sha256.h"

#include <string.h>

#include "fm_bits.h"

#define BLOCK_BYTES 64U

/* Where the length stands in the last block. */
#define LENGTH_AT 56U

static uint32_t sha256_turn(uint32_t value, uint32_t by)
{
    return (value >> by) | (value << (32U - by));
}

/** Word `i` of the schedule, from 16 on: the word 16 before it stands in its place. */
static uint32_t sha256_next(const uint32_t *words, uint32_t i)
{
    uint32_t a = words[(i + 1U) & 15U];
    uint32_t b = words[(i + 14U) & 15U];

    /* Turns of turns: 18 is 7 and 11, 19 is 17 and 2. */
    return words[i & 15U] + words[(i + 9U) & 15U] + (sha256_turn(a ^ sha256_turn(a, 11U), 7U) ^ (a >> 3U)) +
           (sha256_turn(b ^ sha256_turn(b, 2U), 17U) ^ (b >> 10U));
}

static void sha256_block(fm_sha256_t *sha)
{
    uint32_t *words = sha->words;
    /* a to h of the standard, and one more to move into. */
    uint32_t v[9];
    uint32_t i;
    uint32_t prime = 1U;

    (void)memcpy(v, sha->state, sizeof(sha->state));
    for (i = 0U; i < 64U; i++) {
        uint32_t first = v[7] + (v[6] ^ (v[4] & (v[5] ^ v[6])));

        first += fm_sha256_root(&prime, true);
        if (i >= 16U) {
            words[i & 15U] = sha256_next(words, i);
        }
        first += words[i & 15U] + sha256_turn(v[4] ^ sha256_turn(v[4], 5U) ^ sha256_turn(v[4], 19U), 6U);
        v[3] += first;
        first += ((v[0] & v[1]) | (v[2] & (v[0] | v[1]))) +
                 sha256_turn(v[0] ^ sha256_turn(v[0], 11U) ^ sha256_turn(v[0], 20U), 2U);
        (void)memmove(&v[1], v, sizeof(sha->state));
        v[0] = first;
    }
    for (i = 0U; i < 8U; i++) {
        sha->state[i] += v[i];
    }
}

void fm_sha256_begin(fm_sha256_t *sha)
{
    uint32_t prime = 1U;
    uint32_t i;

    for (i = 0U; i < 8U; i++) {
        sha->state[i] = fm_sha256_root(&prime, false);
    }
    sha->bytes = 0U;
}

void fm_sha256_add(fm_sha256_t *sha, const uint8_t *bytes, uint32_t size)
{
    uint32_t i;

    for (i = 0U; i < size; i++) {
        uint32_t *word = &sha->words[(sha->bytes / 4U) % 16U];

        /* Big-endian: four bytes push out what was there. */
        *word = (*word << 8U) | bytes[i];
        sha->bytes++;
        if ((sha->bytes % BLOCK_BYTES) == 0U) {
            sha256_block(sha);
        }
    }
}

void fm_sha256_end(fm_sha256_t *sha, uint8_t *digest)
{
    uint32_t bits = sha->bytes << 3U;
    uint8_t pad = 0x80U;
    uint32_t i;

    do {
        fm_sha256_add(sha, &pad, 1U);
        pad = 0U;
    } while ((sha->bytes % BLOCK_BYTES) != LENGTH_AT);
    /* In bits; fewer than 2^32. */
    sha->words[14] = 0U;
    sha->words[15] = bits;
    sha256_block(sha);
    for (i = 0U; i < 8U; i++) {
        fm_put_be32(&digest[4U * i], sha->state[i]);
    }
}
