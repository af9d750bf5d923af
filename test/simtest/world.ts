import { Buffer } from "node:buffer"
import { roundSettings } from "../../src/core/round-settings.ts"
import { parametersOf } from "../../src/core/plan-model.ts"
import { parsePlan } from "../../src/core/plan.ts"
import { deviceKey, sha256 } from "../../src/net/digest.ts"
import { topics } from "../../src/wire/topics.ts"
import { accumulators } from "./accumulators.ts"
import { Broker } from "./broker.ts"
import type { BrokerFacts } from "./broker.ts"
import { Coordinators } from "./coordinators.ts"
import type { CoordinatorsFacts } from "./coordinators.ts"
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
import { Speech } from "./speech.ts"
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
  readonly #coordinators: Coordinators
  readonly #honest = new Map<string, Honest>()
  readonly #hostile: Hostile[] = []
  #calm = false

  constructor(schedule: Schedule, { trace }: WorldOptions) {
    this.#schedule = schedule
    const scheduler = new Scheduler()
    const write =
      trace === undefined ? () => {} : (line: () => string) => trace(`${traceTime(scheduler.nowMs)} ${line()}`)
    const broker = new Broker(scheduler, schedule.seed, ({ topic, payload }, from) =>
      write(() => traceMessage(from, topic, payload)),
    )
    const referee = new Referee()
    const ledger = new Ledger()
    const plan = parsePlan(schedule.plan)
    const names = new Map(
      [...schedule.devices, ...schedule.hostile].map(({ id }) => [deviceKey(id).join(), id] as const),
    )
    const { minimumToCommit } = roundSettings(plan, schedule.fleetKnown ? schedule.devices.length : undefined)
    const deviceOf = (key: readonly [number, number]): string => names.get(key.join()) ?? "nobody"
    const isHonest = (device: string): boolean => this.#honest.has(device)
    const sums = new Sums({ referee, ledger, plan, minimumToCommit, isHonest, deviceOf })
    const speech = new Speech(referee, sums, isHonest)
    this.#stage = { schedule, scheduler, broker, referee, ledger, sums, speech, trace: write }
    const random = new Random(schedule.seed, "init")
    const init = Float32Array.from({ length: parametersOf(plan) }, () => random.between(-0.1, 0.1))
    this.#coordinators = new Coordinators(this.#stage, plan, init)
    for (const spec of schedule.devices) this.#honest.set(spec.id, new Honest(spec, this.#stage))
    for (const spec of schedule.hostile) this.#hostile.push(new Hostile(spec, this.#stage, plan))
  }

  async run(): Promise<Outcome> {
    const { scheduler, referee } = this.#stage
    this.#begin()
    while (referee.violation === undefined && !this.#isOver()) {
      if (!(await scheduler.step())) {
        referee.breach("ends", "nothing is left to happen")
        break
      }
      this.#check()
      if (scheduler.nowMs > this.#schedule.calmAtMs + PATIENCE_MS || scheduler.steps > MOST_STEPS) this.#impatient()
    }
    if (referee.violation === undefined) this.#judgeEnd()
    const { violation } = referee
    if (violation !== undefined) this.#stage.trace(() => `BREACH of ${violation.invariant}: ${violation.text}`)
    return {
      violation,
      steps: scheduler.steps,
      seconds: scheduler.nowMs / 1000,
      digest: this.#coordinators.outcome?.digest,
      facts: this.#facts(),
    }
  }

  end(): void {
    this.#coordinators.end()
    for (const device of this.#honest.values()) device.end()
    for (const device of this.#hostile) device.end()
    accumulators.release(this.#stage)
  }

  #begin(): void {
    const { scheduler } = this.#stage
    const { devices, hostile, faults, calmAtMs } = this.#schedule
    scheduler.at(0, undefined, () => this.#coordinators.start())
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
        return this.#coordinators.crash(fault.operation, fault.after, fault.downMs)
      case "stop":
        return this.#coordinators.stop(fault.downMs)
      case "disk":
        return this.#coordinators.failDisk(fault.writes, fault.downMs)
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
    return name === "coordinator" ? this.#coordinators.current?.process : this.#honest.get(name)?.process
  }

  #becalm(): void {
    this.#stage.trace(() => "CALM")
    this.#calm = true
    const { broker } = this.#stage
    broker.start()
    broker.calm()
    for (const device of this.#hostile) device.expel()
    for (const device of this.#honest.values()) device.calm()
    this.#coordinators.calm()
  }

  #check(): void {
    this.#coordinators.check()
    for (const device of this.#honest.values()) device.check()
  }

  #isOver(): boolean {
    if (this.#coordinators.outcome === undefined) return false
    for (const device of this.#honest.values()) if (!device.isDone) return false
    return true
  }

  #impatient(): void {
    const { referee } = this.#stage
    const { current, outcome } = this.#coordinators
    const { phase, kind, round, epoch } = current?.rounds ?? {}
    const missing = [...this.#honest].filter(([, { isDone }]) => !isDone).map(([id]) => id)
    const where = outcome === undefined ? `${phase}, ${kind} round ${round}, epoch ${epoch}` : "the end"
    referee.breach(
      "ends",
      `${this.#calm ? "calm" : "no calm"}: the coordinator is at ${where}, not released: ${missing.join(", ")}`,
    )
  }

  #judgeEnd(): void {
    const { referee } = this.#stage
    const { digest, report } = this.#coordinators.outcome!
    const { rounds } = parsePlan(this.#schedule.plan)
    if (report.rounds.length !== rounds)
      referee.breach("ends", `released after ${report.rounds.length} rounds of ${rounds}`)
    for (const [id, { released }] of this.#honest) {
      if (released === undefined) {
        if (this.#stage.broker.retains(names.hello(id)))
          referee.breach("released", `${id} has left, and its Hello is there`)
        continue
      }
      const own = Buffer.from(sha256(new Uint8Array(released.parameters.buffer))).toString("hex")
      if (own !== digest) referee.breach("released", `${id} has another model than the coordinator`)
    }
  }

  #facts(): Record<string, number> {
    const { broker, sums, speech } = this.#stage
    const facts: Record<string, number> = {}
    const add = (some: BrokerFacts | SumsFacts | CoordinatorsFacts | HonestFacts | HostileFacts): void => {
      for (const [name, value] of Object.entries(some)) facts[name] = (facts[name] ?? 0) + value
    }
    for (const each of [broker.facts, sums.facts, this.#coordinators.facts]) add(each)
    for (const [name, value] of Object.entries(speech.facts)) facts[`said ${name}`] = value
    for (const device of this.#honest.values()) add(device.facts)
    for (const device of this.#hostile) add(device.facts)
    return facts
  }
}
