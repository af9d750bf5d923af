import { createAccumulator } from "../../src/kernel/accumulator.ts"
import type { AccumulatorOptions } from "../../src/kernel/accumulator.ts"
import type { Accumulator } from "../../src/kernel/types.ts"

/** Accumulators of the kernels, used by one world after the other: making one takes longer than a round. */
class AccumulatorPool {
  readonly #free = new Map<number, Accumulator[]>()
  readonly #taken = new Map<object, Accumulator[]>()

  take(options: AccumulatorOptions, owner: object): Accumulator {
    const { size, gridExponent, cohort, weightCap, largest = Infinity } = options
    const free = this.#free.get(size)?.pop()
    free?.reset(gridExponent, cohort, weightCap, largest)
    const accumulator = free ?? createAccumulator({ ...options, kind: "scalar" })
    const taken = this.#taken.get(owner)
    if (taken === undefined) this.#taken.set(owner, [accumulator])
    else taken.push(accumulator)
    return accumulator
  }

  /** The owner's world has ended. */
  release(owner: object): void {
    for (const accumulator of this.#taken.get(owner) ?? []) {
      const free = this.#free.get(accumulator.size)
      if (free === undefined) this.#free.set(accumulator.size, [accumulator])
      else free.push(accumulator)
    }
    this.#taken.delete(owner)
  }
}

export const accumulators = new AccumulatorPool()
