/** Signed manifests and chunks of modules: golden ones are taken, field for field; no prefix, no corrupted one, no longer one is. */
#include <string.h>

#include "fm_manifest.h"
#include "records.h"

/** The one signature that is good: where anything of it differs, it is not. */
typedef struct {
    fm_bytes_t key;
    fm_bytes_t message;
    fm_bytes_t signature;
} golden_t;

static bool verify(void *context, const uint8_t *key, const uint8_t *message, uint32_t size, const uint8_t *signature)
{
    const golden_t *golden = context;

    return (memcmp(key, golden->key.bytes, golden->key.size) == 0) && (size == golden->message.size) &&
           (memcmp(message, golden->message.bytes, size) == 0) &&
           (memcmp(signature, golden->signature.bytes, golden->signature.size) == 0);
}

/** Opens an envelope. `text` ends where the envelope does, so that a sanitizer sees what reads past it. */
static fm_reason_t open(const fm_module_options_t *options, const uint8_t *envelope, uint32_t size, fm_bytes_t *payload)
{
    static uint8_t room[FM_ENVELOPE_AT + 512U];
    uint8_t *text = &room[512U - size];

    memcpy(&text[FM_ENVELOPE_AT], envelope, size);
    return fm_envelope_open(options, text, size, payload);
}

static bool same(fm_bytes_t a, fm_bytes_t b)
{
    return (a.size == b.size) && (memcmp(a.bytes, b.bytes, a.size) == 0);
}

static bool check_fields(const record_t *record, const fm_manifest_t *manifest)
{
    fm_bytes_t numbers = record->strings[1];
    const fm_bytes_t digest = { manifest->digest, FM_DIGEST_BYTES };
    const fm_bytes_t selfTest = { manifest->selfTest, FM_DIGEST_BYTES };
    const uint32_t values[8] = { manifest->sequence,  manifest->tagCount,  manifest->abi,        manifest->features,
                                 manifest->memoryKiB, manifest->sizeBytes, manifest->chunkBytes, manifest->expires };
    char tags[300] = "";
    bool good = check(record, same(manifest->slot, record->strings[2]), "another slot");

    for (uint32_t i = 0U; i < 8U; i++) {
        good &= check(record, values[i] == record_number(numbers, i), "another number");
    }
    for (uint32_t i = 0U; i < manifest->tagCount; i++) {
        strcat(tags, (i > 0U) ? " " : "");
        strncat(tags, (const char *)manifest->tags[i].bytes, manifest->tags[i].size);
    }
    good &= check(record, same((fm_bytes_t){ (const uint8_t *)tags, (uint32_t)strlen(tags) }, record->strings[3]), "other tags");
    good &= check(record, same(digest, record->strings[5]) && same(selfTest, record->strings[6]), "another digest");
    return good;
}

/** Every prefix of an envelope, and each of its bits turned. */
static bool check_broken(const record_t *record, const fm_module_options_t *options, fm_bytes_t envelope)
{
    uint8_t bytes[FM_ENVELOPE_BYTES + 1U] = { 0U };
    fm_bytes_t payload;
    fm_reason_t reason;
    bool good = true;

    memcpy(bytes, envelope.bytes, envelope.size);
    for (uint32_t size = 0U; size < envelope.size; size++) {
        good &= check(record, open(options, bytes, size, &payload) == FM_REASON_ENVELOPE, "a prefix is taken");
    }
    good &= check(record, open(options, bytes, envelope.size + 1U, &payload) == FM_REASON_ENVELOPE, "a byte more is taken");
    for (uint32_t bit = 0U; bit < 8U * envelope.size; bit++) {
        bytes[bit / 8U] ^= (uint8_t)(1U << (bit % 8U));
        reason = open(options, bytes, envelope.size, &payload);
        good &= check(record, reason != FM_REASON_NONE, "a corrupted one is taken");
        good &= check(record, (bit / 8U - 7U >= 8U) || (reason == FM_REASON_UNKNOWN_KEY), "another key's id is taken");
        bytes[bit / 8U] ^= (uint8_t)(1U << (bit % 8U));
    }
    return good;
}

bool check_manifest(const record_t *record)
{
    fm_bytes_t golden = record->strings[4];
    fm_bytes_t envelope = record->strings[10];
    golden_t signature = { record->strings[7], record->strings[8], record->strings[9] };
    uint8_t keys[2U * FM_PUBLIC_KEY_BYTES] = { 1U };
    fm_module_options_t options = { .keys = keys, .keyCount = 2U, .verify = verify, .context = &signature };
    fm_bytes_t payload = { NULL, 0U };
    fm_manifest_t manifest;
    bool good;

    memcpy(&keys[FM_PUBLIC_KEY_BYTES], signature.key.bytes, FM_PUBLIC_KEY_BYTES);
    good = check(record, open(&options, envelope.bytes, envelope.size, &payload) == FM_REASON_NONE, "it is refused");
    good = check(record, good && same(payload, golden), "another payload") && check_broken(record, &options, envelope);
    options.keyCount = 1U;
    good &= check(record, open(&options, envelope.bytes, envelope.size, &payload) == FM_REASON_UNKNOWN_KEY, "an unknown key");
    options.keyCount = 2U;
    signature.signature.bytes = signature.key.bytes;
    signature.signature.size = FM_PUBLIC_KEY_BYTES;
    good &= check(record, open(&options, envelope.bytes, envelope.size, &payload) == FM_REASON_SIGNATURE, "another signature");
    good &= check(record, fm_manifest_read(&manifest, golden) == FM_OK, "its manifest is refused");
    good = good && check_fields(record, &manifest);
    for (uint32_t size = 0U; size < golden.size; size++) {
        uint8_t room[FM_ENVELOPE_BYTES];
        const fm_bytes_t prefix = { &room[sizeof(room) - size], size };

        memcpy(&room[sizeof(room) - size], golden.bytes, size);
        good &= check(record, fm_manifest_read(&manifest, prefix) == FM_BAD_MESSAGE, "a prefix of it is taken");
    }
    return good;
}

