import { evaluationSize, evaluationTotals } from "./evaluation.ts"
import { FedmoteError, unreachable } from "./error.ts"
import { GlobalModel } from "./global-model.ts"
import type { Downlink } from "./global-model.ts"
import { gridExponent } from "./grid.ts"
import { bestThreshold, metricsOf } from "./metrics.ts"
import type { Metrics } from "./metrics.ts"
import type { Loss } from "./model.ts"
import { momentsSize, standardizer } from "./moments.ts"
import type { Standardizer } from "./moments.ts"
import { featureCount, lossOf, parametersOf, sharedParameters, strategySettings } from "./plan-model.ts"
import type { Plan } from "./plan.ts"
import { mostDevicesAsked } from "./over-selection.ts"
import { ParticipationCount } from "./participation.ts"
import type { Participation } from "./participation.ts"
import { positionAfter } from "./program.ts"
import type { Result, RoundResult } from "./result.ts"
import { roundSettings } from "./round-settings.ts"
import { createRounds, step } from "./round.ts"
import type { RoundEffect, RoundEvent, RoundKind, RoundState } from "./round.ts"
import { checkSnapshot } from "./snapshot.ts"
import type { FederationSnapshot } from "./snapshot.ts"
import { stopReason } from "./stop.ts"
import type { Evaluated } from "./stop.ts"
import { createStrategy } from "./strategy.ts"

export interface FederationOptions {
  /** Features and labels known. */
  readonly plan: Plan
  /** The initial model: `parametersOf(plan)` values. */
  readonly init: ArrayLike<number>
  /** Higher than any epoch used before for this fleet. */
  readonly epoch: number
  /** Size of the fleet, where it is known: a cohort of "all" means so many. */
  readonly clients?: number
  /** Exactly where the plan has a `downlink`. */
  readonly downlink?: Downlink | undefined
  /** Goes on from here, instead of from `init`. */
  readonly from?: FederationSnapshot | undefined
}

/** What one device did for a round. */
export interface Contribution {
  readonly device: string
  readonly steps: number
  readonly samples: number
  /** Commits since the model that it was trained from; default: 0. */
  readonly staleness?: number
}

/** A round's exact sums, and what it took. `sum`: `shape(...).size` values, borrowed until `commit` returns. */
export interface RoundSums {
  readonly sum: Float64Array
  readonly weight: number
  readonly count: number
  /** Samples processed by the folded devices. */
  readonly samples: number
  /** Sum of `lossUnits` of the devices' loss sums; NaN where one of them told none. */
  readonly lossSum: number
  /** The folded devices, in any order; only where cohorts are recorded. */
  readonly contributions?: readonly Contribution[]
  readonly uplinkBytes: number
  readonly downlinkBytes: number
  readonly seconds: number
  /** Sequence of the module that trained them; absent: the built-in kernels. */
  readonly module?: number
}

/** How the updates of a round are folded. `largest`: the largest size of a value in one of them. */
export interface RoundShape {
  readonly size: number
  readonly gridExponent: number
  readonly weightCap: number
  readonly largest: number
  /** Updates that the grid has room for. */
  readonly bound: number
}

/** What a federation knows of its `Result`. */
export type FederationReport = Pick<Result, "model" | "rounds" | "final"> &
  Partial<Pick<Result, "statistics" | "stopped">>

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** Cohort x weight cap stay below, so that the total weight is exact. */
const MOST_WEIGHT = 2 ** 37

/** Counts and limbs of statistics and evaluations are smaller. */
const MOST_COUNT = 2 ** 24

/** A loss sum rounded to a multiple of 2^-20: sums of such numbers are exact, so the same in any order. */
export function lossUnits(lossSum: number): number {
  return Math.round(lossSum * 1048576) / 1048576
}

/**
 * One federation from its first round to its last model: the round machine, the global model and the records, without I/O. The live
 * coordinator and the simulator both drive it: events go into `step`, a round's sums into `commit`.
 */
export class Federation {
  readonly plan: Plan
  readonly rounds: RoundState
  readonly model: GlobalModel
  readonly #loss: Loss
  readonly #classes: number
  readonly #records: Writable<RoundResult>[] = []
  readonly #history: Evaluated[] = []
  readonly #participation = new ParticipationCount()
  #standardizer: Standardizer | undefined
  #statistics: Result["statistics"]
  #threshold: number | undefined
  #stopped: string | undefined
  #shape: RoundShape

