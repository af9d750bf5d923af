import { FedmoteError } from "./error.ts"
import { stagesOf } from "./rollout-stages.ts"
import type { StageCandidate } from "./rollout-stages.ts"
import { StageTally } from "./rollout-tally.ts"

/**
 * The rollout of one module to a fleet, in stages: who gets it when, and whether it goes on. No clock, no network: it is told what devices report and what
 * the operator orders, and says who is to have the module. The devices of each stage are fixed when it begins.
 */

export interface RolloutSettings {
  readonly slot: string
  /** Of the module. */
  readonly sequence: number
  /** The operator's name for the devices that it is for; absent: all that can be flashed. */
  readonly tag?: string
  /** Percentages of the devices that have the module after each stage, ascending. */
  readonly stages: readonly number[]
  /** Percentage of a stage's devices that must confirm before the next. */
  readonly enough: number
  /** Percentage of a stage's devices that may fail. */
  readonly failures: number
  /** By how many percent the mean loss of a stage's trials may lie above the same with the program before. */
  readonly tolerance: number
}

export const ROLLOUT_DEFAULTS = { stages: [100], enough: 90, failures: 10, tolerance: 20 } as const

/** `halted`: by itself, because of its health. Halted and aborted are for good. */
export type RolloutPhase = "running" | "paused" | "halted" | "aborted" | "complete"

/** What a device has come to. `code`: the reason's; `losses`: as it travels, empty or four numbers. */
export type Standing =
  | { readonly state: "loading" | "installed" }
  | { readonly state: "confirmed"; readonly losses: readonly number[] }
  | { readonly state: "failed"; readonly code: string }

/** All of a rollout, as JSON has it. */
export interface RolloutSnapshot {
  readonly settings: RolloutSettings
  readonly phase: RolloutPhase
  /** Why it was halted. */
  readonly reason?: string
  /** The stage that it is in, from 0. */
  readonly stage: number
  /** The devices that each stage adds. */
  readonly lists: readonly (readonly string[])[]
  readonly standings: Readonly<Record<string, Standing>>
}

export type RolloutEvent =
  /** These devices are to have the module now. */
  | { readonly type: "stage"; readonly stage: number; readonly percent: number; readonly devices: readonly string[] }
  | { readonly type: "confirmed"; readonly device: string }
  | { readonly type: "failed"; readonly device: string; readonly code: string }
  | { readonly type: "paused" | "resumed" | "complete" | "aborted" }
  | { readonly type: "halted"; readonly reason: string }

/** What a device should do about the module. */
export type Wanted = "install" | "revert" | "nothing"

export interface StageCount {
  readonly percent: number
  readonly devices: number
  readonly confirmed: number
  readonly failed: number
  /** Not one or the other yet. */
  readonly waiting: number
}

export class Rollout {
  readonly settings: RolloutSettings
  readonly lists: readonly (readonly string[])[]
  readonly #stageOf: ReadonlyMap<string, number>
  readonly #standings: Map<string, Standing>
  readonly #tallies: readonly StageTally[]
  #phase: RolloutPhase
  #reason: string | undefined
  #stage: number

  private constructor({ settings, lists, standings, phase, reason, stage }: RolloutSnapshot) {
    this.settings = settings
    this.lists = lists
    this.#standings = new Map(Object.entries(standings))
    this.#tallies = lists.map((list, i) => new StageTally(settings.stages[i]!, list, this.#standings))
    this.#phase = phase
    this.#reason = reason
    this.#stage = stage
    this.#stageOf = new Map(lists.flatMap((list, i) => list.map((device) => [device, i] as const)))
  }

