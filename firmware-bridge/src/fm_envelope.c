/** COSE_Sign1 (RFC 9052, section 4.2) with Ed25519, in the one form of src/wire/manifest.cddl. */
#include <string.h>

#include "fm_manifest.h"
#include "fm_protocol.h"
#include "fm_sha256.h"

/* An array of four; the protected headers, a byte string of 13, in which alg (1) is EdDSA (-8) and kid (4) has 8 bytes; no other headers. */
#define KEY_ID_AT 7U
#define KEY_ID_BYTES 8U
#define OTHERS_AT 15U
#define OTHERS 0xA0U
#define PAYLOAD_AT 16U

/* External data: none. */
#define NO_DATA 0x40U

/** Takes an envelope apart; whether it has the form. */
static bool envelope_split(const uint8_t *envelope, uint32_t size, fm_bytes_t *payload, fm_bytes_t *signature)
{
    static const uint8_t head[KEY_ID_AT] = { 0x84U, 0x4DU, 0xA2U, 0x01U, 0x27U, 0x04U, 0x48U };
    bool good = (size >= FM_LEAST_MANIFEST_ENVELOPE) && (size <= FM_ENVELOPE_BYTES) &&
                (memcmp(envelope, head, sizeof(head)) == 0) && (envelope[OTHERS_AT] == OTHERS);

    if (good) {
        fm_cbor_t cbor;

        fm_cbor_read(&cbor, envelope, size);
        cbor.out.at = PAYLOAD_AT;
        fm_cbor_contents(&cbor, payload, fm_cbor_head(&cbor, FM_CBOR_BYTES, 0U));
        fm_cbor_only(&cbor, FM_CBOR_BYTES, FM_SIGNATURE_BYTES);
        fm_cbor_contents(&cbor, signature, FM_SIGNATURE_BYTES);
        good = fm_cbor_end(&cbor) == FM_OK;
    }
    return good;
}

/** The trusted key whose SHA-256 begins with this id; NULL: there is none. */
static const uint8_t *envelope_key(const fm_module_options_t *options, const uint8_t *id)
{
    const uint8_t *found = NULL;
    uint32_t i;

    for (i = 0U; (found == NULL) && (i < options->keyCount); i++) {
        const uint8_t *key = &options->keys[FM_PUBLIC_KEY_BYTES * i];
        uint8_t digest[FM_SHA256_BYTES];
        fm_sha256_t sha;

        fm_sha256_begin(&sha);
        fm_sha256_add(&sha, key, FM_PUBLIC_KEY_BYTES);
        fm_sha256_end(&sha, digest);
        if (memcmp(digest, id, KEY_ID_BYTES) == 0) {
            found = key;
        }
    }
    return found;
}

fm_reason_t fm_envelope_open(const fm_module_options_t *options, uint8_t *text, uint32_t size, fm_bytes_t *payload)
{
    /* What is signed begins with it: an array of four, "Signature1". The last byte takes the place of the envelope's first. */
    static const uint8_t context[FM_ENVELOPE_AT + 1U] = { 0x84U, 0x6AU, 0x53U, 0x69U, 0x67U, 0x6EU,
                                                          0x61U, 0x74U, 0x75U, 0x72U, 0x65U, 0x31U };
    uint8_t *envelope = &text[FM_ENVELOPE_AT];
    fm_reason_t reason = FM_REASON_NONE;
    fm_bytes_t signature;

    if (!envelope_split(envelope, size, payload, &signature)) {
        reason = FM_REASON_ENVELOPE;
    } else {
        const uint8_t *key = envelope_key(options, &envelope[KEY_ID_AT]);
        uint32_t signedBytes = (FM_ENVELOPE_AT + size) - (FM_SIGNATURE_BYTES + fm_cbor_head_bytes(FM_SIGNATURE_BYTES));

        (void)memcpy(text, context, sizeof(context));
        envelope[OTHERS_AT] = NO_DATA;
        if (key == NULL) {
            reason = FM_REASON_UNKNOWN_KEY;
        } else if (!options->verify(options->context, key, text, signedBytes, signature.bytes)) {
            reason = FM_REASON_SIGNATURE;
        } else {
            /* Signed by one who is trusted. */
        }
    }
    return reason;
}
