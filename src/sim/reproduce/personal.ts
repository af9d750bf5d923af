import type { Metrics } from "../../core/metrics.ts"
import type { ModelSpec } from "../../core/model.ts"
import { standardize } from "../../core/moments.ts"
import type { Standardizer } from "../../core/moments.ts"
import { modelSpec, trainSettings } from "../../core/plan-model.ts"
import type { Plan } from "../../core/plan.ts"
import { NO_DEVICE } from "../../core/random.ts"
import type { Samples } from "../../core/samples.ts"
import type { Dataset } from "../../data/dataset.ts"
import { createTrainer } from "../../kernel/trainer.ts"
import type { TrainOptions, Trainer } from "../../kernel/types.ts"
import { deviceKey } from "../../net/digest.ts"
import { meanOf } from "./curve.ts"
import { score } from "./score.ts"

/** Accuracy where every client has a model of its own, or all have the same, each judged on its own test samples. */
export interface Personal {
  /** Over all test samples of all clients. */
  readonly pooled: number
  /** Mean over the clients. */
  readonly mean: number
  /** Mean over the tenth of the clients that are worst off, at least one. */
  readonly worst: number
}

/** Clients' samples as the fleet's models see them, and training on them without a federation. */
export class Clients {
  readonly #spec: ModelSpec
  readonly #settings: TrainOptions
  readonly #trainer: Trainer
  readonly #seed: number
  readonly #clients: readonly { readonly id: string; readonly train: Samples; readonly test: Samples }[]
  #tests: Samples | undefined

  constructor(plan: Plan, dataset: Dataset, standardizer?: Standardizer) {
    const seen = (samples: Samples): Samples =>
      standardizer === undefined ? samples : standardize(samples, standardizer)
    this.#spec = modelSpec(plan)
    this.#settings = { ...trainSettings(plan), proximal: 0 }
    this.#seed = plan.seed
    this.#clients = Array.from({ length: dataset.clients }, (_, client) => ({
      id: dataset.id(client),
      train: seen(dataset.train(client)),
      test: seen(dataset.test(client)),
    }))
    this.#trainer = createTrainer(this.#spec, { batch: plan.train.batch, rows: 1024 })
  }

  /** A model for each client: `start` after so many epochs on its own samples; with "head" only the last layer learns. */
  each(start: Float32Array, epochs: number, layers?: "head"): Float32Array[] {
    const last = this.#spec.layers.length
    const options = layers === "head" ? { trained: { from: last - 1, to: last } } : {}
    return this.#clients.map(({ id, train }) => this.#fit(start, train, { ...options, epochs }, deviceKey(id)))
  }

  /** One model, after so many epochs on all samples in one place. */
  together(start: Float32Array, epochs: number): Float32Array {
    return this.#fit(start, joined(this.#clients.map(({ train }) => train)), { epochs }, NO_DEVICE)
  }

  /** What one model is worth on all test samples of all clients. */
  score(parameters: Float32Array): Metrics {
    this.#tests ??= joined(this.#clients.map(({ test }) => test))
    return score(this.#trainer, this.#spec, parameters, this.#tests)
  }

  /** Classes only. `modelOf` gives the model of the client at an index. */
  judge(modelOf: (client: number) => Float32Array): Personal {
    const scores = this.#clients.map(({ test }, i) => ({
      rows: test.rows,
      accuracy: score(this.#trainer, this.#spec, modelOf(i), test).accuracy ?? NaN,
    }))
    const rows = scores.reduce((sum, each) => sum + each.rows, 0)
    const right = scores.reduce((sum, each) => sum + each.rows * each.accuracy, 0)
    const sorted = scores.map(({ accuracy }) => accuracy).sort((a, b) => a - b)
    return {
      pooled: right / rows,
      mean: meanOf(sorted)!,
      worst: meanOf(sorted.slice(0, Math.max(1, Math.round(sorted.length / 10))))!,
    }
  }

  #fit(
    start: Float32Array,
    samples: Samples,
    options: Partial<TrainOptions>,
    device: readonly [number, number],
  ): Float32Array {
    this.#trainer.train(start, samples, { ...this.#settings, ...options }, { seed: this.#seed, round: 0, device })
    return this.#trainer.result.slice()
  }
}

function joined(parts: readonly Samples[]): Samples {
  const features = parts[0]?.features ?? 0
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  const x = new Float32Array(rows * features)
  const y = new Float32Array(rows)
  let at = 0
  for (const part of parts) {
    x.set(part.x, at * features)
    y.set(part.y, at)
    at += part.rows
  }
  return { rows, features, x, y }
}
