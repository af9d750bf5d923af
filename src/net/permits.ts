/** A counting semaphore, first come first served. */
export class Permits {
  #free: number
  readonly #waiting = new Set<{ readonly resolve: () => void; readonly reject: (error: unknown) => void }>()

  constructor(count: number) {
    this.#free = count
  }

  /** Resolves when a permit is free and takes it; rejects when `signal` aborts or `fail` is called first. */
  async acquire(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.#free > 0) {
      this.#free--
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { resolve, reject }
    const abort = (): void => {
      this.#waiting.delete(waiter)
      reject(signal!.reason)
    }
    this.#waiting.add(waiter)
    signal?.addEventListener("abort", abort)
    try {
      await promise
    } finally {
      signal?.removeEventListener("abort", abort)
    }
  }

  release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free++
      return
    }
    // The permit goes to the one that has waited longest.
    this.#waiting.delete(next)
    next.resolve()
  }

  /** Rejects everyone who waits. */
  fail(error: unknown): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
  }
}
