/** Random numbers of a schedule: mulberry32, a stream of its own for everyone who draws, so that leaving one out changes no other. */
export class Random {
  #state: number

  /** `names`: what the stream is for. */
  constructor(seed: number, ...names: readonly (string | number)[]) {
    // FNV-1a over the names.
    let hash = 0x811c9dc5 ^ seed
    for (const char of names.join("/")) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193)
    this.#state = hash
  }

  /** In [0, 1). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  uint32(): number {
    return Math.floor(this.unit() * 4294967296)
  }

  below(bound: number): number {
    return Math.floor(this.unit() * bound)
  }

  chance(probability: number): boolean {
    return probability > 0 && this.unit() < probability
  }

  /** From `low` on, below `high`. */
  between(low: number, high: number): number {
    return low + this.unit() * (high - low)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}
