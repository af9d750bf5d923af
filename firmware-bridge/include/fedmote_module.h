/**
 * Fedmote for firmware: signed training modules over the air. No part of a device's context or of its smallest image:
 * who wants it links it, beside fedmote.h or without it.
 *
 * A fleet's operator signs a manifest (src/wire/manifest.cddl) and publishes it with the module's chunks, retained. This
 * unit holds the manifest to the rules that every Fedmote device has, takes chunks in any order, writes them into the
 * firmware's storage, reads all of it back, and hands over what has the SHA-256 that was signed. The firmware supplies
 * Ed25519, storage, and what runs the module: wasm3, WAMR, or its own.
 *
 *     fm_module_begin(&module, &options);     verifies what is stored, hands it over, resumes a download
 *     fm_module_want(&module, sequence);      as the fleet says
 *     while (fm_module_topic(&module, topic)) subscribe to it; what comes: fm_module_on_message()
 *     fm_module_poll(&module);                again and again, while it says FM_OK
 *
 * At any time the power may fail: at the next start there is the module from before, or the new one, whole and verified.
 */
#ifndef FEDMOTE_MODULE_H
#define FEDMOTE_MODULE_H

#include "fedmote.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the longest signed manifest. */
#define FM_ENVELOPE_BYTES 300U

/** Most tags of a manifest. */
#define FM_MODULE_TAGS 8U

/** Bytes of a public key, a signature, and a SHA-256. */
#define FM_PUBLIC_KEY_BYTES 32U
#define FM_SIGNATURE_BYTES 64U
#define FM_DIGEST_BYTES 32U

/** Room for any topic of a module, with its terminating zero. */
#define FM_MODULE_TOPIC_BYTES 100U

/** Why a module is refused, in the order in which it is looked at. */
typedef enum {
    FM_REASON_NONE = 0,
    FM_REASON_ENVELOPE,
    FM_REASON_UNKNOWN_KEY,
    FM_REASON_SIGNATURE,
    FM_REASON_MANIFEST,
    FM_REASON_SLOT,
    FM_REASON_TARGET,
    FM_REASON_ABI,
    FM_REASON_FEATURES,
    FM_REASON_EXPIRED,
    /** Not the one that was told, or not above all that were ever installed. */
    FM_REASON_SEQUENCE,
    FM_REASON_MEMORY,
    FM_REASON_SPACE,
    /** More chunks than there is room to count. */
    FM_REASON_COUNT,
    /** Chunks are larger than comes in a packet; or what came is no chunk, or not the one of its topic. */
    FM_REASON_CHUNK,
    FM_REASON_DIGEST,
    /** The storage failed. Its code is that of too little space. */
    FM_REASON_STORAGE
} fm_reason_t;

/** Its code, as in the reports of every Fedmote device ("unknown-key"); empty for none. */
const char *fm_reason_code(fm_reason_t reason);

/** What an operator says of a module. Views of its signed bytes, for as long as a call lasts. */
typedef struct {
    uint32_t sequence;
    fm_bytes_t slot;
    /** Devices that it is for; all: none. */
    fm_bytes_t tags[FM_MODULE_TAGS];
    uint32_t tagCount;
    /** The training ABI that it exports. */
    uint32_t abi;
    /** 0: WebAssembly 1.0; 1: with 128-bit SIMD. */
    uint32_t features;
    uint32_t memoryKiB;
    uint32_t sizeBytes;
    /** SHA-256 of the module, and of what it answers to the self-test. */
    const uint8_t *digest;
    const uint8_t *selfTest;
    /** Of all chunks but the last. */
    uint32_t chunkBytes;
    /** Seconds since 1970; 0: never. */
    uint32_t expires;
} fm_manifest_t;

/* ---- what the firmware supplies --------------------------------------------------------------- */

/** What storage holds. */
typedef enum {
    /** The one that was installed last and not gone back from. */
    FM_IMAGE_ACTIVE = 0,
    /** The one before it, until the next download starts. */
    FM_IMAGE_PREVIOUS,
    /** A download. */
    FM_IMAGE_LOADING
} fm_image_t;

/**
 * Storage for two modules; port/flash has one for NOR flash. Whatever call the power fails in, what the calls before it have done must
 * be there afterwards, and `install` and `revert` must be done wholly or not at all. Anything but FM_OK: it failed.
 */
