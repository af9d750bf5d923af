import { FedmoteError, unreachable } from "../core/error.ts"
import type { Federation } from "../core/federation.ts"
import type { RoundEffect, RoundEvent, RoundKind, RoundState } from "../core/round.ts"
import type { RoundResult } from "../core/result.ts"
import type { Clock } from "../net/clock.ts"
import type { Link } from "../net/link.ts"
import type { Receipt, Task, Update } from "../wire/message.ts"
import type { WholeUpdate } from "../wire/reassembly.ts"
import { toText } from "../wire/text.ts"
import type { Topics } from "../wire/topics.ts"
import { modelMessageBytes } from "../wire/traffic.ts"
import { Courier } from "./courier.ts"
import { Folding } from "./folding.ts"
import { Intake } from "./intake.ts"
import type { Complaints, CoordinatorLog } from "./log.ts"
import { noticeOf } from "./notices.ts"
import { Publisher, publishedModel } from "./publisher.ts"
import type { PublishedModel } from "./publisher.ts"
import type { Registry, Verdict } from "./registry.ts"
import { Sender } from "./sender.ts"

export interface DeskOptions {
  readonly federation: Federation
  readonly link: Link
  readonly topics: Topics
  readonly registry: Registry
  readonly session: number
  readonly model: PublishedModel
  /** Topics of retained chunks that earlier coordinators left. */
  readonly stale: ReadonlySet<string>
  readonly clock: Clock
  readonly log: CoordinatorLog
  readonly complaints: Complaints
  readonly recordCohorts: boolean
  readonly onRound: (record: RoundResult) => void
  readonly onState: (rounds: Readonly<RoundState>) => void
  readonly onReleased: () => void
  readonly onError: (error: unknown) => void
}

/** The update that is before the round machine now. */
interface Case {
  readonly device: string
  readonly updateId: Uint8Array
  /** Absent for a chunk that will not be wanted. */
  readonly whole?: { readonly update: WholeUpdate; readonly bytes: number }
}

/** The Notice is said again so often. */
const REFRESH_MS = 30_000

/** Feeds the round machine with what happens and carries out what it decides. */
export class Desk {
  readonly #options: DeskOptions
  readonly #federation: Federation
  readonly #sender: Sender
  readonly #courier: Courier
  readonly #publisher: Publisher
  readonly #intake: Intake
  readonly #folding: Folding
  /** What the current event calls for, besides what goes through the courier: it holds back the broker. */
  #replies: Promise<void>[] = []
  #case: Case | undefined
  #cancelTimer: () => void = () => {}
  #timerAtMs = Infinity
  #cancelRefresh: () => void = () => {}
  #closed = false

  constructor(options: DeskOptions) {
    const { federation, link, topics, model, stale } = options
    const { plan } = federation
    this.#options = options
    this.#federation = federation
    this.#sender = new Sender(link)
    this.#courier = new Courier(link, options.onError)
    this.#publisher = new Publisher(topics, this.#sender, plan.upload.chunkBytes, model, stale)
    this.#folding = new Folding(federation, options.recordCohorts)
    const kinds = federation.rounds.settings.statistics
      ? (["statistics", "evaluate"] as const)
      : (["evaluate"] as const)
    const counts = Math.max(...kinds.map((kind) => federation.shape(kind, 1).size))
    this.#intake = new Intake(plan, federation.rounds, federation.model.exact.length, counts)
  }

  /** Publishes the model and begins. */
  start(): void {
    this.#courier.then(() => this.#publisher.ensure())
    this.#step({ type: "start", nowMs: this.#nowMs() })
    this.#refresh()
  }

  close(): void {
    this.#closed = true
    this.#courier.close()
    this.#cancelTimer()
    this.#cancelRefresh()
  }

