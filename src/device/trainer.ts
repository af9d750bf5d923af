import type { ModelSpec } from "../core/model.ts"
import type { RandomKey } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import type { TrainSettings } from "../core/training.ts"
import type { EvaluationSums, TrainOutcome, Trainer } from "../kernel/types.ts"

/** What a trainer of the user's own is told besides the parameters: the Notice's settings, and the seed of reproducible randomness. */
export interface LocalSettings extends TrainSettings {
  readonly key: RandomKey
  readonly samples: Samples
  /** The federation's model; absent where it is a custom one. */
  readonly model?: ModelSpec
  /** Becomes aborted when the coordinator says "finish now": return what there is, with the steps really taken. */
  readonly signal: AbortSignal
}

/**
 * A training program of the user's own, in place of the built-in kernels. `parameters` is the flat float32 vector of the global
 * model (do not change it); the result has the same length. `samples` counts the samples processed: it becomes the update's weight.
 */
export interface LocalTrainer {
  train(parameters: Float32Array, settings: LocalSettings): LocalResult | Promise<LocalResult>
  /** `model`: as in `LocalSettings`. */
  evaluate?(parameters: Float32Array, samples: Samples, model?: ModelSpec): EvaluationSums | Promise<EvaluationSums>
  /** One vector of outputs for each row, row-major. */
  predict?(parameters: Float32Array, samples: Samples, model?: ModelSpec): Float32Array | Promise<Float32Array>
}

export interface LocalResult {
  readonly parameters: Float32Array
  readonly samples: number
  readonly steps: number
  /** `lossSum`: sum over the processed samples of the loss at the time each was seen. */
  readonly metrics: { readonly lossSum?: number }
}

/** Optimiser steps between two looks at the clock: short enough to finish when told to, long enough to cost nothing. */
const STEPS_AT_A_TIME = 64

/** Runs the built-in kernels in slices, so that the event loop turns and "finish now" is heard. Stops after `maxSteps` steps if given. */
export async function trainInSlices(
  trainer: Trainer,
  start: Float32Array,
  samples: Samples,
  settings: TrainSettings,
  key: RandomKey,
  signal: AbortSignal,
): Promise<TrainOutcome> {
  trainer.begin(start, samples, settings, key)
  while (!trainer.advance(STEPS_AT_A_TIME)) {
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (signal.aborted) break
  }
  return trainer.outcome()
}
