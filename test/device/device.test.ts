import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { LINE, valuesOf } from "./fake-coordinator.ts"
import { settle } from "./virtual-clock.ts"
import { SAMPLE, World } from "./world.ts"

const zeros = (length: number): number[] => Array.from({ length }, () => 0)
let world: World
beforeEach(async () => {
  world = await World.create()
})
afterEach(() => world.end())

describe("joining a fleet", () => {
  test("says Hello and Ready, and Gone when it leaves", async () => {
    const { device: made } = world.device({ data: { train: [SAMPLE, SAMPLE], test: [SAMPLE] }, codecs: ["int4"] })
    await settle()
    const [hello] = world.coordinator.all("hello")
    expect(hello).toMatchObject({ maxPacket: 1048576, codecs: [0, 1, 3], features: 2 })
    const { session } = hello!
    expect(world.coordinator.all("ready")).toEqual([
      { type: "ready", session, willing: true, samples: 2, testSamples: 1 },
    ])
    await made.close()
    await settle()
    expect(world.coordinator.all("gone")).toEqual([{ type: "gone", session }])
  })

  test("an abrupt end leaves the word to the last will", async () => {
    const { device: made } = world.device()
    await settle()
    await made.close({ abrupt: true })
    await settle()
    expect(world.coordinator.all("gone")).toHaveLength(1)
  })

  test("a retained Notice starts nothing, and a join that came before its Notice waits for it", async () => {
    await world.coordinator.model([0, 0, 0])
    await world.coordinator.notice()
    world.device()
    await settle()
    expect(world.types).toEqual(["greeted"])
    await world.coordinator.join("d-1", 2, 5)
    await settle()
    expect(world.types).toEqual(["greeted"])
    await world.coordinator.notice({ round: 2, epoch: 5 })
    await settle()
    expect(world.types).toEqual(["greeted", "joined", "pulled", "trained", "sent"])
    expect(world.coordinator.updates[0]).toMatchObject({ round: 2, epoch: 5 })
  })

  test("greets a new coordinator within a second, and one that was away; not every Notice", async () => {
    await world.coordinator.notice()
    world.device()
    await settle()
    await world.coordinator.notice({ round: 2 })
    await world.clock.advance(5000)
    expect(world.coordinator.all("ready")).toHaveLength(1)
    await world.coordinator.notice({ session: 8 })
    await world.clock.advance(499)
    expect(world.coordinator.all("ready")).toHaveLength(1)
    await world.clock.advance(501)
    expect(world.coordinator.all("hello")).toHaveLength(2)
    await world.coordinator.notice({ phase: "offline" })
    await world.coordinator.notice({ phase: "selecting" })
    await world.clock.advance(1000)
    expect(world.coordinator.all("ready")).toHaveLength(3)
  })

  test("comes back when it was told to", async () => {
    world.device()
    await settle()
    await world.coordinator.task("d-1", "wait", 1, 1, 90, "enough devices")
    await world.clock.advance(89_999)
    expect(world.coordinator.all("ready")).toHaveLength(1)
    await world.clock.advance(1)
    expect(world.coordinator.all("ready")).toHaveLength(2)
    // Whoever has many devices may have forgotten one.
    expect(world.coordinator.all("hello")).toHaveLength(2)
  })

  test("one of many that wait does not greet a new coordinator at once", async () => {
    await world.coordinator.notice()
    world.device()
    await settle()
    await world.coordinator.task("d-1", "wait", 1, 1, 3600, "")
    await settle()
    await world.coordinator.notice({ session: 8 })
    // Somewhere in a minute, here in its middle.
    await world.clock.advance(29_999)
    expect(world.coordinator.all("hello")).toHaveLength(1)
    await world.clock.advance(1)
    expect(world.coordinator.all("hello")).toHaveLength(2)
    // It waits for nothing any more.
    await world.clock.advance(3_600_000)
    expect(world.coordinator.all("hello")).toHaveLength(2)
  })

  test("the spread of uploads spreads the greetings of a new coordinator, too", async () => {
    await world.coordinator.notice({ spreadSeconds: 20 })
    world.device()
    await settle()
    await world.coordinator.notice({ session: 8 })
    await world.clock.advance(9999)
    expect(world.coordinator.all("hello")).toHaveLength(1)
    await world.clock.advance(1)
    expect(world.coordinator.all("hello")).toHaveLength(2)
  })

  test("who is not willing does not join, and says so when that changes", async () => {
    let willing = false
    await world.coordinator.model([0, 0, 0])
    await world.coordinator.notice()
    world.device({ eligible: () => ({ power: willing }) })
    await settle()
    await world.coordinator.join("d-1")
    await settle()
    expect(world.coordinator.all("ready").map((ready) => ready.willing)).toEqual([false, false])
    expect(world.types).toEqual(["greeted"])
    willing = true
    await world.clock.advance(30_000)
    expect(world.coordinator.all("ready").at(-1)!.willing).toBe(true)
  })

  test("samples that do not fit end the run", async () => {
    await world.coordinator.notice({ training: { ...LINE, inputs: 66 } })
    const { run } = world.device({ data: [{ features: zeros(65), label: 0 }] })
    await expect(run).rejects.toMatchObject({
      code: "features",
      message: "expected 66 features as the federation's model has, got 65",
    })
  })

  test("the coordinator's stop ends the run with its reason", async () => {
    const { run } = world.device()
    await settle()
    await world.coordinator.task("d-1", "stop", 1, 1, 0, "no common codec")
    await expect(run).rejects.toMatchObject({ code: "stopped", message: "stopped by the coordinator: no common codec" })
  })
})

