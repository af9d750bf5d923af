import { describe, expect, test } from "vitest"
import { chunkClass, chunkModel, chunkUpdate, publishBytes } from "../../src/wire/chunk.ts"
import type { UpdateHeader } from "../../src/wire/chunk.ts"
import { encode } from "../../src/wire/codec.ts"
import { BOUNDS } from "../../src/wire/keys.ts"
import { topics } from "../../src/wire/topics.ts"
import { Dice, SEED } from "./random.ts"

const HEADER: UpdateHeader = {
  round: 3,
  epoch: 5,
  updateId: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]),
  baseVersion: 3,
  codec: 1,
  samples: 352,
  steps: 11,
  metrics: new Float32Array([1, 2]),
}
const TOPIC = topics("motes").update("mote-1", 4)
const packetError: unknown = expect.objectContaining({ name: "WireError", code: "packet" })

/** Length of a PUBLISH packet with QoS 1, written out (OASIS MQTT 3.1.1, sections 2.2.3 and 3.3): the witness for `publishBytes`. */
function publishPacket(topic: string, message: Uint8Array): Uint8Array {
  const body = [0, topic.length, ...Buffer.from(topic), 0, 1, ...message]
  const remaining: number[] = []
  for (let rest = body.length; ; rest = Math.floor(rest / 128)) {
    remaining.push((rest % 128) + (rest >= 128 ? 128 : 0))
    if (rest < 128) break
  }
  return Uint8Array.from([0x32, ...remaining, ...body])
}

test("packet lengths, across every change of the remaining length's width", () => {
  for (const length of [0, 1, 90, 100, 101, 102, 103, 104, 127, 128, 16_350, 16_360, 16_370, 16_380])
    for (let more = 0; more < 12; more++)
      expect(publishBytes(TOPIC, length + more)).toBe(publishPacket(TOPIC, new Uint8Array(length + more)).length)
  // 1 + 3 + 2 + topic + 2 for 16 KiB to 2 MiB, 4 bytes of length above.
  expect(publishBytes("t", 2_097_151 - 5)).toBe(4 + 2_097_151)
  expect(publishBytes("t", 2_097_152 - 5)).toBe(5 + 2_097_152)
})

describe("updates", () => {
  test(`packets fit, nothing is lost, and one chunk fewer would not do (seed ${SEED})`, () => {
    const dice = new Dice(SEED)
    for (let i = 0; i < 400; i++) {
      const payload = dice.bytes(1 + dice.below(dice.pick([10, 300, 6000])))
      const limit = dice.between(160, 700)
      const chunks = chunkUpdate(HEADER, payload, TOPIC, limit)
      for (const chunk of chunks) expect(publishPacket(TOPIC, encode(chunk)).length).toBeLessThanOrEqual(limit)
      expect(Buffer.concat(chunks.map((chunk) => chunk.payload))).toEqual(Buffer.from(payload))
      expect(chunks.map(({ index, count }) => [index, count])).toEqual(chunks.map((_, k) => [k, chunks.length]))
      expect(new Set(chunks.slice(0, -1).map((chunk) => chunk.payload.length)).size).toBeLessThanOrEqual(1)
      // One byte more in every chunk would break the limit in the last but one, whose head is as long as any.
      const longest = chunks.at(-2)
      if (longest) {
        const longer = { ...longest, index: longest.count - 1, payload: new Uint8Array(longest.payload.length + 1) }
        expect(publishPacket(TOPIC, encode(longer)).length).toBeGreaterThan(limit)
      }
    }
  })

  test("counts around each change of the head's width fit", () => {
    for (const count of [1, 22, 23, 24, 25, 254, 255, 256, 257, 300]) {
      const each = chunkUpdate(HEADER, new Uint8Array(5000), TOPIC, 200)[0]!.payload.length
      for (const total of [count * each - 1, count * each, count * each + 1]) {
        const chunks = chunkUpdate(HEADER, new Uint8Array(total), TOPIC, 200)
        for (const chunk of chunks) expect(publishBytes(TOPIC, encode(chunk).length)).toBeLessThanOrEqual(200)
        expect(chunks.reduce((sum, chunk) => sum + chunk.payload.length, 0)).toBe(total)
      }
    }
  })

  test("a large packet limit still gives chunks of at most 1 MiB", () => {
    const chunks = chunkUpdate(HEADER, new Uint8Array(2_500_000), TOPIC, 268_435_455)
    expect(chunks.map((chunk) => chunk.payload.length)).toEqual([1_048_576, 1_048_576, 402_848])
  })

  test("the payloads are views", () => {
    const payload = new Uint8Array(1000)
    for (const chunk of chunkUpdate(HEADER, payload, TOPIC, 300)) expect(chunk.payload.buffer).toBe(payload.buffer)
  })

  test("what cannot be cut", () => {
    expect(() => chunkUpdate(HEADER, new Uint8Array(10), TOPIC, 60)).toThrow(packetError)
    expect(() => chunkUpdate(HEADER, new Uint8Array(0), TOPIC, 600)).toThrow(packetError)
    expect(() => chunkUpdate(HEADER, new Uint8Array(200_000), TOPIC, 78)).toThrow(packetError)
  })
})

describe("models", () => {
  test("chunks of one class", () => {
    const model = new Dice(1).bytes(1000)
    const chunks = chunkModel(model, 4, undefined, 300)
    expect(chunks.map((chunk) => chunk.payload.length)).toEqual([300, 300, 300, 100])
    expect(Buffer.concat(chunks.map((chunk) => chunk.payload))).toEqual(Buffer.from(model))
    expect(chunks[1]).toStrictEqual({
      type: "model",
      version: 4,
      index: 1,
      count: 4,
      payload: model.subarray(300, 600),
    })
    expect(chunkModel(model, 4, 3, 1000)).toStrictEqual([
      { type: "model", version: 4, index: 0, count: 1, base: 3, payload: model },
    ])
  })

  test("more chunks than there are numbers for", () => {
    expect(() => chunkModel(new Uint8Array(65_535 * 64 + 1), 1, undefined, 64)).toThrow(packetError)
    expect(chunkModel(new Uint8Array(65_535 * 64), 1, undefined, 64).length).toBe(65_535)
  })

  test("the class for a packet limit: every chunk of every version fits, and the worst fills the packet", () => {
    const fleet = topics("x".repeat(32))
    const version = 2 ** 32 - 1
    for (const limit of [300, 512, 1024, 16_384, 65_536, 1_000_000]) {
      const size = chunkClass(fleet, limit)
      const topic = fleet.model(version, version - 1, size, 65_534)
      const worst = { type: "model", version, base: version - 1, index: 65_534, count: 65_535 } as const
      const packet = (bytes: number): number =>
        publishBytes(topic, encode({ ...worst, payload: new Uint8Array(bytes) }).length)
      expect(packet(size)).toBeLessThanOrEqual(limit)
      // The topic is counted with the longest class there is, seven digits.
      expect(packet(size) + 8).toBeGreaterThan(limit)
    }
    expect(chunkClass(fleet, 268_435_455)).toBe(BOUNDS.chunkClass.max)
    expect(() => chunkClass(fleet, 180)).toThrow(packetError)
  })

  test("the smallest packet that a device may state is enough for the longest topics", () => {
    expect(chunkClass(topics("x".repeat(32)), BOUNDS.packetBytes.min)).toBeGreaterThanOrEqual(BOUNDS.chunkClass.min)
  })
})
