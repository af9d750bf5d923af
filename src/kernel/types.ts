import type { CodecName } from "../core/codec.ts"
import type { EvaluationSums } from "../core/evaluation.ts"
import type { RandomKey } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import type { TrainSettings } from "../core/training.ts"

export { SCORE_BINS } from "../core/evaluation.ts"
export type { EvaluationSums } from "../core/evaluation.ts"

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

/** Encodes deltas of one size; the returned bytes are a view, valid until the next call. */
export interface Encoder {
  encode(codec: CodecName, delta: Float32Array, key: RandomKey): Uint8Array
}

/**
 * The exact, order-free sum of a round: every contribution is rounded to a multiple of 2^gridExponent, so that float64 sums are
 * exact and the same in any order. A payload that breaks the bound |weight x value| < 2^(gridExponent + 52) / cohort, has the wrong length, or a
 * scale that is not finite is refused with a `KernelError` and leaves the sum as it was.
 */
export interface Accumulator {
  readonly size: number
  readonly gridExponent: number
  /** Total weight and number of folded updates. */
  readonly weight: number
  readonly count: number
  fold(codec: CodecName, payload: Uint8Array, weight: number, key: RandomKey): void
  /** Adds another accumulator's partial sum (same size and grid). */
  merge(sum: Float64Array, weight: number, count: number): void
  /** The sums, a view; divide by `weight` for the weighted mean. */
  readonly sum: Float64Array
  reset(gridExponent: number): void
}
