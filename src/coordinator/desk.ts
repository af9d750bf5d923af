import { FedmoteError, unreachable } from "../core/error.ts"
import type { Federation } from "../core/federation.ts"
import type { RoundResult } from "../core/result.ts"
import { evaluationDue } from "../core/round.ts"
import type { RoundName } from "../core/round-late.ts"
import type { RoundEffect, RoundEvent, RoundKind, RoundState } from "../core/round.ts"
import { seedsOf } from "../core/seeds.ts"
import type { AccumulatorOptions } from "../kernel/accumulator.ts"
import type { Accumulator } from "../kernel/types.ts"
import type { Clock } from "../net/clock.ts"
import type { Update } from "../wire/message.ts"
import type { WholeUpdate } from "../wire/reassembly.ts"
import { Pulls } from "../wire/pulls.ts"
import type { Announcer } from "./announcer.ts"
import { Answers } from "./answers.ts"
import type { Answered } from "./answers.ts"
import type { Census } from "./census.ts"
import { FloodWatch } from "./flood-watch.ts"
import { Folding } from "./folding.ts"
import { EPOCHS } from "./incarnation.ts"
import { Intake } from "./intake.ts"
import type { Journal } from "./journal/journal.ts"
import type { Complaints, CoordinatorLog } from "./log.ts"
import { publishedModel } from "./publisher.ts"
import type { ReadyDevice, Registry, Verdict } from "./registry.ts"

export interface DeskOptions {
  readonly federation: Federation
  readonly announcer: Announcer
  readonly registry: Registry
  readonly journal: Journal
  readonly census: Census
  /** The coordinator's. */
  readonly session: number
  readonly clock: Clock
  readonly log: CoordinatorLog
  readonly complaints: Complaints
  readonly recordCohorts: boolean
  /** As in `CoordinatorOptions`. */
  readonly createAccumulator: ((options: AccumulatorOptions) => Accumulator) | undefined
  readonly reassemblyBytes: number | undefined
  readonly onRound: (record: RoundResult) => void
  readonly onState: (rounds: Readonly<RoundState>) => void
  /** A round is over, and the next has not begun. */
  readonly onBetween: () => void
  /** Sequence of the module that the rounds take; 0 for the built-in kernels. */
  readonly module: () => number
  readonly onReleased: () => void
  readonly onError: (error: unknown) => void
}

/** A device that is not selected by its tags looks again so much later: a plan may change. */
const EXCLUDED_SECONDS = 3600
/** One that has said Ready without Hello introduces itself again. */
const UNKNOWN_SECONDS = 4
/** A late update that comes while no training round is open comes again. */
const CLOSED_SECONDS = 2

/** Messages of one device in a minute that lead to nothing, before it is complained about; and on top of them its update four times. */
const MOST_USELESS = 1000
const SMALLEST_CHUNK_BYTES = 64
/** Updates of several chunks that a device may begin in a round without being complained about. */
const MOST_BEGUN = 8

/** The update that is before the round machine now. */
interface Case extends Answered {
  /** Absent for a chunk that will not be wanted. */
  readonly whole?: { readonly update: WholeUpdate; readonly bytes: number }
}

/** Feeds the round machine with what happens and carries out what it decides. */
export class Desk {
  readonly #options: DeskOptions
  readonly #federation: Federation
  readonly #announcer: Announcer
  readonly #intake: Intake
  readonly #folding: Folding
  readonly #flood: FloodWatch
  readonly #pulls: Pulls
  readonly #answers: Answers
  #case: Case | undefined
  #cancelTimer: () => void = () => {}
  #timerAtMs = Infinity
  #closed = false