describe("release", () => {
  test("a model that is no longer released when it is here is not taken for the final one", async () => {
    await world.coordinator.model([1, 2, 3], 2)
    await world.coordinator.chunk(2, undefined)
    const { run } = world.device()
    await settle()
    await world.coordinator.notice({ kind: "released", phase: "released" })
    await settle()
    // Another coordinator takes the fleet over before the model has come.
    await world.coordinator.model([0, 0, 0], 3)
    await world.coordinator.notice({ kind: "train", phase: "selecting", session: 8, epoch: 9 })
    await world.clock.advance(120_000)
    expect(world.types).not.toContain("released")
    await world.coordinator.model([4, 5, 6], 4)
    await world.coordinator.notice({ round: 2, kind: "released", phase: "released" })
    await settle()
    expect([...((await run) as { parameters: Float32Array }).parameters]).toEqual([4, 5, 6])
  })

  test("the released model is pulled, the run ends, and the device predicts", async () => {
    const { device: made, run } = world.device()
    await settle()
    await expect(made.predict([1, 2])).rejects.toMatchObject({ code: "released" })
    await world.coordinator.model([10, 0, 0.5, 1, 2, 3, 4], 9)
    await world.coordinator.notice({ kind: "released", phase: "released", training: { ...LINE, standardized: true } })
    await expect(run).resolves.toMatchObject({ version: 9, parameters: Float32Array.of(2, 3, 4) })
    // ((12 - 10) x 0.5) x 2 + (1 x 1) x 3 + 4
    expect([...(await made.predict([12, 1]))]).toEqual([9])
  })
})

describe("a trainer of the user's own", () => {
  const custom = { ...LINE, loss: "custom", layers: [] } as const

  test("gets the parameters and settings, and its result is sent", async () => {
    await world.coordinator.model([1, 2])
    world.device({
      trainer: {
        train: (parameters, { epochs, samples }) => ({
          parameters: parameters.map((value) => value + samples.y[0]!),
          samples: samples.rows * epochs,
          steps: epochs,
          metrics: { lossSum: 2.5 },
        }),
      },
    })
    await settle()
    await world.coordinator.notice({ training: { ...custom, epochs: 4 } })
    await world.coordinator.join("d-1")
    await settle()
    expect(world.coordinator.updates[0]).toMatchObject({ samples: 4, steps: 4, metrics: Float32Array.of(2.5) })
    expect(valuesOf(world.coordinator.updates)).toEqual([3, 3])
    await world.coordinator.notice({ kind: "evaluate", round: 2 })
    await world.coordinator.join("d-1", 2)
    await settle()
    expect(world.coordinator.updates[1]!.samples).toBe(0)
  })

  test("a result of the wrong length ends the run", async () => {
    await world.coordinator.model([1, 2])
    const train = () => ({ parameters: new Float32Array(3), samples: 1, steps: 1, metrics: {} })
    const { run } = world.device({ trainer: { train } })
    await settle()
    await world.coordinator.notice({ training: custom })
    await world.coordinator.join("d-1")
    await expect(run).rejects.toMatchObject({
      code: "trainer",
      message: "expected a Float32Array of 2 parameters from the trainer, got 3",
    })
    expect(world.coordinator.updates).toEqual([])
  })

  test("without one, a custom model is refused", async () => {
    await world.coordinator.notice({ training: custom })
    await expect(world.device().run).rejects.toMatchObject({ code: "trainer" })
  })
})
