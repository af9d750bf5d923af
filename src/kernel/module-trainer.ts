import { classCount } from "../core/model.ts"
import type { Loss, ModelSpec } from "../core/model.ts"
import type { RandomKey } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import { checkSamples, checkSettings, refuseNonFinite } from "./check.ts"
import { Control, LOSSES } from "./control.ts"
import { KernelError } from "./error.ts"
import type { ModuleInstance, TrainingModule } from "./training-module.ts"
import type { TrainerLimits } from "./trainer.ts"
import { SCORE_BINS } from "./types.ts"
import type { EvaluationSums, TrainOptions, TrainOutcome, Trainer } from "./types.ts"

/** What a module says that it trains: the model that it was described, or one of its own. */
export interface ModuleModel {
  readonly inputs: number
  readonly loss: Loss
  readonly parameters: number
  readonly outputs: number
}

const MOST = { inputs: 65535, parameters: 2 ** 24, outputs: 1024 } as const

/**
 * A trainer whose program is a module of somebody else's. The module is believed nothing: addresses, sizes and outputs are checked, delta and everything
 * that follows are the host's. Whoever does not trust it to come to an end runs it in a thread of its own.
 */
export class ModuleTrainer implements Trainer {
  readonly model: ModuleModel
  readonly #module: TrainingModule
  readonly #described: ModelSpec
  readonly #mostBytes: number
  /** For the checks of samples: inputs, loss and outputs are the module's. */
  readonly #spec: ModelSpec
  #memory: Memory
  #samples: Samples | undefined
  #key: RandomKey | undefined
  #displaced = false
  #delta: Float32Array

  /** Throws `KernelError` ("module") where the module lies about its memory or needs more than `mostBytes`; ("trap") where it dies. */
  constructor(module: TrainingModule, described: ModelSpec, limits: TrainerLimits, mostBytes = Infinity) {
    this.#module = module
    this.#described = described
    this.#mostBytes = mostBytes
    this.#memory = allocate(module, described, limits, mostBytes)
    this.model = this.#memory.model
    const { inputs, loss, outputs } = this.model
    this.#spec = { ...described, inputs, loss, layers: [{ kind: "dense", units: outputs, activation: "identity" }] }
    this.#delta = new Float32Array(this.parameters)
  }

  get parameters(): number {
    return this.model.parameters
  }

  /** Memory of the instance that trains. */
  get memoryBytes(): number {
    return this.#memory.x.buffer.byteLength
  }

