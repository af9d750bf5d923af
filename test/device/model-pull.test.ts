import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { valuesOf } from "./fake-coordinator.ts"
import { settle } from "./virtual-clock.ts"
import { MOVED, World } from "./world.ts"

let world: World
beforeEach(async () => {
  world = await World.create()
})
afterEach(() => world.end())

describe("pulling", () => {
  test("a chunk that does not come is given up after 5 s, and asked for again", async () => {
    const warnings: string[] = []
    world.device({ log: { info: () => undefined, warn: (message) => void warnings.push(message) } })
    await settle()
    await world.coordinator.notice({ version: 4, sizeBytes: 12 })
    await world.coordinator.join("d-1")
    await world.clock.advance(4999)
    expect(warnings).toEqual([])
    await world.clock.advance(1)
    expect(warnings).toEqual(["cannot pull the model yet: model 4: chunk 0 did not come in 5000 ms"])
    await world.coordinator.model([0, 0, 0], 4)
    await world.coordinator.notice()
    await world.clock.advance(1000)
    expect(valuesOf(world.coordinator.updates)).toEqual(MOVED)
  })

  test.each([
    ["no chunk of", undefined, "model 1 was superseded (chunk 0 is empty)"],
    [
      "another version in",
      { type: "model", version: 2, index: 0, count: 1, payload: new Uint8Array(12) },
      "expected version 1, chunk 0 of 1, 12 bytes, got version 2, chunk 0 of 1, 12 bytes",
    ],
    [
      "a longer chunk in",
      { type: "model", version: 1, index: 0, count: 1, payload: new Uint8Array(16) },
      "expected version 1, chunk 0 of 1, 12 bytes, got version 1, chunk 0 of 1, 16 bytes",
    ],
  ] as const)("%s the model's topic is refused at once", async (_, chunk, message) => {
    const warnings: string[] = []
    world.device({ log: { info: () => undefined, warn: (line) => void warnings.push(line) } })
    await settle()
    await world.coordinator.notice({ sizeBytes: 12 })
    await world.coordinator.join("d-1")
    await settle()
    await world.coordinator.chunk(1, chunk)
    await settle()
    expect(warnings).toEqual([`cannot pull the model yet: ${message}`])
  })

  test("chunk classes that are all too large are waited for, and one that fits is taken when it comes", async () => {
    await world.coordinator.model([0, 0, 0])
    world.device({ maxPacketBytes: 300 })
    await settle()
    await world.coordinator.notice({ chunkClasses: [16384] })
    await world.coordinator.join("d-1")
    await world.clock.advance(60_000)
    expect(world.types).not.toContain("pulled")
    await world.coordinator.notice({ chunkClasses: [64, 16384] })
    await world.clock.advance(30_000)
    expect(valuesOf(world.coordinator.updates.slice(0, 1))).toEqual(MOVED)
  })

  test("a model is pulled once for all rounds that start from it", async () => {
    await world.sent()
    await world.coordinator.notice({ round: 2 })
    await world.coordinator.join("d-1", 2)
    await settle()
    expect(world.coordinator.updates).toHaveLength(2)
    expect(world.types.filter((type) => type === "pulled")).toHaveLength(1)
  })
})
