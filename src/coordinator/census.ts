import type { ReadyDevice } from "../core/round.ts"
import type { FleetCount } from "./journal/journal.ts"

/** Counts the devices that were ready at some time, and the samples they said they have: all that a coordinator knows of a fleet's data. */
export class Census {
  readonly #devices = new Map<string, ReadyDevice>()
  readonly #before: FleetCount
  #trainSamples = 0
  #testSamples = 0

  /** `before`: what an earlier process of the same run had counted. Who is the same device is not known: the larger number counts. */
  constructor(before: FleetCount = { devices: 0, trainSamples: 0, testSamples: 0 }) {
    this.#before = before
  }

  take(device: ReadyDevice): void {
    const known = this.#devices.get(device.id)
    this.#trainSamples += device.samples - (known?.samples ?? 0)
    this.#testSamples += device.testSamples - (known?.testSamples ?? 0)
    this.#devices.set(device.id, device)
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
