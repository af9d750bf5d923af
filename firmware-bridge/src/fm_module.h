/** What the parts of the unit for modules share. */
#ifndef FM_MODULE_H
#define FM_MODULE_H

#include <stdint.h>

#include "fedmote_module.h"

/** Verifies the signed manifest of `size` bytes that is in `text` behind FM_ENVELOPE_AT, and reads it. */
fm_reason_t fm_module_open(fm_module_t *module, uint32_t size);

/** Whether this device is to have the module of its manifest, before a byte of it has come. */
fm_reason_t fm_module_check(const fm_module_t *module);

/** Whether chunk `index` of a download is there. */
bool fm_module_has(const fm_module_t *module, uint32_t index);

/** Begins to verify an image. */
void fm_module_verify_begin(fm_module_t *module);

/** Reads on, 1 KiB at most. FM_AGAIN: there is more. FM_BAD_MODEL: it does not have its SHA-256. FM_CLOSED: it cannot be read. */
fm_result_t fm_module_verify(fm_module_t *module, fm_image_t image);

#endif
