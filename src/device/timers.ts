import type { Clock } from "../net/clock.ts"

/** The timers of one owner: all end together. */
export class Timers {
  readonly clock: Clock
  readonly #cancels = new Set<() => void>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const stop = this.clock.after(delayMs, () => {
      this.#cancels.delete(cancel)
      run()
    })
    const cancel = (): void => {
      this.#cancels.delete(cancel)
      stop()
    }
    this.#cancels.add(cancel)
    return cancel
  }

  clear(): void {
    for (const cancel of this.#cancels) cancel()
  }
}

/** Waits; rejects with the signal's reason when it is aborted first. */
export function delay(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const end = (): void => {
      cancel()
      reject(signal.reason)
    }
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener("abort", end)
      resolve()
    })
    signal.addEventListener("abort", end, { once: true })
  })
}

/** What a promise comes to; rejects with the signal's reason when it is aborted first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(signal.reason)
    if (signal.aborted) end()
    signal.addEventListener("abort", end, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", end))
  })
}
