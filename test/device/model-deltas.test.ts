import { readFileSync } from "node:fs"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { CODECS } from "../../src/core/codec.ts"
import type { CodecName } from "../../src/core/codec.ts"
import type { Device } from "../../src/device/device.ts"
import type { DeviceEvent } from "../../src/device/event.ts"
import { decode } from "../../src/kernel/codec-decode.ts"
import { downlinkKey } from "../../src/kernel/downlink.ts"
import { floatBytes, floatsOf, sha256 } from "../../src/net/digest.ts"
import { chunkModel } from "../../src/wire/chunk.ts"
import { encode } from "../../src/wire/codec.ts"
import type { ModelChunk, Notice, WireTraining } from "../../src/wire/message.ts"
import { LINE, names } from "./fake-coordinator.ts"
import { settle } from "./virtual-clock.ts"
import { World, many } from "./world.ts"

/** Of test/vectors/kernels/downlink.json, made by make_downlink.py. */
interface Golden {
  readonly codec: CodecName
  readonly seed: number
  readonly shared: readonly [number, number]
  readonly head: string
  readonly initial: string
  readonly versions: readonly { readonly version: number; readonly payload: string; readonly digest: string }[]
  readonly model: string
}

const { cases } = JSON.parse(readFileSync(new URL("../vectors/kernels/downlink.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Golden[]
}
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"))

/** 77 parameters, eden4, versions 1 to 4: 308 bytes whole; 32 + 2 and 32 / 4 + 2 bytes a delta. */
const LINEAR = cases[0]!
const linear: WireTraining = { ...LINE, inputs: 76 }
/** 31 parameters behind 8 values of a standardizer; the layer in the middle is shared. */
const MIDDLE = cases.find(({ shared: [from] }) => from === 10)!
const middle: WireTraining = {
  ...LINE,
  inputs: 4,
  layers: [2, 5, 1].map((units) => ({ kind: "dense", units, activation: "identity" })),
  standardized: true,
  shared: { from: 1, to: 2 },
}

let world: World
let warnings: string[]
beforeEach(async () => {
  world = await World.create()
  warnings = []
})
afterEach(() => world.end())

const pulled = (): DeviceEvent[] => world.events.filter(({ type }) => type === "pulled")

/** A federation as a golden case has it: its versions are published by hand, whole or as deltas. */
class Fleet {
  readonly golden: Golden
  readonly training: WireTraining
  readonly first: number
  #round = 1

  constructor(golden: Golden, training: WireTraining) {
    this.golden = golden
    this.training = training
    this.first = golden.versions[0]!.version - 1
  }

  payload(version: number): Uint8Array {
    return bytesOf(this.golden.versions[version - this.first - 1]!.payload)
  }

  async publish(bytes: Uint8Array, version: number, base?: number): Promise<void> {
    for (const chunk of chunkModel(bytes, version, base, 64)) await this.chunk(version, base, chunk.index, chunk)
  }

  /** Any message on a chunk's topic; undefined clears it. */
  async chunk(
    version: number,
    base: number | undefined,
    index: number,
    message: ModelChunk | undefined,
  ): Promise<void> {
    const link = await world.coordinator.network.connect({ clientId: "publisher" })
    const bytes = message === undefined ? new Uint8Array(0) : encode(message)
    await link.publish(names.model(version, base, 64, index), bytes, { retain: true })
    await link.close()
  }

  /** Deltas of these versions. */
  async deltas(...versions: number[]): Promise<void> {
    for (const version of versions) await this.publish(this.payload(version), version, version - 1)
  }

  /** Says that `version` is current, and asks the device to work on it. */
  async ask(version: number, change: Partial<Notice> = {}): Promise<void> {
    const { golden, training } = this
    const round = ++this.#round
    const digest = bytesOf(golden.versions.find((each) => each.version === version)?.digest ?? "00".repeat(32))
    const sizeBytes = (golden.head.length + golden.initial.length) / 2
    const facts = { round, version, digest, sizeBytes, training, seed: golden.seed }
    await world.coordinator.notice({ ...facts, ...change })
    await world.coordinator.join("d-1", round)
    await settle()
  }

  /** A device that holds the model before the first delta. */
  async begin(): Promise<{ readonly device: Device; readonly run: Promise<unknown> }> {
    const { inputs } = this.training
    const data = many(1).map(({ label }) => ({ features: new Float32Array(inputs), label }))
    const running = world.device({
      data: { train: data, test: data },
      log: { info: () => undefined, warn: (line) => void warnings.push(line) },
    })
    await settle()
    const bytes = bytesOf(this.golden.head + this.golden.initial)
    await this.publish(bytes, this.first)
    await this.ask(this.first, { digest: sha256(bytes) })
    expect(pulled()).toEqual([{ type: "pulled", version: this.first, bytes: bytes.length }])
    return running
  }

  said(base: number): Pick<Notice, "deltas"> {
    return { deltas: { base, codec: CODECS[this.golden.codec].id } }
  }
}

describe("a device that holds an earlier version", () => {
  test.each([
    ["of all parameters", LINEAR, linear],
    ["of the shared layer, behind a standardizer", MIDDLE, middle],
  ] as const)("adds deltas %s, several at a time, and ends with the golden model", async (_, golden, training) => {
    const fleet = new Fleet(golden, training)
    const { run } = await fleet.begin()
    const { first } = fleet
    const last = golden.versions.length + first
    await fleet.deltas(first + 1, first + 2)
    await fleet.ask(first + 2, fleet.said(first))
    const length = fleet.payload(last).length
    expect(pulled()[1]).toEqual({ type: "pulled", version: first + 2, bytes: 2 * length, from: first })
    for (let version = first + 3; version <= last; version++) {
      await fleet.deltas(version)
      await fleet.ask(version, fleet.said(first + 1))
      expect(pulled().at(-1)).toEqual({ type: "pulled", version, bytes: length, from: version - 1 })
    }
    await world.coordinator.notice({ kind: "released", phase: "released" })
    const { standardizer, parameters } = (await run) as Awaited<ReturnType<Device["run"]>>
    const values = [...(standardizer?.mean ?? []), ...(standardizer?.inverse ?? []), ...parameters]
    expect(Buffer.from(Float32Array.from(values).buffer).toString("hex")).toBe(golden.model)
    expect(warnings).toEqual([])
  })

  test.each<[string, (fleet: Fleet) => Partial<Notice>]>([
    ["there are none", () => ({})],
    ["they begin after it", (fleet) => fleet.said(1)],
    ["their codec is not known", () => ({ deltas: { base: 0, codec: 200 } })],
    ["their length is not known", () => ({ deltas: { base: 0, codec: CODECS.topk.id } })],
    ["they are no shorter than the model", () => ({ deltas: { base: 0, codec: CODECS.f32.id } })],
    ["the fleet has statistics by now", (fleet) => ({ ...fleet.said(0), training: { ...linear, standardized: true } })],
    ["the model has another size", (fleet) => ({ ...fleet.said(0), sizeBytes: 304 })],
  ])("pulls the whole where %s, without asking for them", async (_, change) => {
    const fleet = new Fleet(LINEAR, linear)
    await fleet.begin()
    await fleet.deltas(1, 2, 3, 4)
    await fleet.ask(4, change(fleet))
    // Nothing whole is there yet: it waits for that, and for nothing else.
    expect(warnings).toEqual([])
    await world.clock.advance(5000)
    expect(warnings).toEqual(["cannot pull the model yet: model 4: chunk 0 did not come in 5000 ms"])
    expect(pulled()).toHaveLength(1)
  })

  const broken =
    (change: (payload: Uint8Array) => void, base = 2) =>
    async (fleet: Fleet): Promise<void> => {
      const payload = fleet.payload(3)
      change(payload)
      const [chunk] = chunkModel(payload, 3, base, 64)
      await fleet.chunk(3, 2, 0, chunk)
    }
  test.each<[string, (fleet: Fleet) => Promise<void>, string]>([
    ["that does not come", async () => world.clock.advance(5000), "model 3 from 2: chunk 0 did not come in 5000 ms"],
    [
      "that was cleared",
      (fleet) => fleet.chunk(3, 2, 0, undefined),
      "model 3 from 2 was superseded (chunk 0 is empty)",
    ],
    [
      "that leads to another model",
      broken((payload) => (payload[7]! ^= 1)),
      "model 4: what comes of 0 and its deltas does not have the Notice's SHA-256 digest",
    ],
    [
      "with a scale that is not a number",
      broken((payload) => payload.set([0xc0, 0x7f])),
      "expected scales that are finite and not negative, got something else in eden4 from parameter 0 on",
    ],
    [
      "with an infinite scale",
      broken((payload) => payload.set([0x80, 0x7f])),
      "expected scales that are finite and not negative, got something else in eden4 from parameter 0 on",
    ],
    [
      "against another version",
      broken(() => undefined, 1),
      "expected version 3 from 2, chunk 0 of 1, 52 bytes, got version 3 from 1, chunk 0 of 1, 52 bytes",
    ],
    [
      "that is too long",
      async (fleet) => {
        const payload = new Uint8Array(53)
        await fleet.chunk(3, 2, 0, { type: "model", version: 3, base: 2, index: 0, count: 1, payload })
      },
      "expected version 3 from 2, chunk 0 of 1, 52 bytes, got version 3 from 2, chunk 0 of 1, 53 bytes",
    ],
    [
      "in more chunks",
      async (fleet) => {
        const payload = new Uint8Array(52)
        await fleet.chunk(3, 2, 0, { type: "model", version: 3, base: 2, index: 0, count: 2, payload })
      },
      "expected version 3 from 2, chunk 0 of 1, 52 bytes, got version 3 from 2, chunk 0 of 2, 52 bytes",
    ],
  ])("takes the whole model after a delta %s, says so once, and works on", async (_, happen, reason) => {
    const fleet = new Fleet(LINEAR, linear)
    await fleet.begin()
    await fleet.publish(bytesOf(LINEAR.model), 4)
    await fleet.deltas(1, 2, 4)
    await fleet.ask(4, fleet.said(0))
    expect(pulled()).toHaveLength(1)
    await happen(fleet)
    await settle()
    expect(warnings).toEqual([`the model is pulled whole, since its deltas will not do: ${reason}`])
    const [, event] = pulled()
    expect(event).toMatchObject({ version: 4 })
    expect(event).not.toHaveProperty("from")
    expect(world.types.slice(-2)).toEqual(["trained", "sent"])
  })

  test("counts what it pulled in vain", async () => {
    const fleet = new Fleet(LINEAR, linear)
    await fleet.begin()
    await fleet.publish(bytesOf(LINEAR.model), 4)
    await fleet.deltas(1, 2, 4)
    await fleet.publish(fleet.payload(2), 3, 2)
    await fleet.ask(4, fleet.said(0))
    expect(pulled()[1]).toEqual({ type: "pulled", version: 4, bytes: 308 + 4 * 52 })
  })

  test("goes on with deltas after it had to take a whole model", async () => {
    const fleet = new Fleet(LINEAR, linear)
    await fleet.begin()
    await fleet.chunk(1, 0, 0, undefined)
    const change = decode(LINEAR.codec, fleet.payload(1), 77, downlinkKey(LINEAR.seed, 1))
    const initial = floatsOf(bytesOf(LINEAR.initial))
    await fleet.publish(floatBytes(initial.map((value, i) => value + change[i]!)), 1)
    await fleet.ask(1, fleet.said(0))
    await world.clock.advance(5000)
    expect(pulled()[1]).toEqual({ type: "pulled", version: 1, bytes: 308 })
    await fleet.deltas(2)
    await fleet.ask(2, fleet.said(0))
    expect(pulled()[2]).toEqual({ type: "pulled", version: 2, bytes: 52, from: 1 })
    expect(warnings).toHaveLength(1)
  })

  test("goes on when the link that went down is up again", async () => {
    const fleet = new Fleet(LINEAR, linear)
    await fleet.begin()
    await fleet.deltas(1)
    await fleet.ask(2, fleet.said(0))
    world.coordinator.network.drop("d-1")
    await settle()
    await fleet.deltas(2)
    world.coordinator.network.restore("d-1")
    await world.clock.advance(1000)
    expect(pulled()[1]).toEqual({ type: "pulled", version: 2, bytes: 104, from: 0 })
    expect(warnings).toEqual([])
  })
})
