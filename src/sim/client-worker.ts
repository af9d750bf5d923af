import type { CodecName } from "../core/codec.ts"
import { FedmoteError, unreachable } from "../core/error.ts"
import { classCount } from "../core/model.ts"
import type { ModelSpec } from "../core/model.ts"
import { standardize } from "../core/moments.ts"
import type { Standardizer } from "../core/moments.ts"
import type { RandomKey } from "../core/random.ts"
import type { RoundKind } from "../core/round.ts"
import type { Samples } from "../core/samples.ts"
import { weightOf } from "../core/staleness.ts"
import type { StalenessExponent } from "../core/staleness.ts"
import type { TrainSettings } from "../core/training.ts"
import type { Dataset } from "../data/dataset.ts"
import { slice } from "../data/held-out.ts"
import { openShared } from "../data/share.ts"
import type { SharedDataset } from "../data/share.ts"
import { takeOwn, withOwn } from "../device/kept.ts"
import type { KeptLayout } from "../device/kept.ts"
import { UpdateEncoder } from "../device/update-encoder.ts"
import { evaluationWork, statisticsWork, trainingWork } from "../device/work.ts"
import type { Work } from "../device/work.ts"
import { createAccumulator } from "../kernel/accumulator.ts"
import { createTrainer } from "../kernel/trainer.ts"
import { NormBound } from "../kernel/norm.ts"
import type { TrainerLimits } from "../kernel/trainer.ts"
import type { Accumulator, EvaluationSums, KernelKind, Trainer } from "../kernel/types.ts"
import { deviceKey } from "../net/digest.ts"
import { Baselines } from "./baselines.ts"
import type { Scored } from "./baselines.ts"
import { keptAt } from "./client-states.ts"

/** What every thread that works on virtual clients is given once. */
export interface Setup {
  readonly dataset: SharedDataset
  readonly spec: ModelSpec
  readonly settings: TrainSettings
  /** What clients keep to themselves between rounds. */
  readonly layout: KeptLayout
  readonly seed: number
  readonly codec: CodecName
  readonly stalenessExponent: StalenessExponent
  readonly updateNorm: number | undefined
  readonly kernel: KernelKind | undefined
  /** Feature values of standardised samples that a thread may keep. */
  readonly cachedValues: number
  /** What the server evaluates on, in shared memory; absent where clients evaluate on their own test samples. */
  readonly heldOut?: Samples | undefined
}

/** Rows of the held-out samples that are one item of work. */
const HELD_OUT_ROWS = 250

/** Items of work that an evaluation on `rows` held-out samples is. */
export function heldOutItems(rows: number): number {
  return Math.ceil(rows / HELD_OUT_ROWS)
}

/** Work that threads share: each takes the next item of `items` until there is none. */
export interface Shared {
  readonly items: Uint32Array
  /** One counter in shared memory. */
  readonly next: Int32Array
}

/** One round's work on the clients in `items`, folded into one partial sum per thread. */
export interface FoldJob extends Shared {
  readonly type: "fold"
  readonly kind: RoundKind
  /** Training: the round in which all items were trained, from `model`, and how many commits ago that was. */
  readonly round: number
  readonly staleness: number
  readonly model: Float32Array
  readonly standardizer: Standardizer | undefined
  readonly size: number
  readonly gridExponent: number
  readonly bound: number
  readonly weightCap: number
  readonly largest: number
  /** Replay: steps of the client at the same place in `items`; absent where all epochs are run. */
  readonly steps?: Uint32Array | undefined
  /** What each client keeps, a row at its place, in shared memory; the row is changed in place. Absent where nothing is kept. */
  readonly kept?: Float32Array | undefined
  /** Evaluation: the items are parts of the held-out samples, not clients. */
  readonly heldOut?: boolean
}

/** A thread's share of a round; the arrays go together. `places` are positions in the job's `items`. */
export interface FoldPart {
  readonly sum: Float64Array
  readonly weight: number
  readonly count: number
  readonly places: Uint32Array
  readonly samples: Uint32Array
  readonly steps: Uint32Array
  readonly lossSums: Float32Array
  /** Length of each payload. */
  readonly bytes: Uint32Array
  readonly refused: readonly { readonly place: number; readonly reason: string }[]
}

