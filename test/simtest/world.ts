import { Buffer } from "node:buffer"
import { roundSettings } from "../../src/core/round-settings.ts"
import { parametersOf } from "../../src/core/plan-model.ts"
import type { CoordinatorOutcome } from "../../src/coordinator/coordinator.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { Plan } from "../../src/core/plan.ts"
import { deviceKey, floatBytes, sha256 } from "../../src/net/digest.ts"
import { topics } from "../../src/wire/topics.ts"
import { accumulators } from "./accumulators.ts"
import { Broker } from "./broker.ts"
import type { BrokerFacts } from "./broker.ts"
import { Coordinators } from "./coordinators.ts"
import type { CoordinatorsFacts } from "./coordinators.ts"
import type { Commit } from "./commits.ts"
import { describeFault } from "./fault.ts"
import type { Fault } from "./fault.ts"
import { Honest } from "./honest.ts"
import type { HonestFacts } from "./honest.ts"
import { Hostile } from "./hostile.ts"
import type { HostileFacts } from "./hostile.ts"
import { Ledger } from "./ledger.ts"
import type { Process } from "./process.ts"
import { Random } from "./random.ts"
import { Referee } from "./referee.ts"
import type { Violation } from "./referee.ts"
import type { Schedule } from "./schedule.ts"
import { FLEET } from "./schedule.ts"
import { Scheduler } from "./scheduler.ts"
import type { Stage } from "./stage.ts"
import { Sums } from "./sums.ts"
import type { SumsFacts } from "./sums.ts"
import { traceMessage, traceTime } from "./trace.ts"

/** What became of a world. */
export interface Outcome {
  readonly violation: Violation | undefined
  readonly steps: number
  /** Seconds of the world's time. */
  readonly seconds: number
  /** Of the released model, hexadecimal; undefined where it was not released. */
  readonly digest: string | undefined
  /** What has happened, counted. */
  readonly facts: Readonly<Record<string, number>>
}

export interface WorldOptions {
  /** Gets a line for everything that happens. */
  readonly trace?: (line: string) => void
}

const names = topics(FLEET)

/** After the calm a federation has so long to come to its end. */
const PATIENCE_MS = 3_600_000
const MOST_STEPS = 200_000

/** Runs one schedule from its beginning to its end, or to the first breach. */
export async function runWorld(schedule: Schedule, options: WorldOptions = {}): Promise<Outcome> {
  const world = new World(schedule, options)
  try {
    return await world.run()
  } finally {
    world.end()
  }
}

class World {
  readonly #schedule: Schedule
  readonly #stage: Stage
  readonly #plan: Plan
  readonly #ledger = new Ledger()
  /** One, or the one that is there and its rival. */
  readonly #coordinators: Coordinators[] = []
  readonly #sums: Sums[] = []
  readonly #honest = new Map<string, Honest>()
  readonly #hostile: Hostile[] = []
  #calm = false
  #gaveUp = false
  /** What is left of its processes says a last word when the world has ended; it is not part of what happened. */
  #ended = false

