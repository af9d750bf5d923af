import { layout } from "../../core/model.ts"
import { featureCount, modelSpec, parametersOf } from "../../core/plan-model.ts"
import type { Plan } from "../../core/plan.ts"
import { roundSettings } from "../../core/round-settings.ts"
import { seedsOf } from "../../core/seeds.ts"
import type { Client, Ended, Task, World } from "../fleet-world.ts"
import { Batteries } from "./batteries.ts"
import { Inhabitants } from "./inhabitants.ts"
import type { Inhabitant } from "./inhabitants.ts"
import { LINK } from "./links.ts"
import type { Link, Transfer } from "./links.ts"
import type { ClassSpec, WorldSpec } from "./spec.ts"
import type { Trace } from "./trace.ts"

/** What a training round took, its evaluation and the statistics before it included. */
export interface WorldRound {
  simulatedSeconds: number
  energy: { computeJoules: number; radioJoules: number }
}

/** What all rounds together took. */
export interface WorldSummary {
  readonly simulatedSeconds: number
  readonly energy: { readonly computeJoules: number; readonly radioJoules: number }
  readonly co2Grams: number
  readonly classes: {
    readonly [name: string]: { readonly asked: number; readonly folded: number; readonly joules: number }
  }
}

/** A task as it goes: the model comes, work is done, the update goes. */
interface Course {
  readonly link: Link
  readonly down: Transfer
  readonly up: Transfer
  readonly workSeconds: number
  readonly startsMs: number
  readonly worksMs: number
  readonly sendsMs: number
  readonly endsMs: number
}

const JOULES_A_KILOWATT_HOUR = 3.6e6

/**
 * A world of device classes with links, hours, batteries and mishaps. Who a client is and what becomes of it follows from the seed and its id, so
 * a population costs nothing until it is asked; only batteries of those who have worked are remembered.
 */
export class SimulatedWorld implements World {
  /** Of each committed training round. */
  readonly records: WorldRound[] = []
  readonly #spec: WorldSpec
  readonly #inhabitants: Inhabitants
  readonly #batteries = new Batteries()
  /** Work goes on although its round is over. */
  readonly #keepsLate: boolean
  readonly #flops: { readonly train: number; readonly evaluate: number; readonly statistics: number }
  readonly #classes: { [name: string]: { asked: number; folded: number; joules: number } }
  #round: WorldRound = emptyRound()
  #sinceMs = 0

  /** `plan`: with features and labels known. */
  constructor(spec: WorldSpec, plan: Plan, trace?: Trace) {
    this.#spec = spec
    this.#inhabitants = new Inhabitants(spec, seedsOf(plan).sampling, trace)
    this.#keepsLate = roundSettings(plan).late !== undefined
    this.#flops = flopsOf(plan)
    this.#classes = Object.fromEntries(spec.classes.map(({ name }) => [name, { asked: 0, folded: 0, joules: 0 }]))
  }

  isReady(client: Client, nowMs: number): boolean {
    const { spec, availability } = this.#inhabitants.of(client)
    return availability.until(nowMs) > nowMs && this.#batteries.isEnough(client.index, spec, nowMs)
  }

  arrival(task: Task): number {
    const who = this.#inhabitants.of(task.client)
    const course = this.#course(task, who)
    return this.#leavesMs(task, who, course) < course.endsMs ? Infinity : course.endsMs
  }

  partial(task: Task, nowMs: number): { readonly atMs: number; readonly steps: number } | undefined {
    const who = this.#inhabitants.of(task.client)
    const course = this.#course(task, who)
    const { link, up, worksMs, sendsMs } = course
    const hearsMs = nowMs + 1000 * link.latencySeconds
    const done = Math.floor((task.steps * (hearsMs - worksMs)) / (sendsMs - worksMs))
    const steps = Math.min(task.steps, done)
    if (!(steps >= 1)) return undefined
    const atMs = hearsMs + 1000 * (up.seconds + link.latencySeconds)
    return this.#leavesMs(task, who, course) < atMs ? undefined : { atMs, steps }
  }

