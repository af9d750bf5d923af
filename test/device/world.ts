import { expect } from "vitest"
import { Device } from "../../src/device/device.ts"
import type { DeviceOptions } from "../../src/device/device.ts"
import type { DeviceEvent } from "../../src/device/event.ts"
import { FakeCoordinator, FLEET } from "./fake-coordinator.ts"
import { VirtualClock, settle } from "./virtual-clock.ts"

/** One sample: from a model of zeros, one step of rate 1/8 moves the weights by 3/8 x [1, 2], and the bias by 3/8. */
export const SAMPLE = { features: [1, 2], label: 3 }
export const MOVED = [0.375, 0.75, 0.375]
export const many = (length: number): (typeof SAMPLE)[] => Array.from({ length }, () => SAMPLE)

/** A fleet of one coordinator and the devices of a test, in virtual time. */
export class World {
  readonly clock = new VirtualClock()
  readonly coordinator: FakeCoordinator
  readonly events: DeviceEvent[] = []
  readonly #devices: Device[] = []

  static async create(): Promise<World> {
    return new World(await FakeCoordinator.start())
  }

  constructor(coordinator: FakeCoordinator) {
    this.coordinator = coordinator
  }

  /** What has happened on the devices. */
  get types(): string[] {
    return this.events.map(({ type }) => type)
  }

  /** A device that runs; with id d-1 and one sample unless told otherwise. */
  device(options: Partial<DeviceOptions> = {}): { readonly device: Device; readonly run: Promise<unknown> } {
    const device = new Device({
      network: this.coordinator.network,
      fleet: FLEET,
      id: "d-1",
      data: [SAMPLE],
      clock: this.clock,
      kernel: "scalar",
      onEvent: (event) => void this.events.push(event),
      ...options,
    })
    this.#devices.push(device)
    const run = device.run()
    run.catch(() => undefined)
    return { device, run }
  }

  /** A device that has been asked to join round 1, and has sent its update. */
  async sent(): Promise<void> {
    await this.coordinator.model([0, 0, 0])
    this.device()
    await settle()
    await this.coordinator.notice()
    await this.coordinator.join("d-1")
    await settle()
    expect(this.coordinator.updates).toHaveLength(1)
  }

  /** Closes all devices; nothing of them may be left. */
  async end(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.close()))
    expect(this.clock.pending).toBe(0)
    expect(this.coordinator.network.links).toBe(1)
  }
}