bool check_no_envelope(const record_t *record)
{
    const fm_module_options_t options = { .keys = NULL, .keyCount = 0U };
    fm_bytes_t bytes = record->strings[1];
    fm_bytes_t payload;

    return check(record, open(&options, bytes.bytes, bytes.size, &payload) == FM_REASON_ENVELOPE, "it is taken");
}

/** What the TypeScript side takes, and nothing else. */
bool check_changed_manifest(const record_t *record)
{
    bool expected = record_number(record->strings[2], 0U) != 0U;
    fm_manifest_t manifest;

    return check(record, (fm_manifest_read(&manifest, record->strings[1]) == FM_OK) == expected,
                 expected ? "it is refused" : "it is taken");
}

/* ---- chunks ---- */

static fm_bytes_t written;
static uint32_t writtenAt;

static fm_result_t store_write(void *context, uint32_t index, uint32_t offset, fm_bytes_t bytes)
{
    (void)context;
    (void)index;
    written = bytes;
    writtenAt = offset;
    return FM_OK;
}

static fm_result_t store_done(void *context)
{
    (void)context;
    return FM_OK;
}

/** A module that waits for a chunk: what became of a message. */
static fm_reason_t hear(const fm_module_t *waiting, uint32_t index, const uint8_t *bytes, uint32_t size)
{
    fm_module_t module = *waiting;

    written.size = 0U;
    memset(module.options->chunks, 0, module.options->chunksBytes);
    fm_module_on_chunk(&module, index, (fm_bytes_t){ bytes, size });
    return module.reason;
}

static uint8_t chunks[8192];
static const fm_store_t store = { .write = store_write, .finish = store_done, .erase = store_done };
static const fm_module_options_t chunkOptions = { .chunks = chunks, .chunksBytes = sizeof(chunks), .store = &store };

bool check_chunk(const record_t *record)
{
    static uint8_t room[2048];
    fm_bytes_t bytes = record->strings[1];
    fm_bytes_t payload = record->strings[3];
    uint32_t index = record_number(record->strings[2], 1U);
    fm_module_t module = { .options = &chunkOptions, .state = FM_MODULE_LOADING };
    bool good;

    module.sequence = record_number(record->strings[2], 0U);
    module.chunkCount = record_number(record->strings[2], 2U);
    module.missing = module.chunkCount;
    module.manifest.chunkBytes = payload.size;
    module.manifest.sizeBytes = module.chunkCount * payload.size;
    good = check(record, hear(&module, index, bytes.bytes, bytes.size) == FM_REASON_NONE, "it is refused");
    good &= check(record, same(written, payload) && (writtenAt == index * payload.size), "other bytes");
    for (uint32_t size = 0U; size < bytes.size; size++) {
        memcpy(&room[sizeof(room) - size], bytes.bytes, size);
        good &= check(record, (hear(&module, index, &room[sizeof(room) - size], size) == FM_REASON_CHUNK) && (written.size == 0U),
                      "a prefix is taken");
    }
    memcpy(room, bytes.bytes, bytes.size);
    good &= check(record, hear(&module, index, room, bytes.size + 1U) == FM_REASON_CHUNK, "a byte more is taken");
    module.chunkCount++;
    module.manifest.sizeBytes += module.manifest.chunkBytes;
    good &= check(record, hear(&module, index, bytes.bytes, bytes.size) == FM_REASON_COUNT, "one of fewer chunks is taken");
    module.sequence++;
    good &= check(record, hear(&module, index, bytes.bytes, bytes.size) == FM_REASON_CHUNK, "one of another module is taken");
    return good;
}

bool check_no_chunk(const record_t *record)
{
    const fm_manifest_t manifest = { .sizeBytes = 24U, .chunkBytes = 8U };
    fm_module_t module = { .options = &chunkOptions, .state = FM_MODULE_LOADING, .sequence = 2U, .chunkCount = 3U, .missing = 3U };
    bool good = true;

    module.manifest = manifest;
    for (uint32_t index = 0U; index < 3U; index++) {
        good &= check(record, hear(&module, index, record->strings[1].bytes, record->strings[1].size) == FM_REASON_CHUNK, "it is taken");
    }
    return good;
}
