import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { Link } from "../../src/net/link.ts"
import { loopbackNetwork } from "../../src/net/loopback.ts"
import type { LoopbackNetwork } from "../../src/net/loopback.ts"
import { pullManifest, pullModule } from "../../src/net/module-pull.ts"
import type { ModulePullOptions } from "../../src/net/module-pull.ts"
import { chunkModule } from "../../src/wire/chunk.ts"
import { encode } from "../../src/wire/codec.ts"
import type { ModuleChunk } from "../../src/wire/message.ts"
import { topics } from "../../src/wire/topics.ts"
import { VirtualClock, settle } from "../device/virtual-clock.ts"

const names = topics("lab")
const SHAPE = { sequence: 5, sizeBytes: 1000, chunkBytes: 100 }
const MODULE = Uint8Array.from({ length: SHAPE.sizeBytes }, (_, i) => i % 251)

let network: LoopbackNetwork
let operator: Link
let link: Link
let clock: VirtualClock
let options: ModulePullOptions
beforeEach(async () => {
  network = loopbackNetwork()
  operator = await network.connect({ clientId: "operator" })
  link = await network.connect({ clientId: "gateway" })
  clock = new VirtualClock()
  options = { link, topics: names, clock, slot: "train", signal: new AbortController().signal }
})
afterEach(async () => {
  expect(clock.pending).toBe(0)
  await link.close()
  await operator.close()
})

function retain(topic: string, payload: Uint8Array): Promise<void> {
  return operator.publish(topic, payload, { retain: true })
}

async function publishAll(change: (chunk: ModuleChunk) => ModuleChunk = (chunk) => chunk): Promise<void> {
  for (const chunk of chunkModule(MODULE, SHAPE.sequence, SHAPE.chunkBytes))
    await retain(names.module("train", SHAPE.sequence, chunk.index), encode(change(chunk)))
}

/** Pulls these chunks; what came, put together, and in which order it came. */
async function pull(indices: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
  const bytes = new Uint8Array(SHAPE.sizeBytes)
  const order: number[] = []
  const take = (index: number, payload: Uint8Array): void => {
    order.push(index)
    bytes.set(payload, index * SHAPE.chunkBytes)
  }
  const done = pullModule(SHAPE, indices, take, options)
  done.catch(() => undefined)
  await settle()
  return { done, bytes, order }
}

describe("chunks", () => {
  test("all that are missing are taken, and the last is shorter", async () => {
    await publishAll()
    const { done, bytes } = await pull()
    await done
    expect(bytes).toEqual(MODULE)
  })

  test("those that are there are not asked for again", async () => {
    await publishAll()
    const { done, order, bytes } = await pull([7, 2])
    await done
    expect(order.toSorted()).toEqual([2, 7])
    expect(bytes.subarray(200, 300)).toEqual(MODULE.subarray(200, 300))
    expect(bytes[0]! + bytes[300]!).toBe(0)
  })

  test("one that comes later is waited for; a topic that was cleared has none", async () => {
    await publishAll()
    await retain(names.module("train", 5, 3), new Uint8Array(0))
    const { done, order, bytes } = await pull()
    expect(order.toSorted()).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9])
    await clock.advance(4000)
    await publishAll()
    await done
    expect(bytes).toEqual(MODULE)
    expect(order).toHaveLength(10)
  })

  test("one that does not come is given up, and the others stay taken", async () => {
    await publishAll()
    await retain(names.module("train", 5, 3), new Uint8Array(0))
    const { done, order } = await pull()
    await clock.advance(5000)
    await expect(done).rejects.toMatchObject({ code: "timeout", message: "module 5, chunk 3 did not come in 5000 ms" })
    expect(order).toHaveLength(9)
  })

  test.each<[string, string, (chunk: ModuleChunk) => ModuleChunk]>([
    ["of another module", "chunk", (chunk) => ({ ...chunk, sequence: 4 })],
    ["of another place", "chunk", (chunk) => ({ ...chunk, index: 9 - chunk.index })],
    ["of another count", "count", (chunk) => ({ ...chunk, count: 65535 })],
    ["that is too short", "chunk", (chunk) => ({ ...chunk, payload: chunk.payload.subarray(1) })],
    ["that is too long", "chunk", (chunk) => ({ ...chunk, payload: new Uint8Array(101) })],
  ])("one %s is refused (%s)", async (_, code, change) => {
    await publishAll(change)
    const { done, order } = await pull()
    await expect(done).rejects.toMatchObject({ code })
    expect(order).toEqual([])
  })

  test.each([
    ["another message", encode({ type: "gone", session: 1 })],
    ["no message", Uint8Array.of(1, 2, 3)],
  ])("%s in a chunk's place is refused", async (_, bytes) => {
    await publishAll()
    await retain(names.module("train", 5, 0), bytes)
    const { done } = await pull()
    await expect(done).rejects.toMatchObject({ code: "chunk" })
  })

  test("what cannot be kept ends the pull", async () => {
    await publishAll()
    const full = (): void => {
      throw new Error("no space")
    }
    await expect(pullModule(SHAPE, [0, 1, 2], full, options)).rejects.toThrow("no space")
  })

  test("ends with the connection, and with the signal", async () => {
    const first = await pull()
    network.drop("gateway")
    await expect(first.done).rejects.toMatchObject({ code: "link-down" })
    const controller = new AbortController()
    network.restore("gateway")
    await settle()
    options = { ...options, signal: controller.signal }
    const second = await pull()
    controller.abort(new Error("enough"))
    await expect(second.done).rejects.toThrow("enough")
  })
})

describe("a manifest", () => {
  test("is what is retained for the sequence, whatever it is", async () => {
    const envelope = new Uint8Array(200).fill(3)
    await retain(names.manifest("train", 5), envelope)
    expect(await pullManifest(5, options)).toEqual(envelope)
  })

  test.each([95, 301])("of %i bytes is none", async (length) => {
    await retain(names.manifest("train", 5), new Uint8Array(length))
    await expect(pullManifest(5, options)).rejects.toMatchObject({ code: "envelope" })
  })

  test("that does not come is given up", async () => {
    const pulled = pullManifest(5, { ...options, patienceMs: 700 })
    pulled.catch(() => undefined)
    await clock.advance(700)
    await expect(pulled).rejects.toMatchObject({ code: "timeout", message: "manifest 5 did not come in 700 ms" })
  })
})
