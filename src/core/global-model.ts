import { FedmoteError } from "./error.ts"
import type { Strategy } from "./strategy.ts"

/**
 * The global model as the server keeps it: `exact` in float64, where every round's mean is added, and `devices`, its float32
 * rounding, which is what devices receive and what `digest` is taken of. `version` counts the commits.
 */
export class GlobalModel {
  readonly exact: Float64Array
  readonly devices: Float32Array
  readonly #mean: Float64Array
  readonly #strategy: Strategy
  #version: number

  /** Copies `start` (float32 or float64 parameters). */
  constructor(start: ArrayLike<number>, strategy: Strategy, version = 0) {
    this.exact = Float64Array.from(start)
    this.devices = Float32Array.from(start)
    this.#mean = new Float64Array(this.exact.length)
    this.#strategy = strategy
    this.#version = version
  }

  get version(): number {
    return this.#version
  }

  /** Commits a round: `sum` of weight x delta, in float64 and exact, over updates of total `weight` above 0. */
  commit(sum: Float64Array, weight: number): void {
    if (sum.length !== this.exact.length)
      throw new FedmoteError("model", `expected a sum of ${this.exact.length} parameters, got ${sum.length}`)
    if (!(weight > 0)) throw new FedmoteError("model", `expected a total weight above 0, got ${weight}`)
    for (let i = 0; i < sum.length; i++) this.#mean[i] = sum[i]! / weight
    this.#strategy.apply(this.exact, this.#mean)
    for (let i = 0; i < sum.length; i++) this.devices[i] = this.exact[i]!
    this.#version++
  }
}
