import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { Device } from "../../src/device/device.ts"
import type { DeviceOptions } from "../../src/device/device.ts"
import type { DeviceEvent } from "../../src/device/event.ts"
import { FakeCoordinator, FLEET, LINE, valuesOf } from "./fake-coordinator.ts"
import { VirtualClock, settle } from "./virtual-clock.ts"

// One sample: from a model of zeros, one step of rate 1/8 moves the weights by 3/8 x [1, 2], and the bias by 3/8.
const SAMPLE = { features: [1, 2], label: 3 }
const MOVED = [0.375, 0.75, 0.375]
const many = (length: number): (typeof SAMPLE)[] => Array.from({ length }, () => SAMPLE)
const zeros = (length: number): number[] => Array.from({ length }, () => 0)

let clock: VirtualClock
let coordinator: FakeCoordinator
let devices: Device[]
let events: DeviceEvent[]

beforeEach(async () => {
  clock = new VirtualClock()
  coordinator = await FakeCoordinator.start()
  devices = []
  events = []
})
afterEach(async () => {
  await Promise.all(devices.map((device) => device.close()))
  expect(clock.pending).toBe(0)
  expect(coordinator.network.links).toBe(1)
})

function device(options: Partial<DeviceOptions> = {}): { readonly device: Device; readonly run: Promise<unknown> } {
  const made = new Device({
    network: coordinator.network,
    fleet: FLEET,
    id: "d-1",
    data: [SAMPLE],
    clock,
    kernel: "scalar",
    onEvent: (event) => void events.push(event),
    ...options,
  })
  devices.push(made)
  const run = made.run()
  run.catch(() => undefined)
  return { device: made, run }
}

const types = (): string[] => events.map(({ type }) => type)

/** A device that has been asked to join round 1 and has sent its update. */
async function sent(options: Partial<DeviceOptions> = {}): Promise<Device> {
  await coordinator.model([0, 0, 0])
  const made = device(options).device
  await settle()
  await coordinator.notice()
  await coordinator.join("d-1")
  await settle()
  expect(coordinator.updates).toHaveLength(1)
  return made
}

describe("joining a fleet", () => {
  test("says Hello and Ready, and Gone when it leaves", async () => {
    const { device: made } = device({ data: { train: [SAMPLE, SAMPLE], test: [SAMPLE] }, codecs: ["int4"] })
    await settle()
    const [hello] = coordinator.all("hello")
    expect(hello).toMatchObject({ maxPacket: 1048576, codecs: [0, 1, 3], features: 2 })
    const { session } = hello!
    expect(coordinator.all("ready")).toEqual([{ type: "ready", session, willing: true, samples: 2, testSamples: 1 }])
    await made.close()
    await settle()
    expect(coordinator.all("gone")).toEqual([{ type: "gone", session }])
  })

  test("an abrupt end leaves the word to the last will", async () => {
    const { device: made } = device()
    await settle()
    await made.close({ abrupt: true })
    await settle()
    expect(coordinator.all("gone")).toHaveLength(1)
  })

  test("a retained Notice starts nothing, and a join that came before its Notice waits for it", async () => {
    await coordinator.model([0, 0, 0])
    await coordinator.notice()
    device()
    await settle()
    expect(types()).toEqual(["greeted"])
    await coordinator.join("d-1", 2, 5)
    await settle()
    expect(types()).toEqual(["greeted"])
    await coordinator.notice({ round: 2, epoch: 5 })
    await settle()
    expect(types()).toEqual(["greeted", "joined", "pulled", "trained", "sent"])
    expect(coordinator.updates[0]).toMatchObject({ round: 2, epoch: 5 })
  })

  test("greets a new coordinator within a second, and one that was away; not every Notice", async () => {
    await coordinator.notice()
    device()
    await settle()
    await coordinator.notice({ round: 2 })
    await clock.advance(5000)
    expect(coordinator.all("ready")).toHaveLength(1)
    await coordinator.notice({ session: 8 })
    await clock.advance(499)
    expect(coordinator.all("ready")).toHaveLength(1)
    await clock.advance(501)
    expect(coordinator.all("hello")).toHaveLength(2)
    await coordinator.notice({ phase: "offline" })
    await coordinator.notice({ phase: "selecting" })
    await clock.advance(1000)
    expect(coordinator.all("ready")).toHaveLength(3)
  })

  test("comes back when it was told to", async () => {
    device()
    await settle()
    await coordinator.task("d-1", "wait", 1, 1, 90, "enough devices")
    await clock.advance(89_999)
    expect(coordinator.all("ready")).toHaveLength(1)
    await clock.advance(1)
    expect(coordinator.all("ready")).toHaveLength(2)
  })

  test("who is not willing does not join, and says so when that changes", async () => {
    let willing = false
    await coordinator.model([0, 0, 0])
    await coordinator.notice()
    device({ willing: () => willing })
    await settle()
    await coordinator.join("d-1")
    await settle()
    expect(coordinator.all("ready").map((ready) => ready.willing)).toEqual([false, false])
    expect(types()).toEqual(["greeted"])
    willing = true
    await clock.advance(30_000)
    expect(coordinator.all("ready").at(-1)!.willing).toBe(true)
  })

  test("samples that do not fit end the run", async () => {
    await coordinator.notice({ training: { ...LINE, inputs: 66 } })
    const { run } = device({ data: [{ features: zeros(65), label: 0 }] })
    await expect(run).rejects.toMatchObject({
      code: "features",
      message: "expected 66 features as the federation's model has, got 65",
    })
  })

  test("the coordinator's stop ends the run with its reason", async () => {
    const { run } = device()
    await settle()
    await coordinator.task("d-1", "stop", 1, 1, 0, "no common codec")
    await expect(run).rejects.toMatchObject({ code: "stopped", message: "stopped by the coordinator: no common codec" })
  })
})