  /**
   * Throws `PlanError` where the plan's features or labels are not known, `FedmoteError` ("model") for an initial model of another size, or
   * ("snapshot") for a snapshot that does not fit.
   */
  constructor({ plan, init, epoch, clients, downlink, from }: FederationOptions) {
    const parameters = parametersOf(plan)
    if (init.length !== parameters)
      throw new FedmoteError("model", `expected an initial model of ${parameters} parameters, got ${init.length}`)
    if ((plan.downlink === undefined) !== (downlink === undefined))
      throw new FedmoteError("model", "expected a quantiser for the downlink exactly where the plan has one")
    this.plan = plan
    const settings = roundSettings(plan, clients)
    const fleet = clients === undefined ? settings : { ...settings, fleet: clients }
    this.rounds = createRounds(fleet, epoch, from?.position)
    const shared = sharedParameters(plan)
    const strategy = createStrategy(strategySettings(plan), shared.to - shared.from)
    this.model = new GlobalModel(init, strategy, { shared, downlink })
    const labels = plan.model.labels?.length ?? 0
    const loss = lossOf(plan)
    this.#loss = loss !== "custom" ? loss : labels === 0 ? "squared" : labels === 2 ? "logistic" : "softmax"
    this.#classes = this.#loss === "squared" ? 0 : this.#loss === "logistic" ? 2 : labels
    if (from !== undefined) this.#restore(from)
    this.#shape = this.shape(this.rounds.kind, 1)
  }

  /** Means and deviations of the features, once a statistics round was committed. */
  get standardizer(): Standardizer | undefined {
    return this.#standardizer
  }

