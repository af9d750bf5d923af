import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import type { ModelSpec } from "../../src/core/model.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import type { TrainOptions } from "../../src/kernel/types.ts"
import { exp, log } from "./reference.ts"

interface Case {
  readonly name: string
  readonly spec: ModelSpec
  readonly settings: TrainOptions
  readonly key: { readonly seed: number; readonly round: number; readonly device: readonly [number, number] }
  readonly rows: number
  readonly x: string
  readonly y: string
  readonly init: string
  readonly start: string
  readonly result: string
  readonly delta: string
  readonly lossSum: string
  readonly steps: number
  readonly evaluation: {
    readonly lossSum: string
    readonly squaredError: string
    readonly absoluteError: string
    readonly confusion: readonly number[]
    /** Counts of the bins that are not empty, by index. */
    readonly histogram: { readonly [bin: string]: number }
  }
  readonly predictions: string
}

// Made by make_training.py, in numpy, from assembly/README.md.
const { cases, functions } = JSON.parse(
  readFileSync(new URL("../vectors/kernels/training.json", import.meta.url), "utf8"),
) as {
  readonly cases: readonly Case[]
  readonly functions: { readonly [name in "exp" | "log" | "tanh"]: { readonly x: string; readonly y: string } }
}

const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(hex, "hex"))
const reals = (hex: string): Float32Array => new Float32Array(bytes(hex).buffer)
const real = (hex: string): number => new Float64Array(bytes(hex).buffer)[0]!
const hexOf = (values: Float32Array): string => Buffer.from(values.slice().buffer).toString("hex")

describe.each(["simd", "scalar", "js"] as const)("%s gives the golden bytes", (kind) => {
  test.each(cases)("$name", ({ spec, settings, key, rows, ...golden }) => {
    const trainer = createTrainer(spec, { batch: settings.batch, rows }, kind)
    const samples = { rows, features: spec.inputs, x: reals(golden.x), y: reals(golden.y) }
    expect(hexOf(trainer.init(key))).toBe(golden.init)
    const outcome = trainer.train(reals(golden.start), samples, settings, key)
    expect(outcome).toEqual({ lossSum: real(golden.lossSum), steps: golden.steps, samples: settings.epochs * rows })
    expect(hexOf(trainer.result)).toBe(golden.result)
    expect(hexOf(trainer.delta())).toBe(golden.delta)
    const result = reals(golden.result)
    const { histogram, confusion, ...sums } = trainer.evaluate(result, samples)
    const expected = golden.evaluation
    expect(sums).toEqual({
      rows,
      lossSum: real(expected.lossSum),
      squaredError: real(expected.squaredError),
      absoluteError: real(expected.absoluteError),
    })
    expect([...confusion]).toEqual(expected.confusion)
    expect(Object.fromEntries([...histogram.entries()].filter(([, n]) => n > 0))).toEqual(expected.histogram)
    expect(hexOf(trainer.predict(result, samples))).toBe(golden.predictions)
  })

  // A model whose only layer passes its input through: outputs are the function's values.
  test("tanh", () => {
    const x = reals(functions.tanh.x)
    const spec: ModelSpec = {
      inputs: 1,
      layers: [
        { kind: "dense", units: 1, activation: "tanh" },
        { kind: "dense", units: 1, activation: "identity" },
      ],
      loss: "squared",
      positiveWeight: 1,
    }
    const samples = { rows: x.length, features: 1, x, y: new Float32Array(x.length) }
    const values = createTrainer(spec, { batch: 1, rows: 1 }, kind).predict(Float32Array.of(1, 0, 1, 0), samples)
    // The second layer adds its product to +0.
    expect(values).toEqual(reals(functions.tanh.y).map((value) => value + 0))
  })
})

test("exp and log: the oracle's bits are numpy's, and close to the library's functions", () => {
  for (const [name, f, library] of [
    ["exp", exp, Math.exp],
    ["log", log, Math.log],
  ] as const) {
    const x = reals(functions[name].x)
    const y = reals(functions[name].y)
    for (const [i, value] of x.entries()) {
      expect(f(value), `${name}(${value})`).toBe(y[i])
      const exact = library(Math.max(value, -87))
      expect(Math.abs(y[i]! - exact), `${name}(${value})`).toBeLessThan(
        1.2e-7 * Math.max(Math.abs(exact), name === "log" ? 1 : 0),
      )
    }
  }
})