  /** Throws `FedmoteError` ("rollout") where there is no device. */
  static begin(settings: RolloutSettings, candidates: readonly StageCandidate[], events: RolloutEvent[]): Rollout {
    const lists = stagesOf(candidates, settings.sequence, settings.stages)
    if (lists.length === 0)
      throw new FedmoteError(
        "rollout",
        `expected devices ${settings.tag === undefined ? "that can be flashed" : `of tag ${settings.tag} that can be flashed`}, there is none`,
      )
    const rollout = new Rollout({ settings, lists, standings: {}, phase: "running", stage: 0 })
    events.push(rollout.#stageEvent())
    return rollout
  }

  static from(snapshot: RolloutSnapshot): Rollout {
    return new Rollout(snapshot)
  }

  get phase(): RolloutPhase {
    return this.#phase
  }

  get reason(): string | undefined {
    return this.#reason
  }

  get stage(): number {
    return this.#stage
  }

  /** It is neither over nor given up. */
  get isOpen(): boolean {
    return this.#phase === "running" || this.#phase === "paused"
  }

  /** Whether the rollout is over for good without its module. */
  get isUndone(): boolean {
    return this.#phase === "halted" || this.#phase === "aborted"
  }

  /** What this device should do, whatever it has done. */
  wants(device: string): Wanted {
    const stage = this.#stageOf.get(device)
    if (stage === undefined || stage > this.#stage) return "nothing"
    if (this.isUndone) return "revert"
    const standing = this.#standings.get(device)?.state
    if (standing === "failed") return "nothing"
    // Who was told before goes on.
    return this.#phase === "paused" && standing === undefined ? "nothing" : "install"
  }

  /** What a device says of this module. A device that is in no stage that has been reached has no say. */
  report(device: string, standing: Standing, events: RolloutEvent[]): void {
    const stage = this.#stageOf.get(device)
    if (stage === undefined || stage > this.#stage || !this.isOpen) return
    const before = this.#standings.get(device)
    if (sameStanding(before, standing)) return
    this.#standings.set(device, standing)
    this.#tallies[stage]!.moved(before, standing)
    if (standing.state === "confirmed") events.push({ type: "confirmed", device })
    if (standing.state === "failed") events.push({ type: "failed", device, code: standing.code })
    this.#judge(events)
  }

  pause(events: RolloutEvent[]): void {
    this.#expect("running", "pause")
    this.#phase = "paused"
    events.push({ type: "paused" })
  }

  resume(events: RolloutEvent[]): void {
    this.#expect("paused", "resume")
    this.#phase = "running"
    events.push({ type: "resumed" })
    this.#judge(events)
  }

  /** Everybody goes back. */
  abort(events: RolloutEvent[]): void {
    if (!this.isOpen) throw this.#over("abort")
    this.#phase = "aborted"
    events.push({ type: "aborted" })
  }

  counts(): StageCount[] {
    return this.#tallies.map(({ counts }) => counts)
  }

  /** The reason's code of each device that failed. */
  *failures(): Generator<string> {
    for (const standing of this.#standings.values()) if (standing.state === "failed") yield standing.code
  }

  snapshot(): RolloutSnapshot {
    return {
      settings: this.settings,
      phase: this.#phase,
      ...(this.#reason !== undefined && { reason: this.#reason }),
      stage: this.#stage,
      lists: this.lists,
      standings: Object.fromEntries(this.#standings),
    }
  }

  /** Halts where its health says so, and goes on to the next stage where this one is done. */
  #judge(events: RolloutEvent[]): void {
    const reason = this.#illness()
    if (reason !== undefined) {
      this.#phase = "halted"
      this.#reason = reason
      events.push({ type: "halted", reason })
      return
    }
    while (this.#phase === "running" && this.#tallies[this.#stage]!.hasEnough(this.settings.enough)) {
      if (this.#stage + 1 === this.lists.length) {
        this.#phase = "complete"
        events.push({ type: "complete" })
      } else {
        this.#stage++
        events.push(this.#stageEvent())
      }
    }
  }

  /** Looks at every stage that has been reached: a device may fail after its stage is done. */
  #illness(): string | undefined {
    const { failures, tolerance } = this.settings
    for (let i = 0; i <= this.#stage; i++) {
      const illness = this.#tallies[i]!.illness(failures, tolerance)
      if (illness !== undefined) return `stage ${i + 1}: ${illness}`
    }
    return undefined
  }

  #stageEvent(): RolloutEvent {
    const stage = this.#stage
    return { type: "stage", stage, percent: this.settings.stages[stage]!, devices: this.lists[stage]! }
  }

  #expect(phase: RolloutPhase, what: string): void {
    if (this.#phase !== phase) throw this.#over(what)
  }

  #over(what: string): FedmoteError {
    return new FedmoteError(
      "rollout",
      `cannot ${what} the rollout of module ${this.settings.sequence}: it is ${this.#phase}`,
    )
  }
}

function sameStanding(before: Standing | undefined, now: Standing): boolean {
  if (before?.state !== now.state) return false
  return before.state !== "failed" || now.state !== "failed" || before.code === now.code
}
