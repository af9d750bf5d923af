import type { CodecName } from "../core/codec.ts"
import { SCORE_BINS, evaluationVector } from "../core/evaluation.ts"
import type { EvaluationSums } from "../core/evaluation.ts"
import type { Loss } from "../core/model.ts"
import { featureMoments } from "../core/moments.ts"
import type { RandomKey } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import { floatBytes } from "../net/digest.ts"
import type { UpdateEncoder } from "./update-encoder.ts"

/** What a device sends for a round, before it is cut into chunks. `payload` is the work's own. */
export interface Work {
  readonly codec: CodecName
  readonly payload: Uint8Array
  /** Samples processed: in a training round the update's weight. */
  readonly samples: number
  readonly steps: number
  /** Training: [loss sum]. Otherwise empty. */
  readonly metrics: Float32Array
}

/** A statistics round: exact sums of the training features. */
export function statisticsWork(train: Samples): Work {
  return {
    codec: "f32",
    payload: floatBytes(featureMoments(train)),
    samples: train.rows,
    steps: 0,
    metrics: NO_METRICS,
  }
}

/** An evaluation round: the test part's sums, and for a binary model the training part's scores. */
export function evaluationWork(
  loss: Loss,
  classes: number,
  test: EvaluationSums,
  train: EvaluationSums | undefined,
): Work {
  const vector = evaluationVector(loss, classes, test, train?.histogram)
  return { codec: "f32", payload: floatBytes(vector), samples: test.rows, steps: 0, metrics: NO_METRICS }
}

/** A training round: the shared part of the delta, encoded. `kept`: what the device keeps to itself; its error is replaced. */
export function trainingWork(
  encoder: UpdateEncoder,
  codec: CodecName,
  delta: Float32Array,
  kept: Float32Array,
  outcome: { readonly samples: number; readonly steps: number; readonly lossSum: number },
  key: RandomKey,
): Work {
  const payload = encoder.encode(codec, delta, kept, key).slice()
  return { codec, payload, samples: outcome.samples, steps: outcome.steps, metrics: Float32Array.of(outcome.lossSum) }
}

const NO_METRICS = new Float32Array(0)

/** What a device without test samples counts: nothing, in the shape that the loss asks for. */
export function noSums(loss: Loss, classes: number): EvaluationSums {
  return {
    rows: 0,
    lossSum: 0,
    confusion: new Uint32Array(loss === "squared" ? 0 : classes * classes),
    histogram: new Uint32Array(loss === "logistic" ? 2 * SCORE_BINS : 0),
    squaredError: 0,
    absoluteError: 0,
  }
}
