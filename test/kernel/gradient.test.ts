import { expect, test } from "vitest"
import type { ModelSpec } from "../../src/core/model.ts"
import type { Samples } from "../../src/core/samples.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import { init, shapes } from "./reference.ts"
import { generator, randomModel, randomSamples } from "./shapes.ts"

// Mean loss in float64, with the library's exp, log and tanh: independent of the kernels and of their rules.
function meanLoss(spec: ModelSpec, w: Float64Array, samples: Samples): number {
  let sum = 0
  for (let r = 0; r < samples.rows; r++) {
    let values = Array.from(samples.x.subarray(r * spec.inputs, (r + 1) * spec.inputs))
    for (const s of shapes(spec)) {
      const next: number[] = []
      for (let p = 0; p < s.positions; p++) {
        if (s.layer.kind === "pool") {
          const { channels, width, mode } = s.layer
          for (let c = 0; c < channels; c++) {
            const window = Array.from({ length: width }, (_, i) => values[(p * width + i) * channels + c]!)
            next.push(mode === "max" ? Math.max(...window) : window.reduce((a, b) => a + b) / width)
          }
        } else {
          for (let j = 0; j < s.columns; j++) {
            let z = w[s.at + s.depth * s.columns + j]!
            for (let k = 0; k < s.depth; k++) z += values[p * s.step + k]! * w[s.at + k * s.columns + j]!
            next.push(s.activation === "tanh" ? Math.tanh(z) : s.activation === "relu" ? Math.max(z, 0) : z)
          }
        }
      }
      values = next
    }
    const y = samples.y[r]!
    const z = values[0]!
    if (spec.loss === "squared") sum += (z - y) ** 2 / 2
    else if (spec.loss === "logistic")
      sum += y === 1 ? spec.positiveWeight * Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z))
    else sum += Math.log(values.reduce((a, v) => a + Math.exp(v), 0)) - values[y]!
  }
  return sum / samples.rows
}

test("one step of rate 1 goes along the gradient that finite differences in float64 give", () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = generator(1000 + seed)
    const spec = randomModel(random)
    const rows = 1 + random.below(12)
    const samples = randomSamples(random, spec, rows)
    const key = { seed, round: 0, device: [0, 0] } as const
    // Biases of exactly 0 would put dead units on the kink of their relu.
    const start = init(spec, key).map((value) => value + 0.05 * random.normal())
    const trainer = createTrainer(spec, { batch: rows, rows })
    trainer.train(start, samples, { epochs: 1, batch: rows, learningRate: 1, momentum: 0, l2: 0, proximal: 0 }, key)
    const delta = trainer.delta()
    const w = Float64Array.from(start)
    const h = 1e-6
    let kinks = 0
    // Of a large model not all parameters, and of each another part.
    const every = Math.ceil(w.length / 150)
    for (let i = seed % every; i < w.length; i += every) {
      const at = (x: number): number => {
        w[i] = x
        const value = meanLoss(spec, w, samples)
        w[i] = start[i]!
        return value
      }
      const middle = at(start[i]!)
      const up = (at(start[i]! + h) - middle) / h
      const down = (middle - at(start[i]! - h)) / h
      // Where a relu or a maximum has a kink the two sides differ, and either is a gradient.
      if (Math.abs(up - down) > 1e-4 * (1 + Math.abs(up))) kinks++
      else expect(-delta[i]!, `seed ${seed}, parameter ${i}`).toBeCloseTo((up + down) / 2, 3)
    }
    expect(kinks, `seed ${seed}: ${JSON.stringify(spec)}`).toBeLessThan(1 + w.length / every / 20)
  }
})
