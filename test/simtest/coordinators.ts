import { Coordinator } from "../../src/coordinator/coordinator.ts"
import type { CoordinatorOutcome } from "../../src/coordinator/coordinator.ts"
import { JournalError } from "../../src/coordinator/journal/journal.ts"
import type { Journal } from "../../src/coordinator/journal/journal.ts"
import { MemoryJournal, memoryDisk } from "../../src/coordinator/journal/memory-journal.ts"
import type { JournalWrite } from "../../src/coordinator/journal/memory-journal.ts"
import { FedmoteError } from "../../src/core/error.ts"
import type { Plan } from "../../src/core/plan.ts"
import { LinkError } from "../../src/net/link.ts"
import { parseTopic } from "../../src/wire/topics.ts"
import { accumulators } from "./accumulators.ts"
import type { Incarnation } from "./incarnation.ts"
import { keyOf } from "./ledger.ts"
import { simulatedNetwork } from "./link.ts"
import type { SimulatedNetwork } from "./link.ts"
import { Killed, Process } from "./process.ts"
import { Random } from "./random.ts"
import { Speech } from "./speech.ts"
import type { Stage } from "./stage.ts"
import type { Sums } from "./sums.ts"

interface Running extends Incarnation {
  readonly coordinator: Coordinator
  readonly network: SimulatedNetwork
  readonly closing: AbortController
  /** Its federation is released. */
  finished: boolean
  /** It leaves in peace, which may take its time. */
  ending: boolean
}

export interface CoordinatorsOptions {
  readonly stage: Stage
  readonly plan: Plan
  readonly init: Float32Array
  /** Of its processes. */
  readonly name: string
  readonly sums: Sums
  readonly isHonest: (device: string) => boolean
  /** Whether there is another one at the same fleet. */
  readonly isAlone: () => boolean
}

export interface CoordinatorsFacts {
  superseded: number
  incarnations: number
  crashes: number
  stops: number
  diskFailures: number
  waits: number
  abandoned: number
}

/** The coordinator and whoever starts it again: one process after the other, with one disk. */
export class Coordinators {
  readonly facts: CoordinatorsFacts = {
    superseded: 0,
    incarnations: 0,
    crashes: 0,
    stops: 0,
    diskFailures: 0,
    waits: 0,
    abandoned: 0,
  }
  readonly disk = memoryDisk()
  readonly speech: Speech
  readonly #options: CoordinatorsOptions
  readonly #stage: Stage
  #retired = false
  #current: Running | undefined
  #outcome: CoordinatorOutcome | undefined
  /** What it said last about whom it waits for. */
  #waiting: { readonly ready: number; readonly needed: number } | undefined
  #trap: { left: number; readonly after: boolean; readonly downMs: number } | undefined
  #failingWrites = 0
  #downMs = 0
  #overdueSinceMs: number | undefined

  constructor(options: CoordinatorsOptions) {
    const { stage, sums, isHonest } = options
    this.#options = options
    this.#stage = stage
    this.speech = new Speech(stage.referee, sums, isHonest)
  }

  /** Another one has the fleet. */
  get retired(): boolean {
    return this.#retired
  }

  get current(): Incarnation | undefined {
    return this.#current
  }

  /** Of the first incarnation that came to the end. */
  get outcome(): CoordinatorOutcome | undefined {
    return this.#outcome
  }

  /** The final model, as the disk has it. */
  get releasedModel(): Float32Array | undefined {
    const snapshot = this.disk.run?.snapshot
    return snapshot?.position.released === true ? snapshot.model.devices : undefined
  }

  get waiting(): { readonly ready: number; readonly needed: number } | undefined {
    return this.#waiting
  }