/** Models to train and score without a federation; items as `Baselines` numbers them. */
export interface BaselineJob extends Shared {
  readonly type: "baseline"
  readonly rounds: number
  /** What all begin with; default: the model that the seed gives. */
  readonly start?: Float32Array | undefined
  /** What the fleet learned, for the pooled model. */
  readonly standardizer: Standardizer | undefined
}

/** One thread's tools: a trainer, an encoder and accumulators, used for one client after the other. */
export class ClientWorker {
  readonly #dataset: Dataset
  readonly #setup: Setup
  readonly #trainer: Trainer
  readonly #encoder: UpdateEncoder
  /** A client's model: the fleet's with its private layers. */
  readonly #personal: Float32Array
  readonly #accumulators = new Map<number, Accumulator>()
  readonly #samples: SampleCache
  readonly #normBound: NormBound | undefined

  constructor(setup: Setup) {
    this.#setup = setup
    this.#dataset = openShared(setup.dataset)
    this.#trainer = createTrainer(setup.spec, limitsOf(setup, this.#dataset), setup.kernel)
    this.#encoder = new UpdateEncoder(setup.layout, setup.kernel)
    this.#personal = new Float32Array(setup.layout.parts.ownSize === 0 ? 0 : this.#trainer.parameters)
    this.#samples = new SampleCache(this.#dataset, setup.cachedValues)
    const { layout, updateNorm, kernel } = setup
    this.#normBound =
      updateNorm === undefined
        ? undefined
        : new NormBound(layout.parts.shared.to - layout.parts.shared.from, updateNorm, kernel)
  }

