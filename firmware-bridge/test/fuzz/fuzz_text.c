/** Any bytes as text and as a name: as a second, plainer reader of UTF-8 (RFC 3629) and a plain loop see them. */
#include <stdlib.h>
#include <string.h>

#include "fm_topic.h"
#include "fm_utf8.h"
#include "fuzz.h"

/** The code point at the front, whose bytes are counted in `*used`; UINT32_MAX: there is none. */
static uint32_t code_point(const uint8_t *bytes, uint32_t size, uint32_t *used)
{
    static const uint8_t masks[5] = { 0U, 0x7FU, 0x1FU, 0x0FU, 0x07U };
    static const uint8_t leads[5] = { 0U, 0x00U, 0xC0U, 0xE0U, 0xF0U };
    static const uint32_t least[5] = { 0U, 0U, 0x80U, 0x800U, 0x10000U };

    for (uint32_t length = 1U; length <= 4U; length++) {
        if ((bytes[0] & (uint8_t)~masks[length]) == leads[length]) {
            uint32_t code = bytes[0] & masks[length];

            for (uint32_t i = 1U; i < length; i++) {
                if ((i >= size) || ((bytes[i] & 0xC0U) != 0x80U)) {
                    return UINT32_MAX;
                }
                code = (code * 64U) + (bytes[i] & 0x3FU);
            }
            *used = length;
            return ((code < least[length]) || (code > 0x10FFFFU)) ? UINT32_MAX : code;
        }
    }
    return UINT32_MAX;
}

static bool is_text(const uint8_t *bytes, uint32_t size)
{
    for (uint32_t at = 0U; at < size;) {
        uint32_t used = 0U;
        uint32_t code = code_point(&bytes[at], size - at, &used);
        bool control = (code < 0x20U) || ((code >= 0x7FU) && (code < 0xA0U));
        bool surrogate = (code >= 0xD800U) && (code <= 0xDFFFU);

        if ((code == UINT32_MAX) || control || surrogate || (code == 0xFEFFU)) {
            return false;
        }
        at += used;
    }
    return true;
}

static uint32_t name_bytes(const char *name, uint32_t most)
{
    size_t size = strlen(name);

    return ((size <= most) && (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size)) ? (uint32_t)size : 0U;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = fuzz_copy(data, size);
    char *name = malloc(size + 1U);

    fuzz_check(fm_is_text(bytes, (uint32_t)size) == is_text(bytes, (uint32_t)size), "both readers see the same");
    if (size > 0U) {
        memcpy(name, data, size);
    }
    name[size] = '\0';
    fuzz_check(fm_name_bytes(name, 64U) == name_bytes(name, 64U), "both see the same name");
    free(name);
    free(bytes);
    return 0;
}
