/** SHA-256 (FIPS 180-4), in pieces of any size. */
#ifndef FM_SHA256_H
#define FM_SHA256_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"

#define FM_SHA256_BYTES 32U

void fm_sha256_begin(fm_sha256_t *sha);

/** Up to 2^29 - 1 bytes in all. */
void fm_sha256_add(fm_sha256_t *sha, const uint8_t *bytes, uint32_t size);

/** Writes the digest, 32 bytes; begin anew afterwards. */
void fm_sha256_end(fm_sha256_t *sha, uint8_t *digest);

/**
 * The first 32 bits behind the point of the next prime's square or cube root: the constants of the standard (sections 4.2.2 and 5.3.3). `*at` is 1 before the
 * first one, and says from then on which one it was. A table; port/cortex-m/roots.c may be linked in its place.
 */
uint32_t fm_sha256_root(uint32_t *at, bool cube);

#endif
