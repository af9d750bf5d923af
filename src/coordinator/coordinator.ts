import { randomBytes } from "node:crypto"
import { FedmoteError } from "../core/error.ts"
import { Federation } from "../core/federation.ts"
import type { FederationReport } from "../core/federation.ts"
import type { Standardizer } from "../core/moments.ts"
import { featureCount, lossOf, modelSpec, parametersOf } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import { NO_DEVICE } from "../core/random.ts"
import type { RoundResult } from "../core/result.ts"
import type { RoundState } from "../core/round.ts"
import { seedsOf } from "../core/seeds.ts"
import type { AccumulatorOptions } from "../kernel/accumulator.ts"
import { createTrainer } from "../kernel/trainer.ts"
import type { Accumulator } from "../kernel/types.ts"
import { systemClock } from "../net/clock.ts"
import type { Clock } from "../net/clock.ts"
import { sha256 } from "../net/digest.ts"
import type { Link, Network } from "../net/link.ts"
import { encode } from "../wire/codec.ts"
import { topics as topicsOf } from "../wire/topics.ts"
import type { Topics } from "../wire/topics.ts"
import { Announcer } from "./announcer.ts"
import { Census } from "./census.ts"
import { Desk } from "./desk.ts"
import { Inbound } from "./inbound.ts"
import { EPOCHS, readLegacy } from "./incarnation.ts"
import { NO_JOURNAL } from "./journal/journal.ts"
import type { FleetCount, Journal, JournaledRun } from "./journal/journal.ts"
import { Complaints, NO_LOG } from "./log.ts"
import type { CoordinatorLog } from "./log.ts"
import { noticeOf } from "./notices.ts"
import { publishedModel } from "./publisher.ts"
import { Registry } from "./registry.ts"
import { Roll } from "./roll.ts"
import { Modules } from "./rollout/modules.ts"
import type { ModuleKeeping } from "./rollout/rollout-book.ts"
import { inheritedFrom, journaledRun, strangerSince, takeUp } from "./take-up.ts"
import type { Undertaking } from "./take-up.ts"

export interface CoordinatorOptions {
  /** Features and labels known. */
  readonly plan: Plan
  readonly network: Network
  /** The initial model. Default: the built-in trainer's for the plan's seed; zeros for a custom model. */
  readonly init?: ArrayLike<number>
  readonly log?: CoordinatorLog
  /** Keep who was folded, and how many steps each took: needed to replay. Default: false. */
  readonly recordCohorts?: boolean
  /**
   * Where to go on from after a crash; the caller opens and closes it. Default: none. A run that it has must be of the same plan, initial model and
   * `recordCohorts`.
   */
  readonly journal?: Journal
  /** Ed25519 public keys of the operators whose orders about modules are obeyed. Default: none. */
  readonly trusted?: readonly Uint8Array[]
  /** Where modules, their rollouts and the audit log are kept: `openModuleKeeping`. Default: nothing can be rolled out. */
  readonly modules?: ModuleKeeping
  readonly clock?: Clock
  /** What this coordinator is told from others by, an unsigned 32-bit number. Default: a random one. */
  readonly session?: number
  /** Where updates are summed. Default: the fastest kernels that this engine has. */
  readonly createAccumulator?: (options: AccumulatorOptions) => Accumulator
  /** All that incomplete updates may occupy: room for one of the largest at least. Default: 64 MiB, or room for four. */
  readonly reassemblyBytes?: number
  /** Size of the fleet, where it is known. */
  readonly clients?: number
  /** `run` stays so long after the end, so that devices that are late hear of it. Default: 0. */
  readonly lingerMs?: number
  /** Every training round, once it is committed and, where that is due, evaluated. */
  readonly onRound?: (record: RoundResult) => void
  /** After every step of the round machine; borrowed, do not change. */
  readonly onState?: (rounds: Readonly<RoundState>) => void
  readonly signal?: AbortSignal
}

