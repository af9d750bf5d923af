import { describe, expect, test } from "vitest"
import { classCount, outputCount } from "../../src/core/model.ts"
import type { ModelSpec } from "../../src/core/model.ts"
import type { Samples } from "../../src/core/samples.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import { SCORE_BINS } from "../../src/kernel/types.ts"
import type { EvaluationSums } from "../../src/kernel/types.ts"
import * as reference from "./reference.ts"
import { generator, randomModel, randomSamples } from "./shapes.ts"

const KEY = { seed: 5, round: 0, device: [0, 0] } as const

function expectedSums(spec: ModelSpec, w: Float32Array, samples: Samples): EvaluationSums {
  const classes = classCount(spec)
  const confusion = new Uint32Array(classes * classes)
  const histogram = new Uint32Array(spec.loss === "logistic" ? 2 * SCORE_BINS : 0)
  let lossSum = 0
  let squaredError = 0
  let absoluteError = 0
  for (let r = 0; r < samples.rows; r++) {
    const z = reference.forward(spec, w, samples.x.subarray(r * spec.inputs, (r + 1) * spec.inputs)).at(-1)!
    const y = samples.y[r]!
    lossSum += reference.loss(spec, z, y, 1).loss
    if (spec.loss === "squared") {
      const e = Math.fround(z[0]! - y)
      squaredError += e * e
      absoluteError += Math.abs(e)
    } else if (spec.loss === "logistic") {
      confusion[y * 2 + (z[0]! >= 0 ? 1 : 0)]!++
      histogram[y * SCORE_BINS + Math.floor(Math.min(Math.max(z[0]!, -8), 7.9375) * 16) + 128]!++
    } else confusion[y * classes + z.indexOf(Math.max(...z))]!++
  }
  return { rows: samples.rows, lossSum, confusion, histogram, squaredError, absoluteError }
}

/** Softmax and sigmoid in float64. */
function expectedPredictions(spec: ModelSpec, w: Float32Array, samples: Samples): number[] {
  return Array.from({ length: samples.rows }, (_, r) => {
    const z = reference.forward(spec, w, samples.x.subarray(r * spec.inputs, (r + 1) * spec.inputs)).at(-1)!
    if (spec.loss === "squared") return z
    if (spec.loss === "logistic") return [1 / (1 + Math.exp(-z[0]!))]
    const e = z.map((v) => Math.exp(v - Math.max(...z)))
    const sum = e.reduce((a, b) => a + b)
    return e.map((v) => v / sum)
  }).flat()
}

describe.each(["simd", "scalar", "js"] as const)("%s", (kind) => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))("evaluation and prediction of random model %i", (seed) => {
    const random = generator(seed)
    const spec = randomModel(random)
    // More rows than fit at once, and fewer.
    const samples = randomSamples(random, spec, random.below(200))
    const w = reference.init(spec, KEY).map((value) => value * (1 + random.below(4)))
    const trainer = createTrainer(spec, { batch: 3, rows: 3 }, kind)
    expect(trainer.evaluate(w, samples), JSON.stringify(spec)).toEqual(expectedSums(spec, w, samples))
    const predictions = trainer.predict(w, samples)
    expect(predictions).toHaveLength(samples.rows * outputCount(spec))
    expectedPredictions(spec, w, samples).forEach((value, i) => expect(predictions[i]).toBeCloseTo(value, 6))
  })

  test("scores beyond the histogram count in its ends; a score of 0 in the upper half", () => {
    const spec: ModelSpec = {
      inputs: 1,
      layers: [{ kind: "dense", units: 1, activation: "identity" }],
      loss: "logistic",
      positiveWeight: 1,
    }
    const x = Float32Array.of(-1e30, -8, -0.01, 0, 7.93, 7.9375, 1e30)
    const y = Float32Array.of(0, 0, 0, 1, 1, 1, 1)
    const { histogram, confusion } = createTrainer(spec, { batch: 1, rows: 1 }, kind).evaluate(Float32Array.of(1, 0), {
      rows: 7,
      features: 1,
      x,
      y,
    })
    expect([...histogram.entries()].filter(([, count]) => count > 0)).toEqual([
      [0, 2],
      [127, 1],
      [256 + 128, 1],
      [256 + 254, 1],
      [256 + 255, 2],
    ])
    expect([...confusion]).toEqual([3, 0, 0, 4])
  })
})
