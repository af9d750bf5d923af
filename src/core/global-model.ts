import { FedmoteError } from "./error.ts"
import type { ModelSnapshot } from "./snapshot.ts"
import type { Strategy } from "./strategy.ts"
import type { LayerRange } from "./training.ts"

/** How a commit's change reaches devices that hold the version before: quantised. What is lost comes with a later change. */
export interface Downlink {
  /**
   * Quantises `drift`, which devices' models lack (float32, one value a shared parameter), for version `version`. `change` is what a device decodes
   * from `payload`. Both are views, valid until the next call.
   */
  quantise(drift: Float32Array, version: number): { readonly payload: Uint8Array; readonly change: Float32Array }
}

export interface GlobalModelOptions {
  /** The parameters that the fleet learns together; default: all. */
  readonly shared?: LayerRange
  /** Default: devices get the exact model's float32 rounding. */
  readonly downlink?: Downlink | undefined
}

/** The change from the version before, as devices decode it. */
export interface ModelDelta {
  readonly version: number
  readonly payload: Uint8Array
}

/**
 * The global model as the server keeps it: `exact` in float64, where every round's mean is added, and `devices` in float32, which is what devices
 * hold and what `digest` is taken of: the exact model's rounding, or with a quantised downlink what the deltas so far add up to, so that
 * the server carries the error from round to round. `version` counts the commits.
 */
export class GlobalModel {
  readonly exact: Float64Array
  readonly devices: Float32Array
  /** What of `exact` and `devices` rounds change; all of it unless the plan keeps layers out. */
  readonly shared: LayerRange
  readonly #exactShared: Float64Array
  readonly #devicesShared: Float32Array
  readonly #mean: Float64Array
  readonly #drift: Float32Array
  readonly #strategy: Strategy
  readonly #downlink: Downlink | undefined
  #version = 0
  #delta: ModelDelta | undefined

  /** Copies `start` (float32 or float64 parameters). `strategy` has the size of the shared part. */
  constructor(start: ArrayLike<number>, strategy: Strategy, { shared, downlink }: GlobalModelOptions = {}) {
    this.exact = Float64Array.from(start)
    this.devices = Float32Array.from(start)
    this.shared = shared ?? { from: 0, to: this.exact.length }
    this.#exactShared = this.exact.subarray(this.shared.from, this.shared.to)
    this.#devicesShared = this.devices.subarray(this.shared.from, this.shared.to)
    this.#mean = new Float64Array(this.#exactShared.length)
    this.#drift = new Float32Array(downlink === undefined ? 0 : this.#exactShared.length)
    this.#strategy = strategy
    this.#downlink = downlink
  }

  get version(): number {
    return this.#version
  }

  /** The last commit's change; undefined before the first, and without a quantised downlink. */
  get delta(): ModelDelta | undefined {
    return this.#delta
  }

  /**
   * Commits a round: `sum` of weight x delta over the shared parameters, in float64 and exact, over updates of total `weight` above 0.
   * `published` numbers the version among all that devices pull.
   */
  commit(sum: Float64Array, weight: number, published: number = this.#version + 1): void {
    const mean = this.#mean
    if (sum.length !== mean.length)
      throw new FedmoteError("model", `expected a sum of ${mean.length} parameters, got ${sum.length}`)
    if (!(weight > 0)) throw new FedmoteError("model", `expected a total weight above 0, got ${weight}`)
    for (let i = 0; i < mean.length; i++) mean[i] = sum[i]! / weight
    this.#strategy.apply(this.#exactShared, mean)
    this.#version++
    if (this.#downlink === undefined) this.#devicesShared.set(this.#exactShared)
    else this.#send(this.#downlink, published)
  }

  /** Views, valid until the next commit. */
  snapshot(): ModelSnapshot {
    return { version: this.#version, exact: this.exact, devices: this.devices, strategy: this.#strategy.state() }
  }

  /** Copies a snapshot that `checkSnapshot` let pass. There is no `delta` before the next commit. */
  restore({ version, exact, devices, strategy }: ModelSnapshot): void {
    this.exact.set(exact)
    this.devices.set(devices)
    this.#strategy.restore(strategy)
    this.#version = version
    this.#delta = undefined
  }

  #send(downlink: Downlink, version: number): void {
    const exact = this.#exactShared
    const devices = this.#devicesShared
    const drift = this.#drift
    for (let i = 0; i < drift.length; i++) drift[i] = exact[i]! - devices[i]!
    const { payload, change } = downlink.quantise(drift, version)
    for (let i = 0; i < drift.length; i++) devices[i] = devices[i]! + change[i]!
    this.#delta = { version, payload: payload.slice() }
  }
}
