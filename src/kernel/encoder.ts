import type { CodecName } from "../core/codec.ts"
import { unreachable } from "../core/error.ts"
import type { RandomKey } from "../core/random.ts"
import { PAYLOAD_MARGIN, TOPK_FRACTION, checkSize, longestPayload, paddedSize, topkCount } from "./codec.ts"
import { KernelError } from "./error.ts"
import { type KernelFunctions, defaultKind, instantiate } from "./module.ts"
import type { EncodeOptions, Encoder, KernelKind } from "./types.ts"

/** An encoder with kernel memory of its own; nothing is allocated per delta, unless payloads change their length. */
export function createEncoder(size: number, kind: KernelKind = defaultKind()): Encoder {
  return new KernelEncoder(size, kind)
}

const AS_IT_IS: EncodeOptions = {}

// Bits of infinity: a magnitude from here on is not finite.
const INFINITE = 0x7f800000

class KernelEncoder implements Encoder {
  readonly size: number
  readonly #functions: KernelFunctions
  readonly #memory: ArrayBuffer
  readonly #delta: Float32Array
  readonly #deltaAt: number
  readonly #payloadAt: number
  /** What was last given away. */
  #view = new Uint8Array(0)

  constructor(size: number, kind: KernelKind) {
    checkSize(size)
    this.size = size
    const deltaBytes = 4 * paddedSize(size)
    const instance = instantiate(kind, deltaBytes + longestPayload(size) + PAYLOAD_MARGIN)
    this.#functions = instance.functions
    this.#memory = instance.memory
    this.#deltaAt = instance.base
    this.#payloadAt = instance.base + deltaBytes
    this.#delta = new Float32Array(instance.memory, this.#deltaAt, size)
  }

  encode(codec: CodecName, delta: Float32Array, key: RandomKey, options: EncodeOptions = AS_IT_IS): Uint8Array {
    if (delta.length !== this.size)
      throw new KernelError("delta", `expected a delta of ${this.size} parameters, got ${delta.length}`)
    this.#delta.set(delta)
    this.#functions["codecKey"]!(key.seed, key.round, key.device[0], key.device[1])
    const length = this.#run(codec, options)
    if (length === 0) {
      const at = delta.findIndex((value) => !Number.isFinite(value))
      throw new KernelError("delta", `expected finite values, got ${delta[at]} at parameter ${at}`)
    }
    const at = codec === "f32" ? this.#deltaAt : this.#payloadAt
    if (this.#view.byteOffset !== at || this.#view.length !== length)
      this.#view = new Uint8Array(this.#memory, at, length)
    return this.#view
  }

  /** The payload's length, or 0 where a value is not finite. */
  #run(codec: CodecName, options: EncodeOptions): number {
    switch (codec) {
      case "f32":
        // Memory is little-endian: the values are the payload.
        return this.#functions["peakBits"]!(this.#deltaAt, this.size) < INFINITE ? 4 * this.size : 0
      case "int8":
        return this.#blocks(8, 1)
      case "int8-nearest":
        return this.#blocks(8, 0)
      case "int4":
        return this.#blocks(4, 1)
      case "int4-nearest":
        return this.#blocks(4, 0)
      case "eden1":
        return this.#rotated(1, options)
      case "eden2":
        return this.#rotated(2, options)
      case "eden4":
        return this.#rotated(4, options)
      case "topk":
        return this.#largest(options.fraction ?? TOPK_FRACTION)
      default:
        return unreachable(codec)
    }
  }

  #blocks(bits: number, stochastic: number): number {
    return this.#functions["encodeBlocks"]!(this.#payloadAt, this.#deltaAt, this.size, bits, stochastic)
  }

  #rotated(bits: number, options: EncodeOptions): number {
    return this.#functions["encodeEden"]!(this.#payloadAt, this.#deltaAt, this.size, bits, options.biased ? 1 : 0)
  }

  #largest(fraction: number): number {
    if (!(fraction > 0 && fraction <= 1))
      throw new KernelError("settings", `expected a fraction above 0 and at most 1, got ${fraction}`)
    return this.#functions["encodeTopk"]!(this.#payloadAt, this.#deltaAt, this.size, topkCount(this.size, fraction))
  }
}
