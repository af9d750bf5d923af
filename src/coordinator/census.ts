import type { ReadyDevice } from "../core/round.ts"
import type { FleetCount } from "./journal/journal.ts"
import { MOST_DEVICES } from "./registry.ts"

type Samples = Pick<ReadyDevice, "samples" | "testSamples">

/**
 * Counts the devices that were ready at some time, and the samples they said they have: all that a coordinator knows of a fleet's data. Not more than
 * `MOST_DEVICES`: whoever reaches the broker can invent names.
 */
export class Census {
  readonly #devices = new Map<string, Samples>()
  readonly #limit: number
  readonly #before: FleetCount
  #trainSamples = 0
  #testSamples = 0

  /** `before`: what an earlier process of the same run had counted. Who is the same device is not known: the larger number counts. */
  constructor(before: FleetCount = { devices: 0, trainSamples: 0, testSamples: 0 }, limit = MOST_DEVICES) {
    this.#before = before
    this.#limit = limit
  }

  take({ id, samples, testSamples }: ReadyDevice): void {
    const known = this.#devices.get(id)
    if (known === undefined && this.#devices.size >= this.#limit) return
    this.#trainSamples += samples - (known?.samples ?? 0)
    this.#testSamples += testSamples - (known?.testSamples ?? 0)
    this.#devices.set(id, { samples, testSamples })
  }

  count(): FleetCount {
    const { devices, trainSamples, testSamples } = this.#before
    return {
      devices: Math.max(devices, this.#devices.size),
      trainSamples: Math.max(trainSamples, this.#trainSamples),
      testSamples: Math.max(testSamples, this.#testSamples),
    }
  }
}
