import { describe, expect, test } from "vitest"
import { FedmoteError } from "../../src/core/error.ts"
import type { ModelSpec } from "../../src/core/model.ts"
import type { Samples } from "../../src/core/samples.ts"
import { KernelError } from "../../src/kernel/error.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import type { TrainOptions } from "../../src/kernel/types.ts"

const SPEC: ModelSpec = {
  inputs: 3,
  layers: [
    { kind: "dense", units: 4, activation: "relu" },
    { kind: "dense", units: 2, activation: "identity" },
  ],
  loss: "softmax",
  positiveWeight: 1,
}
const SETTINGS: TrainOptions = { epochs: 1, batch: 2, learningRate: 0.1, momentum: 0, l2: 0, proximal: 0 }
const KEY = { seed: 1, round: 1, device: [1, 1] } as const

function samplesOf(x: number[], y: number[], features = 3): Samples {
  return { rows: y.length, features, x: Float32Array.from(x), y: Float32Array.from(y) }
}

const GOOD = samplesOf([1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 0])

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof FedmoteError) return `${error.code}: ${error.message}`
    throw error
  }
  return "nothing was refused"
}

describe.each(["simd", "scalar", "js"] as const)("%s refuses", (kind) => {
  const trainer = createTrainer(SPEC, { batch: 4, rows: 4 }, kind)
  const start = trainer.init(KEY)
  const train = (samples: Samples, settings: Partial<TrainOptions> = {}): string =>
    refusal(() => trainer.train(start, samples, { ...SETTINGS, ...settings }, KEY))

  test("samples that are not as they should be", () => {
    expect(train(samplesOf([1, 2], [0], 2))).toBe("samples: expected 3 features a row, got 2")
    expect(train(samplesOf([1, 2, 3], [0, 1]))).toMatch(/expected 2 rows: 6 values in x and 2 in y, got 3 and 2/)
    expect(train(samplesOf([], []))).toMatch(/at least one row/)
    expect(train(samplesOf([1, 2, 3, 4, 5, 6], [0, 2]))).toBe("samples: row 1: expected a label from 0 to 1, got 2")
    expect(train(samplesOf([1, 2, 3], [0.5]))).toMatch(/row 0: expected a label/)
    expect(train(samplesOf([1, 2, 3], [NaN]))).toMatch(/row 0: expected a label/)
    expect(train(samplesOf([1, 2, 3, 4, NaN, 6], [0, 1]))).toBe(
      "samples: row 1, column 1: expected a finite value, got NaN",
    )
    expect(train(samplesOf([1, 2, 3, 4, 5, -Infinity], [0, 1]))).toMatch(/row 1, column 2: .* got -Infinity/)
    expect(refusal(() => trainer.evaluate(start, samplesOf([1, 2, Infinity], [0])))).toMatch(/row 0, column 2/)
    expect(refusal(() => trainer.predict(start.subarray(1), GOOD))).toMatch(/expected 26 parameters, got 25/)
  })

  test("a bad row beyond the first part of an evaluation, by its own number", () => {
    const many = samplesOf(new Array<number>(300).fill(1), new Array<number>(100).fill(1))
    many.x[3 * 90 + 1] = NaN
    expect(refusal(() => trainer.evaluate(start, many))).toMatch(/row 90, column 1/)
  })

  test("settings without meaning", () => {
    expect(train(GOOD, { epochs: 0 })).toBe("settings: expected epochs to be a whole number from 1, got 0")
    expect(train(GOOD, { batch: 1.5 })).toMatch(/batch/)
    expect(train(GOOD, { epochs: 2 ** 30 })).toMatch(/fewer than 2\^31 samples/)
    expect(train(GOOD, { learningRate: NaN })).toMatch(/learningRate to be finite/)
    expect(train(GOOD, { learningRate: 1e39 })).toMatch(/learningRate to be finite/)
    expect(train(GOOD, { momentum: 1 })).toMatch(/momentum below 1/)
    expect(train(GOOD, { l2: -1 })).toMatch(/l2/)
    expect(train(GOOD, { trained: { from: 1, to: 1 } })).toMatch(/layers within 0 to 2, got 1 to 1/)
    expect(train(GOOD, { schedule: { kind: "linear", warmup: -1 } })).toMatch(/warmup/)
    expect(refusal(() => createTrainer(SPEC, { batch: 1, rows: 1 }, kind).advance(1))).toMatch(
      /`begin` before `advance`/,
    )
    expect(refusal(() => createTrainer(SPEC, { batch: 1, rows: 1 }, kind).outcome())).toMatch(
      /`begin` before `outcome`/,
    )
  })

  test("a result that is not finite, and goes on working", () => {
    expect(train(samplesOf([1e30, 1, 1, -1e30, 1, 1], [0, 1]), { epochs: 50, learningRate: 1e30 })).toMatch(
      /^diverged: /,
    )
    expect(train(GOOD)).toBe("nothing was refused")
  })

  test("models it cannot hold", () => {
    const dense = (units: number): ModelSpec => ({
      ...SPEC,
      layers: [{ kind: "dense", units, activation: "identity" }],
    })
    const create = (spec: ModelSpec, rows = 1): string => refusal(() => createTrainer(spec, { batch: 1, rows }, kind))
    expect(create(dense(1_000_000_000))).toMatch(/^module: expected at most 15 layers and 16777216 parameters/)
    expect(create(dense(2000))).toBe("module: expected at most 1024 outputs, got 2000")
    expect(create({ ...dense(2), loss: "logistic" })).toMatch(/expected one output with the logistic loss, got 2/)
    expect(create(SPEC, 1e9)).toMatch(/^module: no memory/)
    expect(create({ ...SPEC, inputs: 4, layers: [{ kind: "pool", mode: "max", channels: 3, width: 1 }] })).toMatch(
      /^model: /,
    )
  })
})

test("the error is a KernelError", () => {
  const trainer = createTrainer(SPEC, { batch: 4, rows: 4 })
  expect(() => trainer.evaluate(new Float32Array(1), GOOD)).toThrow(KernelError)
})