/** What a coordinator holds beside the model: none of it grows with the number of updates. */
export interface CoordinatorMemory {
  /** Devices that have spoken and not left for good. */
  readonly devices: number
  /** Devices of which the current round remembers chunks or an answer. */
  readonly roundDevices: number
  readonly incompleteBytes: number
}

export interface CoordinatorOutcome {
  readonly report: FederationReport
  /** SHA-256 of the parameters as float32, hexadecimal. */
  readonly digest: string
  readonly parameters: Float32Array
  readonly standardizer: Standardizer | undefined
  /** Binary models: the score bin from which on a sample is called positive. */
  readonly threshold: number | undefined
  /** Why it ended before its last round. */
  readonly stopped: string | undefined
  readonly epoch: number
  /** What is known of the fleet's data. */
  readonly fleet: FleetCount
  /** From the beginning to the last commit; with a journal by the wall clock, restarts included. */
  readonly seconds: number
}

/**
 * Runs a federation over a broker (protocol 1). `run` once: it resolves when the federation is released; the connection stays until
 * `close`. What is with the broker then, the final model and its Notice, outlives the coordinator. Codes of `FedmoteError`: "closed",
 * "superseded" (another coordinator has the fleet), "coordinator", and those of `JournalError`.
 */
export class Coordinator {
  readonly #options: CoordinatorOptions
  readonly #clock: Clock
  readonly #log: CoordinatorLog
  readonly #topics: Topics
  readonly #session: number
  readonly #end = Promise.withResolvers<void>()
  #federation: Federation | undefined
  #link: Link | undefined
  #announcer: Announcer | undefined
  #desk: Desk | undefined
  #registry: Registry | undefined
  #roll: Roll | undefined
  #modules: Modules | undefined
  #census = new Census()
  #superseded = false
  #closed = false

  constructor(options: CoordinatorOptions) {
    this.#options = options
    this.#session = options.session ?? randomBytes(4).readUInt32BE()
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? NO_LOG
    this.#topics = topicsOf(options.plan.fleet)
    this.#end.promise.catch(() => {})
  }

  /** What this coordinator's Notices carry. */
  get session(): number {
    return this.#session
  }

  /** Devices that have introduced themselves, to this process or one before, and have not left since. */
  get present(): number {
    return this.#roll?.present ?? 0
  }