  ended({ kind, nowMs, committed, tasks }: Parameters<World["ended"]>[0]): void {
    for (const each of tasks) this.#pay(each, nowMs)
    this.#round.simulatedSeconds += (nowMs - this.#sinceMs) / 1000
    this.#sinceMs = nowMs
    // What comes before a training round's commit is that round's; its evaluation comes behind.
    const last = this.records.at(-1)
    if (kind === "train" && committed) this.records.push(this.#round)
    else if (kind === "evaluate" && committed && last !== undefined) add(last, this.#round)
    else return
    this.#round = emptyRound()
  }

  summary(): WorldSummary {
    const all = emptyRound()
    for (const record of this.records) add(all, record)
    const { simulatedSeconds, energy } = all
    const joules = energy.computeJoules + energy.radioJoules
    const co2Grams = (joules / JOULES_A_KILOWATT_HOUR) * this.#spec.co2
    return { simulatedSeconds, energy, co2Grams, classes: structuredClone(this.#classes) }
  }

  #course(
    { kind, askedAtMs, samples, downlinkBytes, uplinkBytes }: Task,
    { spec, flopsPerSecond }: Inhabitant,
  ): Course {
    const link = LINK[spec.link]
    const [down, up] = [link.receive(downlinkBytes), link.send(uplinkBytes)]
    const workSeconds = (samples * this.#flops[kind]) / flopsPerSecond
    const startsMs = askedAtMs + 1000 * link.latencySeconds
    const worksMs = startsMs + 1000 * down.seconds
    const sendsMs = worksMs + 1000 * workSeconds
    return {
      link,
      down,
      up,
      workSeconds,
      startsMs,
      worksMs,
      sendsMs,
      endsMs: sendsMs + 1000 * (up.seconds + link.latencySeconds),
    }
  }

  /** When the client is gone: it drops out, its hours are over, or its battery is empty. */
  #leavesMs(task: Task, { spec, availability }: Inhabitant, course: Course): number {
    const { askedAtMs, client } = task
    const fate = this.#inhabitants.fate(task, spec)
    const dropsMs = fate === undefined ? Infinity : askedAtMs + fate * (course.endsMs - askedAtMs)
    const cost = total(costOf(spec, course, course.endsMs))
    const level = this.#batteries.level(client.index, spec, askedAtMs)
    const emptyMs = cost > level ? askedAtMs + (level / cost) * (course.endsMs - askedAtMs) : Infinity
    return Math.min(dropsMs, emptyMs, availability.until(askedAtMs))
  }

  /** What a task cost: until it was done, its client was gone, or its round was over. */
  #pay({ task, outcome }: Ended, nowMs: number): void {
    const who = this.#inhabitants.of(task.client)
    const course = this.#course(task, who)
    const overMs = this.#keepsLate ? Infinity : nowMs
    const untilMs = Math.min(overMs, course.endsMs, this.#leavesMs(task, who, course))
    const cost = costOf(who.spec, course, untilMs)
    // Who was told to finish has sent what there was.
    if (outcome === "folded" && untilMs < course.endsMs)
      cost.radioJoules += course.link.sendWatts * course.up.radioSeconds
    this.#round.energy.computeJoules += cost.computeJoules
    this.#round.energy.radioJoules += cost.radioJoules
    this.#batteries.spend(task.client.index, who.spec, total(cost), nowMs)
    const own = this.#classes[who.spec.name]!
    own.asked++
    own.joules += total(cost)
    if (outcome === "folded") own.folded++
  }
}

/** Joules of a course until some moment of it. */
function costOf(
  { activeWatts }: ClassSpec,
  { link, down, up, workSeconds, startsMs, worksMs, sendsMs, endsMs }: Course,
  untilMs: number,
): { computeJoules: number; radioJoules: number } {
  const part = (from: number, to: number): number =>
    untilMs >= to ? 1 : to > from ? Math.max(0, (untilMs - from) / (to - from)) : 0
  return {
    computeJoules: activeWatts * workSeconds * part(worksMs, sendsMs),
    radioJoules:
      link.receiveWatts * down.radioSeconds * part(startsMs, worksMs) +
      link.sendWatts * up.radioSeconds * part(sendsMs, endsMs),
  }
}

function total({
  computeJoules,
  radioJoules,
}: {
  readonly computeJoules: number
  readonly radioJoules: number
}): number {
  return computeJoules + radioJoules
}

/** Floating-point operations a sample: a multiplication and an addition for each weight and position forward, twice that backward; two sums a feature for statistics. */
function flopsOf(plan: Plan): { readonly train: number; readonly evaluate: number; readonly statistics: number } {
  const features = featureCount(plan) ?? 1
  const products =
    plan.model.loss === "custom"
      ? parametersOf(plan)
      : layout(modelSpec(plan)).reduce((sum, { fanIn, outputs }) => sum + fanIn * outputs, 0)
  return { train: 6 * products, evaluate: 2 * products, statistics: 3 * features }
}

function emptyRound(): WorldRound {
  return { simulatedSeconds: 0, energy: { computeJoules: 0, radioJoules: 0 } }
}

function add(to: WorldRound, more: WorldRound): void {
  to.simulatedSeconds += more.simulatedSeconds
  to.energy.computeJoules += more.energy.computeJoules
  to.energy.radioJoules += more.energy.radioJoules
}
