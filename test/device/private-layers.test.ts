import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { evaluationTotals } from "../../src/core/evaluation.ts"
import type { ModelSpec } from "../../src/core/model.ts"
import type { Samples } from "../../src/core/samples.ts"
import type { TrainSettings } from "../../src/core/training.ts"
import { deviceKey } from "../../src/net/digest.ts"
import type { WireTraining } from "../../src/wire/message.ts"
import * as reference from "../kernel/reference.ts"
import { LINE, valuesOf } from "./fake-coordinator.ts"
import { settle } from "./virtual-clock.ts"
import { World } from "./world.ts"

// 2 x 3 + 3 parameters that are shared, then 3 x 2 + 2 that each device has for itself.
const SHARED = 9
const spec: ModelSpec = {
  inputs: 2,
  layers: [
    { kind: "dense", units: 3, activation: "tanh" },
    { kind: "dense", units: 2, activation: "identity" },
  ],
  loss: "softmax",
  positiveWeight: 1,
}
const settings = {
  epochs: 2,
  batch: 2,
  learningRate: 0.5,
  momentum: 0.5,
  l2: 0,
  proximal: 0,
  exampleClipNorm: 0.75,
  clipNorm: 0.5,
  schedule: { kind: "cosine", warmup: 1, finalFraction: 0.25 },
} satisfies TrainSettings
const { exampleClipNorm, clipNorm, ...sgd } = settings
const TRAINING: WireTraining = {
  ...{ inputs: spec.inputs, layers: spec.layers, loss: spec.loss, positiveWeight: 1, standardized: false },
  ...sgd,
  clipping: { step: clipNorm, example: exampleClipNorm },
  shared: { from: 0, to: 1 },
}

// The same readings, and labels that mean the opposite.
const DATA = { "d-1": [0, 1, 1, 0], "d-2": [1, 0, 0, 1] } as const
type Id = keyof typeof DATA
const ids: readonly Id[] = ["d-1", "d-2"]
const X = Float32Array.of(1, 0, 0, 1, -0.5, 0.25, 0.75, -1)
const samplesOf = (id: Id): Samples => ({ rows: 4, features: 2, x: X, y: Float32Array.from(DATA[id]) })

/** What independent arithmetic makes of a start. */
function trained(id: Id, start: Float32Array, round: number, options: TrainSettings = settings): Float32Array {
  return reference.train(spec, start, samplesOf(id), options, { seed: 5, round, device: deviceKey(id) }).result
}
const minus = (a: Float32Array, b: Float32Array): number[] => Array.from(a, (value, i) => Math.fround(value - b[i]!))
const joined = (shared: Float32Array, own: Float32Array): Float32Array =>
  Float32Array.of(...shared.subarray(0, SHARED), ...own.subarray(SHARED))

const first = reference.init(spec, { seed: 5, round: 0, device: [0, 0] })
/** The fleet's next model: other shared parameters, and the private ones as they were. */
const second = first.map((value, i) => (i < SHARED ? value + 0.125 : value))

let world: World
beforeEach(async () => {
  world = await World.create()
})
afterEach(() => world.end())

/** One round of one device, up to its update; returns the update's values. */
async function round(id: Id, number: number, epoch = 1): Promise<number[]> {
  const before = world.coordinator.updates.length
  await world.coordinator.join(id, number, epoch)
  await settle()
  const updates = world.coordinator.updates.slice(before)
  expect(updates).toHaveLength(1)
  expect(updates[0]!.payload).toHaveLength(4 * SHARED)
  return valuesOf(updates)
}

