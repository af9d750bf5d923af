import type { Clock } from "../../src/net/clock.ts"

/** Time that stands still until it is told to go on. `random` is always 0.5. */
export class VirtualClock implements Clock {
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>()
  #nowMs = 0

  get pending(): number {
    return this.#timers.size
  }

  nowMs(): number {
    return this.#nowMs
  }

  random(): number {
    return 0.5
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Lets so many milliseconds pass; what a timer sets off comes to rest before the next one. */
  async advance(ms: number): Promise<void> {
    const until = this.#nowMs + ms
    for (;;) {
      await settle()
      const [next] = [...this.#timers].sort((a, b) => a.atMs - b.atMs)
      if (next === undefined || next.atMs > until) break
      this.#timers.delete(next)
      this.#nowMs = next.atMs
      next.run()
    }
    this.#nowMs = until
    await settle()
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
