#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_check(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

uint8_t *fuzz_copy(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size);

    fuzz_check((copy != NULL) || (size == 0U), "there is memory");
    if (size > 0U) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

uint32_t fuzz_byte(fuzz_input_t *input)
{
    uint32_t byte = 0U;

    if (input->size > 0U) {
        byte = input->bytes[0];
        input->bytes++;
        input->size--;
    }
    return byte;
}

uint32_t fuzz_word(fuzz_input_t *input)
{
    uint32_t low = fuzz_byte(input);

    return low | (fuzz_byte(input) << 8U);
}

const uint8_t *fuzz_bytes(fuzz_input_t *input, uint32_t most, uint32_t *size)
{
    const uint8_t *bytes = input->bytes;

    *size = (most < input->size) ? most : (uint32_t)input->size;
    input->bytes = &input->bytes[*size];
    input->size -= *size;
    return bytes;
}
