import { FedmoteError, unreachable } from "../core/error.ts"
import { classCount } from "../core/model.ts"
import { standardize } from "../core/moments.ts"
import type { RandomKey } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import { weightOf } from "../core/staleness.ts"
import type { Dataset } from "../data/dataset.ts"
import { openShared } from "../data/share.ts"
import { takeOwn, withOwn } from "../device/kept.ts"
import { UpdateEncoder } from "../device/update-encoder.ts"
import { evaluationWork, statisticsWork } from "../device/work.ts"
import { NormBound } from "../kernel/norm.ts"
import { createTrainer } from "../kernel/trainer.ts"
import type { TrainerLimits } from "../kernel/trainer.ts"
import type { Accumulator, EvaluationSums, Trainer } from "../kernel/types.ts"
import { Accumulators } from "./accumulators.ts"
import { Baselines } from "./baselines.ts"
import type { Scored } from "./baselines.ts"
import { clientSamples } from "./client-samples.ts"
import type { ClientSamples } from "./client-samples.ts"
import { keptAt } from "./client-states.ts"
import { DoneList } from "./done-list.ts"
import type { BaselineJob, FoldJob, FoldPart, Setup, Shared } from "./fold-job.ts"
import { heldOutPart } from "./held-out-parts.ts"

/** One thread's tools: a trainer, an encoder and accumulators, used for one client after the other. Training allocates nothing for a client. */
export class ClientWorker {
  readonly #dataset: Dataset
  readonly #setup: Setup
  readonly #trainer: Trainer
  readonly #encoder: UpdateEncoder
  /** A client's model: the fleet's with its private layers. */
  readonly #personal: Float32Array
  readonly #accumulators: Accumulators
  readonly #samples: ClientSamples
  readonly #normBound: NormBound | undefined
  readonly #device: [number, number] = [0, 0]
  readonly #key: { seed: number; round: number; readonly device: readonly [number, number] }

  constructor(setup: Setup) {
    this.#setup = setup
    this.#dataset = openShared(setup.dataset)
    this.#trainer = createTrainer(setup.spec, limitsOf(setup, this.#dataset), setup.kernel)
    this.#encoder = new UpdateEncoder(setup.layout, setup.kernel)
    this.#personal = new Float32Array(setup.layout.parts.ownSize === 0 ? 0 : this.#trainer.parameters)
    this.#accumulators = new Accumulators(setup.kernel)
    this.#samples = clientSamples(this.#dataset, setup.cachedValues)
    this.#key = { seed: setup.seed, round: 0, device: this.#device }
    const { layout, updateNorm, kernel } = setup
    this.#normBound =
      updateNorm === undefined
        ? undefined
        : new NormBound(layout.parts.shared.to - layout.parts.shared.from, updateNorm, kernel)
  }

  fold(job: FoldJob): FoldPart {
    const accumulator = this.#accumulators.empty(job)
    this.#samples.use(job.standardizer)
    const done = new DoneList(job.items.length)
    const refused: { place: number; reason: string }[] = []
    for (let place = take(job); place >= 0; place = take(job)) {
      try {
        this.#work(job, place, this.#keyOf(job, place), accumulator, done)
      } catch (error) {
        if (!(error instanceof FedmoteError)) throw error
        refused.push({ place, reason: `${this.#nameOf(job, place)}: ${error.message}` })
      }
    }
    const { weight, count } = accumulator
    return { sum: accumulator.sum.slice(), weight, count, ...done.taken(), refused }
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

  /** Valid until the next one. */
  #keyOf({ keys, round }: FoldJob, place: number): RandomKey {
    this.#key.round = round
    this.#device[0] = keys?.[2 * place] ?? 0
    this.#device[1] = keys?.[2 * place + 1] ?? 0
    return this.#key
  }

