/**
 * Any bytes as what a fleet says of modules, to a device that takes every signature: manifests, chunks and messages in any order, restarts among them.
 * Nothing is written outside of the room that there is, and nothing is installed that does not have the SHA-256 of its manifest.
 */
#include <stdlib.h>
#include <string.h>

#include "fm_manifest.h"
#include "fm_sha256.h"
#include "fuzz.h"

#define ROOM 2048U

/** Storage in memory: the active image, the one before it, the download. */
typedef struct {
    uint8_t bytes[3][ROOM];
    uint8_t envelopes[3][FM_ENVELOPE_BYTES];
    uint32_t sizes[3];
    bool has[64];
    uint32_t highest;
    /** What the download is to have. */
    fm_manifest_t manifest;
    uint8_t digest[FM_DIGEST_BYTES];
} shelf_t;

static uint32_t shelf_highest(void *context)
{
    const shelf_t *shelf = context;

    return shelf->highest;
}

static uint32_t shelf_load(void *context, fm_image_t image, uint8_t *envelope)
{
    const shelf_t *shelf = context;

    memcpy(envelope, shelf->envelopes[image], shelf->sizes[image]);
    return shelf->sizes[image];
}

static bool shelf_has(void *context, uint32_t index)
{
    const shelf_t *shelf = context;

    fuzz_check(index < 64U, "no more chunks than are counted");
    return shelf->has[index];
}

static fm_result_t shelf_start(void *context, const fm_manifest_t *manifest, fm_bytes_t envelope)
{
    shelf_t *shelf = context;

    fuzz_check(manifest->sizeBytes <= ROOM, "there is room");
    fuzz_check(manifest->sequence > shelf->highest, "a new sequence");
    memcpy(shelf->envelopes[FM_IMAGE_LOADING], envelope.bytes, envelope.size);
    shelf->sizes[FM_IMAGE_LOADING] = envelope.size;
    shelf->sizes[FM_IMAGE_PREVIOUS] = 0U;
    shelf->manifest = *manifest;
    memcpy(shelf->digest, manifest->digest, sizeof(shelf->digest));
    memset(shelf->has, 0, sizeof(shelf->has));
    return FM_OK;
}

static fm_result_t shelf_write(void *context, uint32_t index, uint32_t offset, fm_bytes_t bytes)
{
    shelf_t *shelf = context;

    fuzz_check((index < 64U) && !shelf->has[index], "each chunk once");
    fuzz_check((offset + bytes.size <= shelf->manifest.sizeBytes) && (offset == index * shelf->manifest.chunkBytes), "in its place");
    memcpy(&shelf->bytes[FM_IMAGE_LOADING][offset], bytes.bytes, bytes.size);
    shelf->has[index] = true;
    return FM_OK;
}

static fm_result_t shelf_read(void *context, fm_image_t image, uint32_t offset, uint8_t *bytes, uint32_t size)
{
    const shelf_t *shelf = context;

    if (offset + size > ROOM) {
        return FM_NO_SPACE;
    }
    memcpy(bytes, &shelf->bytes[image][offset], size);
    return FM_OK;
}

static fm_result_t shelf_finish(void *context)
{
    (void)context;
    return FM_OK;
}

static fm_result_t shelf_install(void *context, uint32_t sequence)
{
    shelf_t *shelf = context;
    uint8_t digest[FM_SHA256_BYTES];
    fm_sha256_t sha;

    fm_sha256_begin(&sha);
    fm_sha256_add(&sha, shelf->bytes[FM_IMAGE_LOADING], shelf->manifest.sizeBytes);
    fm_sha256_end(&sha, digest);
    fuzz_check(memcmp(digest, shelf->digest, sizeof(digest)) == 0, "what is installed is what was signed");
    for (uint32_t i = 0U; i < 2U; i++) {
        uint32_t from = (i == 0U) ? FM_IMAGE_ACTIVE : FM_IMAGE_LOADING;
        uint32_t to = (i == 0U) ? FM_IMAGE_PREVIOUS : FM_IMAGE_ACTIVE;

        memcpy(shelf->bytes[to], shelf->bytes[from], ROOM);
        memcpy(shelf->envelopes[to], shelf->envelopes[from], FM_ENVELOPE_BYTES);
        shelf->sizes[to] = shelf->sizes[from];
    }
    shelf->sizes[FM_IMAGE_LOADING] = 0U;
    shelf->highest = sequence;
    return FM_OK;
}

static fm_result_t shelf_revert(void *context)
{
    shelf_t *shelf = context;

    memcpy(shelf->bytes[FM_IMAGE_ACTIVE], shelf->bytes[FM_IMAGE_PREVIOUS], ROOM);
    memcpy(shelf->envelopes[FM_IMAGE_ACTIVE], shelf->envelopes[FM_IMAGE_PREVIOUS], FM_ENVELOPE_BYTES);
    shelf->sizes[FM_IMAGE_ACTIVE] = shelf->sizes[FM_IMAGE_PREVIOUS];
    shelf->sizes[FM_IMAGE_PREVIOUS] = 0U;
    return FM_OK;
}