describe("private layers", () => {
  test("stay on the device, which goes on from its own in the next round, and predicts with them", async () => {
    await world.coordinator.model([...first])
    const devices = ids.map((id) => world.device({ id, data: samplesOf(id) }))
    await settle()
    await world.coordinator.notice({ training: TRAINING })
    const one = new Map<Id, Float32Array>()
    for (const id of ids) {
      one.set(id, trained(id, first, 1))
      expect(await round(id, 1)).toEqual(minus(one.get(id)!, first).slice(0, SHARED))
      await world.coordinator.receipt(id, "folded")
    }
    await world.coordinator.model([...second], 2)
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } })
    await settle()
    const two = new Map<Id, Float32Array>()
    for (const id of ids) {
      const start = joined(second, one.get(id)!)
      two.set(id, trained(id, start, 2))
      expect(await round(id, 2)).toEqual(minus(two.get(id)!, start).slice(0, SHARED))
      await world.coordinator.receipt(id, "folded")
    }
    await world.coordinator.notice({ kind: "released", phase: "released", round: 3, committed: { round: 2, epoch: 1 } })
    const personal = ids.map((id) => joined(second, two.get(id)!))
    expect(personal[0]).not.toEqual(personal[1])
    for (const [i, { device, run }] of devices.entries()) {
      await expect(run).resolves.toMatchObject({ parameters: second, personal: personal[i] })
      const z = reference.forward(spec, personal[i]!, [1, 0]).at(-1)!
      const [p] = await device.predict([1, 0])
      expect(p).toBeCloseTo(1 / (1 + Math.exp(z[1]! - z[0]!)), 6)
    }
  })

  test("are evaluated with the shared ones", async () => {
    await world.coordinator.model([...first])
    world.device({ data: { train: samplesOf("d-1"), test: samplesOf("d-1") } })
    await settle()
    await world.coordinator.notice({ training: TRAINING })
    await round("d-1", 1)
    await world.coordinator.receipt("d-1", "folded")
    await world.coordinator.notice({ round: 2, kind: "evaluate", committed: { round: 1, epoch: 1 } })
    await world.coordinator.join("d-1", 2)
    await settle()
    const personal = joined(first, trained("d-1", first, 1))
    const lossOf = (model: Float32Array): number =>
      [0, 1, 2, 3].reduce((sum, row) => {
        const z = reference.forward(spec, model, X.subarray(2 * row, 2 * row + 2)).at(-1)!
        return sum + reference.loss(spec, z, DATA["d-1"][row]!, 1).loss
      }, 0)
    const { rows, lossSum } = evaluationTotals("softmax", 2, valuesOf(world.coordinator.updates.slice(1)))
    expect(rows).toBe(4)
    expect(lossSum).toBeCloseTo(lossOf(personal), 5)
    expect(lossSum).not.toBeCloseTo(lossOf(first), 2)
  })

  test("at the input, with frozen ones at the output", async () => {
    const training = { ...TRAINING, layers: [spec.layers[0]!, ...spec.layers], trained: { from: 0, to: 2 } }
    const deep: ModelSpec = { ...spec, layers: training.layers }
    const start = reference.init(deep, { seed: 5, round: 0, device: [0, 0] })
    await world.coordinator.model([...start])
    world.device({ data: samplesOf("d-1") })
    await settle()
    await world.coordinator.notice({ training: { ...training, shared: { from: 1, to: 2 } } })
    await world.coordinator.join("d-1")
    await settle()
    const options = { ...settings, trained: { from: 0, to: 2 } }
    const key = { seed: 5, round: 1, device: deviceKey("d-1") }
    const { result } = reference.train(deep, start, samplesOf("d-1"), options, key)
    // 9 parameters, 3 x 3 + 3 that are shared, 8.
    expect(valuesOf(world.coordinator.updates)).toEqual(minus(result, start).slice(9, 21))
  })

  test.each<{ name: string; fate: () => Promise<void>; next: { round: number; epoch: number }; kept: boolean }>([
    {
      name: "count when the round was committed with the update",
      fate: async () => {
        await world.coordinator.receipt("d-1", "folded")
        await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } })
      },
      next: { round: 2, epoch: 1 },
      kept: true,
    },
    {
      name: "count when the commit is heard of late, by the round after the next",
      fate: async () => {
        await world.coordinator.receipt("d-1", "duplicate")
        await world.coordinator.notice({ round: 5, epoch: 2, committed: { round: 4, epoch: 1 } })
      },
      next: { round: 5, epoch: 2 },
      kept: true,
    },
    {
      name: "do not when it was committed without: too late",
      fate: async () => {
        await world.coordinator.receipt("d-1", "late")
        await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } })
      },
      next: { round: 2, epoch: 1 },
      kept: false,
    },
    {
      name: "do not when nobody said that the update had arrived",
      fate: () => world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } }),
      next: { round: 2, epoch: 1 },
      kept: false,
    },
    {
      name: "do not when the round is tried again",
      fate: async () => {
        await world.coordinator.receipt("d-1", "folded")
        await world.coordinator.notice({ epoch: 2 })
      },
      next: { round: 1, epoch: 2 },
      kept: false,
    },
    {
      name: "do not when another try was committed",
      fate: async () => {
        await world.coordinator.receipt("d-1", "folded")
        await world.coordinator.notice({ round: 2, epoch: 2, committed: { round: 1, epoch: 2 } })
      },
      next: { round: 2, epoch: 2 },
      kept: false,
    },
  ])("$name", async ({ fate, next, kept }) => {
    await world.coordinator.model([...first])
    world.device({ data: samplesOf("d-1") })
    await settle()
    await world.coordinator.notice({ training: TRAINING })
    await round("d-1", 1)
    await fate()
    await settle()
    const start = kept ? joined(first, trained("d-1", first, 1)) : first
    const expected = minus(trained("d-1", start, next.round), start).slice(0, SHARED)
    expect(await round("d-1", next.round, next.epoch)).toEqual(expected)
  })

  test("begin anew with another model, where no memory holds them", async () => {
    await world.coordinator.model([...first])
    world.device({ data: samplesOf("d-1") })
    await settle()
    await world.coordinator.notice({ training: TRAINING })
    await round("d-1", 1)
    await world.coordinator.receipt("d-1", "folded")
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } })
    const training = { ...TRAINING, loss: "softmax", shared: { from: 1, to: 2 } } as const
    await world.coordinator.notice({ round: 3, committed: { round: 1, epoch: 1 }, training })
    await world.coordinator.join("d-1", 3)
    await settle()
    const expected = minus(trained("d-1", first, 3), first).slice(SHARED)
    expect(valuesOf(world.coordinator.updates.slice(1))).toEqual(expected)
  })
})

