import { modelMessageBytes } from "./traffic.ts"

/** A version of the model, and how it is there for devices. */
export interface ModelOffer {
  readonly version: number
  /** Length of the whole model. */
  readonly modelBytes: number
  /** Length of one delta's payload, and how many of them lead to this version; 0 where it is there as a whole only. */
  readonly deltaBytes: number
  readonly deltas: number
}

/** How many deltas in a row are offered at most: `history`, and together shorter than the whole model. */
export function longestChain(history: number, deltaBytes: number, modelBytes: number): number {
  return Math.min(history, Math.ceil(modelBytes / deltaBytes) - 1)
}

/**
 * Counts what devices receive of models (`traffic.ts`): nothing where a device holds the version that is wanted, deltas from the version that it
 * holds, or else the whole. A device that was asked is taken to hold what it was asked about: what a restarted one forgets is not seen.
 */
export class Pulls {
  readonly #chunkClass: number
  readonly #history: number
  /** The version that a device holds, oldest first; one from which no deltas can lead on is forgotten. */
  readonly #held = new Map<string, number>()

  constructor(chunkClass: number, history = 0) {
    this.#chunkClass = chunkClass
    this.#history = history
  }

  /** Devices whose version is remembered. */
  get size(): number {
    return this.#held.size
  }

  /** Message bytes that all of `devices` receive for this version, which they hold from now on. Versions never fall. */
  take(devices: Iterable<string>, offer: ModelOffer): number {
    const { version } = offer
    for (const [device, held] of this.#held) {
      if (held >= version - this.#history) break
      this.#held.delete(device)
    }
    const bytesFrom = new Map<number | undefined, number>()
    let sum = 0
    for (const device of devices) {
      const held = this.#held.get(device)
      let bytes = bytesFrom.get(held)
      if (bytes === undefined) bytesFrom.set(held, (bytes = this.#bytes(held, offer)))
      sum += bytes
      if (held === version) continue
      // To the end: the order is that of versions.
      this.#held.delete(device)
      this.#held.set(device, version)
    }
    return sum
  }

  #bytes(held: number | undefined, { version, modelBytes, deltaBytes, deltas }: ModelOffer): number {
    if (held === version) return 0
    if (held === undefined || held < version - deltas) return modelMessageBytes(modelBytes, this.#chunkClass, version)
    let bytes = 0
    for (let to = held + 1; to <= version; to++) bytes += modelMessageBytes(deltaBytes, this.#chunkClass, to, to - 1)
    return bytes
  }
}
