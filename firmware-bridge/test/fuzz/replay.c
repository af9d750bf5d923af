/** Calls a harness with the bytes of each file that is named: `replay_... FILE...`. For compilers that have no libFuzzer. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

int main(int argc, char **argv)
{
    static uint8_t bytes[1U << 20U];

    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        size_t size;

        if (file == NULL) {
            fprintf(stderr, "%s: cannot be read\n", argv[i]);
            return 2;
        }
        size = fread(bytes, 1U, sizeof(bytes), file);
        (void)fclose(file);
        (void)LLVMFuzzerTestOneInput(bytes, size);
    }
    printf("%d replayed\n", argc - 1);
    return 0;
}