  start(): void {
    if (this.#current !== undefined || this.#retired) return
    const { scheduler, schedule } = this.#stage
    const { plan, init, sums } = this.#options
    const number = ++this.facts.incarnations
    const name = `${this.#options.name} ${number}`
    const process = new Process(name, scheduler, schedule.seed, (error) => this.#onThrown(error))
    const session = new Random(schedule.seed, "session", name).uint32()
    const network = simulatedNetwork({
      broker: this.#stage.broker,
      scheduler,
      process,
      watch: {
        before: (topic, payload) => {
          this.#operate(incarnation, false)
          this.speech.onPublish(incarnation, topic, payload)
        },
        after: () => this.#operate(incarnation, true),
        heard: (topic, payload) => {
          const where = parseTopic(topic)
          if (where?.kind === "hello") sums.greets(where.device, payload.length > 0)
        },
        failed: (error) => this.#onThrown(error),
      },
    })
    const inner = new MemoryJournal({
      disk: this.disk,
      onWrite: (write, when) => this.#onWrite(incarnation, write, when),
    })
    const closing = new AbortController()
    const coordinator = new Coordinator({
      plan,
      network,
      init,
      recordCohorts: true,
      journal: this.#watched(inner, () => incarnation),
      clock: process,
      session,
      createAccumulator: (options) => sums.watch(accumulators.take(options, this.#stage), incarnation),
      reassemblyBytes: schedule.reassemblyBytes,
      ...(schedule.fleetKnown && { clients: schedule.devices.length }),
      log: this.#log(name),
      onState: (rounds) => void (incarnation.rounds = rounds),
    })
    const incarnation: Running = {
      number,
      session,
      process,
      disk: this.disk,
      coordinator,
      network,
      closing,
      finished: false,
      ending: false,
      rounds: undefined,
      invited: new Set(),
      folds: undefined,
      sums: undefined,
    }
    this.#current = incarnation
    this.#stage.trace(() => `${name} starts`)
    coordinator.run(closing.signal).then(
      (outcome) => this.#onOutcome(incarnation, outcome),
      (error: unknown) => this.#onFailed(incarnation, error),
    )
  }

  /** Killed around its n-th operation from now on. */
  crash(operation: number, after: boolean, downMs: number): void {
    this.#trap = { left: operation, after, downMs }
  }

  /** No more traps, and the disk is well. */
  calm(): void {
    this.#trap = undefined
    this.#failingWrites = 0
    this.#downMs = 0
    this.start()
  }

  stop(downMs: number): void {
    if (this.#current === undefined) return
    this.facts.stops++
    this.#downMs = downMs
    const current = this.#current
    current.ending = true
    if (!current.finished) return current.closing.abort(new Killed("stopped"))
    void current.coordinator.close().then(() => this.#ended(current))
  }

  failDisk(writes: number, downMs: number): void {
    this.#failingWrites = writes
    this.#downMs = downMs
  }

  /** What must hold between two steps. */
  check(): void {
    const current = this.#current
    if (current === undefined) return
    const { process, rounds, coordinator } = current
    const { referee, scheduler, schedule } = this.#stage
    const { devices, roundDevices, incompleteBytes } = coordinator.memory
    const all = schedule.devices.length + schedule.hostile.length
    if (devices > all || roundDevices > all || incompleteBytes > schedule.reassemblyBytes)
      referee.breach("memory", `${devices} devices, ${roundDevices} in the round, ${incompleteBytes} bytes of updates`)
    // One that is leaving listens no more.
    if (rounds === undefined || current.ending) return
    for (const device of rounds.cohort) current.invited.add(keyOf(device, rounds.round, rounds.epoch))
    for (const device of rounds.seen)
      if (!rounds.cohort.has(device)) referee.breach("memory", `${device} is seen and was not asked`)
    if (rounds.ready.size > devices) referee.breach("memory", `${rounds.ready.size} are ready of ${devices}`)
    if (process.frozenUntilMs > scheduler.nowMs || process.nowMs() <= rounds.wakeAtMs) this.#overdueSinceMs = undefined
    else {
      this.#overdueSinceMs ??= scheduler.nowMs
      if (scheduler.nowMs > this.#overdueSinceMs + 100)
        referee.breach(
          "timer",
          `round ${rounds.round}, ${rounds.phase}, was to be woken ${process.nowMs() - rounds.wakeAtMs} ms ago`,
        )
    }
  }

  /** Everything stops, for the end of the world. */
  end(): void {
    if (this.#current !== undefined) finish(this.#current)
  }

  /** Something that others can notice is about to be done, or has been done. */
  #operate(incarnation: Running, after: boolean): void {
    if (!incarnation.process.alive) throw new Killed("dead")
    const trap = this.#trap
    if (trap === undefined || incarnation !== this.#current || trap.after !== after || trap.left-- > 0) return
    this.#trap = undefined
    this.#kill(incarnation, trap.downMs)
    throw new Killed("killed")
  }

  #kill(incarnation: Running, downMs: number): void {
    this.facts.crashes++
    this.#stage.trace(() => `${incarnation.process.name} is killed`)
    finish(incarnation)
    this.#gone(incarnation, downMs)
  }

  #gone(incarnation: Running, downMs: number): void {
    if (this.#current !== incarnation) return
    this.#current = undefined
    this.#overdueSinceMs = undefined
    const { scheduler } = this.#stage
    scheduler.at(scheduler.nowMs + downMs, undefined, () => this.start())
  }

  #onOutcome(incarnation: Running, outcome: CoordinatorOutcome): void {
    if (!incarnation.process.alive) return
    this.#stage.trace(() => `${incarnation.process.name} has ended the federation`)
    incarnation.finished = true
    this.#outcome ??= outcome
    if (this.#outcome.digest !== outcome.digest)
      this.#stage.referee.breach("released", "another digest after a restart")
  }

  #onFailed(incarnation: Running, error: unknown): void {
    const { process } = incarnation
    if (!process.alive) return
    this.#stage.trace(() => `${process.name} ends: ${String(error)}`)
    const isExpected =
      error instanceof Killed ||
      error instanceof LinkError ||
      (error instanceof JournalError && error.code === "journal-write") ||
      // The broker, or the way to it, has lost the echo; after half a minute that is said.
      (error instanceof FedmoteError &&
        error.code === "coordinator" &&
        this.#stage.scheduler.nowMs < this.#stage.schedule.calmAtMs + 31_000)
    if (error instanceof FedmoteError && error.code === "superseded" && !this.#options.isAlone()) {
      this.#retire()
    } else if (!isExpected) this.#stage.referee.unexpected(process.name, error)
    this.#ended(incarnation)
  }

  #retire(): void {
    if (!this.#retired) this.facts.superseded++
    this.#retired = true
  }

  #ended(incarnation: Running): void {
    if (!incarnation.process.alive) return
    finish(incarnation)
    this.#gone(incarnation, this.#downMs + 1000)
  }

  /** `run` has resolved long ago; the operator reads the log. */
  #onFailedLater(): void {
    if (this.#current !== undefined) this.#ended(this.#current)
  }

  #onThrown(error: unknown): void {
    if (!(error instanceof Killed)) this.#stage.referee.unexpected("coordinator", error)
  }

  #onWrite(incarnation: Running, write: JournalWrite, when: "before" | "after"): void {
    this.#operate(incarnation, when === "after")
    if (when === "after") return
    this.#stage.trace(() => `${incarnation.process.name} writes: ${write}`)
    if (this.#failingWrites === 0) return
    this.#failingWrites--
    this.facts.diskFailures++
    incarnation.ending = true
    throw new JournalError("journal-write", "the simulated disk is full")
  }

  #watched(journal: MemoryJournal, incarnation: () => Running): Journal {
    const { sums } = this.#options
    const { disk } = this
    return {
      where: journal.where,
      run: () => journal.run(),
      lastEpoch: () => journal.lastEpoch(),
      knows: (session) => journal.knows(session),
      times: () => journal.times(),
      retained: () => journal.retained(),
      begin: (run, snapshot) => journal.begin(run, snapshot),
      incarnate: (next) => journal.incarnate(next),
      commit(commit) {
        const before = disk.run!
        const { round } = before.snapshot.position
        sums.onCommit(incarnation(), before.snapshot, commit.snapshot)
        try {
          journal.commit(commit)
        } finally {
          // Killed afterwards, it is there all the same.
          if (disk.run === before) sums.undoCommit(round)
        }
      },
      retain: (chunks) => journal.retain(chunks),
      cleared: (rest) => journal.cleared(rest),
      remember: (device) => journal.remember(device),
      forget: (device) => journal.forget(device),
      discard: () => journal.discard(),
      close: () => journal.close(),
    }
  }

  #log(name: string) {
    const line = (fields: object, message: string): void => {
      if (message.startsWith("after the end, the coordinator has failed")) this.#onFailedLater()
      if (message.startsWith("another coordinator has the fleet")) {
        this.#retire()
        this.#onFailedLater()
      }
      if (message === "waiting for devices") {
        this.facts.waits++
        this.#waiting = fields as { ready: number; needed: number }
      } else if (message === "round abandoned") this.facts.abandoned++
      this.#stage.trace(() => `${name}: ${message} ${JSON.stringify(fields)}`)
    }
    return { info: line, warn: line, debug: line }
  }
}

/** Nothing of a process runs any more; its promises end, so that nothing is left of them. */
function finish({ process, network, closing }: Running): void {
  process.kill()
  network.cut(true, 0)
  closing.abort(new Killed("dead"))
}
