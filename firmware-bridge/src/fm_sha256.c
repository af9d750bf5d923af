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
    static const uint32_t constants[64] = {
        0x428A2F98U, 0x71374491U, 0xB5C0FBCFU, 0xE9B5DBA5U, 0x3956C25BU, 0x59F111F1U, 0x923F82A4U, 0xAB1C5ED5U,
        0xD807AA98U, 0x12835B01U, 0x243185BEU, 0x550C7DC3U, 0x72BE5D74U, 0x80DEB1FEU, 0x9BDC06A7U, 0xC19BF174U,
        0xE49B69C1U, 0xEFBE4786U, 0x0FC19DC6U, 0x240CA1CCU, 0x2DE92C6FU, 0x4A7484AAU, 0x5CB0A9DCU, 0x76F988DAU,
        0x983E5152U, 0xA831C66DU, 0xB00327C8U, 0xBF597FC7U, 0xC6E00BF3U, 0xD5A79147U, 0x06CA6351U, 0x14292967U,
        0x27B70A85U, 0x2E1B2138U, 0x4D2C6DFCU, 0x53380D13U, 0x650A7354U, 0x766A0ABBU, 0x81C2C92EU, 0x92722C85U,
        0xA2BFE8A1U, 0xA81A664BU, 0xC24B8B70U, 0xC76C51A3U, 0xD192E819U, 0xD6990624U, 0xF40E3585U, 0x106AA070U,
        0x19A4C116U, 0x1E376C08U, 0x2748774CU, 0x34B0BCB5U, 0x391C0CB3U, 0x4ED8AA4AU, 0x5B9CCA4FU, 0x682E6FF3U,
        0x748F82EEU, 0x78A5636FU, 0x84C87814U, 0x8CC70208U, 0x90BEFFFAU, 0xA4506CEBU, 0xBEF9A3F7U, 0xC67178F2U
    };
    uint32_t *words = sha->words;
    /* a to h of the standard, and one more to move into. */
    uint32_t v[9];
    uint32_t i;

    (void)memcpy(v, sha->state, sizeof(sha->state));
    for (i = 0U; i < 64U; i++) {
        uint32_t first = v[7] + constants[i] + (v[6] ^ (v[4] & (v[5] ^ v[6])));

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
    static const uint32_t first[8] = { 0x6A09E667U, 0xBB67AE85U, 0x3C6EF372U, 0xA54FF53AU,
                                       0x510E527FU, 0x9B05688CU, 0x1F83D9ABU, 0x5BE0CD19U };

    (void)memcpy(sha->state, first, sizeof(first));
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
