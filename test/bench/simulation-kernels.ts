import { NO_DEVICE } from "../../src/core/random.ts"
import type { ModelSpec } from "../../src/core/model.ts"
import type { Samples } from "../../src/core/samples.ts"
import { createAccumulator } from "../../src/kernel/accumulator.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
import { createTrainer } from "../../src/kernel/trainer.ts"
import type { CodecName } from "../../src/core/codec.ts"

export interface UpdateTime {
  /** Of the fastest updates, by the clock. */
  readonly least: number
  /** Of all of them, of the processor. */
  readonly mean: number
}

/** Seconds of one client's update by the kernels alone: its samples lie where the trainer reads them, and nobody asks whose they are. */
export function updateSeconds(spec: ModelSpec, rows: number, codec: CodecName, forMs: number): UpdateTime {
  const trainer = createTrainer(spec, { batch: BATCH, rows })
  const samples = randomSamples(spec, rows, trainer.room)
  const size = trainer.parameters
  const encoder = createEncoder(size)
  const accumulator = createAccumulator({ size, gridExponent: -12, cohort: 2 ** 20, weightCap: rows })
  const model = trainer.init({ seed: 1, round: 0, device: NO_DEVICE })
  const device: [number, number] = [0, 0]
  const key = { seed: 1, round: 1, device }
  const update = (): void => {
    device[0]++
    if (accumulator.count === accumulator.cohort) accumulator.reset(-12)
    trainer.begin(model, samples, SETTINGS, key)
    trainer.advance(Infinity)
    trainer.outcome()
    accumulator.fold(codec, encoder.encode(codec, trainer.delta(), key), rows, key)
  }
  const many = size > 10_000 ? 1 : 500
  for (let i = 0; i < many; i++) update()
  let least = Infinity
  let count = 0
  const cpu = process.cpuUsage()
  for (const end = performance.now() + forMs; performance.now() < end; count += many) {
    const begun = performance.now()
    for (let i = 0; i < many; i++) update()
    least = Math.min(least, (performance.now() - begun) / 1000 / many)
  }
  const { user, system } = process.cpuUsage(cpu)
  return { least, mean: (user + system) / 1e6 / count }
}

const BATCH = 10
const SETTINGS = { epochs: 1, batch: BATCH, learningRate: 0.05, momentum: 0, l2: 0, proximal: 0 }

function randomSamples(
  { inputs, layers }: ModelSpec,
  rows: number,
  room: { x: Float32Array; y: Float32Array },
): Samples {
  const last = layers.at(-1)!
  const classes = last.kind === "dense" ? last.units : 1
  const x = room.x.subarray(0, rows * inputs)
  const y = room.y.subarray(0, rows)
  for (let i = 0; i < x.length; i++) x[i] = Math.random() - 0.5
  for (let i = 0; i < rows; i++) y[i] = i % classes
  return { rows, features: inputs, x, y }
}
