/**
 * Signed manifests of modules (src/wire/manifest.cddl): an untagged COSE_Sign1 (RFC 9052, section 4.2) in one form, and
 * the map in it.
 */
#ifndef FM_MANIFEST_H
#define FM_MANIFEST_H

#include <stdint.h>

#include "fedmote_module.h"
#include "fm_cbor.h"

/** Where an envelope is to be in a text that becomes what is signed. */
#define FM_ENVELOPE_AT 11U

/** A number of an entry, within its bounds. */
uint32_t fm_manifest_number(fm_cbor_t *cbor, uint32_t key, uint32_t least, uint32_t most);

/** Reads a manifest: FM_OK, or FM_BAD_MESSAGE. To be called with bytes whose signature is good, and with no others. */
fm_result_t fm_manifest_read(fm_manifest_t *manifest, fm_bytes_t payload);

/**
 * The payload of the envelope of `size` bytes that is in `text` from FM_ENVELOPE_AT on, if one of the trusted keys has
 * signed it. Makes of `text` what is signed: the Sig_structure (RFC 9052, section 4.4). Nothing of the payload is parsed.
 */
fm_reason_t fm_envelope_open(const fm_module_options_t *options, uint8_t *text, uint32_t size, fm_bytes_t *payload);

#endif