describe("rounds", () => {
  test("pulls a model in small chunks, trains, and sends what fits its packets", async () => {
    const features = zeros(100)
    features[0] = 1
    features[99] = 2
    await coordinator.model(zeros(101))
    device({ data: [{ features, label: 3 }], maxPacketBytes: 300 })
    await settle()
    await coordinator.notice({ chunkClasses: [64, 16384], training: { ...LINE, inputs: 100 } })
    await coordinator.join("d-1")
    await settle()
    const { updates } = coordinator
    expect(updates.length).toBeGreaterThan(1)
    expect(updates.map(({ index }) => index)).toEqual(updates.map((_, i) => i))
    expect(updates[0]).toMatchObject({ codec: 0, baseVersion: 1, samples: 1, steps: 1, metrics: Float32Array.of(4.5) })
    const moved = zeros(101)
    moved[0] = moved[100] = 0.375
    moved[99] = 0.75
    expect(valuesOf(updates)).toEqual(moved)
  })

  test("applies the model's standardisation to its samples", async () => {
    // Means 0 and 1, inverse deviations 1 and 1/2: the sample becomes [1, 1/2].
    await coordinator.model([0, 1, 1, 0.5, 0, 0, 0])
    device()
    await settle()
    await coordinator.notice({ training: { ...LINE, standardized: true } })
    await coordinator.join("d-1")
    await settle()
    expect(valuesOf(coordinator.updates)).toEqual([0.375, 0.1875, 0.375])
  })

  test("finish now: sends what there is, with the steps really taken", async () => {
    await coordinator.model([0, 0, 0])
    device({ data: many(100) })
    await settle()
    await coordinator.notice({ training: { ...LINE, epochs: 10_000 } })
    await coordinator.join("d-1")
    await settle()
    expect(types()).toEqual(["greeted", "joined", "pulled"])
    await coordinator.notice({ phase: "finishing" })
    await settle()
    const { steps, samples } = coordinator.updates[0]!
    expect(steps).toBeGreaterThan(0)
    expect(steps).toBeLessThan(1_000_000)
    expect(samples).toBe(steps)
  })

  test("a round that is over is not answered", async () => {
    await coordinator.model([0, 0, 0])
    device({ data: many(100) })
    await settle()
    await coordinator.notice({ training: { ...LINE, epochs: 10_000 } })
    await coordinator.join("d-1")
    await settle()
    await coordinator.notice({ epoch: 2, phase: "selecting", training: LINE })
    await settle()
    await coordinator.join("d-1", 1, 2)
    await settle()
    expect(coordinator.updates.map(({ epoch }) => epoch)).toEqual([2])
  })

  test("a training that diverges sends nothing, and the device stays", async () => {
    await coordinator.model([0, 0, 0])
    device({ data: many(200) })
    await settle()
    await coordinator.notice({ training: { ...LINE, learningRate: 1e6 } })
    await coordinator.join("d-1")
    await settle()
    expect(types()).toEqual(["greeted", "joined", "pulled", "failed"])
    await coordinator.notice({ round: 2, training: LINE })
    await coordinator.join("d-1", 2)
    await settle()
    expect(coordinator.updates).toHaveLength(1)
  })

  test("statistics need no model; evaluation without test samples counts nothing", async () => {
    await coordinator.model([0, 0, 0])
    device()
    await settle()
    await coordinator.notice({ kind: "statistics" })
    await coordinator.join("d-1")
    await settle()
    expect(types()).not.toContain("pulled")
    expect(valuesOf(coordinator.updates)[0]).toBe(1)
    await coordinator.notice({ kind: "evaluate", round: 2 })
    await coordinator.join("d-1", 2)
    await settle()
    const [, evaluation] = coordinator.updates
    expect(evaluation!.samples).toBe(0)
    expect(new Set(valuesOf([evaluation!]))).toEqual(new Set([0]))
  })

  test("a model of the wrong digest is refused, and pulled again when it is right", async () => {
    await coordinator.model([0, 0, 0], 1, true)
    device()
    await settle()
    await coordinator.notice()
    await coordinator.join("d-1")
    await clock.advance(2000)
    expect(types()).toContain("joined")
    expect(types()).not.toContain("pulled")
    await coordinator.model([0, 0, 0])
    await clock.advance(30_000)
    expect(types()).toContain("pulled")
    expect(valuesOf(coordinator.updates.slice(0, 1))).toEqual(MOVED)
  })
})

