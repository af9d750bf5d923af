import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { DeviceMemory } from "../../src/device/keeping.ts"
import { parseState, stateBytes } from "../../src/device/keeping-bytes.ts"
import { decode } from "../../src/kernel/codec-decode.ts"
import { createFeedbackEncoder } from "../../src/kernel/codec-feedback.ts"
import { deviceKey } from "../../src/net/digest.ts"
import { LINE } from "./fake-coordinator.ts"
import { settle } from "./virtual-clock.ts"
import { MOVED, World } from "./world.ts"

const EDEN1 = 5
const TRAINING = { ...LINE, errorFeedback: true }
const keyOf = (round: number) => ({ seed: 5, round, device: deviceKey("d-1") })

/** As long as the test keeps it. */
function memory(first?: Uint8Array): DeviceMemory & { bytes: Uint8Array | undefined } {
  return {
    bytes: first,
    load() {
      return this.bytes
    },
    save(bytes) {
      this.bytes = bytes
    },
  }
}

let world: World
beforeEach(async () => {
  world = await World.create()
  await world.coordinator.model([0, 0, 0])
})
afterEach(() => world.end())

/** The device takes part in a round; from zeros its delta is MOVED in every one. Returns the payload. */
async function round(number: number, epoch = 1): Promise<Uint8Array> {
  const before = world.coordinator.updates.length
  await world.coordinator.join("d-1", number, epoch)
  await settle()
  const updates = world.coordinator.updates.slice(before)
  expect(updates).toHaveLength(1)
  return updates[0]!.payload
}
const begin = async (number: number, committed?: number): Promise<void> => {
  const last = committed === undefined ? {} : { committed: { round: committed, epoch: 1 } }
  await world.coordinator.notice({ training: TRAINING, codecs: [EDEN1], round: number, ...last })
  await settle()
}

describe("error feedback", () => {
  test("sends with the next update what the codec lost of the last", async () => {
    world.device()
    await settle()
    const encoder = createFeedbackEncoder(3)
    const residual = new Float32Array(3)
    for (let number = 1; number <= 3; number++) {
      await begin(number, number > 1 ? number - 1 : undefined)
      const expected = encoder.encode("eden1", Float32Array.from(MOVED), residual, keyOf(number))
      expect(residual).not.toEqual(new Float32Array(3))
      expect(await round(number)).toEqual(expected)
      await world.coordinator.receipt("d-1", "folded")
    }
  })

  test("loses nothing and sends nothing twice, whatever becomes of the updates", async () => {
    world.device()
    await settle()
    const arrived = [0, 0, 0]
    let folded = 0
    const rounds = 40
    await begin(1)
    for (let number = 1; number <= rounds; number++) {
      const payload = await round(number)
      const lost = number % 3 === 0
      if (!lost) {
        for (const [i, value] of decode("eden1", payload, 3, keyOf(number)).entries()) arrived[i]! += value
        folded++
      }
      await world.coordinator.receipt("d-1", lost ? (number % 2 === 0 ? "late" : "refused") : "folded")
      await begin(number + 1, number)
    }
    expect(folded).toBe(27)
    // One bit a value is off by about a third each time; the error that is kept stays below a few deltas.
    for (const [i, value] of arrived.entries()) expect(Math.abs(value - folded * MOVED[i]!)).toBeLessThan(1)
    const plain = createFeedbackEncoder(3)
    const without = [0, 0, 0]
    for (let number = 1; number <= rounds; number++) {
      if (number % 3 === 0) continue
      const payload = plain.encode("eden1", Float32Array.from(MOVED), new Float32Array(3), keyOf(number))
      for (const [i, value] of decode("eden1", payload, 3, keyOf(number)).entries()) without[i]! += value
    }
    expect(Math.max(...without.map((value, i) => Math.abs(value - folded * MOVED[i]!)))).toBeGreaterThan(1)
  })
})

