import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { LINE, valuesOf } from "./fake-coordinator.ts"
import { settle } from "./virtual-clock.ts"
import { SAMPLE, MOVED, many, World } from "./world.ts"

const zeros = (length: number): number[] => Array.from({ length }, () => 0)
let world: World
beforeEach(async () => {
  world = await World.create()
})
afterEach(() => world.end())

describe("rounds", () => {
  test("pulls a model in small chunks, trains, and sends what fits its packets", async () => {
    const features = zeros(100)
    features[0] = 1
    features[99] = 2
    await world.coordinator.model(zeros(101))
    world.device({ data: [{ features, label: 3 }], maxPacketBytes: 300 })
    await settle()
    await world.coordinator.notice({ chunkClasses: [64, 16384], training: { ...LINE, inputs: 100 } })
    await world.coordinator.join("d-1")
    await settle()
    const { updates } = world.coordinator
    expect(updates.length).toBeGreaterThan(1)
    expect(updates.map(({ index }) => index)).toEqual(updates.map((_, i) => i))
    expect(updates[0]).toMatchObject({ codec: 0, baseVersion: 1, samples: 1, steps: 1, metrics: Float32Array.of(4.5) })
    const moved = zeros(101)
    moved[0] = moved[100] = 0.375
    moved[99] = 0.75
    expect(valuesOf(updates)).toEqual(moved)
  })

  test("sends in pieces as large as the plan's, where its packets would hold more", async () => {
    const features = zeros(100)
    await world.coordinator.model(zeros(101))
    world.device({ data: [{ features, label: 3 }] })
    await settle()
    await world.coordinator.notice({ training: { ...LINE, inputs: 100 } })
    await world.coordinator.join("d-1")
    await settle()
    // 404 bytes in pieces of 64, the largest class.
    expect(world.coordinator.updates.map(({ payload }) => payload.length)).toEqual([64, 64, 64, 64, 64, 64, 20])
  })

  test("applies the model's standardisation to its samples", async () => {
    // Means 0 and 1, inverse deviations 1 and 1/2: the sample becomes [1, 1/2].
    await world.coordinator.model([0, 1, 1, 0.5, 0, 0, 0])
    world.device()
    await settle()
    await world.coordinator.notice({ training: { ...LINE, standardized: true } })
    await world.coordinator.join("d-1")
    await settle()
    expect(valuesOf(world.coordinator.updates)).toEqual([0.375, 0.1875, 0.375])
  })

  test("finish now: sends what there is, with the steps really taken", async () => {
    await world.coordinator.model([0, 0, 0])
    world.device({ data: many(100) })
    await settle()
    await world.coordinator.notice({ training: { ...LINE, epochs: 10_000 } })
    await world.coordinator.join("d-1")
    await settle()
    expect(world.types).toEqual(["greeted", "joined", "pulled"])
    await world.coordinator.notice({ phase: "finishing" })
    await settle()
    const { steps, samples } = world.coordinator.updates[0]!
    expect(steps).toBeGreaterThan(0)
    expect(steps).toBeLessThan(1_000_000)
    expect(samples).toBe(steps)
  })

  test("a round that is over is not answered", async () => {
    await world.coordinator.model([0, 0, 0])
    world.device({ data: many(100) })
    await settle()
    await world.coordinator.notice({ training: { ...LINE, epochs: 10_000 } })
    await world.coordinator.join("d-1")
    await settle()
    await world.coordinator.notice({ epoch: 2, phase: "selecting", training: LINE })
    await settle()
    await world.coordinator.join("d-1", 1, 2)
    await settle()
    expect(world.coordinator.updates.map(({ epoch }) => epoch)).toEqual([2])
  })

  test("a round that is joined twice is trained once", async () => {
    await world.sent()
    await world.coordinator.join("d-1")
    await settle()
    expect(world.types.filter((type) => type === "trained")).toHaveLength(1)
  })

  test("a Task that the broker kept starts nothing", async () => {
    await world.coordinator.model([0, 0, 0])
    await world.coordinator.notice()
    await world.coordinator.task("d-1", "join", 1, 1, 0, "", true)
    world.device()
    await settle()
    expect(world.types).toEqual(["greeted"])
  })

  test("who has samples for testing only evaluates, and does not train", async () => {
    await world.coordinator.model([0, 0, 0])
    world.device({ data: { train: [], test: [SAMPLE] } })
    await settle()
    expect(world.coordinator.all("ready")[0]).toMatchObject({ samples: 0, testSamples: 1 })
    await world.coordinator.notice()
    await world.coordinator.join("d-1")
    await settle()
    expect(world.types).toEqual(["greeted"])
    await world.coordinator.notice({ round: 2, kind: "evaluate" })
    await world.coordinator.join("d-1", 2)
    await settle()
    // One row, and the loss of a model that says 0 where it is 3.
    expect(world.coordinator.updates[0]!.samples).toBe(1)
    expect(valuesOf(world.coordinator.updates)[0]).toBe(1)
  })

  test("a new round waits for the training program to let go of the old one", async () => {
    let running = 0
    let most = 0
    await world.coordinator.model([0, 0])
    world.device({
      trainer: {
        async train(parameters, { signal }) {
          most = Math.max(most, ++running)
          if (!signal.aborted && world.coordinator.updates.length === 0)
            await new Promise((resolve) => signal.addEventListener("abort", resolve))
          // Takes its time to end.
          await settle(5)
          running--
          return { parameters, samples: 1, steps: 1, metrics: {} }
        },
      },
    })
    await settle()
    const training = { ...LINE, loss: "custom", layers: [] } as const
    await world.coordinator.notice({ training })
    await world.coordinator.join("d-1")
    await settle()
    await world.coordinator.notice({ round: 2 })
    await world.coordinator.join("d-1", 2)
    await settle()
    await world.coordinator.notice({ phase: "finishing" })
    await settle()
    expect(most).toBe(1)
    expect(world.coordinator.updates.map(({ round }) => round)).toEqual([2])
  })

  test("a training that diverges sends nothing, and the device stays", async () => {
    await world.coordinator.model([0, 0, 0])
    world.device({ data: many(200) })
    await settle()
    await world.coordinator.notice({ training: { ...LINE, learningRate: 1e6 } })
    await world.coordinator.join("d-1")
    await settle()
    expect(world.types).toEqual(["greeted", "joined", "pulled", "failed"])
    await world.coordinator.notice({ round: 2, training: LINE })
    await world.coordinator.join("d-1", 2)
    await settle()
    expect(world.coordinator.updates).toHaveLength(1)
  })

  test("statistics need no model; evaluation without test samples counts nothing", async () => {
    await world.coordinator.model([0, 0, 0])
    world.device()
    await settle()
    await world.coordinator.notice({ kind: "statistics" })
    await world.coordinator.join("d-1")
    await settle()
    expect(world.types).not.toContain("pulled")
    expect(valuesOf(world.coordinator.updates)[0]).toBe(1)
    await world.coordinator.notice({ kind: "evaluate", round: 2 })
    await world.coordinator.join("d-1", 2)
    await settle()
    const evaluation = world.coordinator.updates.filter(({ round }) => round === 2)
    expect(evaluation[0]!.samples).toBe(0)
    expect(new Set(valuesOf(evaluation))).toEqual(new Set([0]))
  })

  test("a model of the wrong digest is refused, and pulled again when it is right", async () => {
    await world.coordinator.model([0, 0, 0], 1, true)
    world.device()
    await settle()
    await world.coordinator.notice()
    await world.coordinator.join("d-1")
    await world.clock.advance(2000)
    expect(world.types).toContain("joined")
    expect(world.types).not.toContain("pulled")
    await world.coordinator.model([0, 0, 0])
    await world.clock.advance(30_000)
    expect(world.types).toContain("pulled")
    expect(valuesOf(world.coordinator.updates.slice(0, 1))).toEqual(MOVED)
  })
})
