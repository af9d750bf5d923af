import type { CodecName } from "../core/codec.ts"
import { GRID_LIMITS, contributionLimit, gridMagic, powerOfTwo } from "../core/grid.ts"
import type { RandomKey } from "../core/random.ts"
import { FoldMemory } from "./codec-fold.ts"
import { KernelError } from "./error.ts"
import type { Accumulator, KernelKind } from "./types.ts"

export interface AccumulatorOptions {
  /** Number of parameters. */
  readonly size: number
  /** From `gridExponent(cohort, weightCap, largestDelta)` of the core; travels in the Notice. */
  readonly gridExponent: number
  /** Most updates that are folded, and the largest weight of one (at most 2^24); their product is at most 2^37. */
  readonly cohort: number
  readonly weightCap: number
  /** Largest size of a value in an update. Default: whatever the grid has room for. */
  readonly largest?: number
  /** The fastest that this engine runs when absent. */
  readonly kind?: KernelKind
}

// Weights are multiples of 2^-16: staleness can scale a number of samples, and the total stays exact.
const WEIGHT_UNITS = 65536
const MOST_WEIGHT = 2 ** 24
const MOST_TOTAL = 2 ** 37
const MOST_UPDATES = 2 ** 32

/** An accumulator with kernel memory of its own; nothing is allocated per update. Throws `KernelError` ("settings"). */
export function createAccumulator(options: AccumulatorOptions): Accumulator {
  const memory = new FoldMemory(options.size, options.kind)
  return new KernelAccumulator(memory, options.gridExponent, options.cohort, options.weightCap, options.largest)
}

class KernelAccumulator implements Accumulator {
  readonly #memory: FoldMemory
  #gridExponent = 0
  #cohort = 0
  #weightCap = 0
  #largest = Infinity
  #limit = 0
  // In an array: a field of a changing float64 would be a new object in every fold.
  readonly #weight = new Float64Array(1)
  #count = 0

  constructor(memory: FoldMemory, gridExponent: number, cohort: number, weightCap: number, largest?: number) {
    this.#memory = memory
    this.reset(gridExponent, cohort, weightCap, largest)
  }

  get size(): number {
    return this.#memory.size
  }

  get gridExponent(): number {
    return this.#gridExponent
  }

  get cohort(): number {
    return this.#cohort
  }

  get weightCap(): number {
    return this.#weightCap
  }

  get weight(): number {
    return this.#weight[0]!
  }

  get count(): number {
    return this.#count
  }

  get sum(): Float64Array {
    return this.#memory.sum
  }

  fold(codec: CodecName, payload: Uint8Array, weight: number, key: RandomKey): void {
    if (!(weight > 0 && weight <= this.#weightCap && Number.isInteger(weight * WEIGHT_UNITS)))
      throw new KernelError(
        "weight",
        `expected a weight above 0, at most ${this.#weightCap} and a multiple of 1/${WEIGHT_UNITS}, got ${weight}`,
      )
    if (this.#count >= this.#cohort)
      throw new KernelError("bound", `expected at most ${this.#cohort} updates, got one more`)
    this.#memory.add(codec, payload, weight, key)
    this.#weight[0]! += weight
    this.#count++
  }

  merge(sum: Float64Array, weight: number, count: number): void {
    if (sum.length !== this.size)
      throw new KernelError("merge", `expected a partial sum of ${this.size} parameters, got ${sum.length}`)
    if (!(Number.isInteger(count) && count >= 0 && this.#count + count <= this.#cohort))
      throw new KernelError("merge", `expected at most ${this.#cohort} updates, got ${count} after ${this.#count}`)
    if (!(weight >= 0 && weight <= count * this.#weightCap && Number.isInteger(weight * WEIGHT_UNITS)))
      throw new KernelError(
        "merge",
        `expected a weight of ${count} updates, at most ${this.#weightCap} each, got ${weight}`,
      )
    const unit = powerOfTwo(-this.#gridExponent)
    // Rounding to the grid may have moved each contribution by up to 2^15 steps: a level of a block times half a step of its scale.
    const limit = count * (this.#limit + 32768 / unit)
    for (let i = 0; i < sum.length; i++) {
      const value = sum[i]!
      if (!(Math.abs(value) <= limit && Number.isInteger(value * unit)))
        throw new KernelError(
          "merge",
          `expected multiples of 2^${this.#gridExponent} up to ${limit} in size, got ${value} at parameter ${i}`,
        )
    }
    const own = this.sum
    for (let i = 0; i < sum.length; i++) own[i] = own[i]! + sum[i]!
    this.#weight[0]! += weight
    this.#count += count
  }

  reset(
    gridExponent: number,
    cohort: number = this.#cohort,
    weightCap: number = this.#weightCap,
    largest: number = this.#largest,
  ): void {
    const { least, most } = GRID_LIMITS
    if (!(Number.isInteger(gridExponent) && gridExponent >= least && gridExponent <= most))
      throw new KernelError("settings", `expected a grid exponent from ${least} to ${most}, got ${gridExponent}`)
    if (!(Number.isInteger(cohort) && cohort >= 1 && cohort <= MOST_UPDATES))
      throw new KernelError("settings", `expected a cohort of 1 to 2^32, got ${cohort}`)
    if (!(weightCap > 0 && weightCap <= MOST_WEIGHT && Number.isInteger(weightCap * WEIGHT_UNITS)))
      throw new KernelError(
        "settings",
        `expected a weight cap above 0, at most 2^24 and a multiple of 1/${WEIGHT_UNITS}, got ${weightCap}`,
      )
    if (!(largest > 0)) throw new KernelError("settings", `expected a largest value above 0, got ${largest}`)
    if (cohort * weightCap > MOST_TOTAL)
      throw new KernelError("settings", `expected cohort x weight cap of at most 2^37, got ${cohort} x ${weightCap}`)
    this.#gridExponent = gridExponent
    this.#cohort = cohort
    this.#weightCap = weightCap
    this.#largest = largest
    this.#limit = contributionLimit(gridExponent, cohort)
    this.#memory.bound(gridMagic(gridExponent), this.#limit, largest)
    this.#weight[0] = 0
    this.#count = 0
    this.#memory.sum.fill(0)
  }
}
