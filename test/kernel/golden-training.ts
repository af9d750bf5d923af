import { expect, test } from "vitest"
import type { ModelSpec } from "../../src/core/model.ts"
import type { Samples } from "../../src/core/samples.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import type { KernelKind, Trainer } from "../../src/kernel/types.ts"
import { doubles, floats, hex, vectors } from "./codec-support.ts"
import type { GoldenEvaluation, TrainingVectors } from "./golden.ts"

const { functions, cases, evaluations } = vectors<TrainingVectors>("training.json")

/** Initialisation, training, evaluation and prediction against the golden bytes. */
export function trainingSuite(kind: KernelKind): void {
  test.each(cases)("training: $name", ({ spec, settings, key, rows, limit, ...golden }) => {
    const trainer = createTrainer(spec, { batch: Math.min(settings.batch, rows), rows }, kind)
    const samples = { rows, features: spec.inputs, x: floats(golden.x), y: floats(golden.y) }
    expect(hex(trainer.init(key))).toBe(golden.init)
    trainer.begin(floats(golden.start), samples, settings, key)
    expect(trainer.advance(limit ?? Infinity)).toBe(limit === undefined)
    const { steps, samples: processed, lossSum } = trainer.outcome()
    expect({ steps, processed, lossSum }).toEqual({
      steps: golden.steps,
      processed: golden.samples,
      lossSum: doubles(golden.lossSum)[0],
    })
    expect(hex(trainer.result)).toBe(golden.result)
    expect(hex(trainer.delta())).toBe(golden.delta)
    expectEvaluation(trainer, floats(golden.result), samples, golden.evaluation)
    expect(hex(trainer.predict(floats(golden.result), samples))).toBe(golden.predictions)
  })

  test.each(evaluations)("evaluation: $name", ({ spec, rows, parameters, evaluation, predictions, ...golden }) => {
    const samples = { rows, features: spec.inputs, x: floats(golden.x), y: floats(golden.y) }
    // In one go, and in parts.
    for (const room of [150, 1]) {
      const trainer = createTrainer(spec, { batch: 1, rows: room }, kind)
      for (let time = 0; time < 2; time++) expectEvaluation(trainer, floats(parameters), samples, evaluation)
      expect(hex(trainer.predict(floats(parameters), samples))).toBe(predictions)
    }
  })

  // A model whose only layer passes its input through: outputs are the function's values.
  test("tanh", () => {
    const x = floats(functions.tanh.x)
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
    expect(values).toEqual(floats(functions.tanh.y).map((value) => value + 0))
  })
}

function expectEvaluation(
  trainer: Trainer,
  parameters: Float32Array,
  samples: Samples,
  { confusion, histogram, ...sums }: GoldenEvaluation,
): void {
  const got = trainer.evaluate(parameters, samples)
  const real = (text: string): number => doubles(text)[0]!
  expect([got.rows, got.lossSum, got.squaredError, got.absoluteError]).toEqual([
    samples.rows,
    real(sums.lossSum),
    real(sums.squaredError),
    real(sums.absoluteError),
  ])
  expect([...got.confusion]).toEqual(confusion)
  expect(Object.fromEntries([...got.histogram.entries()].filter(([, n]) => n > 0))).toEqual(histogram)
}
