/** Random numbers for tests: mulberry32. The seed goes into the test's name, and `FEDMOTE_TEST_SEED` sets it. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** An integer from 0 to `bound - 1`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound)
  }

  /** An integer from `min` to `max`, the ends more often than others. */
  between(min: number, max: number): number {
    const which = this.below(6)
    if (which === 0) return min
    if (which === 1) return max
    return which === 2 ? min + this.below(Math.min(300, max - min + 1)) : min + this.below(max - min + 1)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }

  shuffled<T>(items: readonly T[]): T[] {
    const out = [...items]
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const swap = out[i]!
      out[i] = out[j]!
      out[j] = swap
    }
    return out
  }
}

export const SEED = Number(process.env["FEDMOTE_TEST_SEED"] ?? Date.now() % 1_000_000)
