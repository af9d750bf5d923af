import type { RoundKind, RoundSettings, RoundState } from "../core/round.ts"
import { Arrivals, workShare } from "./arrivals.ts"
import type { Arrival } from "./arrivals.ts"
import type { Ended, Task, World } from "./fleet-world.ts"

/** A device that was told to come again does so after this. */
const AGAIN_MS = 10_000

/** What those who were asked are at: whose update comes when, as their world has it. */
export class Answers {
  readonly #world: World
  /** Updates of training rounds may come in later ones; anything else is of its own round. */
  readonly #training = new Arrivals()
  readonly #others = new Arrivals()
  readonly #keepsLate: boolean
  #asked: Task[] = []
  readonly #folded = new Map<string, number>()

  /** `keepsLate`: what does not come in its round may come in a later one. */
  constructor(world: World, keepsLate: boolean) {
    this.#world = world
    this.#keepsLate = keepsLate
  }

  ask(task: Task): void {
    this.#asked.push(task)
    const atMs = this.#world.arrival(task)
    if (Number.isFinite(atMs)) this.#of(task.kind).add({ task, atMs, steps: 0 })
  }

  /** The next update that the current round could have. */
  next({ kind }: RoundState): Arrival | undefined {
    return this.#of(kind).next
  }

  take({ kind }: RoundState): Arrival | undefined {
    return this.#of(kind).take()
  }

  /** It came, and could not be taken just then. */
  again({ task, steps }: Arrival, nowMs: number): void {
    if (this.#keepsLate) this.#of(task.kind).add({ task, steps, atMs: nowMs + AGAIN_MS })
  }

  /** "Finish now": who would come later sends what it has. */
  finish({ kind, round, epoch }: RoundState, nowMs: number): void {
    if (kind !== "train") return
    this.#training.change((arrival) => {
      const { task } = arrival
      if (task.round !== round || task.epoch !== epoch || arrival.atMs <= nowMs) return arrival
      const part = this.#world.partial(task, nowMs)
      return part === undefined || part.atMs >= arrival.atMs ? arrival : { task, ...part }
    })
  }

  /** `steps`: 0 for all. */
  fold({ task, steps }: Arrival): void {
    this.#folded.set(task.client.id, steps === 0 ? task.steps : steps)
  }

  /** The round is over. */
  end(kind: RoundKind, nowMs: number, committed: boolean): void {
    const tasks = this.#asked.map((task): Ended => {
      const steps = this.#folded.get(task.client.id)
      return { task, outcome: steps === undefined ? "lost" : "folded", steps: steps ?? 0 }
    })
    this.#world.ended({ kind, nowMs, committed, tasks })
    this.#asked = []
    this.#folded.clear()
    this.#others.clear()
    if (!this.#keepsLate) this.#training.clear()
  }

  #of(kind: RoundKind): Arrivals {
    return kind === "train" ? this.#training : this.#others
  }
}

/**
 * What a plan that takes late updates means where no world was given: everybody is there, and trains for a time that follows from its samples, the seed and
 * the round; the slowest is done before the word to finish.
 */
export class EvenWorld implements World {
  readonly #settings: RoundSettings
  readonly #mostRows: number

  /** `mostRows`: training samples of the largest client. */
  constructor(settings: RoundSettings, mostRows: number) {
    this.#settings = settings
    this.#mostRows = mostRows
  }

  isReady(): boolean {
    return true
  }

  arrival({ client, kind, round, rows, askedAtMs }: Task): number {
    const { seed, reportTimeoutMs, finishMs } = this.#settings
    if (kind !== "train") return askedAtMs
    return askedAtMs + (workShare(rows, this.#mostRows, seed, round, client.key) * (reportTimeoutMs - finishMs)) / 2
  }

  partial(): undefined {}

  ended(): void {}
}
