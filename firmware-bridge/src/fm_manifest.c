/** The manifest of a module (src/wire/manifest.cddl). */
#include "fm_manifest.h"

#include <string.h>

#include "fm_protocol.h"

uint32_t fm_manifest_number(fm_cbor_t *cbor, uint32_t key, uint32_t least, uint32_t most)
{
    uint32_t number;

    fm_cbor_key(cbor, key);
    number = fm_cbor_head(cbor, FM_CBOR_UNSIGNED, 0U);
    fm_cbor_most(cbor, number - least, most - least);
    return number;
}

static bool manifest_letter(uint8_t c)
{
    return ((c >= 0x61U) && (c <= 0x7AU)) || ((c >= 0x30U) && (c <= 0x39U)) || (c == 0x2DU);
}

/** 1 to 32 of a-z, 0-9 and "-". */
static void manifest_name(fm_cbor_t *cbor, fm_bytes_t *name)
{
    uint32_t size = fm_cbor_head(cbor, FM_CBOR_TEXT, 0U);
    uint32_t i;

    fm_cbor_most(cbor, size - 1U, FM_MOST_SLOT_NAME - 1U);
    fm_cbor_contents(cbor, name, size);
    for (i = 0U; i < name->size; i++) {
        if (!manifest_letter(name->bytes[i])) {
            cbor->failed = true;
        }
    }
}

static void manifest_tags(fm_cbor_t *cbor, fm_manifest_t *manifest)
{
    uint32_t count;
    uint32_t i;

    fm_cbor_key(cbor, FM_KEY_MANIFEST_TAGS);
    count = fm_cbor_head(cbor, FM_CBOR_ARRAY, 0U);
    fm_cbor_most(cbor, count, FM_MODULE_TAGS);
    for (i = 0U; (!cbor->failed) && (i < count); i++) {
        manifest_name(cbor, &manifest->tags[i]);
    }
    manifest->tagCount = count;
}

static const uint8_t *manifest_digest(fm_cbor_t *cbor, uint32_t key)
{
    fm_bytes_t digest;

    fm_cbor_key(cbor, key);
    fm_cbor_only(cbor, FM_CBOR_BYTES, FM_DIGEST_BYTES);
    fm_cbor_contents(cbor, &digest, FM_DIGEST_BYTES);
    return digest.bytes;
}

fm_result_t fm_manifest_read(fm_manifest_t *manifest, fm_bytes_t payload)
{
    fm_cbor_t cbor;

    (void)memset(manifest, 0, sizeof(*manifest));
    fm_cbor_read(&cbor, payload.bytes, payload.size);
    fm_cbor_open(&cbor);
    (void)fm_manifest_number(&cbor, FM_KEY_VERSION, FM_PROTOCOL, FM_PROTOCOL);
    manifest->sequence = fm_manifest_number(&cbor, FM_KEY_MANIFEST_SEQUENCE, FM_LEAST_MANIFEST_SEQUENCE, UINT32_MAX);
    fm_cbor_key(&cbor, FM_KEY_MANIFEST_SLOT);
    manifest_name(&cbor, &manifest->slot);
    manifest_tags(&cbor, manifest);
    manifest->abi =
        fm_manifest_number(&cbor, FM_KEY_MANIFEST_ABI, FM_LEAST_MANIFEST_ABI, FM_MOST_MANIFEST_ABI);
    manifest->features = fm_manifest_number(&cbor, FM_KEY_MANIFEST_FEATURES, 0U, FM_MODULE_FEATURES_SIMD);
    manifest->memoryKiB = fm_manifest_number(&cbor, FM_KEY_MANIFEST_MEMORY_KIB, FM_LEAST_MANIFEST_MEMORY_KIB,
                                             FM_MOST_MANIFEST_MEMORY_KIB);
    manifest->sizeBytes = fm_manifest_number(&cbor, FM_KEY_MANIFEST_SIZE_BYTES, FM_LEAST_MANIFEST_MODULE_BYTES,
                                             FM_MOST_MANIFEST_MODULE_BYTES);
    manifest->digest = manifest_digest(&cbor, FM_KEY_MANIFEST_DIGEST);
    manifest->chunkBytes = fm_manifest_number(&cbor, FM_KEY_MANIFEST_CHUNK_BYTES, FM_LEAST_MANIFEST_CHUNK_BYTES,
                                              FM_MOST_MANIFEST_CHUNK_BYTES);
    manifest->selfTest = manifest_digest(&cbor, FM_KEY_MANIFEST_SELF_TEST);
    if (fm_cbor_has(&cbor, FM_KEY_MANIFEST_EXPIRES, 0U) != 0U) {
        manifest->expires =
            fm_manifest_number(&cbor, FM_KEY_MANIFEST_EXPIRES, FM_LEAST_MANIFEST_EXPIRY, UINT32_MAX);
    }
    fm_cbor_close(&cbor);
    return fm_cbor_end(&cbor);
}
