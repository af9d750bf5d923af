import { createEncoder, createTrainer } from "../../src/kernel/index.ts"
import type { KernelKind } from "../../src/kernel/index.ts"
import { densePasses } from "./dense.ts"
import { mlp } from "./mlp.ts"
import { measured, secondsOf } from "./result.ts"
import type { Measured } from "./result.ts"

const GROUP = "kernels"
const KEY = { seed: 1, round: 1, device: [1, 2] } as const

function stepSeconds(sizes: readonly number[], batch: number, kind: KernelKind): number {
  const spec = mlp(...sizes)
  const rows = 4 * batch
  const classes = sizes.at(-1)!
  const samples = {
    rows,
    features: spec.inputs,
    x: Float32Array.from({ length: rows * spec.inputs }, (_, i) => ((i * 7) % 17) / 16),
    y: Float32Array.from({ length: rows }, (_, i) => i % classes),
  }
  const trainer = createTrainer(spec, { batch, rows }, kind)
  const settings = { epochs: 1e6, batch, learningRate: 1e-6, momentum: 0, l2: 0, proximal: 0 }
  trainer.begin(trainer.init(KEY), samples, settings, KEY)
  const steps = Math.ceil(1e6 / (sizes[0]! * sizes[1]! * batch)) * (kind === "simd" ? 4 : 1)
  return secondsOf(() => trainer.advance(steps), 100) / steps
}

function steps(): Measured[] {
  const models = [
    [66, 32, 6],
    [561, 64, 6],
    [784, 200, 200, 10],
  ]
  return models.flatMap((sizes) =>
    [32, 10].flatMap((batch) => {
      const simd = stepSeconds(sizes, batch, "simd")
      const name = `training step ${sizes.join("-")}, batch ${batch}`
      return [
        measured({ group: GROUP, name, value: simd * 1e6, unit: "us" }),
        ...(["scalar", "js"] as const).map((kind) => {
          const seconds = stepSeconds(sizes, batch, kind)
          return measured({
            group: GROUP,
            name: `${name}, ${kind}`,
            value: seconds * 1e6,
            unit: "us",
            against: "SIMD",
            ratio: seconds / simd,
          })
        }),
      ]
    }),
  )
}

/** All that a simulated client costs in kernels: 610 parameters, 20 samples, one epoch at batch 10, delta, int8. */
function client(): Measured {
  const spec = mlp(60, 10)
  const samples = {
    rows: 20,
    features: 60,
    x: Float32Array.from({ length: 1200 }, (_, i) => ((i * 7) % 17) / 16),
    y: Float32Array.from({ length: 20 }, (_, i) => i % 10),
  }
  const trainer = createTrainer(spec, { batch: 10, rows: 20 })
  const encoder = createEncoder(trainer.parameters)
  const start = trainer.init(KEY)
  const settings = { epochs: 1, batch: 10, learningRate: 0.01, momentum: 0, l2: 0, proximal: 0 }
  const clients = 200
  const seconds = secondsOf(() => {
    for (let i = 0; i < clients; i++) {
      trainer.train(start, samples, settings, KEY)
      encoder.encode("int8", trainer.delta(), KEY)
    }
  }, 200)
  return measured({
    group: GROUP,
    name: "client of 610 parameters and 20 samples: train, delta, int8",
    value: (seconds / clients) * 1e6,
    unit: "us",
  })
}

/** Dense passes, training steps, and a whole simulated client. */
export async function bench(): Promise<Measured[]> {
  return [...(await densePasses()), ...steps(), client()]
}