  get room(): { x: Float32Array; y: Float32Array } {
    return { x: this.#memory.x, y: this.#memory.y }
  }

  get result(): Float32Array {
    return this.#memory.result
  }

  init(key: RandomKey): Float32Array {
    const { control, functions, candidate } = this.#memory
    control.key = key
    this.#displaced = true
    functions["init"]!()
    this.#refuse(candidate, "initial parameters")
    return candidate.slice()
  }

  train(start: Float32Array, samples: Samples, settings: TrainOptions, key: RandomKey): TrainOutcome {
    this.begin(start, samples, settings, key)
    while (!this.advance(1));
    return this.outcome()
  }

  begin(start: Float32Array, samples: Samples, settings: TrainOptions, key: RandomKey): void {
    checkSamples(this.#spec, samples)
    const { trained: _, ...all } = settings
    checkSettings(this.#spec, samples.rows, all)
    this.#checkParameters(start)
    if (samples.rows === 0) throw new KernelError("samples", "expected at least one row to train on, got none")
    this.#makeRoom(Math.min(settings.batch, samples.rows), samples.rows)
    const { control, functions } = this.#memory
    upload(this.#memory, samples, 0, samples.rows)
    this.#memory.start.set(start)
    control.settings = settings
    control.key = key
    functions["begin"]!()
    this.#samples = samples
    this.#key = key
    this.#displaced = false
    this.#left = settings.epochs * Math.ceil(samples.rows / Math.min(settings.batch, samples.rows))
  }

  /** Steps after which a training must be done. */
  #left = 0

  advance(steps: number): boolean {
    const samples = this.#begun("advance")
    if (this.#displaced) {
      upload(this.#memory, samples, 0, samples.rows)
      this.#memory.control.key = this.#key!
      this.#displaced = false
    }
    const taken = Math.min(steps, this.#left)
    this.#left -= taken
    const done = this.#memory.functions["advance"]!(taken) !== 0
    if (!done && this.#left === 0)
      throw new KernelError("module", "expected the training to be done with its last step, the module goes on")
    return done
  }

  outcome(): TrainOutcome {
    const { rows } = this.#begun("outcome")
    const { control, functions, result } = this.#memory
    control.rows = rows
    functions["collect"]!()
    const { samples, steps, lossSum } = control
    if (steps > samples)
      throw new KernelError("module", `expected a sample a step at least, got ${samples} samples in ${steps} steps`)
    if (!Number.isFinite(lossSum))
      throw new KernelError("diverged", `training diverged within ${steps} steps: the loss is ${lossSum}`)
    this.#refuse(result, "parameters")
    return { samples, steps, lossSum }
  }

  delta(): Float32Array {
    const { start, result } = this.#memory
    for (let i = 0; i < this.#delta.length; i++) this.#delta[i] = result[i]! - start[i]!
    this.#refuse(this.#delta, "delta")
    return this.#delta
  }

  evaluate(parameters: Float32Array, samples: Samples): EvaluationSums {
    const { control, functions, confusion, histogram } = this.#memory
    if (samples.rows === 0) {
      checkSamples(this.#spec, samples)
      control.rows = 0
      functions["evaluate"]!(0)
    }
    this.#inParts(parameters, samples, (from) => functions["evaluate"]!(from > 0 ? 1 : 0))
    if (![control.lossSum, control.squaredError, control.absoluteError].every(Number.isFinite))
      throw new KernelError("diverged", "expected finite sums of an evaluation, got others")
    return control.evaluation(samples.rows, confusion, histogram)
  }

  predict(parameters: Float32Array, samples: Samples): Float32Array {
    const { functions, predictions, model } = this.#memory
    const out = new Float32Array(samples.rows * model.outputs)
    this.#inParts(parameters, samples, (from, rows) => {
      functions["predict"]!()
      out.set(predictions.subarray(0, rows * model.outputs), from * model.outputs)
    })
    return out
  }

  #inParts(parameters: Float32Array, samples: Samples, work: (from: number, rows: number) => void): void {
    checkSamples(this.#spec, samples)
    this.#checkParameters(parameters)
    this.#memory.candidate.set(parameters)
    this.#displaced = true
    for (let from = 0; from < samples.rows; from += this.#memory.rows) {
      const rows = Math.min(this.#memory.rows, samples.rows - from)
      upload(this.#memory, samples, from, rows)
      work(from, rows)
    }
  }

  #begun(what: string): Samples {
    if (this.#samples === undefined) throw new KernelError("settings", `expected \`begin\` before \`${what}\``)
    return this.#samples
  }

  #checkParameters(parameters: Float32Array): void {
    if (parameters.length !== this.parameters)
      throw new KernelError("samples", `expected ${this.parameters} parameters, got ${parameters.length}`)
  }

  #refuse(values: Float32Array, what: string): void {
    const at = values.findIndex((value) => !Number.isFinite(value))
    if (at >= 0) throw new KernelError("diverged", `expected finite ${what}, got ${values[at]} at index ${at}`)
  }

  #makeRoom(batch: number, rows: number): void {
    if (batch <= this.#memory.batch && rows <= this.#memory.rows) return
    const limits = { batch: Math.max(batch, this.#memory.batch), rows: Math.max(rows, this.#memory.rows) }
    this.#memory = allocate(this.#module, this.#described, limits, this.#mostBytes)
    if (!isSame(this.#memory.model, this.model))
      throw new KernelError("module", "expected the same model of every instance, got another")
  }
}

interface Memory {
  readonly batch: number
  readonly rows: number
  readonly model: ModuleModel
  readonly functions: ModuleInstance["functions"]
  readonly control: Control
  readonly start: Float32Array
  readonly result: Float32Array
  readonly candidate: Float32Array
  readonly x: Float32Array
  readonly y: Float32Array
  readonly predictions: Float32Array
  readonly confusion: Uint32Array
  readonly histogram: Uint32Array
}

function allocate(module: TrainingModule, spec: ModelSpec, { batch, rows }: TrainerLimits, mostBytes: number): Memory {
  // A small instance only says how much memory is needed, before the real one gets it.
  const small = module.instantiate(0)
  new Control(small).describe(spec)
  const bytes = small.functions["setup"]!(batch, rows) >>> 0
  if (bytes === 0 || bytes > mostBytes)
    throw new KernelError(
      "module",
      `expected to need at most ${Math.min(mostBytes, 2 ** 31)} bytes of memory for batches of ${batch} and ${rows} rows, the module ${bytes === 0 ? "has no way" : `wants ${bytes}`}`,
    )
  const instance = module.instantiate(bytes)
  const control = new Control(instance)
  control.describe(spec)
  if (instance.functions["setup"]!(batch, rows) >>> 0 !== bytes)
    throw new KernelError("module", "expected the same memory of every instance, got another")
  return views(instance, control, spec, batch, rows)
}

function views(
  { memory, functions }: ModuleInstance,
  control: Control,
  spec: ModelSpec,
  batch: number,
  rows: number,
): Memory {
  const model = modelOf(control)
  const { inputs, parameters, outputs, loss } = model
  const { addresses } = control
  const within = (name: string, at: number, values: number): number => {
    if (at % 4 === 0 && at > 0 && at + 4 * values <= memory.byteLength) return at
    throw new KernelError("module", `expected ${name} of ${values} values within memory, got address ${at}`)
  }
  const reals = (name: keyof typeof addresses, length: number): Float32Array =>
    new Float32Array(memory, within(name, addresses[name], length), length)
  const counts = (name: keyof typeof addresses, length: number): Uint32Array =>
    length === 0 ? new Uint32Array(0) : new Uint32Array(memory, within(name, addresses[name], length), length)
  const classes = classCount({ ...spec, loss, layers: [{ kind: "dense", units: outputs, activation: "identity" }] })
  return {
    batch,
    rows,
    model,
    functions,
    control,
    start: reals("start", parameters),
    result: reals("result", parameters),
    candidate: reals("candidate", parameters),
    x: reals("x", rows * inputs),
    y: reals("y", rows),
    predictions: reals("predictions", rows * outputs),
    confusion: counts("confusion", classes * classes),
    histogram: counts("histogram", loss === "logistic" ? 2 * SCORE_BINS : 0),
  }
}

function modelOf(control: Control): ModuleModel {
  const { inputs, parameters, outputs } = control
  const loss = LOSSES[control.loss]
  for (const [name, value] of Object.entries({ inputs, parameters, outputs }))
    if (!(value >= 1 && value <= MOST[name as keyof typeof MOST]))
      throw new KernelError(
        "module",
        `expected 1 to ${MOST[name as keyof typeof MOST]} ${name}, the module says ${value}`,
      )
  if (loss === undefined)
    throw new KernelError("module", `expected a loss from 0 to 2, the module says ${control.loss}`)
  if (loss !== "softmax" && outputs !== 1)
    throw new KernelError("module", `expected one output with the ${loss} loss, the module says ${outputs}`)
  return { inputs, loss, parameters, outputs }
}

function isSame(a: ModuleModel, b: ModuleModel): boolean {
  return a.inputs === b.inputs && a.loss === b.loss && a.parameters === b.parameters && a.outputs === b.outputs
}

function upload({ x, y, control }: Memory, samples: Samples, from: number, rows: number): void {
  const { features } = samples
  const part = samples.x.subarray(from * features, (from + rows) * features)
  if (!part.every(Number.isFinite)) refuseNonFinite(samples)
  x.set(part)
  y.set(samples.y.subarray(from, from + rows))
  control.rows = rows
}