  fold(job: FoldJob): FoldPart {
    const accumulator = this.#accumulator(job)
    this.#samples.use(job.standardizer)
    const done: Done[] = []
    const refused: { place: number; reason: string }[] = []
    for (let place = take(job); place >= 0; place = take(job)) {
      const client = job.items[place]!
      const device = job.heldOut === true ? `held-out part ${client}` : this.#dataset.id(client)
      const key: RandomKey = { seed: this.#setup.seed, round: job.round, device: deviceKey(device) }
      try {
        const { codec, payload, samples, steps, metrics } = this.#work(job, place, key)
        const { stalenessExponent } = this.#setup
        if (job.kind === "train") this.#normBound?.check(codec, payload, key)
        const weight = job.kind === "train" ? weightOf(samples, job.weightCap, stalenessExponent, job.staleness) : 1
        accumulator.fold(codec, payload, weight, key)
        done.push({ place, samples, steps, lossSum: metrics[0] ?? 0, bytes: payload.length })
      } catch (error) {
        if (!(error instanceof FedmoteError)) throw error
        refused.push({ place, reason: `${device}: ${error.message}` })
      }
    }
    return {
      sum: accumulator.sum.slice(),
      weight: accumulator.weight,
      count: accumulator.count,
      places: Uint32Array.from(done, ({ place }) => place),
      samples: Uint32Array.from(done, ({ samples }) => samples),
      steps: Uint32Array.from(done, ({ steps }) => steps),
      lossSums: Float32Array.from(done, ({ lossSum }) => lossSum),
      bytes: Uint32Array.from(done, ({ bytes }) => bytes),
      refused,
    }
  }

  baseline(job: BaselineJob): Scored[] {
    const { spec, settings, seed } = this.#setup
    const { rounds, start } = job
    const baselines = new Baselines(this.#trainer, this.#dataset, { spec, settings, seed, rounds, start })
    const scored: Scored[] = []
    for (let place = take(job); place >= 0; place = take(job))
      scored.push(baselines.score(job.items[place]!, job.standardizer))
    return scored
  }

  #accumulator({ size, gridExponent, bound: cohort, weightCap, largest }: FoldJob): Accumulator {
    const { kernel: kind } = this.#setup
    const old = this.#accumulators.get(size)
    if (old !== undefined) {
      old.reset(gridExponent, cohort, weightCap, largest)
      return old
    }
    const made = createAccumulator({
      size,
      gridExponent,
      cohort,
      weightCap,
      largest,
      ...(kind === undefined ? {} : { kind }),
    })
    this.#accumulators.set(size, made)
    return made
  }

  #work(job: FoldJob, place: number, key: RandomKey): Work {
    const client = job.items[place]!
    if (job.kind === "statistics") return statisticsWork(this.#samples.raw(client))
    if (job.heldOut === true) return this.#evaluateHeldOut(job, client)
    const { layout } = this.#setup
    const kept = job.kept === undefined ? NOTHING : keptAt(layout, job.kept, place)
    const model = withOwn(layout, job.model, kept, this.#personal)
    switch (job.kind) {
      case "train":
        return this.#train(model, client, kept, job.steps?.[place], key)
      case "evaluate":
        return this.#evaluate(model, client)
      default:
        return unreachable(job.kind)
    }
  }

  #train(model: Float32Array, client: number, kept: Float32Array, steps: number | undefined, key: RandomKey): Work {
    const { settings, codec, layout } = this.#setup
    const samples = this.#samples.train(client)
    this.#trainer.begin(model, samples, settings, key)
    this.#trainer.advance(steps ?? Math.ceil(samples.rows / settings.batch) * settings.epochs)
    const outcome = this.#trainer.outcome()
    if (steps !== undefined && outcome.steps !== steps)
      throw new FedmoteError("replay", `expected ${steps} steps as recorded, this data gives ${outcome.steps}`)
    takeOwn(layout, this.#trainer.result, kept)
    return trainingWork(this.#encoder, codec, this.#trainer.delta(), kept, outcome, key)
  }

  #evaluate(model: Float32Array, client: number): Work {
    const { spec } = this.#setup
    const test = this.#sums(model, this.#samples.test(client))
    // Only a binary model needs the training part's scores: its threshold is chosen on them.
    const train = spec.loss === "logistic" ? this.#sums(model, this.#samples.train(client)) : undefined
    return evaluationWork(spec.loss, classCount(spec), test, train)
  }

  #evaluateHeldOut({ model, standardizer }: FoldJob, item: number): Work {
    const { spec, heldOut: all } = this.#setup
    const from = item * HELD_OUT_ROWS
    const part = slice(all!, from, Math.min(all!.rows, from + HELD_OUT_ROWS))
    const samples = standardizer === undefined ? part : standardize(part, standardizer)
    return evaluationWork(spec.loss, classCount(spec), this.#sums(model, samples), undefined)
  }

  #sums(model: Float32Array, samples: Samples): EvaluationSums {
    return this.#trainer.evaluate(model, samples)
  }
}

const NOTHING = new Float32Array(0)

/** Room for the largest client, so that memory is made once. */
function limitsOf({ settings }: Setup, dataset: Dataset): TrainerLimits {
  let rows = 1
  for (let client = 0; client < dataset.clients; client++) rows = Math.max(rows, dataset.trainRows(client))
  return { batch: Math.min(settings.batch, rows), rows }
}

interface Done {
  readonly place: number
  readonly samples: number
  readonly steps: number
  readonly lossSum: number
  readonly bytes: number
}

/** The next place in a shared job, or -1. */
function take({ items, next }: Shared): number {
  const place = Atomics.add(next, 0, 1)
  return place < items.length ? place : -1
}

/** Clients' samples as the model sees them: kept where they fit, made anew where not. */
class SampleCache {
  readonly #dataset: Dataset
  readonly #kept = new Map<string, Samples>()
  #room: number
  readonly #limit: number
  #standardizer: Standardizer | undefined

  constructor(dataset: Dataset, values: number) {
    this.#dataset = dataset
    this.#limit = values
    this.#room = values
  }

  /** Samples are standardised with this from now on. */
  use(standardizer: Standardizer | undefined): void {
    if (same(this.#standardizer, standardizer)) return
    this.#standardizer = standardizer
    this.#kept.clear()
    this.#room = this.#limit
  }

  raw(client: number): Samples {
    return this.#dataset.train(client)
  }

  train(client: number): Samples {
    return this.#get(`train ${client}`, () => this.#dataset.train(client))
  }

  test(client: number): Samples {
    return this.#get(`test ${client}`, () => this.#dataset.test(client))
  }

  #get(name: string, read: () => Samples): Samples {
    const kept = this.#kept.get(name)
    if (kept !== undefined) return kept
    const raw = read()
    const samples = this.#standardizer === undefined ? raw : standardize(raw, this.#standardizer)
    if (samples.x.length <= this.#room) {
      this.#room -= samples.x.length
      this.#kept.set(name, samples)
    }
    return samples
  }
}

function same(a: Standardizer | undefined, b: Standardizer | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.mean.every((value, i) => value === b.mean[i] && a.inverse[i] === b.inverse[i])
}
