/** What a manifest and a module are held to: the order is that of every Fedmote device (src/device/flash). */
#include <string.h>

#include "fm_manifest.h"
#include "fm_module.h"
#include "fm_sha256.h"

/* Bytes that are verified at once, and that are read at once. */
#define STRIDE 1024U
#define PIECE 64U

fm_reason_t fm_module_open(fm_module_t *module, uint32_t size)
{
    fm_bytes_t payload;
    fm_reason_t reason = fm_envelope_open(module->options, module->text, size, &payload);

    if ((reason == FM_REASON_NONE) && (fm_manifest_read(&module->manifest, payload) != FM_OK)) {
        reason = FM_REASON_MANIFEST;
    }
    return reason;
}

static bool check_same(const fm_bytes_t *name, const char *text)
{
    uint32_t i = 0U;

    while ((i < name->size) && (name->bytes[i] == (uint8_t)text[i])) {
        i++;
    }
    return (i == name->size) && (text[i] == '\0');
}

/** Whether one of the device's tags is this one. */
static bool check_tag(const char *const *tags, const fm_bytes_t *tag)
{
    bool found = false;
    uint32_t i;

    for (i = 0U; (tags != NULL) && (!found) && (tags[i] != NULL); i++) {
        found = check_same(tag, tags[i]);
    }
    return found;
}

/** Whether a module is for this device: a module without tags is for all. */
static bool check_target(const fm_module_options_t *options, const fm_manifest_t *manifest)
{
    bool found = manifest->tagCount == 0U;
    uint32_t i;

    for (i = 0U; (!found) && (i < manifest->tagCount); i++) {
        found = check_tag(options->tags, &manifest->tags[i]);
    }
    return found;
}

/** Whether a module is taken no more; without a clock all are. */
static bool check_expired(const fm_module_options_t *options, uint32_t expires)
{
    bool expired = false;

    if ((options->now != NULL) && (expires != 0U)) {
        expired = options->now(options->context) >= expires;
    }
    return expired;
}

/** Whether the device has what a module takes. */
static fm_reason_t check_room(const fm_module_options_t *options, const fm_manifest_t *manifest)
{
    uint32_t chunks = (manifest->sizeBytes + (manifest->chunkBytes - 1U)) / manifest->chunkBytes;
    uint32_t largest = (chunks == 1U) ? manifest->sizeBytes : manifest->chunkBytes;
    fm_reason_t reason = FM_REASON_NONE;

    if (manifest->memoryKiB > options->memoryKiB) {
        reason = FM_REASON_MEMORY;
    } else if (manifest->sizeBytes > options->store->roomBytes) {
        reason = FM_REASON_SPACE;
    } else if (((chunks + 7U) / 8U) > options->chunksBytes) {
        reason = FM_REASON_COUNT;
    } else if ((options->chunkBytes != 0U) && (largest > options->chunkBytes)) {
        reason = FM_REASON_CHUNK;
    } else {
        /* It has. */
    }
    return reason;
}

fm_reason_t fm_module_check(const fm_module_t *module)
{
    const fm_module_options_t *options = module->options;
    const fm_manifest_t *manifest = &module->manifest;
    const fm_store_t *store = options->store;
    fm_reason_t reason;

    if (!check_same(&manifest->slot, options->slot)) {
        reason = FM_REASON_SLOT;
    } else if (!check_target(options, manifest)) {
        reason = FM_REASON_TARGET;
    } else if (manifest->abi != options->abi) {
        reason = FM_REASON_ABI;
    } else if (manifest->features > options->features) {
        reason = FM_REASON_FEATURES;
    } else if (check_expired(options, manifest->expires)) {
        reason = FM_REASON_EXPIRED;
    } else if ((manifest->sequence != module->sequence) || (manifest->sequence <= store->highest(store->context))) {
        reason = FM_REASON_SEQUENCE;
    } else {
        reason = check_room(options, manifest);
    }
    return reason;
}

void fm_module_verify_begin(fm_module_t *module)
{
    module->verifiedBytes = 0U;
    fm_sha256_begin(&module->sha);
}

static fm_result_t check_digest(fm_module_t *module)
{
    uint8_t digest[FM_SHA256_BYTES];

    fm_sha256_end(&module->sha, digest);
    return (memcmp(digest, module->manifest.digest, sizeof(digest)) == 0) ? FM_OK : FM_BAD_MODEL;
}

/** Takes the next `size` bytes of an image into its digest; whether they could be read. */
static bool check_add(fm_module_t *module, fm_image_t image, uint32_t size)
{
    const fm_store_t *store = module->options->store;
    uint8_t piece[PIECE];
    uint32_t left = size;
    bool good = true;

    while (good && (left > 0U)) {
        uint32_t part = (left < PIECE) ? left : PIECE;

        good = store->read(store->context, image, module->verifiedBytes, piece, part) == FM_OK;
        fm_sha256_add(&module->sha, piece, good ? part : 0U);
        module->verifiedBytes += part;
        left -= part;
    }
    return good;
}

fm_result_t fm_module_verify(fm_module_t *module, fm_image_t image)
{
    uint32_t left = module->manifest.sizeBytes - module->verifiedBytes;
    uint32_t stride = (left < STRIDE) ? left : STRIDE;
    fm_result_t result = FM_CLOSED;

    if (check_add(module, image, stride)) {
        result = (stride == left) ? check_digest(module) : FM_AGAIN;
    }
    return result;
}
