/** What the fuzzing harnesses share. Each is one function that libFuzzer calls with any bytes; replay.c calls it with those of files. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Ends the program where something does not hold. */
void fuzz_check(bool good, const char *what);

/** A copy of the bytes that is exactly as long, so that a sanitizer sees what reads past it. To be freed. */
uint8_t *fuzz_copy(const uint8_t *bytes, size_t size);

/** Bytes that are used up from their front; 0 where there are none left. */
typedef struct {
    const uint8_t *bytes;
    size_t size;
} fuzz_input_t;

uint32_t fuzz_byte(fuzz_input_t *input);

/** Two bytes, little-endian. */
uint32_t fuzz_word(fuzz_input_t *input);

/** At most `most` bytes; `*size` says how many. They belong to the input. */
const uint8_t *fuzz_bytes(fuzz_input_t *input, uint32_t most, uint32_t *size);

#endif