static fm_result_t shelf_erase(void *context)
{
    shelf_t *shelf = context;

    shelf->sizes[FM_IMAGE_LOADING] = 0U;
    return FM_OK;
}

static bool any_signature(void *context, const uint8_t *key, const uint8_t *message, uint32_t size, const uint8_t *signature)
{
    uint32_t sum = key[0];

    (void)context;
    for (uint32_t i = 0U; i < size; i++) {
        sum += message[i];
    }
    for (uint32_t i = 0U; i < FM_SIGNATURE_BYTES; i++) {
        sum += signature[i];
    }
    /* All of it can be read; hardly any signature is wrong. */
    return (sum % 64U) != 63U;
}

static void run(void *context, const fm_manifest_t *manifest)
{
    (void)context;
    fuzz_check((manifest == NULL) || (manifest->sizeBytes <= ROOM), "it has a size");
}

/** Something comes. */
static void hear(fm_module_t *module, fuzz_input_t *input, uint32_t kind)
{
    uint32_t index = fuzz_word(input);
    uint32_t size;
    const uint8_t *view = fuzz_bytes(input, fuzz_word(input), &size);
    uint8_t *copy = fuzz_copy(view, size);
    const fm_bytes_t bytes = { copy, size };

    if (kind == 1U) {
        fm_module_on_manifest(module, bytes);
    } else if (kind == 2U) {
        fm_module_on_chunk(module, index, bytes);
    } else {
        uint32_t topicSize;
        const uint8_t *topic = fuzz_bytes(input, index, &topicSize);

        (void)fm_module_on_message(module, (fm_bytes_t){ topic, topicSize }, bytes);
    }
    free(copy);
}

static void act(fm_module_t *module, const fm_module_options_t *options, fuzz_input_t *input)
{
    char topic[FM_MODULE_TOPIC_BYTES];
    uint32_t kind = fuzz_byte(input) % 7U;

    if (kind == 0U) {
        fm_module_want(module, fuzz_word(input));
    } else if (kind <= 3U) {
        hear(module, input, kind);
    } else if (kind == 4U) {
        (void)fm_module_poll(module);
    } else if (kind == 5U) {
        (void)fm_module_revert(module);
    } else {
        fuzz_check(fm_module_begin(module, options) == FM_OK, "it begins");
    }
    fuzz_check(module->missing <= module->chunkCount, "no more is missing than there is");
    fuzz_check(fm_module_topic(module, topic) == (topic[0] != '\0'), "a topic, or none");
    fuzz_check(fm_reason_code(module->reason) != NULL, "a reason");
}

/** A manifest alone: what is taken lies inside of it. */
static void read(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    fm_manifest_t manifest;

    if (fm_manifest_read(&manifest, (fm_bytes_t){ copy, (uint32_t)size }) == FM_OK) {
        fuzz_check((manifest.slot.bytes >= copy) && (&manifest.slot.bytes[manifest.slot.size] <= &copy[size]), "its slot is inside");
        fuzz_check((manifest.selfTest >= copy) && (&manifest.selfTest[FM_DIGEST_BYTES] <= &copy[size]), "its digests are inside");
        fuzz_check((manifest.tagCount <= FM_MODULE_TAGS) && (manifest.chunkBytes > 0U), "its numbers are in their bounds");
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const tags[] = { "north", NULL };
    static shelf_t shelf;
    static const fm_store_t store = { &shelf,      ROOM,       shelf_highest, shelf_load,    shelf_has,    shelf_start,
                                      shelf_write, shelf_read, shelf_finish,  shelf_install, shelf_revert, shelf_erase };
    static uint8_t chunks[8];
    uint8_t keys[2U * FM_PUBLIC_KEY_BYTES];
    fuzz_input_t input = { data, size };
    fm_module_options_t options = { "motes", "train", tags,   keys,          2U,   1U,  0U, 1U << 16U,
                                    chunks,  sizeof(chunks), 0U, &store, any_signature, NULL, run, NULL };
    fm_module_t module;

    read(data, size);
    memset(&shelf, 0, sizeof(shelf));
    memset(keys, 0, sizeof(keys));
    for (uint32_t i = 0U; i < FM_PUBLIC_KEY_BYTES; i++) {
        keys[i] = (uint8_t)fuzz_byte(&input);
    }
    fuzz_check(fm_module_begin(&module, &options) == FM_OK, "it begins");
    while (input.size > 0U) {
        act(&module, &options, &input);
    }
    return 0;
}
