#include "fm_utf8.h"

/** Bytes that follow a lead byte; 4 for what is no lead byte of more than one. */
static uint32_t fm_utf8_followers(uint8_t lead)
{
    uint32_t more = 4U;

    if ((lead >= 0xC2U) && (lead < 0xE0U)) {
        more = 1U;
    } else if ((lead >= 0xE0U) && (lead < 0xF0U)) {
        more = 2U;
    } else if ((lead >= 0xF0U) && (lead < 0xF5U)) {
        more = 3U;
    } else if (lead < 0x80U) {
        more = 0U;
    } else {
        /* No lead byte. */
    }
    return more;
}

/** Whether a code point that `more` bytes follow its lead is in shortest form, exists, and may be printed. */
static bool fm_utf8_printable(uint32_t code, uint32_t more)
{
    /* The least code points of 1, 2, 3 and 4 bytes; below are control characters or overlong forms. */
    static const uint32_t least[4] = { 0x20U, 0xA0U, 0x800U, 0x10000U };

    return (code >= least[more]) && (code <= 0x10FFFFU) && (code != 0x7FU) && (code != 0xFEFFU) &&
           ((code < 0xD800U) || (code > 0xDFFFU));
}

bool fm_is_text(const uint8_t *bytes, uint32_t size)
{
    uint32_t at = 0U;
    bool good = true;

    while (good && (at < size)) {
        uint8_t lead = bytes[at];
        uint32_t more = fm_utf8_followers(lead);
        uint32_t code = (more == 0U) ? lead : ((uint32_t)lead & (0x3FU >> more));
        uint32_t i;

        at++;
        good = more <= 3U;
        good = good && ((size - at) >= more);
        for (i = 0U; good && (i < more); i++) {
            uint8_t next = bytes[at + i];

            good = (next & 0xC0U) == 0x80U;
            code = (code << 6U) | ((uint32_t)next & 0x3FU);
        }
        good = good && fm_utf8_printable(code, more);
        at += more;
    }
    return good;
}
