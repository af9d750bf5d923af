import { evaluationTotals, evaluationSize, evaluationVector } from "../core/evaluation.ts"
import type { EvaluationSums } from "../core/evaluation.ts"
import { METRICS_OF, metricsOf } from "../core/metrics.ts"
import type { Metrics } from "../core/metrics.ts"
import { classCount, layout, outputCount, parameterCount } from "../core/model.ts"
import type { ModelSpec } from "../core/model.ts"
import { featureMoments, standardize, standardizer } from "../core/moments.ts"
import type { Standardizer } from "../core/moments.ts"
import { NO_DEVICE } from "../core/random.ts"
import { aloneBaseline } from "../core/result.ts"
import type { Result } from "../core/result.ts"
import type { Samples } from "../core/samples.ts"
import type { TrainSettings } from "../core/training.ts"
import type { Dataset } from "../data/dataset.ts"
import type { Trainer } from "../kernel/types.ts"
import { deviceKey } from "../net/digest.ts"

/** What the fleet is compared with: all data in one place, each client alone, and a constant. Scored on everybody's test samples, by the fleet's own metrics. */

/** Items of baseline work: a client's index, or one of these. */
export const POOLED = 0xffff_ffff
export const MAJORITY = 0xffff_fffe

/** More clients than this do not learn alone: it would take longer than all the rest. */
export const MOST_ALONE = 200

export interface Scored {
  readonly item: number
  readonly metrics: Metrics
}

export interface BaselineSettings {
  readonly spec: ModelSpec
  readonly settings: TrainSettings
  readonly seed: number
  /** Each model has `rounds` times the local epochs: as many passes as a client makes in the federation. */
  readonly rounds: number
  /** What each begins with; default: the model that the seed gives. */
  readonly start?: Float32Array | undefined
}

/** The items of all baselines, the longest work first. */
export function baselineItems(dataset: Dataset): Uint32Array {
  const clients = Array.from({ length: dataset.clients }, (_, c) => c)
  clients.sort((a, b) => dataset.trainRows(b) - dataset.trainRows(a))
  return Uint32Array.from([POOLED, ...(dataset.clients > MOST_ALONE ? [] : clients), MAJORITY])
}

/** The scores, put together as a result has them. */
export function collectBaselines(
  dataset: Dataset,
  { loss }: ModelSpec,
  scored: readonly Scored[],
): Result["baselines"] {
  const of = (item: number): Metrics | undefined => scored.find((each) => each.item === item)?.metrics
  const pooled = of(POOLED)
  const majority = of(MAJORITY)
  const clients = scored
    .filter(({ item }) => item < MAJORITY)
    .sort((a, b) => a.item - b.item)
    .map(({ item, metrics }) => ({ device: dataset.id(item), metrics }))
  const alone = aloneBaseline(clients, METRICS_OF[loss][0]!)
  return {
    ...(pooled && { pooled: { metrics: pooled } }),
    ...(alone && { alone }),
    ...(majority && { majority: { metrics: majority } }),
  }
}

/** Trains and scores baselines with one trainer. */
export class Baselines {
  readonly #trainer: Trainer
  readonly #dataset: Dataset
  readonly #plan: BaselineSettings

  constructor(trainer: Trainer, dataset: Dataset, plan: BaselineSettings) {
    this.#trainer = trainer
    this.#dataset = dataset
    this.#plan = plan
  }

  /** `fleet`: means and deviations of all training samples, which are the pooled ones too; undefined where features are taken as they are. */
  score(item: number, fleet: Standardizer | undefined): Scored {
    const own = item >= MAJORITY ? pool(this.#dataset) : this.#dataset.train(item)
    if (item === MAJORITY || isConstant(own, this.#plan.spec)) {
      const parameters = constantModel(this.#plan.spec, own.y)
      return { item, metrics: this.#onAll(parameters, undefined, own) }
    }
    const scale =
      fleet === undefined ? undefined : item === POOLED ? fleet : standardizer(featureMoments(own), own.features)
    const train = scale === undefined ? own : standardize(own, scale)
    const device = item === POOLED ? NO_DEVICE : deviceKey(this.#dataset.id(item))
    return { item, metrics: this.#onAll(this.#fit(train, device), scale, train) }
  }

  #fit(train: Samples, device: readonly [number, number]): Float32Array {
    const { seed, settings, rounds, start } = this.#plan
    let model = start ?? this.#trainer.init({ seed, round: 0, device: NO_DEVICE }).slice()
    for (let round = 1; round <= rounds; round++) {
      this.#trainer.train(model, train, settings, { seed, round, device })
      model = this.#trainer.result.slice()
    }
    return model
  }

  /** `train`: what the model was trained on, as it sees it. */
  #onAll(parameters: Float32Array, scale: Standardizer | undefined, train: Samples): Metrics {
    const { spec } = this.#plan
    const classes = classCount(spec)
    const sums = new Float64Array(evaluationSize(spec.loss, classes))
    const add = (test: EvaluationSums, histogram: Uint32Array | undefined): void => {
      const vector = evaluationVector(spec.loss, classes, test, histogram)
      for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + vector[i]!
    }
    let histogram = spec.loss === "logistic" ? this.#trainer.evaluate(parameters, train).histogram.slice() : undefined
    for (let client = 0; client < this.#dataset.clients; client++) {
      if (this.#dataset.testRows(client) === 0) continue
      const test = this.#dataset.test(client)
      add(this.#trainer.evaluate(parameters, scale === undefined ? test : standardize(test, scale)), histogram)
      histogram = undefined
    }
    return metricsOf(spec.loss, classes, evaluationTotals(spec.loss, classes, sums))
  }
}

function pool(dataset: Dataset): Samples {
  let rows = 0
  for (let client = 0; client < dataset.clients; client++) rows += dataset.trainRows(client)
  const features = dataset.features.length
  const x = new Float32Array(rows * features)
  const y = new Float32Array(rows)
  let at = 0
  for (let client = 0; client < dataset.clients; client++) {
    const part = dataset.train(client)
    x.set(part.x, at * features)
    y.set(part.y, at)
    at += part.rows
  }
  return { rows, features, x, y }
}

/** Nothing can be learned from no samples, nor from one class alone. */
function isConstant({ rows, y }: Samples, { loss }: ModelSpec): boolean {
  return rows === 0 || (loss !== "squared" && y.every((label) => label === y[0]))
}

// A class that was never seen counts as this share of a sample: its probability is small, and finite.
const UNSEEN = 1e-3

/** The best model that looks at no feature: zero weights, and biases for the frequencies of the classes or the mean target. */
export function constantModel(spec: ModelSpec, y: Float32Array): Float32Array {
  const parameters = new Float32Array(parameterCount(spec))
  const { biases } = layout(spec).at(-1)!
  const outputs = outputCount(spec)
  if (spec.loss === "squared") {
    parameters[biases] = y.length === 0 ? 0 : y.reduce((sum, target) => sum + target, 0) / y.length
    return parameters
  }
  const counts = new Float64Array(classCount(spec)).fill(UNSEEN)
  for (const label of y) counts[label] = counts[label]! + 1
  if (spec.loss === "logistic") parameters[biases] = Math.log((spec.positiveWeight * counts[1]!) / counts[0]!)
  else for (let c = 0; c < outputs; c++) parameters[biases + c] = Math.log(counts[c]! / (y.length + 1))
  return parameters
}
