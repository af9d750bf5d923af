/** Reproducible random numbers: Philox4x32-10, counter-based, the same on every runtime (assembly/README.md, "Random streams"). */
#ifndef FM_RANDOM_H
#define FM_RANDOM_H

#include <stdint.h>

#include "fedmote.h"

/** Writes block `index` of the stream that key and purpose (FM_PURPOSE_...) name: four words. */
void fm_philox(uint32_t *words, const fm_key_t *key, uint32_t purpose, uint32_t index);

/** Word `index` of the stream. */
uint32_t fm_random_word(const fm_key_t *key, uint32_t purpose, uint32_t index);

#endif
