import { classCount } from "../core/model.ts"
import type { ModelSpec } from "../core/model.ts"
import { PURPOSE, RandomStream } from "../core/random.ts"
import type { RandomKey } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import { LOSSES } from "./control.ts"
import { KernelError } from "./error.ts"
import { ModuleTrainer } from "./module-trainer.ts"
import type { ModuleModel } from "./module-trainer.ts"
import type { TrainingModule } from "./training-module.ts"

/** What a module does in the self-test. `answers`: little-endian bytes, whose SHA-256 a manifest has (assembly/README.md, "The self-test"). */
export interface SelfTest {
  readonly model: ModuleModel
  /** Bytes of memory that the test took. */
  readonly memoryBytes: number
  readonly answers: Uint8Array
}

/** Described to a module that has no model of its own. */
const SPEC: ModelSpec = {
  inputs: 4,
  layers: [
    { kind: "dense", units: 5, activation: "relu" },
    { kind: "dense", units: 3, activation: "identity" },
  ],
  loss: "softmax",
  positiveWeight: 1,
}
const ROWS = 22
const BATCH = 4
const KEY: RandomKey = { seed: 1, round: 2, device: [3, 4] }
const SETTINGS = { epochs: 2, batch: BATCH, learningRate: 0.0625, momentum: 0.5, l2: 0, proximal: 0.25 }

/**
 * Has a module initialise, train, evaluate and predict on samples that are the same everywhere, twice: its answers must be the same both times.
 * Throws `KernelError` ("module", "trap", "diverged") for a module that fails. It may take for ever: run it where it can be ended.
 */
export function selfTest(module: TrainingModule, mostBytes = Infinity): SelfTest {
  const first = answer(module, mostBytes)
  const second = answer(module, mostBytes)
  if (!first.answers.every((byte, i) => byte === second.answers[i]))
    throw new KernelError("module", "expected the same answers of every instance, got others the second time")
  return first
}

function answer(module: TrainingModule, mostBytes: number): SelfTest {
  const trainer = new ModuleTrainer(module, SPEC, { batch: BATCH, rows: ROWS }, mostBytes)
  const { model } = trainer
  const samples = samplesFor(model)
  const start = trainer.init(KEY)
  const outcome = trainer.train(start, samples, SETTINGS, KEY)
  const result = trainer.result.slice()
  const sums = trainer.evaluate(result, samples)
  const { inputs, loss, parameters, outputs } = model
  const writer = new Writer()
  writer.words([inputs, LOSSES.indexOf(loss), parameters, outputs])
  writer.words([outcome.samples, outcome.steps])
  writer.doubles([outcome.lossSum, sums.lossSum, sums.squaredError, sums.absoluteError])
  writer.words(sums.confusion)
  writer.words(sums.histogram)
  writer.reals(start)
  writer.reals(result)
  writer.reals(trainer.predict(result, samples))
  return { model, memoryBytes: trainer.memoryBytes, answers: writer.bytes }
}

/** Features from -1 to 1, multiples of 2^-23, row after row; labels in turn, or targets like the features. */
function samplesFor({ inputs, loss, outputs }: ModuleModel): Samples {
  const stream = new RandomStream(KEY, PURPOSE.generator)
  const value = (): number => (stream.next() >>> 8) / 2 ** 23 - 1
  const x = Float32Array.from({ length: ROWS * inputs }, value)
  const classes = classCount({ ...SPEC, loss, layers: [{ kind: "dense", units: outputs, activation: "identity" }] })
  const y = Float32Array.from({ length: ROWS }, (_, row) => (classes > 0 ? row % classes : value()))
  return { rows: ROWS, features: inputs, x, y }
}

class Writer {
  readonly #parts: Uint8Array[] = []

  get bytes(): Uint8Array {
    const out = new Uint8Array(this.#parts.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const part of this.#parts) {
      out.set(part, at)
      at += part.length
    }
    return out
  }

  words(values: ArrayLike<number>): void {
    this.#write(values, 4, (view, at, value) => view.setUint32(at, value, true))
  }

  reals(values: ArrayLike<number>): void {
    this.#write(values, 4, (view, at, value) => view.setFloat32(at, value, true))
  }

  doubles(values: ArrayLike<number>): void {
    this.#write(values, 8, (view, at, value) => view.setFloat64(at, value, true))
  }

  #write(values: ArrayLike<number>, size: number, set: (view: DataView, at: number, value: number) => void): void {
    const part = new Uint8Array(size * values.length)
    const view = new DataView(part.buffer)
    for (let i = 0; i < values.length; i++) set(view, size * i, values[i]!)
    this.#parts.push(part)
  }
}
