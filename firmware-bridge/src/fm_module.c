/** Modules over the air: from the manifest to the module that runs. */
#include "fm_module.h"

#include <string.h>

#include "fm_manifest.h"
#include "fm_protocol.h"
#include "fm_topic.h"

/** Ends what is under way. The storage is told to forget a download; where that fails, the next start does. */
static void module_end(fm_module_t *module, fm_module_state_t state, fm_reason_t reason)
{
    const fm_store_t *store = module->options->store;

    if ((module->state == FM_MODULE_LOADING) || (module->state == FM_MODULE_VERIFYING)) {
        (void)store->erase(store->context);
    }
    module->state = state;
    module->reason = reason;
}

static void module_refuse(fm_module_t *module, fm_reason_t reason)
{
    module_end(module, FM_MODULE_REFUSED, reason);
}

/** Where what is there says how the download goes on. */
static void module_go_on(fm_module_t *module)
{
    const fm_store_t *store = module->options->store;

    module->state = FM_MODULE_LOADING;
    if (module->missing > 0U) {
        /* There are chunks to come. */
    } else if (store->finish(store->context) == FM_OK) {
        module->state = FM_MODULE_VERIFYING;
        fm_module_verify_begin(module);
    } else {
        module_refuse(module, FM_REASON_STORAGE);
    }
}

/** Counts the chunks of a download that are there: none of a new one. */
static void module_count(fm_module_t *module, bool resumed)
{
    const fm_module_options_t *options = module->options;
    const fm_manifest_t *manifest = &module->manifest;
    uint32_t i;

    module->chunkCount = (manifest->sizeBytes + (manifest->chunkBytes - 1U)) / manifest->chunkBytes;
    module->missing = module->chunkCount;
    (void)memset(options->chunks, 0, options->chunksBytes);
    for (i = 0U; resumed && (i < module->chunkCount); i++) {
        if (options->store->has(options->store->context, i)) {
            options->chunks[i / 8U] |= (uint8_t)(1U << (i % 8U));
            module->missing--;
        }
    }
}

/* ---- the start ---- */

/** Whether an image is there, signed, whole. Its manifest is then in `module->manifest`. */
static bool module_whole(fm_module_t *module, fm_image_t image)
{
    const fm_store_t *store = module->options->store;
    uint32_t size = store->load(store->context, image, &module->text[FM_ENVELOPE_AT]);
    bool whole = (size > 0U) && (fm_module_open(module, size) == FM_REASON_NONE);

    if (whole) {
        fm_result_t result = FM_AGAIN;

        fm_module_verify_begin(module);
        while (result == FM_AGAIN) {
            result = fm_module_verify(module, image);
        }
        whole = result == FM_OK;
    }
    return whole;
}

/** Has a module run: the one in `module->manifest`, or none. */
static void module_run(fm_module_t *module, bool some)
{
    const fm_module_options_t *options = module->options;

    module->active = some ? module->manifest.sequence : 0U;
    options->run(options->context, some ? &module->manifest : NULL);
}

/** Makes the previous image active, if it is whole; otherwise none is. */
static fm_result_t module_go_back(fm_module_t *module)
{
    const fm_store_t *store = module->options->store;
    bool whole = module_whole(module, FM_IMAGE_PREVIOUS);
    fm_result_t result = store->revert(store->context);

    module_run(module, whole && (result == FM_OK));
    return result;
}

static void module_resume(fm_module_t *module)
{
    const fm_store_t *store = module->options->store;
    uint32_t size = store->load(store->context, FM_IMAGE_LOADING, &module->text[FM_ENVELOPE_AT]);

    if (size > 0U) {
        fm_reason_t reason = fm_module_open(module, size);

        if (reason == FM_REASON_NONE) {
            module->sequence = module->manifest.sequence;
            reason = fm_module_check(module);
        }
        if (reason == FM_REASON_NONE) {
            module_count(module, true);
            module_go_on(module);
        } else {
            /* Left behind where the power failed, or no longer taken. */
            (void)store->erase(store->context);
        }
    }
}

static bool module_complete(const fm_module_options_t *options)
{
    return (fm_name_bytes(options->fleet, FM_MOST_FLEET_NAME) > 0U) &&
           (fm_name_bytes(options->slot, FM_MOST_SLOT_NAME) > 0U) && (options->store != NULL) &&
           (options->verify != NULL) && (options->run != NULL) && (options->chunks != NULL);
}

fm_result_t fm_module_begin(fm_module_t *module, const fm_module_options_t *options)
{
    fm_result_t result = FM_BAD_ARGUMENT;

    (void)memset(module, 0, sizeof(*module));
    module->options = options;
    if (module_complete(options)) {
        result = FM_OK;
        if (module_whole(module, FM_IMAGE_ACTIVE)) {
            module_run(module, true);
        } else if (options->store->load(options->store->context, FM_IMAGE_ACTIVE, &module->text[FM_ENVELOPE_AT]) > 0U) {
            result = module_go_back(module);
        } else {
            module_run(module, false);
        }
        module_resume(module);
    }
    return result;
}

/* ---- a download ---- */

