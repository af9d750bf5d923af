import type { Activation, Layer, Loss, ModelSpec } from "../../src/core/model.ts"
import { classCount, layout } from "../../src/core/model.ts"
import type { Samples } from "../../src/core/samples.ts"

/** A seeded generator of test cases (mulberry32). */
export function generator(seed: number): { below(n: number): number; normal(): number; pick<T>(of: readonly T[]): T } {
  const unit = (): number => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number): number => Math.floor(unit() * n)
  return {
    below,
    normal: () => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit()),
    pick: (of) => of[below(of.length)]!,
  }
}

export type Generator = ReturnType<typeof generator>

const ACTIVATIONS: readonly Activation[] = ["identity", "relu", "tanh"]
const LOSSES: readonly Loss[] = ["softmax", "logistic", "squared"]

/** A model of random shape: dense layers, often not multiples of a tile; now and then convolutions and pools before them. */
export function randomModel(random: Generator, windows = random.below(2) === 1): ModelSpec {
  const loss = random.pick(LOSSES)
  const layers: Layer[] = []
  let inputs = 1 + random.below(40)
  if (windows) {
    let channels = 1 + random.below(5)
    let steps = 6 + random.below(20)
    inputs = channels * steps
    for (let n = 1 + random.below(3); n > 0 && steps > 3; n--) {
      if (random.below(2) === 0) {
        const width = 1 + random.below(3)
        layers.push({ kind: "pool", mode: random.pick(["average", "max"]), channels, width })
        steps = Math.floor(steps / width)
      } else {
        const width = 1 + random.below(4)
        const stride = 1 + random.below(3)
        if (width > steps) continue
        const filters = 1 + random.below(19)
        layers.push({ kind: "conv1d", channels, filters, width, stride, activation: random.pick(ACTIVATIONS) })
        steps = Math.floor((steps - width) / stride) + 1
        channels = filters
      }
    }
  }
  for (let n = random.below(3); n > 0; n--)
    layers.push({ kind: "dense", units: 1 + random.below(30), activation: random.pick(ACTIVATIONS) })
  layers.push({ kind: "dense", units: loss === "softmax" ? 1 + random.below(12) : 1, activation: "identity" })
  const spec = { inputs, layers, loss, positiveWeight: loss === "logistic" ? 0.5 + random.below(8) : 1 }
  layout(spec)
  return spec
}

export function randomSamples(random: Generator, spec: ModelSpec, rows: number): Samples {
  const classes = classCount(spec)
  return {
    rows,
    features: spec.inputs,
    x: Float32Array.from({ length: rows * spec.inputs }, () => random.normal()),
    y: Float32Array.from({ length: rows }, () => (classes > 0 ? random.below(classes) : random.normal())),
  }
}