  #nameOf({ heldOut, items }: FoldJob, place: number): string {
    return heldOut === true ? `held-out part ${items[place]}` : this.#dataset.id(items[place]!)
  }

  #work(job: FoldJob, place: number, key: RandomKey, into: Accumulator, done: DoneList): void {
    if (job.kind === "train") return this.#train(job, place, key, into, done)
    const { codec, payload, samples } = this.#sums(job, place)
    into.fold(codec, payload, 1, key)
    done.add(place, samples, 0, 0, payload.length)
  }

  #train(job: FoldJob, place: number, key: RandomKey, into: Accumulator, done: DoneList): void {
    const { settings, codec, layout, stalenessExponent } = this.#setup
    const kept = this.#kept(job, place)
    const samples = this.#samples.train(job.items[place]!, this.#trainer.room)
    this.#trainer.begin(withOwn(layout, job.model, kept, this.#personal), samples, settings, key)
    // 0: all epochs.
    const steps = job.steps?.[place] ?? 0
    this.#trainer.advance(steps > 0 ? steps : Math.ceil(samples.rows / settings.batch) * settings.epochs)
    const outcome = this.#trainer.outcome()
    if (steps > 0 && outcome.steps !== steps)
      throw new FedmoteError("replay", `expected ${steps} steps as recorded, this data gives ${outcome.steps}`)
    if (kept.length > 0) takeOwn(layout, this.#trainer.result, kept)
    const payload = this.#encoder.encode(codec, this.#trainer.delta(), kept, key)
    this.#normBound?.check(codec, payload, key)
    into.fold(codec, payload, weightOf(outcome.samples, job.weightCap, stalenessExponent, job.staleness), key)
    done.add(place, outcome.samples, outcome.steps, outcome.lossSum, payload.length)
  }

  #kept({ kept }: FoldJob, place: number): Float32Array {
    return kept === undefined ? NOTHING : keptAt(this.#setup.layout, kept, place)
  }

  #sums(job: FoldJob, place: number): ReturnType<typeof statisticsWork> {
    const client = job.items[place]!
    switch (job.kind) {
      case "statistics":
        return statisticsWork(this.#samples.raw(client))
      case "evaluate":
        return job.heldOut === true ? this.#evaluateHeldOut(job, client) : this.#evaluate(job, place)
      case "train":
        throw new FedmoteError("internal", "expected a round of sums, got one of training")
      default:
        return unreachable(job.kind)
    }
  }

  #evaluate(job: FoldJob, place: number): ReturnType<typeof evaluationWork> {
    const { spec, layout } = this.#setup
    const client = job.items[place]!
    const { room } = this.#trainer
    const model = withOwn(layout, job.model, this.#kept(job, place), this.#personal)
    const test = this.#evaluated(model, this.#samples.test(client, room))
    // Only a binary model needs the training part's scores: its threshold is chosen on them.
    const binary = spec.loss === "logistic"
    const train = binary ? this.#evaluated(model, this.#samples.train(client, room)) : undefined
    return evaluationWork(spec.loss, classCount(spec), test, train)
  }

  #evaluateHeldOut({ model, standardizer }: FoldJob, item: number): ReturnType<typeof evaluationWork> {
    const { spec, heldOut } = this.#setup
    const part = heldOutPart(heldOut!, item)
    const samples = standardizer === undefined ? part : standardize(part, standardizer)
    return evaluationWork(spec.loss, classCount(spec), this.#evaluated(model, samples), undefined)
  }

  #evaluated(model: Float32Array, samples: Samples): EvaluationSums {
    return this.#trainer.evaluate(model, samples)
  }
}

const NOTHING = new Float32Array(0)

/** Room for the largest client, so that memory is made once. */
function limitsOf({ settings }: Setup, dataset: Dataset): TrainerLimits {
  const rows = mostRowsOf(dataset)
  return { batch: Math.min(settings.batch, rows), rows }
}

/** Training samples of the largest client, at least 1. */
export function mostRowsOf(dataset: Dataset): number {
  if (dataset.population !== undefined) return dataset.population.mostRows
  let rows = 1
  for (let client = 0; client < dataset.clients; client++) rows = Math.max(rows, dataset.trainRows(client))
  return rows
}

/** The next place in a shared job, or -1. */
function take({ items, next }: Shared): number {
  const place = Atomics.add(next, 0, 1)
  return place < items.length ? place : -1
}