describe("pulling", () => {
  test("a chunk that does not come is given up after 5 s, and asked for again", async () => {
    const warnings: string[] = []
    device({ log: { info: () => undefined, warn: (message) => void warnings.push(message) } })
    await settle()
    await coordinator.notice({ version: 4, sizeBytes: 12 })
    await coordinator.join("d-1")
    await clock.advance(4999)
    expect(warnings).toEqual([])
    await clock.advance(1)
    expect(warnings).toEqual(["cannot pull the model yet: model 4: chunk 0 did not come in 5000 ms"])
    await coordinator.model([0, 0, 0], 4)
    await coordinator.notice()
    await clock.advance(1000)
    expect(valuesOf(coordinator.updates)).toEqual(MOVED)
  })

  test("chunk classes that are all too large are waited for, and one that fits is taken when it comes", async () => {
    await coordinator.model([0, 0, 0])
    device({ maxPacketBytes: 300 })
    await settle()
    await coordinator.notice({ chunkClasses: [16384] })
    await coordinator.join("d-1")
    await clock.advance(60_000)
    expect(types()).not.toContain("pulled")
    await coordinator.notice({ chunkClasses: [64, 16384] })
    await clock.advance(30_000)
    expect(valuesOf(coordinator.updates.slice(0, 1))).toEqual(MOVED)
  })

  test("a model is pulled once for all rounds that start from it", async () => {
    await sent()
    await coordinator.notice({ round: 2 })
    await coordinator.join("d-1", 2)
    await settle()
    expect(coordinator.updates).toHaveLength(2)
    expect(types().filter((type) => type === "pulled")).toHaveLength(1)
  })
})

