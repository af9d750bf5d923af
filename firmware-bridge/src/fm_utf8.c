#include "fm_utf8.h"

/** Whether a code point is not below `least`, exists, and may be printed. */
static bool utf8_printable(uint32_t code, uint32_t least)
{
    /* Delete, surrogates, and the byte order mark may not. */
    return (code >= least) && (code <= 0x10FFFFU) && (code != 0x7FU) && ((code >> 11U) != 0x1BU) && (code != 0xFEFFU);
}

bool fm_is_text(const uint8_t *bytes, uint32_t size)
{
    uint32_t at = 0U;
    bool good = true;

    while (good && (at < size)) {
        uint32_t code = bytes[at];
        /* The least code point of so many bytes; below are control characters or overlong forms. */
        uint32_t least = 0x20U;
        uint32_t more = 0U;

        if (code >= 0xF0U) {
            code -= 0xF0U;
            least = 0x10000U;
            more = 3U;
        } else if (code >= 0xE0U) {
            code -= 0xE0U;
            least = 0x800U;
            more = 2U;
        } else if (code >= 0xC0U) {
            code -= 0xC0U;
            least = 0xA0U;
            more = 1U;
        } else {
            /* What follows a lead byte is none: of one byte there are 128 code points. */
            good = code < 0x80U;
        }
        at++;
        while (more > 0U) {
            uint32_t next = (at < size) ? bytes[at] : 0U;

            good = good && ((next >> 6U) == 2U);
            code = (code << 6U) | (next & 0x3FU);
            at++;
            more--;
        }
        good = good && utf8_printable(code, least);
    }
    return good;
}
