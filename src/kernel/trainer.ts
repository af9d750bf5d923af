import { MODEL_LIMITS, classCount, layout, outputCount, parameterCount } from "../core/model.ts"
import type { ModelSpec } from "../core/model.ts"
import type { RandomKey } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import { checkSamples, checkSettings, refuseNonFinite } from "./check.ts"
import { Control } from "./control.ts"
import { KernelError } from "./error.ts"
import { defaultKind, instantiate } from "./module.ts"
import type { KernelFunctions } from "./module.ts"
import { SCORE_BINS } from "./types.ts"
import type { EvaluationSums, KernelKind, TrainOptions, TrainOutcome, Trainer } from "./types.ts"

/** Sizes that a trainer's memory has room for. Larger ones work too, at the price of new memory when they first come. */
export interface TrainerLimits {
  /** Rows of a batch. */
  readonly batch: number
  /** Rows of a client's samples. */
  readonly rows: number
}

/** Confusion counts take outputs x outputs words. */
const MAX_OUTPUTS = 1024

/** Bits of infinity as a float32. */
const INFINITE = 0x7f800000

/** Floats that `isFinite` clears behind a vector. */
const TAIL = 8

/** Evaluation goes through memory in parts; less than this is not worth a call. */
const LEAST_ROWS = 64

/**
 * A trainer of the built-in kernels. Throws `FedmoteError` ("model") for a model whose shapes do not fit, `KernelError` ("module") for one that is too large.
 */
export function createTrainer(spec: ModelSpec, limits: TrainerLimits, kind: KernelKind = defaultKind()): Trainer {
  layout(spec)
  if (spec.layers.length > MODEL_LIMITS.layers || parameterCount(spec) > MODEL_LIMITS.parameters)
    throw new KernelError(
      "module",
      `expected at most ${MODEL_LIMITS.layers} layers and ${MODEL_LIMITS.parameters} parameters, got ${spec.layers.length} and ${parameterCount(spec)}`,
    )
  const outputs = outputCount(spec)
  if (outputs > MAX_OUTPUTS) throw new KernelError("module", `expected at most ${MAX_OUTPUTS} outputs, got ${outputs}`)
  if (spec.loss !== "softmax" && outputs !== 1)
    throw new KernelError("module", `expected one output with the ${spec.loss} loss, got ${outputs}`)
  return new KernelTrainer(spec, limits, kind)
}

class KernelTrainer implements Trainer {
  readonly parameters: number
  readonly #spec: ModelSpec
  readonly #kind: KernelKind
  #memory!: TrainerMemory
  // What the training in progress needs in memory, to be put back after an evaluation or initialisation.
  #samples: Samples | undefined
  #key: RandomKey | undefined
  #displaced = false

  constructor(spec: ModelSpec, limits: TrainerLimits, kind: KernelKind) {
    this.#spec = spec
    this.#kind = kind
    this.parameters = parameterCount(spec)
    this.#memory = allocate(spec, kind, limits.batch, Math.max(limits.rows, LEAST_ROWS))
  }

  init(key: RandomKey): Float32Array {
    const { control, functions, candidate } = this.#memory
    control.key = key
    this.#displaced = true
    functions["init"]!()
    return candidate.slice()
  }

  train(start: Float32Array, samples: Samples, settings: TrainOptions, key: RandomKey): TrainOutcome {
    this.begin(start, samples, settings, key)
    this.advance(Infinity)
    return this.outcome()
  }

