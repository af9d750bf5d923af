import { exp } from "../core/elementary.ts"
import { PURPOSE, RandomStream } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import { numberedId, placeOfId } from "./client-id.ts"
import type { Dataset, Population, SampleBuffer } from "./dataset.ts"
import { roomFor } from "./dataset.ts"
import { normal } from "./dirichlet.ts"
import { DataError, quote } from "./error.ts"

/** How clients differ: `alpha` in what they would have learned, `beta` in what they see. */
export interface SyntheticParts {
  readonly alpha: number
  readonly beta: number
  readonly clients: number
  readonly seed: number
}

const FEATURES = 60
const CLASSES = 10
const LEAST_ROWS = 50
const MOST_ROWS = 1000
/** Of each client's samples, the first so many are for training. */
const TRAIN_SHARE = 0.9
/** Mean of a client's samples, with the cut at the most: E[min(50 + floor(exp(4 + 2 z)), 1000)], z normal, by numerical integration. */
const MEAN_ROWS = 236.79

const FEATURE_NAMES = Array.from({ length: FEATURES }, (_, j) => `x${j}`)
const CLASS_NAMES = Array.from({ length: CLASSES }, (_, c) => String(c))
const DEVIATIONS = Float64Array.from({ length: FEATURES }, (_, j) => (j + 1) ** -0.6)

/** Reads `synthetic:ALPHA,BETA`; undefined for the name of another source. */
export function parseSynthetic(source: string): Pick<SyntheticParts, "alpha" | "beta"> | undefined {
  if (source !== "synthetic" && !source.startsWith("synthetic:")) return undefined
  const [, alpha, beta] = /^synthetic:([0-9]+(?:\.[0-9]+)?),([0-9]+(?:\.[0-9]+)?)$/.exec(source) ?? []
  if (alpha === undefined || beta === undefined)
    throw new DataError("option", `expected synthetic:ALPHA,BETA such as synthetic:0.5,0.5, got ${quote(source)}`)
  return { alpha: Number(alpha), beta: Number(beta) }
}

/**
 * Synthetic(alpha, beta) of Li et al. 2020 (FedProx, section 5.1), every client made from (seed, client) when it is asked for: 60 features, 10 classes,
 * y = argmax(W x + b) with W and b normal around u ~ N(0, alpha^2), x ~ N(v, diag(j^-1.2)), v normal around B ~ N(0, beta^2); 50 + lognormal(4, 2) samples,
 * at most 1,000, nine tenths of them for training.
 */
export class SyntheticDataset implements Dataset, Population {
  readonly name = "synthetic"
  readonly task = "multiclass"
  readonly features = FEATURE_NAMES
  readonly classes = CLASS_NAMES
  readonly mostRows = Math.floor(TRAIN_SHARE * MOST_ROWS)
  readonly parts: SyntheticParts
  readonly #maker = new Maker()

  constructor(parts: SyntheticParts) {
    this.parts = parts
  }

  get clients(): number {
    return this.parts.clients
  }
  get population(): Population {
    return this
  }
  get trainSamples(): number {
    return Math.round(TRAIN_SHARE * MEAN_ROWS * this.clients)
  }
  get testSamples(): number {
    return Math.round((1 - TRAIN_SHARE) * MEAN_ROWS * this.clients)
  }

  indexOf(id: string): number | undefined {
    return placeOfId(id, this.clients)
  }
  id(index: number): string {
    return numberedId(this.#checked(index), this.clients)
  }
  trainRows(index: number): number {
    return Math.floor(TRAIN_SHARE * this.#rows(index))
  }
  testRows(index: number): number {
    return this.#rows(index) - this.trainRows(index)
  }
  train(index: number, into?: SampleBuffer): Samples {
    return this.#made(index, 0, this.trainRows(index), into)
  }
  test(index: number, into?: SampleBuffer): Samples {
    return this.#made(index, this.trainRows(index), this.#rows(index), into)
  }

  #rows(index: number): number {
    return this.#maker.size(this.#streamOf(index))
  }

  #made(index: number, from: number, to: number, into?: SampleBuffer): Samples {
    const samples = roomFor(to - from, FEATURES, into)
    this.#maker.make(this.#streamOf(index), this.parts, samples, from)
    return samples
  }

  #streamOf(index: number): RandomStream {
    const device = [this.#checked(index), 0] as const
    return new RandomStream({ seed: this.parts.seed, round: 1, device }, PURPOSE.generator)
  }

  #checked(index: number): number {
    if (Number.isInteger(index) && index >= 0 && index < this.clients) return index
    throw new DataError("client", `${this.name}: expected a client from 0 to ${this.clients - 1}, got ${index}`)
  }
}

/** Memory for one client's own model and distribution, used for one client after the other. */
class Maker {
  readonly #weights = new Float64Array(CLASSES * FEATURES)
  readonly #biases = new Float64Array(CLASSES)
  readonly #mean = new Float64Array(FEATURES)
  readonly #x = new Float64Array(FEATURES)

  size(stream: RandomStream): number {
    return Math.min(MOST_ROWS, LEAST_ROWS + Math.floor(exp(4 + 2 * normal(stream))))
  }

  /** The samples from number `from` on; those before are made, too, and dropped. */
  make(stream: RandomStream, { alpha, beta }: SyntheticParts, { rows, x, y }: Samples, from: number): void {
    this.size(stream)
    const center = alpha * normal(stream)
    for (let i = 0; i < this.#weights.length; i++) this.#weights[i] = center + normal(stream)
    for (let c = 0; c < CLASSES; c++) this.#biases[c] = center + normal(stream)
    const middle = beta * normal(stream)
    for (let j = 0; j < FEATURES; j++) this.#mean[j] = middle + normal(stream)
    for (let row = 0; row < from + rows; row++) {
      for (let j = 0; j < FEATURES; j++) this.#x[j] = Math.fround(this.#mean[j]! + DEVIATIONS[j]! * normal(stream))
      if (row < from) continue
      x.set(this.#x, (row - from) * FEATURES)
      y[row - from] = this.#label()
    }
  }

  #label(): number {
    let best = 0
    let highest = -Infinity
    for (let c = 0; c < CLASSES; c++) {
      let score = this.#biases[c]!
      for (let j = 0; j < FEATURES; j++) score += this.#x[j]! * this.#weights[c * FEATURES + j]!
      if (score > highest) {
        highest = score
        best = c
      }
    }
    return best
  }
}
