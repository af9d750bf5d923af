import { describe, expect, test } from "vitest"
import { parameterCount } from "../../src/core/model.ts"
import type { ModelSpec } from "../../src/core/model.ts"
import type { RandomKey } from "../../src/core/random.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import type { TrainOptions } from "../../src/kernel/types.ts"
import * as reference from "./reference.ts"
import { generator, randomModel, randomSamples } from "./shapes.ts"
import type { Generator } from "./shapes.ts"

const KINDS = ["simd", "scalar", "js"] as const

function randomSettings(random: Generator, spec: ModelSpec): TrainOptions {
  const often = (): boolean => random.below(2) === 0
  const from = random.below(spec.layers.length)
  return {
    epochs: 1 + random.below(3),
    batch: 1 + random.below(20),
    learningRate: 0.005 + random.below(10) / 400,
    momentum: often() ? 0 : random.below(10) / 10,
    l2: often() ? 0 : 0.01,
    proximal: often() ? 0 : 0.1,
    ...(random.below(4) === 0 && { clipNorm: 0.05 + random.below(10) / 10 }),
    ...(random.below(4) === 0 && { exampleClipNorm: 0.05 + random.below(10) / 10 }),
    ...(random.below(3) === 0 && {
      schedule: {
        kind: random.pick(["constant", "linear", "cosine"] as const),
        warmup: random.below(4),
        finalFraction: 0.1,
      },
    }),
    ...(random.below(3) === 0 && { trained: { from, to: from + 1 + random.below(spec.layers.length - from) } }),
  }
}

function randomKey(random: Generator): RandomKey {
  const word = (): number => random.below(2 ** 32)
  return { seed: word(), round: word(), device: [word(), word()] }
}

/** Where two vectors' bits first differ (-0 and +0 do), and how often; undefined where they do not. */
function difference(got: Float32Array, expected: Float32Array): object | undefined {
  expect(got).toHaveLength(expected.length)
  const a = new Uint32Array(got.slice().buffer)
  const b = new Uint32Array(expected.slice().buffer)
  const different = [...a.keys()].filter((i) => a[i] !== b[i])
  const at = different[0]
  return at === undefined
    ? undefined
    : { at, count: different.length, of: a.length, got: got[at], expected: expected[at] }
}

describe.each(KINDS)("training on %s gives the bits of the written rules", (kind) => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))("random model %i", (seed) => {
    const random = generator(seed)
    const spec = randomModel(random)
    const samples = randomSamples(random, spec, 1 + random.below(45))
    const settings = randomSettings(random, spec)
    const key = randomKey(random)
    const start = reference.init(spec, key)
    start.forEach((value, i) => (start[i] = value + 0.01 * random.normal()))
    const expected = reference.train(spec, start, samples, settings, key)
    expect(expected.result.every(Number.isFinite), "the case is a sensible one").toBe(true)
    const trainer = createTrainer(spec, { batch: 1 + random.below(20), rows: 1 + random.below(45) }, kind)
    const { lossSum, steps, samples: processed } = trainer.train(start, samples, settings, key)
    expect({ lossSum, steps, processed }, JSON.stringify({ spec, settings })).toEqual({
      lossSum: expected.lossSum,
      steps: expected.steps,
      processed: expected.samples,
    })
    expect(difference(trainer.result, expected.result), JSON.stringify({ spec, settings })).toBeUndefined()
    const delta = expected.result.map((value, i) => value - start[i]!)
    expect(difference(trainer.delta(), delta)).toBeUndefined()
  })

  test("a batch of the size of every tile and remainder", () => {
    const random = generator(1)
    const spec = { ...randomModel(random, false), inputs: 9 }
    for (let batch = 1; batch <= 34; batch++) {
      const samples = randomSamples(random, spec, batch)
      const settings = { epochs: 1, batch, learningRate: 0.1, momentum: 0, l2: 0, proximal: 0 }
      const key = randomKey(random)
      const start = reference.init(spec, key)
      const trainer = createTrainer(spec, { batch, rows: batch }, kind)
      trainer.train(start, samples, settings, key)
      const expected = reference.train(spec, start, samples, settings, key).result
      expect(difference(trainer.result, expected), `batch ${batch}`).toBeUndefined()
    }
  })

  test("initial parameters follow from the key", () => {
    for (let seed = 100; seed < 120; seed++) {
      const random = generator(seed)
      const spec = randomModel(random)
      const key = randomKey(random)
      const trainer = createTrainer(spec, { batch: 1, rows: 1 }, kind)
      const first = trainer.init(key)
      expect(first).toHaveLength(parameterCount(spec))
      expect(difference(first, reference.init(spec, key)), `seed ${seed}`).toBeUndefined()
      expect(trainer.init(key), "and from nothing else").toEqual(first)
    }
  })

  test("slices give the same as one go, also with an evaluation and an initialisation in between", () => {
    for (let seed = 200; seed < 220; seed++) {
      const random = generator(seed)
      const spec = randomModel(random)
      const samples = randomSamples(random, spec, 20 + random.below(20))
      const other = randomSamples(random, spec, 7)
      const settings = randomSettings(random, spec)
      const key = randomKey(random)
      const trainer = createTrainer(spec, { batch: 20, rows: 40 }, kind)
      const start = trainer.init(key)
      const whole = trainer.train(start, samples, settings, key)
      const result = trainer.result.slice()
      trainer.begin(start, samples, settings, key)
      let steps = 0
      while (!trainer.advance(2)) {
        steps += 2
        const soFar = trainer.outcome()
        expect(soFar.steps).toBe(steps)
        const expected = reference.train(spec, start, samples, settings, key, steps).result
        expect(difference(trainer.result, expected), `seed ${seed}, step ${steps}`).toBeUndefined()
        trainer.evaluate(start, other)
        trainer.init(randomKey(random))
      }
      expect(trainer.outcome()).toEqual(whole)
      expect(difference(trainer.result, result), `seed ${seed}`).toBeUndefined()
    }
  })
})

test("one client after another, growing and shrinking, as if each were alone", () => {
  const random = generator(300)
  const spec = randomModel(random, true)
  const shared = createTrainer(spec, { batch: 4, rows: 4 })
  for (const rows of [3, 90, 17, 200, 1]) {
    const samples = randomSamples(random, spec, rows)
    const settings = randomSettings(random, spec)
    const key = randomKey(random)
    const start = reference.init(spec, key)
    const alone = createTrainer(spec, { batch: 200, rows: 200 })
    expect(shared.train(start, samples, settings, key)).toEqual(alone.train(start, samples, settings, key))
    expect(difference(shared.result, alone.result)).toBeUndefined()
    expect(shared.evaluate(start, samples)).toEqual(alone.evaluate(start, samples))
  }
})