  begin(start: Float32Array, samples: Samples, settings: TrainOptions, key: RandomKey): void {
    checkSamples(this.#spec, samples)
    checkSettings(this.#spec, samples.rows, settings)
    this.#checkParameters(start)
    if (samples.rows === 0) throw new KernelError("samples", "expected at least one row to train on, got none")
    const batch = Math.min(settings.batch, samples.rows)
    if (batch > this.#memory.batch || samples.rows > this.#memory.rows) this.#grow(batch, samples.rows)
    const memory = this.#memory
    upload(memory, samples, 0, samples.rows)
    memory.start.set(start)
    memory.control.settings = settings
    memory.control.key = key
    memory.functions["begin"]!()
    this.#samples = samples
    this.#key = key
    this.#displaced = false
  }

  advance(steps: number): boolean {
    if (this.#samples === undefined) throw new KernelError("settings", "expected `begin` before `advance`")
    const memory = this.#memory
    if (this.#displaced) {
      if (isWithin(memory, this.#samples))
        throw new KernelError(
          "samples",
          "expected samples of the training's own, got some that lay where others are now",
        )
      upload(memory, this.#samples, 0, this.#samples.rows)
      memory.control.key = this.#key!
      this.#displaced = false
    }
    return memory.functions["advance"]!(Math.min(steps, 2 ** 31 - 1)) !== 0
  }

  outcome(): TrainOutcome {
    if (this.#samples === undefined) throw new KernelError("settings", "expected `begin` before `outcome`")
    const { control, functions, resultRoom } = this.#memory
    control.rows = this.#samples.rows
    functions["collect"]!()
    const { samples, steps, lossSum } = control
    if (!Number.isFinite(lossSum) || !isFinite(functions, resultRoom, this.parameters))
      throw new KernelError("diverged", `training diverged within ${steps} steps: use a smaller learning rate`)
    return { samples, steps, lossSum }
  }

  get room(): { x: Float32Array; y: Float32Array } {
    return this.#memory.room
  }

  get result(): Float32Array {
    return this.#memory.result
  }

  delta(): Float32Array {
    const { functions, candidate, candidateRoom, start, result } = this.#memory
    functions["subtract"]!(candidate.byteOffset, result.byteOffset, start.byteOffset, result.length)
    if (!isFinite(functions, candidateRoom, this.parameters))
      throw new KernelError("diverged", "the difference to the start is not finite")
    return candidate
  }

  evaluate(parameters: Float32Array, samples: Samples): EvaluationSums {
    const { control, functions, confusion, histogram } = this.#memory
    if (samples.rows === 0) checkSamples(this.#spec, samples)
    // At least one call, which clears the sums.
    if (samples.rows === 0) {
      control.rows = 0
      functions["evaluate"]!(0)
    }
    this.#inParts(parameters, samples, (from) => functions["evaluate"]!(from > 0 ? 1 : 0))
    return control.evaluation(samples.rows, confusion, histogram)
  }

  predict(parameters: Float32Array, samples: Samples): Float32Array {
    const { functions, predictions, outputs } = this.#memory
    const out = new Float32Array(samples.rows * outputs)
    this.#inParts(parameters, samples, (from, rows) => {
      functions["predict"]!()
      out.set(predictions.subarray(0, rows * outputs), from * outputs)
    })
    return out
  }

  // Puts the samples into memory, as many as fit at a time, and works on them.
  #inParts(parameters: Float32Array, samples: Samples, work: (from: number, rows: number) => void): void {
    checkSamples(this.#spec, samples)
    this.#checkParameters(parameters)
    const memory = this.#memory
    memory.candidate.set(parameters)
    this.#displaced = true
    for (let from = 0; from < samples.rows; from += memory.rows) {
      const rows = Math.min(memory.rows, samples.rows - from)
      upload(memory, samples, from, rows)
      work(from, rows)
    }
  }

  #checkParameters(parameters: Float32Array): void {
    if (parameters.length !== this.parameters)
      throw new KernelError("samples", `expected ${this.parameters} parameters, got ${parameters.length}`)
  }

  #grow(batch: number, rows: number): void {
    this.#samples = undefined
    this.#memory = allocate(
      this.#spec,
      this.#kind,
      Math.max(batch, this.#memory.batch),
      Math.max(rows, this.#memory.rows),
    )
  }
}

/** An instance with views of its vectors; its memory never changes. */
interface TrainerMemory {
  readonly batch: number
  readonly rows: number
  readonly outputs: number
  readonly functions: KernelFunctions
  readonly control: Control
  readonly start: Float32Array
  readonly result: Float32Array
  readonly candidate: Float32Array
  /** `result` and `candidate` with what lies behind them, as `x` has. */
  readonly resultRoom: Float32Array
  readonly candidateRoom: Float32Array
  readonly x: Float32Array
  readonly y: Float32Array
  /** The same, as it is lent. */
  readonly room: { x: Float32Array; y: Float32Array }
  readonly predictions: Float32Array
  readonly confusion: Uint32Array
  readonly histogram: Uint32Array
}

function allocate(spec: ModelSpec, kind: KernelKind, batch: number, rows: number): TrainerMemory {
  // A small instance only says how much memory is needed, before the real one gets it.
  const small = instantiate(kind, 0)
  new Control(small).describe(spec)
  const bytes = small.functions["setup"]!(batch, rows) >>> 0
  if (bytes === 0)
    throw new KernelError(
      "module",
      `no memory for batches of ${batch} and ${rows} rows of ${spec.inputs} features below 2 GiB`,
    )
  const instance = instantiate(kind, bytes)
  const control = new Control(instance)
  control.describe(spec)
  instance.functions["setup"]!(batch, rows)
  const { memory, functions } = instance
  const { parameters, outputs, addresses } = control
  const classes = classCount(spec)
  const reals = (at: number, length: number): Float32Array => new Float32Array(memory, at, length)
  const x = reals(addresses.x, rows * spec.inputs + TAIL)
  const y = reals(addresses.y, rows)
  return {
    batch,
    rows,
    outputs,
    functions,
    control,
    start: reals(addresses.start, parameters),
    result: reals(addresses.result, parameters),
    candidate: reals(addresses.candidate, parameters),
    resultRoom: reals(addresses.result, parameters + TAIL),
    candidateRoom: reals(addresses.candidate, parameters + TAIL),
    x,
    y,
    room: { x: x.subarray(0, rows * spec.inputs), y },
    predictions: reals(addresses.predictions, rows * outputs),
    confusion: new Uint32Array(memory, addresses.confusion, classes * classes),
    histogram: new Uint32Array(memory, addresses.histogram, spec.loss === "logistic" ? 2 * SCORE_BINS : 0),
  }
}

function upload(memory: TrainerMemory, samples: Samples, from: number, rows: number): void {
  const { x, y, control, functions } = memory
  const { features } = samples
  const all = rows === samples.rows
  if (!isWithin(memory, samples)) {
    x.set(all ? samples.x : samples.x.subarray(from * features, (from + rows) * features))
    y.set(all ? samples.y : samples.y.subarray(from, from + rows))
  }
  control.rows = rows
  if (!isFinite(functions, x, rows * features)) refuseNonFinite(samples)
}

// Whether the samples were read into the trainer's own memory.
function isWithin({ x, y }: TrainerMemory, samples: Samples): boolean {
  return samples.x.buffer === x.buffer && samples.y.buffer === y.buffer
}

// Whether the first `length` values are finite. The kernel looks at up to 7 values more, which belong to nobody: `room` has them.
function isFinite(functions: KernelFunctions, room: Float32Array, length: number): boolean {
  room.fill(0, length, length + TAIL)
  return functions["peakBits"]!(room.byteOffset, length) < INFINITE
}