  constructor(options: DeskOptions) {
    const { federation, announcer, recordCohorts, createAccumulator, reassemblyBytes } = options
    this.#options = options
    this.#federation = federation
    this.#announcer = announcer
    this.#answers = new Answers(federation, announcer, options.registry)
    this.#folding = new Folding(federation, recordCohorts, createAccumulator)
    const { upload, downlink } = federation.plan
    this.#pulls = new Pulls(upload.chunkBytes, downlink?.history)
    const kinds = federation.rounds.settings.statistics
      ? (["statistics", "evaluate"] as const)
      : (["evaluate"] as const)
    const counts = Math.max(...kinds.map((kind) => federation.shape(kind, 1).size))
    const parameters = federation.model.exact.length
    this.#intake = new Intake(federation.plan, federation.rounds, parameters, counts, reassemblyBytes)
    const most = MOST_USELESS + 4 * Math.ceil(this.#intake.maxPayloadBytes / SMALLEST_CHUNK_BYTES)
    this.#flood = new FloodWatch(options.complaints, most)
  }

  /** Bytes that incomplete updates occupy, and devices that the current round remembers something of. */
  get incomplete(): { readonly bytes: number; readonly devices: number } {
    return { bytes: this.#intake.heldBytes, devices: this.#intake.devices }
  }

  start(): void {
    this.#step({ type: "start", nowMs: this.#nowMs() })
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer()
  }

  /** A device has said something about itself. `chunkClass`: in which it pulls the model. Resolves when more may come. */
  async device(device: string, verdict: Verdict, chunkClass: number | undefined): Promise<void> {
    const { log } = this.#options
    const { rounds } = this.#federation
    const nowMs = this.#nowMs()
    this.#flood.note(device, nowMs)
    if (chunkClass !== undefined && verdict.state !== "excluded") this.#announcer.need(chunkClass)
    switch (verdict.state) {
      case "ready":
        if (!rounds.ready.has(device))
          log.info({ device, ...this.#ifWanted({ samples: verdict.device.samples }) }, "device is ready")
        // One that is in the round and comes back may have missed its Task, or forgotten it.
        if (rounds.cohort.has(device) && !rounds.seen.has(device)) this.#announcer.join([device])
        this.#options.census.take(verdict.device)
        this.#step({ type: "ready", nowMs, device: verdict.device })
        break
      case "unready":
        if (rounds.ready.has(device)) log.info({ device }, "device has left")
        this.#step({ type: "unready", nowMs, device })
        break
      case "unknown":
        log.debug({ device }, "device has not introduced itself")
        this.#step({ type: "unready", nowMs, device })
        this.#answers.comeBack(device, UNKNOWN_SECONDS)
        break
      case "withdrawn":
        if (rounds.ready.has(device) || rounds.cohort.has(device)) log.info({ device }, "device has withdrawn")
        this.#intake.forget(device)
        this.#step({ type: "withdraw", nowMs, device })
        break
      case "mismatched":
        log.debug({ device }, "device trains with another module than the rounds take")
        this.#step({ type: "unready", nowMs, device })
        break
      case "excluded":
        log.debug({ device }, "device does not have the tags that are selected")
        this.#step({ type: "unready", nowMs, device })
        // Told once a greeting: with the Ready.
        if (chunkClass === undefined) this.#answers.comeBack(device, EXCLUDED_SECONDS)
        break
      case "unfit":
        this.#options.complaints.about(device, "device does not fit", { reason: verdict.reason })
        this.#step({ type: "unready", nowMs, device })
        this.#answers.stop(device, verdict.reason)
        break
      default:
        unreachable(verdict)
    }
    await this.#answers.settled()
  }

  /** Between two rounds other devices can serve: these are all that are ready. */
  regroup(devices: readonly ReadyDevice[]): void {
    this.#step({ type: "regrouped", nowMs: this.#nowMs(), devices })
  }

  /** A device trains with another module from now on: whoever has not sent anything of this round will not. */
  switched(device: string): void {
    const { cohort, seen } = this.#federation.rounds
    const leaves = cohort.has(device) && !seen.has(device)
    if (leaves) this.#intake.forget(device)
    this.#step({ type: leaves ? "withdraw" : "unready", nowMs: this.#nowMs(), device })
  }

  /** Nobody is at work, and other devices than those of the round before can serve. */
  get isBetween(): boolean {
    const { phase } = this.#federation.rounds
    return phase === "selecting" || phase === "committing"
  }

  /** Turns an update away for a reason of the caller's. Resolves when more may come. */
  async refuse(device: string, update: Update, reason: string): Promise<void> {
    this.#options.complaints.about(device, "update refused", { round: update.round, reason })
    this.#answers.receipt({ device, ...update }, "refused", { reason })
    await this.#answers.settled()
  }

  /** One chunk of an update has come; its payload is borrowed until the promise settles. */
  async update(device: string, chunk: Update, bytes: number): Promise<void> {
    const { log, complaints } = this.#options
    const arrival = this.#intake.take(device, chunk, bytes, this.#nowMs())
    if (arrival.type !== "whole" && arrival.type !== "partial") this.#flood.note(device, this.#nowMs())
    if (arrival.type === "receipt") {
      const { status, reason, retrySeconds: seconds } = arrival.receipt
      if (status === "refused") complaints.about(device, "update refused", { round: chunk.round, reason })
      else log.debug({ device, reason }, `update ${status}`)
      // Whoever meets a full house does not come back with all the others.
      const retrySeconds = status === "busy" ? this.#answers.around(device, seconds) : seconds
      this.#answers.receipt({ device, ...chunk }, status, { ...arrival.receipt, retrySeconds })
    } else if (arrival.type === "partial") {
      const { begun } = arrival
      // One that is born again and again begins a new one each time, and so does one that wants the room of others.
      if (begun > MOST_BEGUN) complaints.about(device, "device begins one update after the other", { begun })
    } else if (arrival.type !== "nothing") {
      const { round, epoch, updateId } = chunk
      this.#case = { device, round, epoch, updateId, ...(arrival.type === "whole" ? { whole: arrival } : {}) }
      this.#step({ type: "update", nowMs: this.#nowMs(), device, round, epoch })
      this.#case = undefined
    }
    await this.#answers.settled()
  }

  #nowMs(): number {
    return this.#options.clock.nowMs()
  }

  #step(event: RoundEvent): void {
    if (this.#closed) return
    const effects: RoundEffect[] = []
    const { rounds } = this.#federation
    const { phase: before } = rounds
    this.#federation.step(event, effects)
    const { phase, kind, round, epoch } = rounds
    if (phase !== before) this.#options.log.debug({ phase, kind, round, epoch }, "phase")
    for (const effect of effects) this.#carryOut(effect)
    this.#arm()
    this.#options.onState(this.#federation.rounds)
    if (phase === "selecting" && before !== "selecting") this.#options.onBetween()
  }

  #carryOut(effect: RoundEffect): void {
    const { log } = this.#options
    const { round, epoch, cohort, folded } = this.#federation.rounds
    switch (effect.type) {
      case "notice":
        return this.#announcer.announce()
      case "begin":
        log.info({ round, epoch, kind: effect.kind, devices: effect.devices.length }, "round begins")
        return this.#begin(effect.kind, effect.devices, effect.bound)
      case "join":
        log.debug({ round, devices: effect.devices.length }, "devices join")
        this.#folding.received(this.#pulls.take(effect.devices, this.#announcer.offer))
        return this.#announcer.join(effect.devices)
      case "fold":
        return this.#fold(effect.round, effect.staleness)
      case "receipt":
        return this.#turnAway(effect.status, effect.into)
      case "wait":
        return this.#answers.wait(effect.devices)
      case "commit":
        log.info({ round, epoch, kind: effect.kind, folded, of: cohort.size }, "round commits")
        return this.#commit(effect.kind)
      case "abandoned":
        log.warn({ round, folded: effect.folded, needed: effect.needed }, "round abandoned")
        // Perhaps devices found no model.
        this.#announcer.doubt()
        return this.#reserve(epoch)
      case "waiting":
        return log.info({ ready: effect.ready, needed: effect.needed }, "waiting for devices")
      case "released":
        log.info({ rounds: this.#federation.records.length, stopped: this.#federation.stopped }, "federation has ended")
        return this.#announcer.announce(() => this.#options.onReleased())
      default:
        return unreachable(effect)
    }
  }

  #begin(kind: RoundKind, devices: readonly string[], bound: number): void {
    // Statistics need no model.
    const downlinkBytes = kind === "statistics" ? 0 : this.#pulls.take(devices, this.#announcer.offer)
    this.#folding.begin(kind, bound, this.#nowMs(), downlinkBytes)
    this.#intake.begin()
    this.#announcer.begin(devices)
  }

  #fold(trainedIn: number, staleness: number): void {
    const { device, whole } = this.#case!
    const { round, cohort, folded } = this.#federation.rounds
    const { training: seed } = seedsOf(this.#federation.plan)
    const key = { seed, round: trainedIn, device: this.#options.registry.keyOf(device) }
    let ok = true
    try {
      if (whole === undefined) throw new FedmoteError("internal", `expected a whole update of ${device}`)
      this.#folding.fold(whole.update, key, whole.bytes, staleness)
      const { samples, steps, metrics } = whole.update
      const own = this.#ifWanted({ samples, steps, staleness, lossSum: metrics[0] })
      const facts = { device, round, folded: folded + 1, of: cohort.size, ...own }
      this.#options.log.debug(facts, "update folded")
      this.#answers.receipt(this.#case!, "folded", currentOf(this.#federation.rounds))
    } catch (error) {
      if (!(error instanceof FedmoteError) || error.code === "internal") throw error
      ok = false
      this.#options.complaints.about(device, "update refused", { round, reason: error.message })
      this.#answers.receipt(this.#case!, "refused", { reason: error.message })
    }
    this.#step({ type: "folded", nowMs: this.#nowMs(), device, ok })
  }

  /** What one device has or does is logged only where the plan asks for it. */
  #ifWanted(metrics: object): object {
    return this.#federation.plan.privacy.deviceMetrics ? metrics : {}
  }

  #turnAway(status: "duplicate" | "late" | "uninvited" | "busy", into?: RoundName): void {
    const { round, epoch } = this.#federation.rounds
    const about = this.#case!
    const { device } = about
    this.#options.log.debug({ device, round, epoch }, `update ${status}`)
    switch (status) {
      case "uninvited":
        return this.#answers.receipt(about, "refused", { reason: "not invited to this round" })
      case "busy":
        return this.#answers.receipt(about, "busy", { retrySeconds: this.#answers.around(device, CLOSED_SECONDS) })
      case "duplicate":
        return this.#answers.receipt(about, "duplicate", into)
      case "late":
        return this.#answers.receipt(about, "late", currentOf(this.#federation.rounds))
      default:
        return unreachable(status)
    }
  }

  #commit(kind: RoundKind): void {
    const federation = this.#federation
    const module = this.#options.module()
    const { stop } = federation.commit({ ...this.#folding.finish(this.#nowMs()), ...(module > 0 && { module }) })
    const { version, standardizer } = federation
    const { delta } = federation.model
    const change = delta?.version === version ? delta.payload : undefined
    const model = publishedModel(version, federation.modelBytes(), standardizer !== undefined, change)
    // Nobody hears of it before the disk has it.
    const { journal, census } = this.#options
    const retained = this.#announcer.outlook(model)
    journal.commit({ snapshot: federation.snapshot(), fleet: census.count(), retained })
    this.#announcer.publish(model, () => this.#committed(kind, stop))
  }

  /** Epochs are reserved in blocks, and the first of a block before it is used. */
  #reserve(epoch: number): void {
    const { journal, session } = this.#options
    if (epoch % EPOCHS === 0) journal.incarnate({ firstEpoch: epoch, lastEpoch: epoch + EPOCHS - 1, session })
  }

  #committed(kind: RoundKind, stop: string | undefined): void {
    const { model, rounds, records } = this.#federation
    const record = records.at(-1)
    // A round whose evaluation comes next is complete after that.
    const complete = kind === "evaluate" || (kind === "train" && !evaluationDue(rounds.settings, model.version))
    if (complete && record !== undefined) {
      const { round, folded, trainLoss, metrics } = record
      this.#options.log.info({ round, folded, trainLoss, ...metrics }, "round is done")
      this.#options.onRound(record)
    }
    this.#options.onBetween()
    this.#step({ type: "committed", nowMs: this.#nowMs(), stop: stop !== undefined })
  }

  /** One timer, for when the round machine wants to be asked again. */
  #arm(): void {
    const { wakeAtMs } = this.#federation.rounds
    if (wakeAtMs === this.#timerAtMs || this.#closed) return
    this.#cancelTimer()
    this.#cancelTimer = () => {}
    this.#timerAtMs = wakeAtMs
    if (!Number.isFinite(wakeAtMs)) return
    this.#cancelTimer = this.#options.clock.after(Math.max(0, wakeAtMs - this.#nowMs()), () => {
      this.#timerAtMs = Infinity
      try {
        this.#step({ type: "tick", nowMs: this.#nowMs() })
        this.#arm()
      } catch (error) {
        this.#options.onError(error)
      }
    })
  }
}

function currentOf({ round, epoch }: RoundName): RoundName {
  return { round, epoch }
}