describe("the update that is kept", () => {
  test("is sent again when no receipt comes, at longer and longer intervals, until one does", async () => {
    await sent()
    // 10 s and an eighth of jitter.
    await clock.advance(11_249)
    expect(coordinator.updates).toHaveLength(1)
    await clock.advance(1)
    expect(coordinator.updates).toHaveLength(2)
    await clock.advance(22_499)
    expect(coordinator.updates).toHaveLength(2)
    await clock.advance(1)
    expect(coordinator.updates).toHaveLength(3)
    expect(coordinator.updates[2]).toEqual(coordinator.updates[0])
    await coordinator.receipt("d-1", "duplicate")
    await clock.advance(600_000)
    expect(coordinator.updates).toHaveLength(3)
    expect(types().at(-1)).toBe("folded")
  })

  test("is sent again when a busy coordinator said", async () => {
    await sent()
    await coordinator.receipt("d-1", "busy", 30)
    await clock.advance(29_999)
    expect(coordinator.updates).toHaveLength(1)
    await clock.advance(1)
    expect(coordinator.updates).toHaveLength(2)
  })

  test("is sent again after a lost connection", async () => {
    await sent()
    coordinator.network.drop("d-1")
    await settle()
    coordinator.network.restore("d-1")
    await settle()
    expect(coordinator.updates).toHaveLength(2)
    expect(coordinator.all("hello")).toHaveLength(2)
  })

  test("is forgotten only after its commit, not by its receipt", async () => {
    await sent()
    await coordinator.receipt("d-1", "folded")
    await settle()
    // The same round under a new coordinator: what the old one said it had does not count.
    await coordinator.notice({ session: 8 })
    await settle()
    expect(coordinator.updates).toHaveLength(2)
    await coordinator.notice({ phase: "committed", committed: { round: 1, epoch: 1 } })
    await settle()
    expect(types()).toContain("committed")
    await coordinator.notice({ session: 9 })
    await clock.advance(600_000)
    expect(coordinator.updates).toHaveLength(2)
  })

  test("is dropped when it came late, or its round is over without it", async () => {
    await sent()
    await coordinator.receipt("d-1", "late")
    await clock.advance(600_000)
    expect(coordinator.updates).toHaveLength(1)
    await coordinator.notice({ round: 2 })
    await coordinator.join("d-1", 2)
    await settle()
    expect(coordinator.updates).toHaveLength(2)
    await coordinator.notice({ round: 2, epoch: 3 })
    await clock.advance(600_000)
    expect(types().slice(-1)).toEqual(["dropped"])
    expect(coordinator.updates).toHaveLength(2)
  })

  test("waits for its place in the spread, and not for a coordinator that is away", async () => {
    await coordinator.model([0, 0, 0])
    device()
    await settle()
    await coordinator.notice({ spreadSeconds: 100 })
    await coordinator.join("d-1")
    await settle()
    expect(types().at(-1)).toBe("trained")
    await clock.advance(100_000)
    const before = coordinator.updates.length
    expect(before).toBeGreaterThan(0)
    await coordinator.notice({ phase: "offline" })
    await clock.advance(600_000)
    expect(coordinator.updates).toHaveLength(before)
    await coordinator.notice({ phase: "working" })
    await settle()
    expect(coordinator.updates).toHaveLength(before + 1)
  })
})

describe("release", () => {
  test("the released model is pulled, the run ends, and the device predicts", async () => {
    const { device: made, run } = device()
    await settle()
    await expect(made.predict([1, 2])).rejects.toMatchObject({ code: "released" })
    await coordinator.model([10, 0, 0.5, 1, 2, 3, 4], 9)
    await coordinator.notice({ kind: "released", phase: "released", training: { ...LINE, standardized: true } })
    await expect(run).resolves.toMatchObject({ version: 9, parameters: Float32Array.of(2, 3, 4) })
    // ((12 - 10) x 0.5) x 2 + (1 x 1) x 3 + 4
    expect([...(await made.predict([12, 1]))]).toEqual([9])
  })
})

describe("a trainer of the user's own", () => {
  const custom = { ...LINE, loss: "custom", layers: [] } as const

  test("gets the parameters and settings, and its result is sent", async () => {
    await coordinator.model([1, 2])
    device({
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
    await coordinator.notice({ training: { ...custom, epochs: 4 } })
    await coordinator.join("d-1")
    await settle()
    expect(coordinator.updates[0]).toMatchObject({ samples: 4, steps: 4, metrics: Float32Array.of(2.5) })
    expect(valuesOf(coordinator.updates)).toEqual([3, 3])
    await coordinator.notice({ kind: "evaluate", round: 2 })
    await coordinator.join("d-1", 2)
    await settle()
    expect(coordinator.updates[1]!.samples).toBe(0)
  })

  test("a result of the wrong length ends the run", async () => {
    await coordinator.model([1, 2])
    const train = () => ({ parameters: new Float32Array(3), samples: 1, steps: 1, metrics: {} })
    const { run } = device({ trainer: { train } })
    await settle()
    await coordinator.notice({ training: custom })
    await coordinator.join("d-1")
    await expect(run).rejects.toMatchObject({
      code: "trainer",
      message: "expected a Float32Array of 2 parameters from the trainer, got 3",
    })
    expect(coordinator.updates).toEqual([])
  })

  test("without one, a custom model is refused", async () => {
    await coordinator.notice({ training: custom })
    await expect(device().run).rejects.toMatchObject({ code: "trainer" })
  })
})
