import { afterEach, beforeEach, expect, vi } from "vitest"
import { Device } from "../../../src/device/device.ts"
import type { DeviceOptions } from "../../../src/device/device.ts"
import type { DeviceEvent } from "../../../src/device/event.ts"
import { MemorySlotStore } from "../../../src/device/flash/slot-store.ts"
import type { ModulesOptions } from "../../../src/device/flash/modules.ts"
import type { Clock } from "../../../src/net/clock.ts"
import type { Link, Network } from "../../../src/net/link.ts"
import { loopbackNetwork } from "../../../src/net/loopback.ts"
import { chunkModule } from "../../../src/wire/chunk.ts"
import { decode, encode } from "../../../src/wire/codec.ts"
import type { Flash, Flashed } from "../../../src/wire/message.ts"
import { FLEET, FakeCoordinator, names } from "../fake-coordinator.ts"
import { VirtualClock, settle } from "../virtual-clock.ts"
import { OPERATOR } from "./signed.ts"
import type { Signed } from "./signed.ts"

export const ID = "d-1"

/** Forty samples of two features: more than the self-test has. */
export const SAMPLES = Array.from({ length: 40 }, (_, i) => ({
  features: [Math.sin(i), Math.cos(2 * i)],
  label: Math.sin(i) - Math.cos(2 * i) / 2,
}))

/** A gateway in a fleet of its own, with somebody who speaks for the coordinator and publishes modules. */
export class Fleet {
  readonly coordinator: FakeCoordinator<Network>
  readonly store = new MemorySlotStore()
  /** What has happened on the gateway. */
  readonly events: DeviceEvent[] = []
  /** What the gateway has said, the newest last. */
  readonly said: Flashed[] = []
  readonly #link: Link
  readonly #clock: Clock
  device: Device | undefined

  /** Through memory and in virtual time; or as is said. */
  static async create(network: Network = loopbackNetwork(), clock: Clock = new VirtualClock()): Promise<Fleet> {
    const coordinator = await FakeCoordinator.at(network)
    const link = await network.connect({ clientId: "operator" })
    const fleet = new Fleet(coordinator, link, clock)
    await link.subscribe(names.flashed(ID), (_, payload) => {
      const message = payload.length > 0 ? decode(payload) : undefined
      if (message?.type === "flashed") fleet.said.push({ ...message, losses: message.losses.slice() })
    })
    // A federation that trains from zeros.
    await coordinator.model([0, 0, 0])
    await coordinator.notice()
    return fleet
  }

  constructor(coordinator: FakeCoordinator<Network>, link: Link, clock: Clock) {
    this.coordinator = coordinator
    this.#link = link
    this.#clock = clock
  }

  /** Of a fleet in virtual time. */
  get clock(): VirtualClock {
    if (!(this.#clock instanceof VirtualClock)) throw new Error("this fleet is in real time")
    return this.#clock
  }

  get types(): string[] {
    return this.events.map(({ type }) => type)
  }

  get last(): Flashed {
    return this.said.at(-1)!
  }

  /** Starts the gateway, and waits until it has said where it is. */
  async start(modules: Partial<ModulesOptions> = {}, options: Partial<DeviceOptions> = {}): Promise<void> {
    this.said.length = 0
    this.device = new Device({
      network: this.coordinator.network,
      fleet: FLEET,
      id: ID,
      data: SAMPLES,
      clock: this.#clock,
      kernel: "scalar",
      modules: { store: this.store, trusted: [OPERATOR.publicKey], ...modules },
      onEvent: (event) => void this.events.push(event),
      ...options,
    })
    this.device.run().catch(() => undefined)
    await vi.waitFor(() => expect(this.said.length).toBeGreaterThan(0), WAIT)
  }

  /** The process ends and begins again; what is in the store stays. */
  async restart(modules: Partial<ModulesOptions> = {}): Promise<void> {
    await this.device?.close()
    await this.start(modules)
  }

  async retain(topic: string, payload: Uint8Array): Promise<void> {
    await this.#link.publish(topic, payload, { retain: true })
  }

  /** What a broker retains on a topic; nothing: undefined. */
  async retained(topic: string): Promise<Uint8Array | undefined> {
    let found: Uint8Array | undefined
    await this.#link.subscribe(topic, (_, payload) => void (found = new Uint8Array(payload)))
    await settle()
    await this.#link.unsubscribe(topic)
    return found
  }

  /** Puts a module where gateways look for it; as another sequence than its own where that is said. */
  async publish({ envelope, bytes, manifest }: Signed, sequence = manifest.sequence): Promise<void> {
    await this.retain(names.manifest("train", sequence), envelope)
    for (const [topic, chunk] of this.chunks({ envelope, bytes, manifest }, sequence)) await this.retain(topic, chunk)
  }

  /** A module's chunks with their topics. */
  chunks({ bytes, manifest }: Signed, sequence = manifest.sequence): (readonly [string, Uint8Array])[] {
    return chunkModule(bytes, sequence, manifest.chunkBytes).map(
      (chunk) => [names.module("train", sequence, chunk.index), encode(chunk)] as const,
    )
  }

  async tell(action: Flash["action"], sequence: number, slot = "train"): Promise<void> {
    await this.#link.publish(names.flash(ID), encode({ type: "flash", action, slot, sequence }))
  }

  /** Waits for what the gateway says: threads take their own time. */
  async reported(wanted: Partial<Flashed>): Promise<Flashed> {
    return vi.waitFor(() => {
      expect(this.last).toMatchObject(wanted)
      return this.last
    }, WAIT)
  }

  async install(module: Signed): Promise<void> {
    const { sequence } = module.manifest
    await this.publish(module)
    await this.tell("install", sequence)
    await this.reported({ active: sequence, target: sequence, state: "confirmed" })
  }

  /** A round that the gateway takes part in, from the join to the update. */
  async round(round: number, sequence: number): Promise<void> {
    const { coordinator } = this
    await coordinator.notice({ round, module: { slot: "train", sequence, least: 0 } })
    await coordinator.join(ID, round)
    await vi.waitFor(() => expect(coordinator.updates.at(-1)).toMatchObject({ round }), WAIT)
    expect(coordinator.updates.at(-1)!.module ?? 0).toBe(sequence)
  }

  async end(): Promise<void> {
    await this.device?.close()
    await this.#link.close()
    await this.coordinator.close()
    // Nothing of it may be left.
    if (this.#clock instanceof VirtualClock) expect(this.#clock.pending).toBe(0)
  }
}

const WAIT = { timeout: 20_000, interval: 5 }

/** A fleet for each test of a file. */
export function eachFleet(): { readonly fleet: Fleet } {
  const each: { fleet: Fleet } = { fleet: undefined as unknown as Fleet }
  beforeEach(async () => {
    each.fleet = await Fleet.create()
  })
  afterEach(() => each.fleet.end())
  return each
}

export { names }
