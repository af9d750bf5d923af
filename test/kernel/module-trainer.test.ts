import { expect, test } from "vitest"
import type { ModelSpec } from "../../src/core/model.ts"
import { ModuleTrainer } from "../../src/kernel/module-trainer.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import { TrainingModule } from "../../src/kernel/training-module.ts"
import { sample } from "./codec-support.ts"
import { moduleWith, ownModule, setup } from "./foreign-modules.ts"

const KEY = { seed: 5, round: 6, device: [7, 8] } as const
const SETTINGS = { epochs: 3, batch: 8, learningRate: 0.05, momentum: 0.9, l2: 0.001, proximal: 0.01 }
const LIMITS = { batch: 8, rows: 40 }

function samplesOf(rows: number, features: number, classes: number) {
  const x = sample("normal", rows * features, 3)
  return { rows, features, x, y: Float32Array.from({ length: rows }, (_, i) => (classes > 0 ? i % classes : x[i]!)) }
}

const MODELS: readonly (readonly [string, ModelSpec, number])[] = [
  [
    "softmax",
    {
      inputs: 6,
      layers: [
        { kind: "dense", units: 7, activation: "tanh" },
        { kind: "dense", units: 4, activation: "identity" },
      ],
      loss: "softmax",
      positiveWeight: 1,
    },
    4,
  ],
  [
    "logistic",
    { inputs: 3, layers: [{ kind: "dense", units: 1, activation: "identity" }], loss: "logistic", positiveWeight: 3 },
    2,
  ],
  [
    "squared",
    { inputs: 3, layers: [{ kind: "dense", units: 1, activation: "identity" }], loss: "squared", positiveWeight: 1 },
    0,
  ],
]

test.each(MODELS)("Fedmote's own kernels, flashed, give the bits that they give at home: %s", (_, spec, classes) => {
  const home = createTrainer(spec, LIMITS, "scalar")
  const flashed = new ModuleTrainer(new TrainingModule(ownModule("scalar")), spec, LIMITS)
  const samples = samplesOf(40, spec.inputs, classes)
  const start = home.init(KEY)
  expect(flashed.init(KEY)).toEqual(start)
  expect(flashed.train(start, samples, SETTINGS, KEY)).toEqual(home.train(start, samples, SETTINGS, KEY))
  expect(flashed.result).toEqual(home.result)
  expect(flashed.delta()).toEqual(home.delta())
  expect(flashed.evaluate(start, samples)).toEqual(home.evaluate(start, samples))
  expect(flashed.predict(start, samples)).toEqual(home.predict(start, samples))
  // More than there is room for, and an evaluation in the middle of a training.
  const more = samplesOf(100, spec.inputs, classes)
  for (const trainer of [home, flashed]) {
    trainer.begin(start, more, SETTINGS, KEY)
    trainer.advance(2)
    trainer.evaluate(start, samples)
    while (!trainer.advance(5));
  }
  expect(flashed.outcome()).toEqual(home.outcome())
  expect(flashed.result).toEqual(home.result)
})

test("what does not fit the module's model is refused before the module sees it", () => {
  const trainer = new ModuleTrainer(new TrainingModule(moduleWith()), MODELS[0]![1], LIMITS)
  expect(trainer.model).toEqual({ inputs: 2, loss: "squared", parameters: 3, outputs: 1 })
  const samples = samplesOf(4, 2, 0)
  const start = new Float32Array(3)
  expect(() => trainer.train(new Float32Array(4), samples, SETTINGS, KEY)).toThrow("expected 3 parameters, got 4")
  expect(() => trainer.train(start, samplesOf(4, 6, 4), SETTINGS, KEY)).toThrow("expected 2 features a row, got 6")
  const broken = { ...samples, x: samples.x.with(3, Infinity) }
  expect(() => trainer.train(start, broken, SETTINGS, KEY)).toThrow(
    "row 1, column 1: expected a finite value, got Infinity",
  )
  expect(() => trainer.advance(1)).toThrow("expected `begin` before `advance`")
  expect(() => trainer.outcome()).toThrow("expected `begin` before `outcome`")
  expect(() => trainer.train(start, samplesOf(0, 2, 0), SETTINGS, KEY)).toThrow("expected at least one row to train on")
})

test("a module that needs more memory than it may have is refused when the samples come", () => {
  // So much a row, from the second argument of setup.
  const hungry = setup({}, 0).replace(
    /i32\.const 0\)$/,
    "(i32.add (i32.const 65536) (i32.shl (local.get 1) (i32.const 14))))",
  )
  const trainer = new ModuleTrainer(
    new TrainingModule(moduleWith({ setup: hungry })),
    MODELS[0]![1],
    { batch: 1, rows: 1 },
    1 << 20,
  )
  expect(trainer.memoryBytes).toBe(131072)
  expect(() => trainer.train(new Float32Array(3), samplesOf(100, 2, 0), SETTINGS, KEY)).toThrow(
    "expected to need at most 1048576 bytes of memory for batches of 8 and 100 rows, the module wants 1703936",
  )
})
