import { FedmoteError } from "./error.ts"
import { LIMBS, joinNumber, splitInto } from "./limbs.ts"
import type { Loss } from "./model.ts"

/** Number of bins of a score histogram; a logit falls into bin `floor(clamp(logit, -8, 7.9375) * 16) + 128`. */
export const SCORE_BINS = 256

/** What one device's evaluation counts, over its samples in the order of the rows. */
export interface EvaluationSums {
  readonly rows: number
  readonly lossSum: number
  /** `[truth][predicted]` counts, classes x classes; empty for the squared loss. */
  readonly confusion: Uint32Array
  /** `[class 0 | class 1][bin]`: scores of each true class; only for the logistic loss, otherwise empty. */
  readonly histogram: Uint32Array
  /** Sums of squared and of absolute errors; only for the squared loss. */
  readonly squaredError: number
  readonly absoluteError: number
}

/** The same, summed over a fleet. `trainHistogram`: the training samples' scores, on which the threshold for F1 is chosen. */
export interface EvaluationTotals {
  readonly rows: number
  readonly lossSum: number
  readonly confusion: Float64Array
  readonly histogram: Float64Array
  readonly trainHistogram: Float64Array
  readonly squaredError: number
  readonly absoluteError: number
}

/** Largest count that float32 carries exactly. */
const COUNT_BOUND = 2 ** 24

// Layout: rows, loss limbs, then by loss: confusion counts (softmax) | confusion counts, test histograms, train histograms (logistic) |
// limbs of squared and of absolute error (squared).
interface Sizes {
  readonly confusion: number
  readonly histogram: number
  readonly errors: number
}

function sizesOf(loss: Loss, classes: number): Sizes {
  return {
    confusion: loss === "squared" ? 0 : classes * classes,
    histogram: loss === "logistic" ? 2 * SCORE_BINS : 0,
    errors: loss === "squared" ? 2 * LIMBS : 0,
  }
}

/** Length of an evaluation vector: `classes` as `classCount` gives it. */
export function evaluationSize(loss: Loss, classes: number): number {
  const { confusion, histogram, errors } = sizesOf(loss, classes)
  return 1 + LIMBS + confusion + 2 * histogram + errors
}

/**
 * One device's evaluation as float32 integers, so that it travels through the exact fold (weight 1, grid exponent 0) like an update.
 * `trainHistogram` has the shape of `test.histogram`; only for the logistic loss. Throws `FedmoteError` ("evaluation") for 2^24 rows and more.
 */
export function evaluationVector(
  loss: Loss,
  classes: number,
  test: EvaluationSums,
  trainHistogram: Uint32Array = new Uint32Array(test.histogram.length),
): Float32Array {
  const sizes = sizesOf(loss, classes)
  const out = new Float32Array(evaluationSize(loss, classes))
  const put = (counts: ArrayLike<number>, length: number, at: number, what: string): number => {
    if (counts.length !== length)
      throw new FedmoteError("evaluation", `expected ${length} values of ${what}, got ${counts.length}`)
    for (let i = 0; i < length; i++) {
      if (!(counts[i]! < COUNT_BOUND))
        throw new FedmoteError("evaluation", `expected counts below ${COUNT_BOUND} in ${what}, got ${counts[i]}`)
      out[at + i] = counts[i]!
    }
    return at + length
  }
  let at = put([test.rows], 1, 0, "rows")
  at = splitInto(out, at, test.lossSum, "sum of the loss")
  at = put(test.confusion, sizes.confusion, at, "confusion counts")
  at = put(test.histogram, sizes.histogram, at, "test scores")
  at = put(trainHistogram, sizes.histogram, at, "training scores")
  if (sizes.errors > 0) {
    at = splitInto(out, at, test.squaredError, "sum of squared errors")
    splitInto(out, at, test.absoluteError, "sum of absolute errors")
  }
  return out
}

/** Reads the elementwise sum of any number of evaluation vectors. */
export function evaluationTotals(loss: Loss, classes: number, sums: ArrayLike<number>): EvaluationTotals {
  const sizes = sizesOf(loss, classes)
  const size = evaluationSize(loss, classes)
  if (sums.length !== size) throw new FedmoteError("evaluation", `expected ${size} sums, got ${sums.length}`)
  let at = 1 + LIMBS
  const take = (length: number): Float64Array => {
    const part = new Float64Array(length)
    for (let i = 0; i < length; i++) part[i] = sums[at + i]!
    at += length
    return part
  }
  const confusion = take(sizes.confusion)
  const histogram = take(sizes.histogram)
  const trainHistogram = take(sizes.histogram)
  const errors = sizes.errors > 0
  return {
    rows: sums[0]!,
    lossSum: joinNumber(sums, 1),
    confusion,
    histogram,
    trainHistogram,
    squaredError: errors ? joinNumber(sums, at) : 0,
    absoluteError: errors ? joinNumber(sums, at + LIMBS) : 0,
  }
}
