/** What encoding and decoding of rotated blocks share (assembly/CODECS.md, "Rotated blocks"). */
#include "fm_codec.h"
#include "fm_protocol.h"
#include "fm_random.h"

#define LEAST_BLOCK 32U

/* Values whose signs one block of the stream holds. */
#define SIGNS 128U

uint32_t fm_eden_span(uint32_t left)
{
    uint32_t span = FM_BLOCK_VALUES;

    while ((span > left) && (span > LEAST_BLOCK)) {
        span /= 2U;
    }
    return span;
}

bool fm_eden_minus(const fm_key_t *key, uint32_t at, uint32_t *words)
{
    uint32_t bit = at % SIGNS;

    /* A block's position is a multiple of 32: its signs may begin within a block of the stream. */
    if ((bit % 32U) == 0U) {
        fm_philox(words, key, FM_PURPOSE_ROTATION, at / SIGNS);
    }
    return ((words[bit / 32U] >> (bit % 32U)) & 1U) != 0U;
}

void fm_hadamard(float *values, uint32_t count)
{
    uint32_t h;
    uint32_t i;

    for (h = 1U; h < count; h *= 2U) {
        for (i = 0U; i < count; i++) {
            if ((i & h) == 0U) {
                float a = values[i];
                float b = values[i + h];

                values[i] = a + b;
                values[i + h] = a - b;
            }
        }
    }
}
