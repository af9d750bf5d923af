import { higherIsBetter, metricsOf } from "../core/metrics.ts"
import type { MetricName, Metrics } from "../core/metrics.ts"
import { classCount } from "../core/model.ts"
import type { ModelSpec } from "../core/model.ts"
import { standardize } from "../core/moments.ts"
import type { Standardizer } from "../core/moments.ts"
import { modelSpec, partsOf } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import type { ClientSpread, Spread } from "../core/result.ts"
import type { Samples } from "../core/samples.ts"
import type { Dataset } from "../data/dataset.ts"
import { createTrainer } from "../kernel/trainer.ts"
import type { Trainer } from "../kernel/types.ts"
import { MOST_LISTED } from "./roster.ts"

/** Metrics that say something of a single client, however few samples it has. */
const OF_A_CLIENT: readonly MetricName[] = ["accuracy", "rmse", "mae", "loss"]

export interface FinalModel {
  readonly plan: Plan
  readonly parameters: Float32Array
  readonly standardizer: Standardizer | undefined
}

/**
 * How the final model serves each client, on its own test samples. Undefined where that cannot be said: a population that is never listed, clients without test
 * samples, private layers.
 */
export function clientSpread(
  dataset: Dataset,
  { plan, parameters, standardizer }: FinalModel,
): ClientSpread | undefined {
  if (dataset.clients > MOST_LISTED || plan.model.loss === "custom" || partsOf(plan).ownSize > 0) return undefined
  const spec = modelSpec(plan)
  const tested = Array.from({ length: dataset.clients }, (_, c) => c).filter((client) => dataset.testRows(client) > 0)
  if (tested.length === 0) return undefined
  const trainer = createTrainer(spec, { batch: 1, rows: Math.max(...tested.map((client) => dataset.testRows(client))) })
  const scores = tested.map((client) => {
    const test = dataset.test(client)
    return score(trainer, spec, parameters, standardizer === undefined ? test : standardize(test, standardizer))
  })
  const metrics: { [name in MetricName]?: Spread } = {}
  for (const name of OF_A_CLIENT) {
    const values = scores.map((each) => each[name]).filter((value) => value !== undefined)
    if (values.length > 0) metrics[name] = spreadOf(values, higherIsBetter(name))
  }
  return { count: tested.length, metrics }
}

function score(trainer: Trainer, spec: ModelSpec, parameters: Float32Array, test: Samples): Metrics {
  const sums = trainer.evaluate(parameters, test)
  const histogram = Float64Array.from(sums.histogram)
  const totals = { ...sums, confusion: Float64Array.from(sums.confusion), histogram, trainHistogram: histogram }
  return metricsOf(spec.loss, classCount(spec), totals)
}

/** `values`: one at least. */
export function spreadOf(values: readonly number[], higherBetter: boolean): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const mean = meanOf(sorted)
  const tenth = Math.ceil(sorted.length / 10)
  return {
    mean,
    deviation: Math.sqrt(meanOf(sorted.map((value) => (value - mean) ** 2))),
    worstDecile: meanOf(higherBetter ? sorted.slice(0, tenth) : sorted.slice(-tenth)),
    quantiles: Array.from({ length: 11 }, (_, i) => quantile(sorted, i / 10)),
  }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** In a line between the two nearest (Hyndman and Fan 1996, definition 7). */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1)
  const low = Math.floor(at)
  const high = Math.min(low + 1, sorted.length - 1)
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!)
}
