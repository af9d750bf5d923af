import type { Clock } from "../../src/net/clock.ts"
import { LinkError } from "../../src/net/link.ts"
import { Random } from "./random.ts"
import type { Owner, Scheduler } from "./scheduler.ts"

/** What a process that dies gets to see, if it ever does: its connections are closed, too. */
export class Killed extends LinkError {
  constructor(text: string) {
    super("link-closed", text)
  }
}

interface Timer {
  readonly dueMs: number
  readonly run: () => void
  cancel: () => void
}

/** A program that runs in the world, with a clock of its own. It may stand still, its clock may jump, and it may die, and then nothing of it runs any more. */
export class Process implements Clock, Owner {
  readonly name: string
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #timers = new Set<Timer>()
  readonly #onError: (error: unknown) => void
  #alive = true
  #frozenUntilMs = 0
  /** What the clock shows beside the world's time. */
  #offsetMs: number

  /** `onError`: gets what a timer's function throws. */
  constructor(name: string, scheduler: Scheduler, seed: number, onError: (error: unknown) => void) {
    this.name = name
    this.#scheduler = scheduler
    this.#onError = onError
    this.#random = new Random(seed, "process", name)
    this.#offsetMs = this.#random.below(1e6)
  }

  get alive(): boolean {
    return this.#alive
  }

  get frozenUntilMs(): number {
    return this.#frozenUntilMs
  }

  nowMs(): number {
    return this.#scheduler.nowMs + this.#offsetMs
  }

  random(): number {
    return this.#random.unit()
  }

  after(delayMs: number, run: () => void): () => void {
    if (!this.#alive) return () => {}
    const timer: Timer = { dueMs: this.nowMs() + delayMs, run, cancel: () => {} }
    this.#timers.add(timer)
    this.#arm(timer)
    return () => {
      timer.cancel()
      this.#timers.delete(timer)
    }
  }

  /** Nothing of it happens before. */
  freeze(untilMs: number): void {
    this.#frozenUntilMs = Math.max(this.#frozenUntilMs, untilMs)
  }

  /** The clock shows so much more from now on, as after a sleep that it has counted. */
  jump(byMs: number): void {
    this.#offsetMs += byMs
    for (const timer of this.#timers) {
      timer.cancel()
      this.#arm(timer)
    }
  }

  kill(): void {
    this.#alive = false
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  #arm(timer: Timer): void {
    timer.cancel = this.#scheduler.at(timer.dueMs - this.#offsetMs, this, () => {
      this.#timers.delete(timer)
      try {
        timer.run()
      } catch (error) {
        this.#onError(error)
      }
    })
  }
}