describe("a memory", () => {
  const expectedAfter = (rounds: number): Uint8Array => {
    const encoder = createFeedbackEncoder(3)
    const residual = new Float32Array(3)
    for (let number = 1; number < rounds; number++)
      encoder.encode("eden1", Float32Array.from(MOVED), residual, keyOf(number))
    return encoder.encode("eden1", Float32Array.from(MOVED), residual, keyOf(rounds)).slice()
  }
  const fresh = (number: number): Uint8Array =>
    createFeedbackEncoder(3).encode("eden1", Float32Array.from(MOVED), new Float32Array(3), keyOf(number))

  /** A device that is switched off after its first round was folded, or just sent; and the same, switched on again. */
  async function restarted(kept: DeviceMemory, receipt: "folded" | undefined): Promise<void> {
    const { device } = world.device({ memory: kept })
    await settle()
    await begin(1)
    await round(1)
    if (receipt !== undefined) await world.coordinator.receipt("d-1", receipt)
    await settle()
    await device.close({ abrupt: true })
    world.device({ memory: kept })
    await settle()
  }

  test("carries what is kept over a restart", async () => {
    const kept = memory()
    const { device } = world.device({ memory: kept })
    await settle()
    await begin(1)
    await round(1)
    await world.coordinator.receipt("d-1", "folded")
    await begin(2, 1)
    await device.close({ abrupt: true })
    expect(parseState(kept.bytes!)).not.toHaveProperty("pending")
    world.device({ memory: kept })
    await settle()
    await begin(2, 1)
    expect(await round(2)).toEqual(expectedAfter(2))
  })

  test("knows after the restart what a folded update waits for: its commit", async () => {
    const kept = memory()
    await restarted(kept, "folded")
    expect(parseState(kept.bytes!)).toMatchObject({ pending: { round: 1, epoch: 1 } })
    await begin(2, 1)
    expect(await round(2)).toEqual(expectedAfter(2))
  })

  test("or another try of its round", async () => {
    await restarted(memory(), "folded")
    await world.coordinator.notice({ round: 1, epoch: 2 })
    await settle()
    await begin(2)
    expect(await round(2, 2)).toEqual(fresh(2))
  })

  test("has nothing of an update that was sent and perhaps did not arrive", async () => {
    const kept = memory()
    await restarted(kept, undefined)
    expect(kept.bytes).toBeUndefined()
    await begin(2, 1)
    expect(await round(2)).toEqual(fresh(2))
  })

  const state = {
    fleet: "test",
    device: "d-1",
    model: "2 features, dense 1 identity, squared, 3 parameters",
    own: 0,
    residual: 3,
    values: Float32Array.of(1, 2, 3),
  }

  test("is the model's, the device's and the fleet's, or the device does not run", async () => {
    for (const [change, message] of [
      [{ device: "d-2" }, "expected the state of device d-1 of fleet test, got that of d-2 of test"],
      [{ fleet: "other" }, "expected the state of device d-1 of fleet test, got that of d-1 of other"],
    ] as const) {
      const { run } = world.device({ memory: memory(stateBytes({ ...state, ...change })) })
      await expect(run).rejects.toMatchObject({ code: "state", message })
    }
    const kept = memory(stateBytes({ ...state, model: "8 features, dense 1 identity, logistic, 9 parameters" }))
    const before = kept.bytes
    const { run } = world.device({ memory: kept })
    await settle()
    await begin(1)
    await expect(run).rejects.toMatchObject({
      code: "state",
      message:
        "expected the state of a model of 2 features, dense 1 identity, squared, 3 parameters, got that of another: 8 features, dense 1 identity, logistic, 9 parameters",
    })
    expect(kept.bytes).toBe(before)
  })

  test("outlives that error feedback is switched on and off: the private layers stay", async () => {
    const layers = [{ kind: "dense", units: 1, activation: "identity" } as const, LINE.layers[0]!]
    const training = { ...LINE, layers, shared: { from: 0, to: 1 }, learningRate: 0 }
    const model = "2 features, dense 1 identity, dense 1 identity, squared, 5 parameters, shared layers 0 to 0"
    const kept = memory(stateBytes({ ...state, model, own: 2, residual: 0, values: Float32Array.of(7, 8) }))
    await world.coordinator.model([0, 0, 0, 1, 1])
    const { run } = world.device({ memory: kept })
    await settle()
    await world.coordinator.notice({ training: { ...training, errorFeedback: true } })
    await world.coordinator.notice({ kind: "released", phase: "released", round: 2, training })
    await expect(run).resolves.toMatchObject({ personal: Float32Array.of(0, 0, 0, 7, 8) })
  })

  test("that is damaged is refused", () => {
    const good = stateBytes({ ...state, pending: { round: 4, epoch: 2, values: Float32Array.of(4, 5, 6) } })
    expect(parseState(good)).toEqual({ ...state, pending: { round: 4, epoch: 2, values: Float32Array.of(4, 5, 6) } })
    // From a pool, at an odd offset, as files are read.
    expect(parseState(Buffer.concat([Buffer.of(0), good]).subarray(1))).toEqual(parseState(good))
    const text = new TextDecoder("latin1").decode(good)
    const change = (from: string, to: string): Uint8Array => Buffer.from(text.replace(from, to), "latin1")
    for (const [bytes, message] of [
      [new Uint8Array(0), "expected a line of JSON first (fedmote-state/1)"],
      [Buffer.from("{}\n"), "format"],
      [good.subarray(0, good.length - 4), "expected 24 bytes of values, got 20"],
      [change('"residual":3', '"residual":2'), "expected 16 bytes of values, got 24"],
      [change('"own":0', '"own":-1'), "own"],
      [change('"epoch":2}', '"epoch":2,"more":1}'), "pending"],
      [good.with(good.length - 1, 0x41), "do not have its SHA-256 digest"],
      [stateBytes({ ...state, values: Float32Array.of(1, Number.NaN, 3) }), "expected finite values, got NaN at 1"],
    ] as const) {
      expect(() => parseState(bytes)).toThrow(expect.objectContaining({ code: "state" }))
      expect(() => parseState(bytes)).toThrow(message)
    }
  })
})