test("a training program of the user's own hears of clipping, schedule and layers, and its private layers stay, too", async () => {
  const seen: unknown[] = []
  await world.coordinator.model([...first])
  world.device({
    data: samplesOf("d-1"),
    trainer: {
      train(parameters, told) {
        seen.push(told, Array.from(parameters.subarray(SHARED, SHARED + 1)))
        return { parameters: parameters.map((value) => value + 1), samples: 1, steps: 1, metrics: {} }
      },
    },
  })
  await settle()
  const layers = { trained: { from: 0, to: 2 } }
  await world.coordinator.notice({ training: { ...TRAINING, ...layers } })
  await round("d-1", 1)
  await world.coordinator.receipt("d-1", "folded")
  await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } })
  await round("d-1", 2)
  const told = { ...settings, ...layers }
  expect(seen).toMatchObject([told, [first[SHARED]], told, [Math.fround(first[SHARED]! + 1)]])
})

test("a device that is asked for nothing of the kind keeps nothing", async () => {
  const saved: Uint8Array[] = []
  await world.coordinator.model([0, 0, 0])
  world.device({ memory: { load: () => undefined, save: (bytes) => void saved.push(bytes) } })
  await settle()
  await world.coordinator.notice({ training: LINE })
  await world.coordinator.join("d-1")
  await settle()
  await world.coordinator.receipt("d-1", "folded")
  await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } })
  await settle()
  expect(world.types).toContain("committed")
  expect(saved).toEqual([])
})
