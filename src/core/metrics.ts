import type { EvaluationTotals } from "./evaluation.ts"
import { SCORE_BINS } from "./evaluation.ts"
import { unreachable } from "./error.ts"
import type { Loss } from "./model.ts"

/** Names are stable: plans, results and logs use them. */
export const METRIC_NAMES = ["accuracy", "f1", "averagePrecision", "rmse", "mae", "loss"] as const
export type MetricName = (typeof METRIC_NAMES)[number]

/** What an evaluation says of a model; which metrics there are follows from the loss. Empty where nothing was evaluated. */
export type Metrics = { readonly [name in MetricName]?: number }

/** The metrics that a model with this loss has, the most telling one first. */
export const METRICS_OF: { readonly [loss in Loss]: readonly MetricName[] } = {
  softmax: ["accuracy", "f1", "loss"],
  logistic: ["averagePrecision", "f1", "accuracy", "loss"],
  squared: ["rmse", "mae", "loss"],
}

/** Whether a larger value of the metric is the better one. */
export function higherIsBetter(metric: MetricName): boolean {
  return metric === "accuracy" || metric === "f1" || metric === "averagePrecision"
}

/** A score in this bin or above is a probability of one half or more. */
const HALF_BIN = SCORE_BINS / 2

/** All metrics of summed evaluations. Binary F1 is at the threshold that is best on the training scores. */
export function metricsOf(loss: Loss, classes: number, totals: EvaluationTotals): Metrics {
  const { rows } = totals
  if (rows === 0) return {}
  const mean = totals.lossSum / rows
  switch (loss) {
    case "softmax":
      return { accuracy: accuracy(totals.confusion, classes), f1: macroF1(totals.confusion, classes), loss: mean }
    case "logistic":
      return {
        averagePrecision: averagePrecision(totals.histogram),
        f1: f1At(totals.histogram, bestThreshold(totals.trainHistogram)),
        accuracy: accuracyAt(totals.histogram, HALF_BIN),
        loss: mean,
      }
    case "squared":
      return { rmse: Math.sqrt(totals.squaredError / rows), mae: totals.absoluteError / rows, loss: mean }
    default:
      return unreachable(loss)
  }
}

/** Share of the counts on the diagonal of `[truth][predicted]`. */
export function accuracy(confusion: ArrayLike<number>, classes: number): number {
  let right = 0
  let all = 0
  for (let i = 0; i < classes * classes; i++) {
    all += confusion[i]!
    if (i % (classes + 1) === 0) right += confusion[i]!
  }
  return all === 0 ? 0 : right / all
}

/** Mean of the classes' F1; a class that neither occurs nor is predicted is left out. */
export function macroF1(confusion: ArrayLike<number>, classes: number): number {
  let sum = 0
  let present = 0
  for (let c = 0; c < classes; c++) {
    let truth = 0
    let predicted = 0
    for (let k = 0; k < classes; k++) {
      truth += confusion[c * classes + k]!
      predicted += confusion[k * classes + c]!
    }
    if (truth + predicted === 0) continue
    sum += (2 * confusion[c * classes + c]!) / (truth + predicted)
    present++
  }
  return present === 0 ? 0 : sum / present
}

/** Share of right answers when scores in bin `threshold` and above are called positive. `histogram`: `[class 0 | class 1][bin]`. */
export function accuracyAt(histogram: ArrayLike<number>, threshold: number): number {
  let right = 0
  let all = 0
  for (let bin = 0; bin < SCORE_BINS; bin++) {
    const negative = histogram[bin]!
    const positive = histogram[SCORE_BINS + bin]!
    all += negative + positive
    right += bin >= threshold ? positive : negative
  }
  return all === 0 ? 0 : right / all
}

/** F1 of the positive class when scores in bin `threshold` and above are called positive; 0 without any positive. */
export function f1At(histogram: ArrayLike<number>, threshold: number): number {
  let hits = 0
  let called = 0
  let positives = 0
  for (let bin = 0; bin < SCORE_BINS; bin++) {
    const positive = histogram[SCORE_BINS + bin]!
    positives += positive
    if (bin < threshold) continue
    hits += positive
    called += histogram[bin]! + positive
  }
  return hits === 0 ? 0 : (2 * hits) / (called + positives)
}

/**
 * Area under the steps of the precision-recall curve, sum over thresholds of (R_n - R_{n-1}) P_n, as scikit-learn defines it. All scores
 * of one bin are one threshold. 0 without any positive.
 */
export function averagePrecision(histogram: ArrayLike<number>): number {
  let positives = 0
  for (let bin = 0; bin < SCORE_BINS; bin++) positives += histogram[SCORE_BINS + bin]!
  if (positives === 0) return 0
  let hits = 0
  let called = 0
  let area = 0
  for (let bin = SCORE_BINS - 1; bin >= 0; bin--) {
    const positive = histogram[SCORE_BINS + bin]!
    hits += positive
    called += histogram[bin]! + positive
    if (positive > 0) area += positive * (hits / called)
  }
  return area / positives
}

/**
 * The threshold bin with the best F1 on these (training) scores. Where neighbouring bins are equally good - nothing scored between them -
 * the middle of the first such run; one half (bin 128) where there is no positive to find.
 */
export function bestThreshold(histogram: ArrayLike<number>): number {
  let positives = 0
  for (let bin = 0; bin < SCORE_BINS; bin++) positives += histogram[SCORE_BINS + bin]!
  if (positives === 0) return HALF_BIN
  let best = -1
  let first = HALF_BIN
  let last = HALF_BIN
  let hits = 0
  let called = 0
  for (let bin = SCORE_BINS - 1; bin >= 0; bin--) {
    hits += histogram[SCORE_BINS + bin]!
    called += histogram[bin]! + histogram[SCORE_BINS + bin]!
    const f1 = (2 * hits) / (called + positives)
    if (f1 > best) {
      best = f1
      first = bin
      last = bin
    } else if (f1 === best && bin === last - 1) last = bin
  }
  return Math.ceil((first + last) / 2)
}