typedef struct {
    void *context;
    /** Bytes of the largest module. */
    uint32_t roomBytes;
    /** The highest sequence that was ever installed; 0: none was. */
    uint32_t (*highest)(void *context);
    /** Copies the signed manifest of an image into FM_ENVELOPE_BYTES; bytes of it, 0: there is no such image. */
    uint32_t (*load)(void *context, fm_image_t image, uint8_t *envelope);
    /** Whether chunk `index` of the download was written wholly. */
    bool (*has)(void *context, uint32_t index);
    /** Begins a download: in place of the image before the active one, which may take an erasure. */
    fm_result_t (*start)(void *context, const fm_manifest_t *manifest, fm_bytes_t envelope);
    /** Writes chunk `index` of the download, whose place is at `offset`; then remembers that it is there. */
    fm_result_t (*write)(void *context, uint32_t index, uint32_t offset, fm_bytes_t bytes);
    /** Reads bytes of an image. */
    fm_result_t (*read)(void *context, fm_image_t image, uint32_t offset, uint8_t *bytes, uint32_t size);
    /** All chunks are written; what is held back goes out now. They are read, and verified, next. */
    fm_result_t (*finish)(void *context);
    /** The download is whole and verified: it becomes active, the active one previous, its sequence the highest. */
    fm_result_t (*install)(void *context, uint32_t sequence);
    /** The previous image becomes active again; where there is none, no image is. The highest sequence stays. */
    fm_result_t (*revert)(void *context);
    /** Forgets the download. */
    fm_result_t (*erase)(void *context);
} fm_store_t;

/** How modules are taken. Everything is borrowed for as long as fm_module_t lives. */
typedef struct {
    /** 1 to 32 of a-z, 0-9 and "-" each. */
    const char *fleet;
    const char *slot;
    /** This device's, up to NULL. NULL: it has none. */
    const char *const *tags;
    /** Public keys that are trusted, one behind the other. */
    const uint8_t *keys;
    uint32_t keyCount;
    /** What runs modules: its training ABI, the most features and memory. */
    uint32_t abi;
    uint32_t features;
    uint32_t memoryKiB;
    /** Largest module: 8 chunks for each byte. */
    uint8_t *chunks;
    uint32_t chunksBytes;
    /** Largest chunk that comes in a packet: 128 bytes less than the largest packet will do. 0: any comes. */
    uint32_t chunkBytes;
    const fm_store_t *store;
    /** Ed25519 (RFC 8032): whether the signature of the message is that of this key. */
    bool (*verify)(void *context, const uint8_t *key, const uint8_t *message, uint32_t size, const uint8_t *signature);
    /** Seconds since 1970; 0, or no function: there is no clock, and nothing expires. */
    uint32_t (*now)(void *context);
    /** The module to run from now on, which is in the active image; NULL: none, the firmware's own kernels. Told at the start and at every change. */
    void (*run)(void *context, const fm_manifest_t *manifest);
    void *context;
} fm_module_options_t;

/* ---- the unit ---------------------------------------------------------------------------------- */

typedef enum {
    FM_MODULE_IDLE = 0,
    /** Its manifest is to come. */
    FM_MODULE_WANTED,
    /** Chunks are to come. */
    FM_MODULE_LOADING,
    /** All are there, and are read back. */
    FM_MODULE_VERIFYING,
    FM_MODULE_INSTALLED,
    /** `reason` says why. The active module is as before. */
    FM_MODULE_REFUSED,
    FM_MODULE_REVERTED
} fm_module_state_t;

/** Others may look at `state`, `reason`, `sequence` and `active`. */
typedef struct {
    const fm_module_options_t *options;
    fm_module_state_t state;
    fm_reason_t reason;
    /** What the state is about. */
    uint32_t sequence;
    /** What runs; 0: the firmware's own kernels. */
    uint32_t active;
    uint32_t chunkCount;
    uint32_t missing;
    uint32_t verifiedBytes;
    fm_sha256_t sha;
    fm_manifest_t manifest;
    /** What is signed: a few bytes, and the envelope. */
    uint8_t text[FM_ENVELOPE_BYTES + 11U];
} fm_module_t;

/**
 * Verifies the active module, signature and all, and has it run; where it is damaged the one before it, or none. Takes up
 * a download that was under way. FM_BAD_ARGUMENT: a name is none, or something is missing.
 */
fm_result_t fm_module_begin(fm_module_t *module, const fm_module_options_t *options);

/** The fleet says that this device is to have module `sequence`. Another download ends. */
void fm_module_want(fm_module_t *module, uint32_t sequence);

/** What to subscribe to next, with a terminating zero: the manifest, or a chunk that is missing. False: nothing. */
bool fm_module_topic(const fm_module_t *module, char text[FM_MODULE_TOPIC_BYTES]);

/** A message that came, whatever its topic. False: it is none that is waited for. */
bool fm_module_on_message(fm_module_t *module, fm_bytes_t topic, fm_bytes_t payload);

/** The same for those who have topics of their own. */
void fm_module_on_manifest(fm_module_t *module, fm_bytes_t envelope);
void fm_module_on_chunk(fm_module_t *module, uint32_t index, fm_bytes_t message);

/** Verifies 1 KiB, and installs at the end. FM_OK: there is more to do. FM_AGAIN: there is nothing to do. */
fm_result_t fm_module_poll(fm_module_t *module);

/** Goes back to the module before, or to none where it is no longer there. The sequence does not come again. A download ends. */
fm_result_t fm_module_revert(fm_module_t *module);

#ifdef __cplusplus
}
#endif

#endif
