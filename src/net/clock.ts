/** Time and jitter, handed in so that a simulated world can replace them. */
export interface Clock {
  /** Milliseconds from an arbitrary origin, never running backwards. */
  nowMs(): number
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void
  /** A number in [0, 1), for jitter only. */
  random(): number
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, 2 ** 31 - 1))
    return () => clearTimeout(timer)
  },
  random: Math.random,
}
