import { PURPOSE, philox } from "../../core/random.ts"
import type { Client, Task } from "../fleet-world.ts"
import { daily } from "./availability.ts"
import type { Availability } from "./availability.ts"
import type { ClassSpec, WorldSpec } from "./spec.ts"
import type { Trace } from "./trace.ts"

/** What a client of this world is like: a function of the seed and its id. */
export interface Inhabitant {
  readonly spec: ClassSpec
  readonly flopsPerSecond: number
  readonly availability: Availability
}

const block = new Uint32Array(4)
/** Counters of the block that says what a client is, and of those that say what becomes of its tasks. */
const BEING = 0
const FATE = 1

/** Gives each client its class, its speed and its hours. */
export class Inhabitants {
  readonly #classes: readonly ClassSpec[]
  readonly #ends: readonly number[]
  readonly #seed: number
  readonly #trace: Trace | undefined

  constructor({ classes }: WorldSpec, seed: number, trace: Trace | undefined) {
    const all = classes.reduce((sum, { share }) => sum + share, 0)
    let end = 0
    this.#classes = classes
    this.#ends = classes.map(({ share }) => (end += share / all))
    this.#seed = seed
    this.#trace = trace
  }

  of({ id, key }: Client): Inhabitant {
    philox(block, BEING, 0, PURPOSE.world, this.#seed, key[0], key[1])
    const [which, speed, begin, word] = block as unknown as [number, number, number, number]
    const place = this.#ends.findIndex((end) => which / 2 ** 32 < end)
    const spec = this.#classes[place < 0 ? this.#classes.length - 1 : place]!
    const { from, hours, jitter } = spec.available
    return {
      spec,
      flopsPerSecond: spec.flopsPerSecond * (1 + spec.spread * ((2 * speed) / 2 ** 32 - 1)),
      availability: this.#trace?.of(id, word) ?? daily(from + (jitter * begin) / 2 ** 32, hours),
    }
  }

  /** Where in its task, from 0 to 1, this client drops out; undefined where it does not. */
  fate({ client, round, epoch }: Task, { dropout }: ClassSpec): number | undefined {
    philox(block, FATE + epoch, round, PURPOSE.world, this.#seed, client.key[0], client.key[1])
    return block[0]! / 2 ** 32 < dropout ? block[1]! / 2 ** 32 : undefined
  }
}
