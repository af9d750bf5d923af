import type { RoundShape } from "../core/federation.ts"
import { createAccumulator } from "../kernel/accumulator.ts"
import type { Accumulator, KernelKind } from "../kernel/types.ts"

/** Accumulators that are used for one round after the other: one of each size. */
export class Accumulators {
  readonly #kernel: KernelKind | undefined
  readonly #made = new Map<number, Accumulator>()

  constructor(kernel: KernelKind | undefined) {
    this.#kernel = kernel
  }

  /** An empty sum of at most `bound` updates; valid until the next of this size. */
  empty({ size, gridExponent, bound: cohort, weightCap, largest }: RoundShape): Accumulator {
    const old = this.#made.get(size)
    if (old !== undefined) {
      old.reset(gridExponent, cohort, weightCap, largest)
      return old
    }
    const kind = this.#kernel
    const made = createAccumulator({
      size,
      gridExponent,
      cohort,
      weightCap,
      largest,
      ...(kind !== undefined && { kind }),
    })
    this.#made.set(size, made)
    return made
  }
}