void fm_module_want(fm_module_t *module, uint32_t sequence)
{
    const fm_store_t *store = module->options->store;
    bool underWay = (module->state >= FM_MODULE_WANTED) && (module->state <= FM_MODULE_VERIFYING);

    if ((!underWay) || (module->sequence != sequence)) {
        module_end(module, FM_MODULE_WANTED, FM_REASON_NONE);
        module->sequence = sequence;
        if (sequence == module->active) {
            module->state = FM_MODULE_INSTALLED;
        } else if (sequence <= store->highest(store->context)) {
            module_refuse(module, FM_REASON_SEQUENCE);
        } else {
            /* Its manifest is to come. */
        }
    }
}

void fm_module_on_manifest(fm_module_t *module, fm_bytes_t envelope)
{
    if (module->state == FM_MODULE_WANTED) {
        const fm_store_t *store = module->options->store;
        fm_reason_t reason = FM_REASON_ENVELOPE;

        if (envelope.size <= FM_ENVELOPE_BYTES) {
            (void)memcpy(&module->text[FM_ENVELOPE_AT], envelope.bytes, envelope.size);
            reason = fm_module_open(module, envelope.size);
        }
        if (reason == FM_REASON_NONE) {
            reason = fm_module_check(module);
        }
        if (reason == FM_REASON_NONE) {
            module->state = FM_MODULE_LOADING;
            if (store->start(store->context, &module->manifest, envelope) == FM_OK) {
                module_count(module, false);
            } else {
                reason = FM_REASON_STORAGE;
            }
        }
        if (reason != FM_REASON_NONE) {
            module_refuse(module, reason);
        }
    }
}

/** Reads the message of a chunk (src/wire/protocol.cddl): whether it is the one that belongs here. */
static fm_reason_t module_read(const fm_module_t *module, uint32_t index, fm_bytes_t message, fm_bytes_t *payload)
{
    const fm_manifest_t *manifest = &module->manifest;
    uint32_t left = manifest->sizeBytes - (index * manifest->chunkBytes);
    uint32_t expected = (left < manifest->chunkBytes) ? left : manifest->chunkBytes;
    fm_reason_t reason = FM_REASON_NONE;
    uint32_t count;
    fm_cbor_t cbor;

    fm_cbor_read(&cbor, message.bytes, message.size);
    fm_cbor_open(&cbor);
    (void)fm_manifest_number(&cbor, FM_KEY_VERSION, FM_PROTOCOL, FM_PROTOCOL);
    (void)fm_manifest_number(&cbor, FM_KEY_TYPE, FM_TYPE_MODULE, FM_TYPE_MODULE);
    (void)fm_manifest_number(&cbor, FM_KEY_MODULE_SEQUENCE, module->sequence, module->sequence);
    (void)fm_manifest_number(&cbor, FM_KEY_MODULE_INDEX, index, index);
    count = fm_manifest_number(&cbor, FM_KEY_MODULE_COUNT, index + 1U, FM_MOST_CHUNK_COUNT);
    fm_cbor_key(&cbor, FM_KEY_PAYLOAD);
    fm_cbor_only(&cbor, FM_CBOR_BYTES, expected);
    fm_cbor_contents(&cbor, payload, expected);
    fm_cbor_close(&cbor);
    if (fm_cbor_end(&cbor) != FM_OK) {
        reason = FM_REASON_CHUNK;
    } else if (count != module->chunkCount) {
        reason = FM_REASON_COUNT;
    } else {
        /* It belongs here. */
    }
    return reason;
}

bool fm_module_has(const fm_module_t *module, uint32_t index)
{
    return (((uint32_t)module->options->chunks[index / 8U] >> (index % 8U)) & 1U) != 0U;
}

void fm_module_on_chunk(fm_module_t *module, uint32_t index, fm_bytes_t message)
{
    if ((module->state == FM_MODULE_LOADING) && (index < module->chunkCount) && (!fm_module_has(module, index))) {
        const fm_store_t *store = module->options->store;
        fm_bytes_t payload = { NULL, 0U };
        fm_reason_t reason = module_read(module, index, message, &payload);

        if (reason != FM_REASON_NONE) {
            module_refuse(module, reason);
        } else if (store->write(store->context, index, index * module->manifest.chunkBytes, payload) != FM_OK) {
            module_refuse(module, FM_REASON_STORAGE);
        } else {
            module->options->chunks[index / 8U] |= (uint8_t)(1U << (index % 8U));
            module->missing--;
            module_go_on(module);
        }
    }
}

fm_result_t fm_module_poll(fm_module_t *module)
{
    fm_result_t result = FM_AGAIN;

    if (module->state == FM_MODULE_VERIFYING) {
        const fm_store_t *store = module->options->store;
        fm_result_t verified = fm_module_verify(module, FM_IMAGE_LOADING);

        result = FM_OK;
        if (verified == FM_AGAIN) {
            /* There is more to verify. */
        } else if (verified == FM_BAD_MODEL) {
            module_refuse(module, FM_REASON_DIGEST);
        } else if ((verified == FM_OK) && (store->install(store->context, module->sequence) == FM_OK)) {
            module->state = FM_MODULE_INSTALLED;
            module_run(module, true);
        } else {
            module_refuse(module, FM_REASON_STORAGE);
        }
    }
    return result;
}

fm_result_t fm_module_revert(fm_module_t *module)
{
    module_end(module, FM_MODULE_REVERTED, FM_REASON_NONE);
    module->sequence = module->active;
    return module_go_back(module);
}
