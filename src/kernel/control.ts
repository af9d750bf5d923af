import type { RandomKey } from "../core/random.ts"
import { unreachable } from "../core/error.ts"
import { layout } from "../core/model.ts"
import type { Layer, LayerLayout, ModelSpec } from "../core/model.ts"
import type { KernelInstance } from "./module.ts"
import type { EvaluationSums, TrainOptions } from "./types.ts"

// Word offsets in the control block (assembly/control.ts; assembly/README.md has the table).
const INPUTS = 0
const LOSS = 1
const POSITIVE_WEIGHT = 2
const LAYER_COUNT = 3
const ROWS = 4
const EPOCHS = 5
const BATCH = 6
const LEARNING_RATE = 7
const MOMENTUM = 8
const L2 = 9
const PROXIMAL = 10
const CLIP_NORM = 11
const EXAMPLE_CLIP_NORM = 12
const SCHEDULE = 13
const WARMUP = 14
const FINAL_FRACTION = 15
const TRAIN_FROM = 16
const TRAIN_TO = 17
const SEED = 18
const ROUND = 19
const DEVICE_HIGH = 20
const DEVICE_LOW = 21
const PARAMETERS = 22
const OUTPUTS = 23
const START = 24
const RESULT = 25
const CANDIDATE = 26
const X = 27
const Y = 28
const PREDICTIONS = 29
const CONFUSION = 30
const HISTOGRAM = 31
const SAMPLES = 38
const STEPS = 39
const LAYERS = 64
const LAYER_WORDS = 16
const WORDS = LAYERS + 17 * LAYER_WORDS

/** Float64 offsets. */
const LOSS_SUM = 16
const SQUARED_ERROR = 17
const ABSOLUTE_ERROR = 18

const LAYER_KINDS = { dense: 0, conv1d: 1, average: 2, max: 3 } as const
const ACTIVATIONS = { identity: 0, relu: 1, tanh: 2 } as const
/** Losses in the order of their numbers. */
export const LOSSES = ["softmax", "logistic", "squared"] as const
const SCHEDULES = { constant: 0, linear: 1, cosine: 2 } as const

/** The control block of an instance, by names. */
export class Control {
  readonly #words: Uint32Array
  readonly #reals: Float32Array
  readonly #sums: Float64Array

  constructor({ memory, base }: Pick<KernelInstance, "memory" | "base">) {
    this.#words = new Uint32Array(memory, base, WORDS)
    this.#reals = new Float32Array(memory, base, WORDS)
    this.#sums = new Float64Array(memory, base, WORDS / 2)
  }

  describe(spec: ModelSpec): void {
    const words = this.#words
    words[INPUTS] = spec.inputs
    words[LOSS] = LOSSES.indexOf(spec.loss)
    this.#reals[POSITIVE_WEIGHT] = spec.positiveWeight
    words[LAYER_COUNT] = spec.layers.length
    words.set([0, 0, 0, 0, 1, spec.inputs], LAYERS)
    for (const [i, shape] of layout(spec).entries())
      words.set(layerWords(spec.layers[i]!, shape), LAYERS + (i + 1) * LAYER_WORDS)
  }

  set rows(rows: number) {
    this.#words[ROWS] = rows
  }

  set settings(settings: TrainOptions) {
    const words = this.#words
    const reals = this.#reals
    const { schedule, trained } = settings
    words[EPOCHS] = settings.epochs
    words[BATCH] = settings.batch
    reals[LEARNING_RATE] = settings.learningRate
    reals[MOMENTUM] = settings.momentum
    reals[L2] = settings.l2
    reals[PROXIMAL] = settings.proximal
    reals[CLIP_NORM] = settings.clipNorm ?? 0
    reals[EXAMPLE_CLIP_NORM] = settings.exampleClipNorm ?? 0
    words[SCHEDULE] = SCHEDULES[schedule?.kind ?? "constant"]
    words[WARMUP] = schedule?.warmup ?? 0
    reals[FINAL_FRACTION] = schedule?.finalFraction ?? 0
    words[TRAIN_FROM] = trained?.from ?? 0
    words[TRAIN_TO] = trained?.to ?? words[LAYER_COUNT]!
  }

  set key({ seed, round, device }: RandomKey) {
    const words = this.#words
    words[SEED] = seed
    words[ROUND] = round
    words[DEVICE_HIGH] = device[0]
    words[DEVICE_LOW] = device[1]
  }

  get inputs(): number {
    return this.#words[INPUTS]!
  }
  /** As a number, in `LOSSES`. */
  get loss(): number {
    return this.#words[LOSS]!
  }
  get parameters(): number {
    return this.#words[PARAMETERS]!
  }
  get outputs(): number {
    return this.#words[OUTPUTS]!
  }

  /** Addresses of vectors, in bytes. */
  get addresses(): {
    readonly start: number
    readonly result: number
    readonly candidate: number
    readonly x: number
    readonly y: number
    readonly predictions: number
    readonly confusion: number
    readonly histogram: number
  } {
    const words = this.#words
    return {
      start: words[START]!,
      result: words[RESULT]!,
      candidate: words[CANDIDATE]!,
      x: words[X]!,
      y: words[Y]!,
      predictions: words[PREDICTIONS]!,
      confusion: words[CONFUSION]!,
      histogram: words[HISTOGRAM]!,
    }
  }

  /** What an evaluation of so many rows has counted, copied. */
  evaluation(rows: number, confusion: Uint32Array, histogram: Uint32Array): EvaluationSums {
    const { lossSum, squaredError, absoluteError } = this
    return { rows, lossSum, confusion: confusion.slice(), histogram: histogram.slice(), squaredError, absoluteError }
  }

  get lossSum(): number {
    return this.#sums[LOSS_SUM]!
  }
  get squaredError(): number {
    return this.#sums[SQUARED_ERROR]!
  }
  get absoluteError(): number {
    return this.#sums[ABSOLUTE_ERROR]!
  }
  get samples(): number {
    return this.#words[SAMPLES]!
  }
  get steps(): number {
    return this.#words[STEPS]!
  }
}

// kind, activation, depth, columns, positions, channels, step, width
function layerWords(layer: Layer, { fanIn, outputs }: LayerLayout): number[] {
  switch (layer.kind) {
    case "dense":
      return [LAYER_KINDS.dense, ACTIVATIONS[layer.activation], fanIn, layer.units, 1, layer.units, 0, 1]
    case "conv1d": {
      const { activation, channels, filters, width, stride } = layer
      return [
        LAYER_KINDS.conv1d,
        ACTIVATIONS[activation],
        fanIn,
        filters,
        outputs / filters,
        filters,
        stride * channels,
        width,
      ]
    }
    case "pool": {
      const { mode, channels, width } = layer
      return [LAYER_KINDS[mode], ACTIVATIONS.identity, 0, 0, outputs / channels, channels, width * channels, width]
    }
    default:
      return unreachable(layer)
  }
}