  /** Numbers what `modelBytes` gives, from 0: it changes with every training round, and with the statistics. */
  get version(): number {
    return this.model.version + (this.#standardizer === undefined ? 0 : 1)
  }

  /** Of the current round, or of the last where none has begun. */
  get gridExponent(): number {
    return this.#shape.gridExponent
  }

  /** Largest weight of one update in the current round. */
  get weightCap(): number {
    return this.#shape.weightCap
  }

  /** Binary models: the score bin from which on a sample is called positive, best on the training scores of the last evaluation. */
  get threshold(): number | undefined {
    return this.#threshold
  }

  /** The committed training rounds so far, in order. */
  get records(): readonly RoundResult[] {
    return this.#records
  }

  /** Why the federation ended before its last round. */
  get stopped(): string | undefined {
    return this.#stopped
  }

  step(event: RoundEvent, effects: RoundEffect[]): void {
    const before = effects.length
    this.#participation.heard(event, this.rounds)
    step(this.rounds, event, effects)
    for (let i = before; i < effects.length; i++) {
      const effect = effects[i]!
      this.#participation.decided(effect, this.rounds)
      if (effect.type === "begin") this.#shape = this.shape(effect.kind, effect.bound)
    }
  }

  /** For a round of at most `bound` updates. Where the plan says how many are asked, training's grid follows from the plan alone. */
  shape(kind: RoundKind, bound: number): RoundShape {
    const { plan } = this
    const counts = { gridExponent: 0, weightCap: 1, largest: MOST_COUNT, bound }
    switch (kind) {
      case "statistics":
        return { size: momentsSize(featureCount(plan)!), ...counts }
      case "evaluate":
        return { size: evaluationSize(this.#loss, this.#classes), ...counts }
      case "train": {
        const { settings } = this.rounds
        const room = settings.late === undefined ? 1 : 2
        const most = Number.isFinite(settings.cohort) ? Math.max(bound, room * mostDevicesAsked(settings)) : bound
        const weightCap = Math.min(plan.weightCap, Math.floor(MOST_WEIGHT / most))
        return {
          size: this.model.shared.to - this.model.shared.from,
          gridExponent: gridExponent(most, weightCap, plan.largestDelta),
          weightCap,
          largest: plan.largestDelta,
          bound: most,
        }
      }
      default:
        return unreachable(kind)
    }
  }

  /** Takes the sums of the round that is committing. Feed `committed` afterwards, with `stop` where a reason is given. */
  commit(sums: RoundSums): { readonly stop: string | undefined } {
    const { kind } = this.rounds
    switch (kind) {
      case "statistics":
        this.#standardizer = standardizer(sums.sum, featureCount(this.plan)!)
        if (sums.contributions !== undefined)
          this.#statistics = { cohort: byDevice(sums.contributions).map(({ device }) => ({ device })) }
        break
      case "train":
        this.model.commit(sums.sum, sums.weight, this.version + 1)
        this.#records.push(recordOf(this.model.version, this.#shape.bound, sums, this.#participation.take()))
        break
      case "evaluate":
        this.#evaluated(sums)
        break
      default:
        return unreachable(kind)
    }
    return { stop: this.#stopped }
  }

  /** What travels as the model: float32, little-endian: means and inverse deviations where features are standardised, then the parameters. */
  modelBytes(): Uint8Array {
    const parts = this.#standardizer === undefined ? [] : [this.#standardizer.mean, this.#standardizer.inverse]
    return littleEndian([...parts, this.model.devices])
  }

  /** `digest`: SHA-256 of `parameterBytes()`, hexadecimal. */
  report(digest: string): FederationReport {
    const parameters = this.model.devices.length
    return {
      model: { parameters, bytes: 4 * parameters, digest },
      ...(this.#statistics === undefined ? {} : { statistics: this.#statistics }),
      rounds: this.#records,
      ...(this.#stopped === undefined ? {} : { stopped: this.#stopped }),
      final: { metrics: this.#history.at(-1)?.metrics ?? {} },
    }
  }

  /** The parameters alone as float32, little-endian: what a result's digest is taken of. */
  parameterBytes(): Uint8Array {
    return littleEndian([this.model.devices])
  }

  /** Where this federation is, or once the commit that is being made durable is done. Borrowed: valid until the next `step` or `commit`. */
  snapshot(): FederationSnapshot {
    const { kind, round, trained, committed, phase } = this.rounds
    const between = { kind, round, trained, committed, released: phase === "released" }
    return {
      position: phase === "committing" ? positionAfter(this.rounds, this.#stopped !== undefined) : between,
      model: this.model.snapshot(),
      standardizer: this.#standardizer,
      statistics: this.#statistics,
      records: this.#records,
      history: this.#history,
      threshold: this.#threshold,
      stopped: this.#stopped,
    }
  }

  #restore(from: FederationSnapshot): void {
    checkSnapshot(from, {
      parameters: this.model.exact.length,
      strategy: this.model.snapshot().strategy.map((state) => state.length),
      features: featureCount(this.plan),
      standardize: this.rounds.settings.statistics,
    })
    this.model.restore(from.model)
    this.#standardizer = from.standardizer
    this.#statistics = from.statistics
    for (const record of from.records) this.#records.push(structuredClone(record))
    for (const evaluated of from.history) this.#history.push(evaluated)
    this.#threshold = from.threshold
    this.#stopped = from.stopped
  }

  #evaluated(sums: RoundSums): void {
    const metrics: Metrics = sums.count === 0 ? {} : metricsOf(this.#loss, this.#classes, this.#totals(sums.sum))
    this.#history.push({ trained: this.rounds.trained, metrics })
    const record = this.#records.at(-1)
    if (record !== undefined) {
      record.metrics = metrics
      record.testLoss = metrics.loss ?? null
      record.uplinkBytes += sums.uplinkBytes
      record.downlinkBytes += sums.downlinkBytes
      record.seconds += sums.seconds
    }
    this.#stopped = stopReason(this.plan.stop, this.#history)
  }

  #totals(sum: Float64Array): ReturnType<typeof evaluationTotals> {
    const totals = evaluationTotals(this.#loss, this.#classes, sum)
    if (this.#loss === "logistic") this.#threshold = bestThreshold(totals.trainHistogram)
    return totals
  }
}

function recordOf(round: number, bound: number, sums: RoundSums, participation: Participation): Writable<RoundResult> {
  const { count, samples, lossSum, contributions, uplinkBytes, downlinkBytes, seconds, module } = sums
  return {
    round,
    folded: count,
    samples,
    trainLoss: samples > 0 && Number.isFinite(lossSum) ? lossSum / samples : null,
    testLoss: null,
    metrics: {},
    uplinkBytes,
    downlinkBytes,
    seconds,
    participation,
    ...(module !== undefined && { module }),
    ...(contributions === undefined ? {} : { bound, cohort: byDevice(contributions).map(recorded) }),
  }
}

function recorded({ device, steps, samples, staleness = 0 }: Contribution): Contribution {
  return { device, steps, samples, ...(staleness > 0 && { staleness }) }
}

/** Of one device the newest first: a round may have more than one update of it. */
function byDevice(contributions: readonly Contribution[]): Contribution[] {
  const age = ({ staleness = 0 }: Contribution): number => staleness
  return [...contributions].sort((a, b) => (a.device < b.device ? -1 : a.device > b.device ? 1 : age(a) - age(b)))
}

function littleEndian(parts: readonly Float32Array[]): Uint8Array {
  const bytes = new Uint8Array(4 * parts.reduce((sum, part) => sum + part.length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const part of parts) for (let i = 0; i < part.length; i++, at += 4) view.setFloat32(at, part[i]!, true)
  return bytes
}
