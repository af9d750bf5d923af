import { NO_DEVICE, PURPOSE, RandomStream } from "../../core/random.ts"
import { numberedIds } from "../../data/client-id.ts"
import type { Dataset } from "../../data/dataset.ts"
import { normal } from "../../data/dirichlet.ts"
import { PooledDataset, dealOf, sharedFloats } from "../../data/pool.ts"

/** How the devices' data differ: `alpha` in their models, `beta` in their features; "iid" for not at all. */
export type Heterogeneity = "iid" | { readonly alpha: number; readonly beta: number }

export interface SyntheticOptions {
  readonly heterogeneity: Heterogeneity
  readonly seed: number
  /** Default: 30, 60, 10. */
  readonly devices?: number
  readonly features?: number
  readonly classes?: number
}

/** Of each device's samples, the first so many are for training. */
const TRAIN_SHARE = 0.9

/**
 * Synthetic(alpha, beta) of Li et al. 2020 (FedProx, section 5.1), with the sizes and deviations of its published code: floor(lognormal(4, 2)) + 50
 * samples a device; y = argmax(W x + b), with W and b around u ~ N(0, alpha^2), x ~ N(v, diag(j^-1.2)), v around B ~ N(0, beta^2).
 */
export function syntheticDataset(options: SyntheticOptions): Dataset {
  const { heterogeneity, seed, devices = 30, features = 60, classes = 10 } = options
  const stream = new RandomStream({ seed, round: 0, device: NO_DEVICE }, PURPOSE.generator)
  const sizes = Array.from({ length: devices }, () => Math.floor(Math.exp(4 + 2 * normal(stream))) + 50)
  const rows = sizes.reduce((sum, size) => sum + size, 0)
  const pool = { values: sharedFloats(rows * features), stride: features, y: sharedFloats(rows) }
  const deviation = Array.from({ length: features }, (_, j) => (j + 1) ** -0.6)
  const common = labeller(stream, 0, features, classes)
  let row = 0
  const dealt = sizes.map((size) => {
    const { alpha, beta } = heterogeneity === "iid" ? { alpha: 0, beta: 0 } : heterogeneity
    const label = heterogeneity === "iid" ? common : labeller(stream, alpha * normal(stream), features, classes)
    const center = beta * normal(stream)
    const mean = deviation.map(() => (heterogeneity === "iid" ? 0 : center + normal(stream)))
    const from = row
    for (const end = row + size; row < end; row++) {
      const x = pool.values.subarray(row * features, (row + 1) * features)
      for (let j = 0; j < features; j++) x[j] = mean[j]! + deviation[j]! * normal(stream)
      pool.y[row] = label(x)
    }
    return { from, train: from + Math.floor(TRAIN_SHARE * size), to: row }
  })
  const train = dealt.map((own) => range(own.from, own.train))
  const test = dealt.map((own) => range(own.train, own.to))
  return new PooledDataset({
    name: "synthetic",
    task: "multiclass",
    features: deviation.map((_, j) => `x${j}`),
    classes: Array.from({ length: classes }, (_, c) => String(c)),
    ids: numberedIds(devices),
    train: dealOf(pool, train),
    test: dealOf(pool, test),
  })
}

function range(from: number, to: number): Uint32Array {
  return Uint32Array.from({ length: to - from }, (_, i) => from + i)
}

/** A linear classifier whose weights and biases are normal around `center`. */
function labeller(
  stream: RandomStream,
  center: number,
  features: number,
  classes: number,
): (x: Float32Array) => number {
  const weights = Float64Array.from({ length: features * classes }, () => center + normal(stream))
  const biases = Float64Array.from({ length: classes }, () => center + normal(stream))
  return (x) => {
    let best = 0
    let highest = -Infinity
    for (let c = 0; c < classes; c++) {
      let score = biases[c]!
      for (let j = 0; j < features; j++) score += x[j]! * weights[j * classes + c]!
      if (score > highest) {
        highest = score
        best = c
      }
    }
    return best
  }
}
