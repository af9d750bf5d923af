import { afterEach, describe, expect, test } from "vitest"
import { Coordinator } from "../../src/coordinator/coordinator.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { ModelSpec } from "../../src/core/model.ts"
import { Device } from "../../src/device/device.ts"
import { ModuleProgram } from "../../src/device/module-program.ts"
import type { LocalSettings, LocalTrainer } from "../../src/device/trainer.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import { loopbackNetwork } from "../../src/net/loopback.ts"
import { moduleWith, ownModule, setup } from "../kernel/foreign-modules.ts"

const MODEL: ModelSpec = {
  inputs: 2,
  layers: [{ kind: "dense", units: 1, activation: "identity" }],
  loss: "squared",
  positiveWeight: 1,
}
const SAMPLES = {
  rows: 40,
  features: 2,
  x: Float32Array.from({ length: 80 }, (_, i) => Math.sin(i)),
  y: Float32Array.from({ length: 40 }, (_, i) => Math.cos(i)),
}
const KEY = { seed: 1, round: 2, device: [3, 4] } as const
const SETTINGS = { epochs: 4, batch: 8, learningRate: 0.1, momentum: 0, l2: 0, proximal: 0 }

let programs: ModuleProgram[] = []
afterEach(async () => {
  await Promise.all(programs.map((program) => program.close()))
  programs = []
})

function program(bytes: Uint8Array, limits = {}): ModuleProgram {
  const one = new ModuleProgram(bytes, limits)
  programs.push(one)
  return one
}

function settings(change: Partial<LocalSettings> = {}): LocalSettings {
  return { ...SETTINGS, key: KEY, samples: SAMPLES, signal: new AbortController().signal, model: MODEL, ...change }
}

describe("a module in a thread of its own", () => {
  test("trains, evaluates and predicts as the same kernels do here", async () => {
    const flashed = program(ownModule("scalar"))
    const here = createTrainer(MODEL, { batch: 8, rows: 40 }, "scalar")
    const start = here.init(KEY)
    const { lossSum, ...counts } = here.train(start, SAMPLES, SETTINGS, KEY)
    const parameters = here.result.slice()
    expect(await flashed.train(start, settings())).toEqual({ ...counts, parameters, metrics: { lossSum } })
    expect(await flashed.evaluate(parameters, SAMPLES, MODEL)).toEqual(here.evaluate(parameters, SAMPLES))
    expect(await flashed.predict(parameters, SAMPLES, MODEL)).toEqual(here.predict(parameters, SAMPLES))
  })

  test("hears that it is to finish now", async () => {
    const flashed = program(ownModule("scalar"))
    const { steps, samples } = await flashed.train(new Float32Array(3), settings({ signal: AbortSignal.abort() }))
    expect([steps, samples]).toEqual([1, 8])
    const all = await flashed.train(new Float32Array(3), settings())
    expect(all.steps).toBe(20)
  })

  test.each([
    ["trap", "dies", moduleWith({ begin: `(func (export "begin") unreachable)` }), {}],
    [
      "timeout",
      "does not come to an end",
      moduleWith({ begin: `(func (export "begin") (loop $on (br $on)))` }),
      { stepMs: 200 },
    ],
    ["module", "wants more memory than it may have", moduleWith(), { mostBytes: 1000 }],
    [
      "diverged",
      "has a result that is not finite",
      moduleWith({ collect: `(func (export "collect") (f32.store (i32.const 8192) (f32.const inf)))` }),
      {},
    ],
    [
      "module",
      "says it has done more than it has",
      moduleWith({ collect: `(func (export "collect") (i32.store (i32.const 1180) (i32.const 9)))` }),
      {},
    ],
  ])("costs the round (%s) where it %s, and nothing else", async (code, _, bytes, limits) => {
    const bad = program(bytes, limits)
    for (let i = 0; i < 2; i++) await expect(bad.train(new Float32Array(3), settings())).rejects.toMatchObject({ code })
  })

  test("is of no use where the federation's model has other parameters", async () => {
    await expect(program(moduleWith()).train(new Float32Array(4), settings())).rejects.toMatchObject({
      code: "trainer",
      message: "the module trains 3 parameters, the federation's model has 4",
    })
  })

  test("is refused at once where it is none", () => {
    expect(() => new ModuleProgram(new Uint8Array(9))).toThrow("expected a WebAssembly module")
  })
})

describe("a federation", () => {
  const plan = parsePlan({
    fleet: "lab",
    rounds: 3,
    cohort: 2,
    codecs: "int8",
    model: { features: 2, labels: [], hidden: [4] },
  })
  const data = (from: number) =>
    Array.from({ length: 30 }, (_, i) => ({ features: [Math.sin(from + i), i / 30], label: Math.cos(from + i) }))

  async function digestWith(trainers: readonly (LocalTrainer | undefined)[]): Promise<string> {
    const network = loopbackNetwork()
    const coordinator = new Coordinator({ plan, network })
    const devices = trainers.map(
      (trainer, n) =>
        new Device({ network, fleet: "lab", id: `d-${n}`, data: data(40 * n), ...(trainer && { trainer }) }),
    )
    const [{ digest }] = await Promise.all([coordinator.run(), ...devices.map((device) => device.run())])
    await coordinator.close()
    return digest
  }

  test("has the same model whether devices train with the built-in kernels or with a module that is the same", async () => {
    const own = await digestWith([undefined, undefined])
    expect(await digestWith([program(ownModule("scalar")), undefined])).toBe(own)
  })

  test("goes on with the others where a device's module dies in every round", async () => {
    const network = loopbackNetwork()
    const patient = parsePlan({
      ...plan,
      report: { minimumToCommit: 1, timeoutSeconds: 2, finishSeconds: 1 },
      evaluate: { every: 0 },
    })
    const coordinator = new Coordinator({ plan: patient, network })
    const bad = program(moduleWith({ begin: `(func (export "begin") unreachable)`, setup: setup({ 88: 17 }) }))
    const failed: string[] = []
    const devices = [undefined, bad].map(
      (trainer, n) =>
        new Device({
          network,
          fleet: "lab",
          id: `d-${n}`,
          data: data(40 * n),
          ...(trainer && { trainer }),
          onEvent: (event) => event.type === "failed" && failed.push(event.error.message),
        }),
    )
    const [{ report }] = await Promise.all([coordinator.run(), ...devices.map((device) => device.run())])
    expect(report.rounds.map(({ folded }) => folded)).toEqual([1, 1, 1])
    expect(new Set(failed)).toEqual(new Set(["the module trapped: unreachable"]))
    await coordinator.close()
  })
})
