import type { CodecName } from "../core/codec.ts"
import type { EvaluationSums } from "../core/evaluation.ts"
import type { RandomKey } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import type { TrainSettings } from "../core/training.ts"

export { SCORE_BINS } from "../core/evaluation.ts"
export type { EvaluationSums } from "../core/evaluation.ts"
export type { Schedule, TrainSettings as TrainOptions } from "../core/training.ts"

/** Which build of the kernels runs: WASM SIMD, WASM scalar (pure MVP), or the pure-JavaScript one for engines without WebAssembly. */
export type KernelKind = "simd" | "scalar" | "js"

/** What local training did. `lossSum` is the sum over processed samples of the loss at the time each was seen. */
export interface TrainOutcome {
  readonly samples: number
  readonly steps: number
  readonly lossSum: number
}

/**
 * A training program with memory of its own: one per thread, used for many clients one after the other. Nothing is allocated per step.
 */
export interface Trainer {
  readonly parameters: number
  /** Memory of the trainer's own: samples that are read into it are not copied again. It is another's once anything else was trained or evaluated on. */
  readonly room: { x: Float32Array; y: Float32Array }
  /** The initial model (Glorot uniform; He uniform before a ReLU; biases zero), a function of `key` alone. */
  init(key: RandomKey): Float32Array
  /** Runs all epochs from `start` (not changed); the result is in `result`, `parameters` float32 values, until the next call. */
  train(start: Float32Array, samples: Samples, settings: TrainSettings, key: RandomKey): TrainOutcome
  /** The same in slices: `begin`, then `advance(steps)` until it says done; `outcome` may be taken at any moment ("finish now"). */
  begin(start: Float32Array, samples: Samples, settings: TrainSettings, key: RandomKey): void
  advance(steps: number): boolean
  outcome(): TrainOutcome
  readonly result: Float32Array
  /** result - start of the last training, float32, elementwise. A view, valid until the next call. */
  delta(): Float32Array
  evaluate(parameters: Float32Array, samples: Samples): EvaluationSums
  /** Outputs for each row (probabilities for softmax and logistic, values for squared): rows x outputs. */
  predict(parameters: Float32Array, samples: Samples): Float32Array
}

/** What an encoder may be told; none of it changes how a payload is decoded. */
export interface EncodeOptions {
  /** eden1, eden2, eden4: the scale of least squared error instead of the unbiased one. For one sender (the downlink) and for error feedback. */
  readonly biased?: boolean
  /** topk: how much of the vector is sent, above 0 and at most 1; 0.01 when absent. */
  readonly fraction?: number
}

/** Encodes deltas of one size; the returned bytes are a view, valid until the next call. */
export interface Encoder {
  readonly size: number
  /** `delta`: float32, `size` values. Throws `KernelError` ("delta") for another length or a value that is not finite. */
  encode(codec: CodecName, delta: Float32Array, key: RandomKey, options?: EncodeOptions): Uint8Array
}

/** Decodes payloads of one size; the returned values are a view, valid until the next call. */
export interface Decoder {
  readonly size: number
  /** Throws `KernelError` ("payload", "bound") as the accumulator does; here the bound is what float32 holds. */
  decode(codec: CodecName, payload: Uint8Array, key: RandomKey): Float32Array
}

/**
 * The exact, order-free sum of a round: every contribution is rounded to a multiple of 2^gridExponent, so that float64 sums are
 * exact and the same in any order (assembly/CODECS.md, "Fold"). What is refused with a `KernelError` leaves the sum as it was, bit for bit.
 */
export interface Accumulator {
  readonly size: number
  readonly gridExponent: number
  /** Most updates, and largest weight of one; both bound what a sum can grow to. */
  readonly cohort: number
  readonly weightCap: number
  /** Total weight and number of folded updates. */
  readonly weight: number
  readonly count: number
  /**
   * Adds `weight` times the decoded payload (borrowed until the call returns). `weight` is above 0, at most `weightCap`, and a multiple of 1/65536.
   * Refuses: a wrong length, a scale that is negative or not finite, a value out of the codec's range ("payload"); |weight x value| above
   * 2^(gridExponent + 52) / cohort, or more than `cohort` updates ("bound"); any other weight ("weight").
   */
  fold(codec: CodecName, payload: Uint8Array, weight: number, key: RandomKey): void
  /** Adds another accumulator's partial sum (same size, grid, cohort and weight cap). Refuses what no such accumulator can hold ("merge"). */
  merge(sum: Float64Array, weight: number, count: number): void
  /** The sums, a view; divide by `weight` for the weighted mean. */
  readonly sum: Float64Array
  /** Back to an empty sum, for the next round; cohort and weight cap stay unless given. */
  reset(gridExponent: number, cohort?: number, weightCap?: number, largest?: number): void
}
