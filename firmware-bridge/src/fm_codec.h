/**
 * How a delta becomes bytes, and bytes a change of the model (assembly/CODECS.md, normative).
 *
 * A payload is a sequence of blocks that depend on nothing but their own values and the key, so that it
 * need not be in memory: any block can be encoded whenever its bytes are wanted, and again.
 */
#ifndef FM_CODEC_H
#define FM_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"

/** Bytes of the largest block that a codec here encodes: eden1's of 1024 values. */
#define FM_BLOCK_BYTES 130U

/** Values of the largest block. */
#define FM_BLOCK_VALUES 1024U

struct fm_codec {
    /** FM_CODEC_... */
    uint16_t id;
    /** Whether it needs working memory: a float for every value of the largest block. */
    bool rotates;
    /** Values that the next block covers, when so many are left; the last block may be filled up with zeros. */
    uint32_t (*span)(uint32_t left);
    /** Bytes of a block that covers so many values. */
    uint32_t (*bytes)(uint32_t span);
    /** Encodes the block that begins at value `at`. FM_DIVERGED: a value is not finite. */
    fm_result_t (*encode)(const fm_delta_t *delta, uint32_t at, uint8_t *to);
};

/**
 * The other way, for changes of the model on the way down. Payloads come in pieces: a block is decoded when
 * it is whole.
 */
typedef struct {
    /** FM_CODEC_... */
    uint16_t id;
    uint32_t (*span)(uint32_t left);
    uint32_t (*bytes)(uint32_t span);
    /**
     * Adds the block that begins at value `at` of `count` to values[at], values[at + 1], ... `memory` has room for
     * the block's values. FM_BAD_MODEL: no encoder makes such a block.
     */
    fm_result_t (*add)(const uint8_t *from, uint32_t at, uint32_t count, const fm_key_t *key, float *memory,
                       float *values);
} fm_decoder_t;

extern const fm_decoder_t fm_decoder_int8;
extern const fm_decoder_t fm_decoder_eden1;
extern const fm_decoder_t fm_decoder_eden2;
extern const fm_decoder_t fm_decoder_eden4;

/** Value `i` of a delta. */
float fm_delta_value(const fm_delta_t *delta, uint32_t i);

/** Largest magnitude of `count` values from `at` on, as bits; FM_INFINITE or more where one is not finite. */
uint32_t fm_delta_peak(const fm_delta_t *delta, uint32_t at, uint32_t count);

/** Floats of working memory that encoding a delta of `count` values takes. */
uint32_t fm_codec_memory(const fm_codec_t *codec, uint32_t count);

/** Bytes of the payload of `count` values. */
uint32_t fm_codec_bytes(const fm_codec_t *codec, uint32_t count);

/** Writes bytes `from` to `from` + `size` - 1 of the payload, encoding the blocks that they are in. FM_DIVERGED: a value is not finite. */
fm_result_t fm_codec_read(const fm_codec_t *codec, const fm_delta_t *delta, uint32_t from, uint8_t *to, uint32_t size);

/* ---- scales: bfloat16, the upper half of a float32 ---- */

/** 2^-126 as bits: the smallest scale that is not 0. */
#define FM_LEAST_SCALE 0x00800000U

void fm_put_scale(uint8_t *to, uint32_t scale);
uint32_t fm_get_scale(const uint8_t *from);

/* ---- rotated blocks, both ways ---- */

/** Values of the next block: 1024, or the largest power of two that fits, but 32 at least. */
uint32_t fm_eden_span(uint32_t left);

/** Whether position `at` of the stream "rotation" says minus; `words` is the block of the stream that it is in. */
bool fm_eden_minus(const fm_key_t *key, uint32_t at, uint32_t *words);

/** Walsh-Hadamard transform in place, not normalised. `count` is a power of two. */
void fm_hadamard(float *values, uint32_t count);

#endif
