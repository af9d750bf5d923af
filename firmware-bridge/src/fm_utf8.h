/** Text of the protocol: UTF-8 (RFC 3629) without control characters (C0, DEL, C1) and without U+FEFF. */
#ifndef FM_UTF8_H
#define FM_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/** Whether `size` bytes are such text. */
bool fm_is_text(const uint8_t *bytes, uint32_t size);

#endif