  /** What `offline` says of a coordinator that leaves before the end. */
  notice(offline = false): ReturnType<typeof noticeOf> {
    const { current, classes } = this.#publisher
    return noticeOf(this.#federation, current, classes, this.#options.session, this.#nowMs(), offline)
  }

  /** Says everything again: the broker may have lost it, and devices may have missed it. */
  repeat(): void {
    this.#publisher.doubt()
    this.#courier.then(async () => {
      await this.#publisher.ensure()
      await this.#sendNotice()
      const { cohort, seen } = this.#federation.rounds
      await this.#join([...cohort].filter((device) => !seen.has(device)))
    })
  }

  async device(device: string, verdict: Verdict, chunkClass: number | undefined): Promise<void> {
    const { log } = this.#options
    const { rounds } = this.#federation
    const nowMs = this.#nowMs()
    if (chunkClass !== undefined && this.#publisher.need(chunkClass)) this.#announce()
    switch (verdict.state) {
      case "ready": {
        if (!rounds.ready.has(device)) log.info({ device, samples: verdict.device.samples }, "device is ready")
        // One that is in the round and comes back may have missed its Task, or forgotten it.
        const again = rounds.cohort.has(device) && !rounds.seen.has(device)
        if (again) this.#courier.then(() => this.#join([device]))
        this.#step({ type: "ready", nowMs, device: verdict.device })
        break
      }
      case "unready":
        if (rounds.ready.has(device)) log.info({ device }, "device has left")
        this.#step({ type: "unready", nowMs, device })
        break
      case "unfit":
        this.#options.complaints.about(device, "device does not fit", { reason: verdict.reason })
        this.#step({ type: "unready", nowMs, device })
        this.#replies.push(this.#task(device, "stop", verdict.reason))
        break
      default:
        unreachable(verdict)
    }
    await this.#replied()
  }

  async update(device: string, chunk: Update, bytes: number): Promise<void> {
    const arrival = this.#intake.take(device, chunk, bytes)
    if (arrival.type === "receipt") {
      this.#options.log.debug({ device, reason: arrival.receipt.reason }, `update ${arrival.receipt.status}`)
      this.#reply(device, arrival.receipt)
    } else if (arrival.type !== "nothing") {
      const { round, epoch, updateId } = chunk
      this.#case = { device, updateId, ...(arrival.type === "whole" ? { whole: arrival } : {}) }
      this.#step({ type: "update", nowMs: this.#nowMs(), device, round, epoch })
      this.#case = undefined
    }
    await this.#replied()
  }

  #nowMs(): number {
    return this.#options.clock.nowMs()
  }

  #step(event: RoundEvent): void {
    if (this.#closed) return
    const effects: RoundEffect[] = []
    this.#federation.step(event, effects)
    for (const effect of effects) this.#carryOut(effect)
    this.#arm()
    this.#options.onState(this.#federation.rounds)
  }

  #carryOut(effect: RoundEffect): void {
    const { log } = this.#options
    const { round, epoch, cohort, folded } = this.#federation.rounds
    switch (effect.type) {
      case "notice":
        return this.#announce()
      case "begin":
        log.info({ round, epoch, kind: effect.kind, devices: effect.devices.length }, "round begins")
        return this.#begin(effect.kind, effect.devices, effect.bound)
      case "fold":
        return this.#fold()
      case "receipt":
        return this.#turnAway(effect.status)
      case "commit":
        log.info({ round, epoch, kind: effect.kind, folded, of: cohort.size }, "round commits")
        return this.#commit(effect.kind)
      case "abandoned":
        return log.warn({ round, folded: effect.folded, needed: effect.needed }, "round abandoned")
      case "waiting":
        return log.info({ ready: effect.ready, needed: effect.needed }, "waiting for devices")
      case "released":
        log.info({ rounds: this.#federation.records.length, stopped: this.#federation.stopped }, "federation has ended")
        this.#courier.then(async () => {
          await this.#sendNotice()
          this.#options.onReleased()
        })
        return
      default:
        return unreachable(effect)
    }
  }

  #begin(kind: RoundKind, devices: readonly string[], bound: number): void {
    const { plan, rounds, version } = this.#federation
    const { round, epoch } = rounds
    const modelBytes = this.#federation.modelBytes().length
    const downlinkBytes = devices.length * modelMessageBytes(modelBytes, plan.upload.chunkBytes, version)
    this.#folding.begin(kind, bound, this.#nowMs(), downlinkBytes)
    this.#intake.begin()
    this.#courier.then(async () => {
      await this.#publisher.ensure()
      await this.#sendNotice()
      // The courier may have waited for the connection.
      if (rounds.round === round && rounds.epoch === epoch) await this.#join(devices)
    })
  }

  #fold(): void {
    const { device, updateId, whole } = this.#case!
    const { round, epoch } = this.#federation.rounds
    const key = { seed: this.#federation.plan.seed, round, device: this.#options.registry.keyOf(device) }
    let reason: string | undefined
    try {
      if (whole === undefined) throw new FedmoteError("internal", `expected a whole update of ${device}`)
      this.#folding.fold(whole.update, key, whole.bytes)
    } catch (error) {
      if (!(error instanceof FedmoteError) || error.code === "internal") throw error
      reason = error.message
      this.#options.log.warn({ device, round, reason }, "update refused")
    }
    const ok = reason === undefined
    this.#receipt(device, ok ? "folded" : "refused", round, epoch, updateId, reason)
    if (ok) {
      const { folded, cohort } = this.#federation.rounds
      this.#options.log.debug({ device, round, folded: folded + 1, of: cohort.size }, "update folded")
    }
    this.#step({ type: "folded", nowMs: this.#nowMs(), device, ok })
  }

  #turnAway(status: "duplicate" | "late" | "uninvited"): void {
    const { device, updateId } = this.#case!
    const { round, epoch } = this.#federation.rounds
    this.#options.log.debug({ device, round, epoch }, `update ${status}`)
    if (status === "uninvited") this.#receipt(device, "refused", round, epoch, updateId, "not invited to this round")
    else this.#receipt(device, status, round, epoch, updateId)
  }

  #commit(kind: RoundKind): void {
    const federation = this.#federation
    const { stop } = federation.commit(this.#folding.finish(this.#nowMs()))
    const model =
      kind === "evaluate"
        ? undefined
        : publishedModel(federation.version, federation.modelBytes(), federation.standardizer !== undefined)
    this.#courier.then(async () => {
      // The chunks are with the broker before anything names them.
      if (model !== undefined && this.#publisher.current.version !== model.version) this.#publisher.replace(model)
      await this.#publisher.ensure()
      if (federation.rounds.phase === "committing") this.#committed(kind, stop)
    })
  }

  #committed(kind: RoundKind, stop: string | undefined): void {
    const { rounds, records } = this.#federation
    this.#step({ type: "committed", nowMs: this.#nowMs(), stop: stop !== undefined })
    const record = records.at(-1)
    // A round whose evaluation comes next is complete after that.
    const pending = kind === "train" && rounds.kind === "evaluate" && rounds.phase !== "released"
    if (kind !== "statistics" && !pending && record !== undefined) {
      const { round, folded, trainLoss, metrics } = record
      this.#options.log.info({ round, folded, trainLoss, ...metrics }, "round is done")
      this.#options.onRound(record)
    }
  }

  #announce(): void {
    this.#courier.then(async () => {
      await this.#publisher.ensure()
      await this.#sendNotice()
    })
  }

  async #sendNotice(): Promise<void> {
    await this.#sender.all([{ topic: this.#options.topics.round, message: this.notice() }], true)
  }

  async #join(devices: readonly string[]): Promise<void> {
    const { phase, round, epoch } = this.#federation.rounds
    if (phase !== "working" && phase !== "finishing") return
    const message: Task = { type: "task", action: "join", round, epoch, retrySeconds: 0, reason: "" }
    await this.#sender.all(
      devices.map((device) => ({ topic: this.#options.topics.task(device), message })),
      false,
    )
  }

  #task(device: string, action: "stop", reason: string): Promise<void> {
    const { round, epoch } = this.#federation.rounds
    const message: Task = { type: "task", action, round, epoch, retrySeconds: 0, reason: toText(reason) }
    return this.#sender.post({ topic: this.#options.topics.task(device), message })
  }

  #receipt(
    device: string,
    status: Receipt["status"],
    round: number,
    epoch: number,
    updateId: Uint8Array,
    reason = "",
  ): void {
    const base = { type: "receipt", retrySeconds: 0, allowedBytes: 0 } as const
    this.#reply(device, { ...base, status, round, epoch, updateId, reason: toText(reason) })
  }

  #reply(device: string, message: Receipt): void {
    this.#replies.push(this.#sender.post({ topic: this.#options.topics.receipt(device), message }))
  }

  async #replied(): Promise<void> {
    const replies = this.#replies
    this.#replies = []
    await Promise.all(replies)
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
      this.#guard(() => this.#step({ type: "tick", nowMs: this.#nowMs() }))
    })
  }

  #refresh(): void {
    this.#cancelRefresh = this.#options.clock.after(REFRESH_MS, () => {
      this.#announce()
      this.#refresh()
    })
  }

  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#options.onError(error)
    }
  }
}