  /** What this coordinator remembers of devices and of incomplete updates now. */
  get memory(): CoordinatorMemory {
    const { bytes = 0, devices = 0 } = this.#desk?.incomplete ?? {}
    return { devices: this.#registry?.size ?? 0, roundDevices: devices, incompleteBytes: bytes }
  }

  /** Rejects with the signal's reason, having left as "offline", where one aborts. */
  async run(signal?: AbortSignal): Promise<CoordinatorOutcome> {
    const signals = [signal, this.#options.signal].filter((each) => each !== undefined)
    const either = AbortSignal.any(signals)
    const abort = (): void => this.#end.reject(either.reason)
    const beganAtMs = this.#clock.nowMs()
    try {
      either.throwIfAborted()
      either.addEventListener("abort", abort)
      const federation = await this.#open(either)
      await this.#end.promise
      const seconds = (this.#clock.nowMs() - beganAtMs) / 1000
      await this.#linger(either)
      return outcomeOf(federation, this.#census.count(), this.#journaledSeconds() ?? seconds)
    } catch (error) {
      await this.close()
      throw error
    } finally {
      either.removeEventListener("abort", abort)
    }
  }

  /** Leaves: as "offline" where the federation has not ended. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#end.reject(new FedmoteError("closed", "the coordinator was closed before the federation ended"))
    const link = this.#link
    const announcer = this.#announcer
    this.#modules?.close()
    this.#desk?.close()
    announcer?.close()
    const ended = this.#federation?.rounds.phase === "released"
    if (link?.connected === true && announcer !== undefined && !ended && !this.#superseded)
      await link.publish(this.#topics.round, encode(announcer.notice(true)), { retain: true }).catch(() => {})
    await link?.close()
  }

  async #open(signal: AbortSignal): Promise<Federation> {
    const { plan, network, journal = NO_JOURNAL } = this.#options
    const topics = this.#topics
    const undertaking = this.#undertaking()
    const run = journaledRun(undertaking, journal)
    const name = `coordinator-${this.#session.toString(16).padStart(8, "0")}`
    const legacy = await readLegacy(network, topics, name, this.#clock, signal)
    const stranger = run === undefined ? undefined : strangerSince(journal, legacy)
    if (stranger !== undefined)
      this.#log.warn(
        { epoch: stranger },
        "another coordinator has had this fleet: its model gives way to the journal's",
      )
    const initial = (): ArrayLike<number> => this.#options.init ?? initialModel(plan)
    const federation = takeUp(undertaking, journal, run, legacy, this.#session, initial)
    const standardized = federation.standardizer !== undefined
    const model = publishedModel(federation.version, federation.modelBytes(), standardized)
    const published = { model, classes: [plan.upload.chunkBytes], deltas: 0 }
    const offline = noticeOf(federation, published, this.#session, 0, true)
    const link = await network.connect({
      clientId: name,
      will: { topic: topics.round, payload: encode(offline), retain: true },
      signal,
    })
    this.#federation = federation
    this.#link = link
    if (this.#closed) {
      await link.close()
      return federation
    }
    const complaints = new Complaints(this.#log)
    // With the statistics, which come later.
    const modelBytes = 4 * federation.model.devices.length + 8 * (featureCount(plan) ?? 0)
    const { rounds } = federation
    const isBusy = (device: string): boolean => rounds.ready.has(device) || rounds.cohort.has(device)
    const registry = new Registry(plan, topics, modelBytes, { isBusy })
    const known = run?.devices ?? []
    for (const { id, hello } of known) registry.hello(id, hello)
    const roll = new Roll(journal, known)
    const census = new Census(run?.fleet)
    this.#census = census
    const onError = (error: unknown): void => {
      this.#end.reject(error)
      // Nobody waits for `run` any more.
      if (federation.rounds.phase === "released" && !this.#closed)
        this.#log.warn({ reason: String(error) }, "after the end, the coordinator has failed: it must be started again")
    }
    const clock = this.#clock
    const session = this.#session
    const inherited = inheritedFrom(journal, legacy, topics, model.version)
    const { trusted, modules: keeping } = this.#options
    const modules = new Modules({ plan, trusted, keeping })
    const voice = {
      federation,
      link,
      topics,
      session,
      clock,
      model,
      inherited,
      journal,
      module: modules.round,
      onError,
    }
    const announcer = new Announcer(voice)
    this.#announcer = announcer
    const desk = new Desk({
      federation,
      announcer,
      registry,
      journal,
      census,
      session,
      clock,
      log: this.#log,
      complaints,
      recordCohorts: this.#options.recordCohorts ?? false,
      createAccumulator: this.#options.createAccumulator,
      reassemblyBytes: this.#options.reassemblyBytes,
      onRound: this.#options.onRound ?? (() => {}),
      onState: this.#options.onState ?? (() => {}),
      onBetween: () => modules.reconsider(),
      module: () => modules.round()?.sequence ?? 0,
      onReleased: () => this.#end.resolve(),
      onError,
    })
    this.#desk = desk
    this.#registry = registry
    this.#roll = roll
    modules.begin({
      ...{ link, topics, clock, registry, desk, complaints, onError },
      log: this.#log,
      onChanged: () => announcer.announce(),
    })
    this.#modules = modules
    const inbound = new Inbound(registry, complaints, {
      device: (device, verdict, chunkClass) => desk.device(device, modules.judge(device, verdict), chunkClass),
      introduced(device, hello) {
        roll.introduced(device, hello)
        modules.introduced(device, hello)
      },
      gone: (device, message) => roll.gone(device, message),
      forgotten: (device) => roll.forgotten(device),
      update(device, chunk, bytes) {
        const refusal = modules.refusalOf(chunk)
        return refusal === undefined ? desk.update(device, chunk, bytes) : desk.refuse(device, chunk, refusal)
      },
      flashed: (device, flashed) => modules.flashed(device, flashed),
      order: (slot, envelope) => void modules.order(slot, envelope).catch(onError),
      notice: (epoch, session) => this.#onNotice(federation, announcer, epoch, session),
    })
    // Before the first Notice: what devices answer to it is not retained.
    await inbound.subscribe(link, topics, onError)
    let first = true
    link.on("up", () => {
      if (!first) {
        announcer.repeat()
        modules.reconnected()
      }
      first = false
    })
    this.#log.info({ fleet: plan.fleet, epoch: federation.rounds.epoch }, "coordinator is up")
    if (run !== undefined) this.#sayWhatWas(run, federation)
    desk.start()
    modules.start()
    return federation
  }

  #undertaking(): Undertaking {
    const { plan, init, recordCohorts = false, clients } = this.#options
    return { plan, init, recordCohorts, clients }
  }

  #sayWhatWas({ id }: JournaledRun, { rounds, records, stopped }: Federation): void {
    const facts = { run: id, rounds: records.length, ...(stopped === undefined ? {} : { stopped }) }
    if (rounds.phase === "released") this.#log.info(facts, "the federation had ended: its model is released again")
    else this.#log.info({ ...facts, next: rounds.kind, round: rounds.round }, "goes on from the journal")
  }

  /** From the beginning of the journal's run to its last commit. */
  #journaledSeconds(): number | undefined {
    const times = this.#options.journal?.times()
    return times?.committedAtMs === undefined ? undefined : (times.committedAtMs - times.beganAtMs) / 1000
  }

  /** There is one coordinator a fleet: the newer incarnation stays, and of two that began together the one with the higher session. */
  #onNotice({ rounds }: Federation, announcer: Announcer, epoch: number, session: number): void {
    if (session === this.#session) return
    const theirs = Math.floor(epoch / EPOCHS)
    const ours = Math.floor(rounds.epoch / EPOCHS)
    if (theirs < ours || (theirs === ours && session < this.#session)) return announcer.repeat()
    this.#superseded = true
    this.#end.reject(
      new FedmoteError("superseded", `another coordinator has fleet ${this.#topics.fleet}: epoch ${epoch}`),
    )
    if (rounds.phase !== "released") return
    // `run` may have resolved long ago.
    this.#log.warn({ epoch }, "another coordinator has the fleet: this one falls silent")
    void this.close()
  }

  async #linger(signal: AbortSignal): Promise<void> {
    const { lingerMs = 0 } = this.#options
    if (lingerMs === 0) return
    let cancel: () => void = () => {}
    let stop: () => void = () => {}
    await new Promise<void>((resolve) => {
      stop = resolve
      signal.addEventListener("abort", stop)
      cancel = this.#clock.after(lingerMs, resolve)
    })
    cancel()
    signal.removeEventListener("abort", stop)
  }
}

/** Where a federation starts from: a function of the plan alone. */
export function initialModel(plan: Plan): Float32Array {
  if (lossOf(plan) === "custom") return new Float32Array(parametersOf(plan))
  const key = { seed: seedsOf(plan).init, round: 0, device: NO_DEVICE }
  return createTrainer(modelSpec(plan), { batch: 1, rows: 1 }).init(key)
}

function outcomeOf(federation: Federation, fleet: FleetCount, seconds: number): CoordinatorOutcome {
  const digest = Buffer.from(sha256(federation.parameterBytes())).toString("hex")
  return {
    report: federation.report(digest),
    digest,
    parameters: federation.model.devices,
    standardizer: federation.standardizer,
    threshold: federation.threshold,
    stopped: federation.stopped,
    epoch: federation.rounds.epoch,
    fleet,
    seconds,
  }
}
