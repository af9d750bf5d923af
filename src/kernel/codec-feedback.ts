import type { CodecName } from "../core/codec.ts"
import type { RandomKey } from "../core/random.ts"
import { createDecoder } from "./codec-decode.ts"
import { createEncoder } from "./encoder.ts"
import { KernelError } from "./error.ts"
import type { EncodeOptions, KernelKind } from "./types.ts"

/** An encoder that gives back, with the next delta, what it could not send of the last. */
export interface FeedbackEncoder {
  readonly size: number
  /**
   * Encodes residual + delta and leaves in `residual` (float32, `size` values, the caller's memory: zeros at first, kept between rounds)
   * what the payload misses of it. Rotated blocks take the biased scale. Errors as `Encoder.encode`; `residual` is then as it was.
   */
  encode(
    codec: CodecName,
    delta: Float32Array,
    residual: Float32Array,
    key: RandomKey,
    options?: EncodeOptions,
  ): Uint8Array
}

/**
 * Error feedback (Karimireddy et al. 2019, "Error feedback fixes SignSGD and other gradient compression schemes"). For fleets whose devices
 * take part in most rounds; a residual that is many rounds old does harm.
 */
export function createFeedbackEncoder(size: number, kind?: KernelKind): FeedbackEncoder {
  const encoder = createEncoder(size, kind)
  const decoder = createDecoder(size, kind)
  const wanted = new Float32Array(size)
  return {
    size,
    encode(codec, delta, residual, key, options) {
      if (delta.length !== size || residual.length !== size)
        throw new KernelError(
          "delta",
          `expected a delta and a residual of ${size} parameters, got ${delta.length} and ${residual.length}`,
        )
      for (let i = 0; i < size; i++) wanted[i] = residual[i]! + delta[i]!
      const payload = encoder.encode(codec, wanted, key, { ...options, biased: true })
      const sent = decoder.decode(codec, payload, key)
      for (let i = 0; i < size; i++) residual[i] = wanted[i]! - sent[i]!
      return payload
    },
  }
}
