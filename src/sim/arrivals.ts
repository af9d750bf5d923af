import { PURPOSE, philox } from "../core/random.ts"
import type { Task } from "./fleet-world.ts"

/** An update of a virtual client that is on its way. */
export interface Arrival {
  readonly task: Task
  readonly atMs: number
  /** Local steps that it is of; 0 for all. */
  readonly steps: number
}

/** Updates on their way, the next one first; of those that come together the one that was sent first. */
export class Arrivals {
  #waiting: Arrival[] = []

  get next(): Arrival | undefined {
    return this.#waiting[0]
  }

  add(arrival: Arrival): void {
    let low = 0
    let high = this.#waiting.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#waiting[middle]!.atMs <= arrival.atMs) low = middle + 1
      else high = middle
    }
    this.#waiting.splice(low, 0, arrival)
  }

  take(): Arrival | undefined {
    return this.#waiting.shift()
  }

  change(change: (arrival: Arrival) => Arrival): void {
    const changed = this.#waiting.map(change)
    this.#waiting = []
    for (const arrival of changed) this.add(arrival)
  }

  clear(): void {
    this.#waiting = []
  }
}

const block = new Uint32Array(4)

/**
 * How long a virtual client works, as a share of what the largest one takes on average: in proportion to its samples, half as much more or less, by seed,
 * round and client.
 */
export function workShare(
  samples: number,
  most: number,
  seed: number,
  round: number,
  key: readonly [number, number],
): number {
  philox(block, 1, round, PURPOSE.spread, seed, key[0], key[1])
  return (samples / most) * (0.5 + block[0]! / 2 ** 32)
}