  constructor(schedule: Schedule, { trace }: WorldOptions) {
    this.#schedule = schedule
    const scheduler = new Scheduler()
    const write = (line: () => string): void => {
      if (!this.#ended) trace?.(`${traceTime(scheduler.nowMs)} ${line()}`)
    }
    const broker = new Broker(scheduler, schedule.seed, ({ topic, payload }, from) =>
      write(() => traceMessage(from, topic, payload)),
    )
    const referee = new Referee()
    const commitOf = (round: number): Commit | undefined =>
      this.#sums.length === 1 ? this.#sums[0]!.commitOf(round) : undefined
    this.#stage = { schedule, scheduler, broker, referee, ledger: this.#ledger, commitOf, trace: write }
    const plan = parsePlan(schedule.plan)
    this.#plan = plan
    this.#addCoordinator("coordinator")
    for (const spec of schedule.devices) this.#honest.set(spec.id, new Honest(spec, this.#stage))
    for (const spec of schedule.hostile) this.#hostile.push(new Hostile(spec, this.#stage, plan))
  }

  async run(): Promise<Outcome> {
    const { scheduler, referee } = this.#stage
    this.#begin()
    while (referee.violation === undefined && !this.#gaveUp && !this.#isOver()) {
      if (!(await scheduler.step())) {
        referee.breach("ends", "nothing is left to happen")
        break
      }
      this.#check()
      if (scheduler.nowMs > this.#schedule.calmAtMs + PATIENCE_MS || scheduler.steps > MOST_STEPS) this.#impatient()
    }
    if (referee.violation === undefined && !this.#gaveUp) this.#judgeEnd()
    const { violation } = referee
    if (violation !== undefined) this.#stage.trace(() => `BREACH of ${violation.invariant}: ${violation.text}`)
    return {
      violation,
      steps: scheduler.steps,
      seconds: scheduler.nowMs / 1000,
      digest: this.#outcome?.digest,
      facts: this.#facts(),
    }
  }

  end(): void {
    this.#ended = true
    for (const coordinators of this.#coordinators) coordinators.end()
    for (const device of this.#honest.values()) device.end()
    for (const device of this.#hostile) device.end()
    accumulators.release(this.#stage)
  }

  #addCoordinator(name: string): Coordinators {
    const { seed, devices, hostile, fleetKnown } = this.#schedule
    const plan = this.#plan
    const keys = new Map([...devices, ...hostile].map(({ id }) => [deviceKey(id).join(), id] as const))
    const { minimumToCommit } = roundSettings(plan, fleetKnown ? devices.length : undefined)
    const isHonest = (device: string): boolean => this.#honest.has(device)
    const sums = new Sums({
      referee: this.#stage.referee,
      ledger: this.#ledger,
      plan,
      minimumToCommit,
      isHonest,
      deviceOf: (key) => keys.get(key.join()) ?? "nobody",
    })
    const random = new Random(seed, "init", name)
    const init = Float32Array.from({ length: parametersOf(plan) }, () => random.between(-0.1, 0.1))
    const isAlone = (): boolean => this.#coordinators.length === 1
    const coordinators = new Coordinators({ stage: this.#stage, plan, init, name, sums, isHonest, isAlone })
    this.#sums.push(sums)
    this.#coordinators.push(coordinators)
    return coordinators
  }

  /** Those that no other has superseded. */
  get #active(): Coordinators[] {
    return this.#coordinators.filter(({ retired }) => !retired)
  }

  /** The one that a fault hits. */
  #victim(atMs: number): Coordinators | undefined {
    const active = this.#active
    return active[Math.floor(atMs) % active.length]
  }

  #begin(): void {
    const { scheduler } = this.#stage
    const { devices, hostile, faults, calmAtMs } = this.#schedule
    scheduler.at(0, undefined, () => this.#coordinators[0]!.start())
    for (const { id, bornAtMs } of devices) scheduler.at(bornAtMs, undefined, () => this.#honest.get(id)!.start())
    for (const [i, { bornAtMs }] of hostile.entries())
      scheduler.at(bornAtMs, undefined, () => this.#hostile[i]!.start())
    for (const fault of faults)
      scheduler.at(fault.atMs, undefined, () => {
        this.#stage.trace(() => `FAULT ${describeFault(fault)}`)
        this.#apply(fault)
      })
    scheduler.at(calmAtMs, undefined, () => this.#becalm())
  }

  #apply(fault: Fault): void {
    const { broker, scheduler } = this.#stage
    const { nowMs } = scheduler
    const later = (ms: number, run: () => void): void => void scheduler.at(nowMs + ms, undefined, run)
    switch (fault.kind) {
      case "noise":
        return broker.disturb(fault.target, fault.noise)
      case "crash":
        return this.#victim(fault.atMs)?.crash(fault.operation, fault.after, fault.downMs)
      case "stop":
        return this.#victim(fault.atMs)?.stop(fault.downMs)
      case "rival":
        // A federation that has ended is not begun again by this world.
        if (this.#outcome === undefined) this.#addCoordinator("rival").start()
        return
      case "disk":
        return this.#victim(fault.atMs)?.failDisk(fault.writes, fault.downMs)
      case "broker":
        broker.stop(fault.forget)
        return later(fault.downMs, () => broker.start())
      case "forget":
        return broker.forget()
      case "cut":
        broker.cut(fault.target, fault.brokerMs, fault.clientMs)
        return later(fault.forMs, () => broker.heal(fault.target))
      case "die":
        return this.#honest.get(fault.target)?.die(fault)
      case "freeze":
        return this.#process(fault.target)?.freeze(nowMs + fault.forMs)
      case "jump":
        return this.#process(fault.target)?.jump(fault.byMs)
      case "leave":
        return this.#honest.get(fault.target)?.leave()
      case "unwilling": {
        const device = this.#honest.get(fault.target)
        device?.want(false)
        return later(fault.forMs, () => device?.want(true))
      }
    }
  }

  #process(name: string): Process | undefined {
    return name === "coordinator" ? this.#victim(0)?.current?.process : this.#honest.get(name)?.process
  }

  #becalm(): void {
    this.#stage.trace(() => "CALM")
    this.#calm = true
    const { broker } = this.#stage
    broker.start()
    broker.calm()
    for (const device of this.#hostile) device.expel()
    for (const device of this.#honest.values()) device.calm()
    for (const coordinators of this.#coordinators) coordinators.calm()
  }

  #check(): void {
    for (const coordinators of this.#coordinators) coordinators.check()
    for (const device of this.#honest.values()) device.check()
  }

  /** Of a federation that has ended, and that no other coordinator has taken over. */
  get #outcome(): CoordinatorOutcome | undefined {
    return this.#active.find(({ outcome }) => outcome !== undefined)?.outcome
  }

  #isOver(): boolean {
    if (this.#outcome === undefined || this.#active.length > 1) return false
    for (const device of this.#honest.values()) if (!device.isDone) return false
    return true
  }

  #impatient(): void {
    const { referee } = this.#stage
    const active = this.#active
    const missing = [...this.#honest].filter(([, { isDone }]) => !isDone).map(([id]) => id)
    // One that has taken over may be left with too few, if the others have the model of the one before.
    const { waiting, current } = active[0] ?? {}
    const needed = current?.rounds?.settings.minimumToCommit ?? 1
    const isLeft = missing.length < needed || waiting !== undefined
    if (this.#coordinators.length > 1 && active.length === 1 && isLeft) {
      this.#gaveUp = true
      return
    }
    const { phase, kind, round, epoch } = current?.rounds ?? {}
    const where = this.#outcome === undefined ? `${phase}, ${kind} round ${round}, epoch ${epoch}` : "the end"
    const when = this.#calm ? "calm" : "no calm"
    referee.breach("ends", `${when}: the coordinator is at ${where}, not released: ${missing.join(", ")}`)
  }

  #judgeEnd(): void {
    const { referee } = this.#stage
    const { digest, report } = this.#outcome!
    const { rounds } = this.#plan
    const digests = new Set(this.#coordinators.map(({ releasedModel }) => releasedModel && digestOf(releasedModel)))
    if (!digests.has(digest)) referee.breach("released", "the coordinator's outcome is not what its disk has")
    if (report.rounds.length !== rounds)
      referee.breach("ends", `released after ${report.rounds.length} rounds of ${rounds}`)
    for (const [id, { released }] of this.#honest) {
      if (released === undefined) {
        if (this.#stage.broker.retains(names.hello(id)))
          referee.breach("released", `${id} has left, and its Hello is there`)
        continue
      }
      const own = digestOf(released.parameters)
      if (this.#coordinators.length === 1 ? own !== digest : !digests.has(own))
        referee.breach("released", `${id} has another model than the coordinator`)
    }
  }

  #facts(): Record<string, number> {
    const { broker } = this.#stage
    const facts: Record<string, number> = {}
    const add = (some: BrokerFacts | SumsFacts | CoordinatorsFacts | HonestFacts | HostileFacts): void => {
      for (const [name, value] of Object.entries(some)) facts[name] = (facts[name] ?? 0) + value
    }
    for (const each of [broker, ...this.#sums, ...this.#coordinators]) add(each.facts)
    for (const { speech } of this.#coordinators)
      for (const [name, value] of Object.entries(speech.facts))
        facts[`said ${name}`] = (facts[`said ${name}`] ?? 0) + value
    for (const device of this.#honest.values()) add(device.facts)
    for (const device of this.#hostile) add(device.facts)
    return facts
  }
}

function digestOf(parameters: Float32Array): string {
  return Buffer.from(sha256(floatBytes(parameters))).toString("hex")
}
