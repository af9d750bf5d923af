import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { expect, test } from "vitest"
import { createTrainer } from "../../src/kernel/trainer.ts"
import { init } from "./reference.ts"
import { generator, randomModel, randomSamples } from "./shapes.ts"

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

test.each(["simd", "scalar", "js"] as const)("%s: no memory is taken per step", (kind) => {
  const random = generator(7)
  const spec = randomModel(random, true)
  const samples = randomSamples(random, spec, 60)
  const key = { seed: 1, round: 1, device: [1, 1] } as const
  const start = init(spec, key)
  const trainer = createTrainer(spec, { batch: 4, rows: 60 }, kind)
  const settings = { epochs: 2000, batch: 4, learningRate: 1e-4, momentum: 0.5, l2: 0.1, proximal: 0.1 }
  trainer.begin(start, samples, settings, key)
  const memory = trainer.result.buffer
  const before = memory.byteLength
  trainer.advance(3000)
  collect()
  const heap = process.memoryUsage()
  trainer.advance(20000)
  const after = process.memoryUsage()
  // Nothing has been collected in between. (JavaScript engines box float64 variables of the "js" kind, which is their own affair.)
  if (kind !== "js") expect(after.heapUsed - heap.heapUsed).toBeLessThan(64 * 1024)
  expect(after.arrayBuffers).toBeLessThanOrEqual(heap.arrayBuffers)
  expect(trainer.result.buffer).toBe(memory)
  expect(memory.byteLength).toBe(before)
})
