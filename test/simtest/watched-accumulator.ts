import type { CodecName } from "../../src/core/codec.ts"
import type { RandomKey } from "../../src/core/random.ts"
import type { Accumulator } from "../../src/kernel/types.ts"
import { contribution, sumOf } from "./exact.ts"
import type { Incarnation } from "./incarnation.ts"

/** One call of `Accumulator.fold`. */
export interface Folding {
  readonly codec: CodecName
  /** Borrowed. */
  readonly payload: Uint8Array
  readonly weight: number
  readonly key: RandomKey
}

/** Who is told. */
export interface Judge {
  folded(fold: Folding): Folded
  refused(): void
  wrong(text: string): void
}

/** Whose update was folded, its name (device, round and epoch), and the round into whose sum. */
export interface Folded {
  readonly device: string
  readonly update: string
  readonly into: string
}

interface Fold extends Folded {
  readonly values: readonly bigint[]
  readonly weight: number
}

/** The kernels' accumulator, and beside it the same sum in whole numbers. */
export class WatchedAccumulator implements Accumulator {
  readonly #inner: Accumulator
  readonly #incarnation: Incarnation
  readonly #judge: Judge
  #folds: Fold[] = []

  constructor(inner: Accumulator, incarnation: Incarnation, judge: Judge) {
    this.#inner = inner
    this.#incarnation = incarnation
    this.#judge = judge
    this.#use()
  }

  get size(): number {
    return this.#inner.size
  }

  get gridExponent(): number {
    return this.#inner.gridExponent
  }

  get cohort(): number {
    return this.#inner.cohort
  }

  get weightCap(): number {
    return this.#inner.weightCap
  }

  get weight(): number {
    return this.#inner.weight
  }

  get count(): number {
    return this.#inner.count
  }

  get sum(): Float64Array {
    const { sum } = this.#inner
    const expected = this.#expected()
    // No sum is -0 here: what is added to +0 is not.
    if (!expected.every((value, i) => value === sum[i]))
      this.#judge.wrong(`the sum of ${this.#folds.length} updates is ${sum}, expected ${expected}`)
    return sum
  }

  fold(codec: CodecName, payload: Uint8Array, weight: number, key: RandomKey): void {
    try {
      this.#inner.fold(codec, payload, weight, key)
    } catch (error) {
      this.#judge.refused()
      throw error
    }
    const values = contribution(codec, payload, weight, this.#inner.gridExponent)
    this.#folds.push({ ...this.#judge.folded({ codec, payload, weight, key }), values, weight })
  }

  merge(sum: Float64Array, weight: number, count: number): void {
    this.#inner.merge(sum, weight, count)
  }

  reset(gridExponent: number, cohort?: number, weightCap?: number, largest?: number): void {
    this.#inner.reset(gridExponent, cohort, weightCap, largest)
    this.#folds = []
    this.#use()
  }

  /** It is the one that the current round is summed in. */
  #use(): void {
    this.#incarnation.folds = () => this.#folds
    this.#incarnation.sums = () => ({
      sum: this.#expected(),
      weight: this.#folds.reduce((total, { weight }) => total + weight, 0),
    })
  }

  #expected(): Float64Array {
    const all = this.#folds.map(({ values }) => values)
    return sumOf(all, this.#inner.size, this.#inner.gridExponent)
  }
}
