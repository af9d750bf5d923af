import { createHash } from "node:crypto"
import { CODECS } from "../../src/core/codec.ts"
import type { CodecName } from "../../src/core/codec.ts"
import { evaluationVector } from "../../src/core/evaluation.ts"
import { LIMB_BOUND, splitInto } from "../../src/core/limbs.ts"
import { classCount } from "../../src/core/model.ts"
import type { ModelSpec } from "../../src/core/model.ts"
import { featureMoments } from "../../src/core/moments.ts"
import { PURPOSE, philox } from "../../src/core/random.ts"
import type { RandomKey } from "../../src/core/random.ts"
import type { TrainSettings } from "../../src/core/training.ts"
import { CHOICES } from "../../src/wire/keys.ts"
import { vectors } from "../kernel/codec-support.ts"
import type { CodecVectors, GoldenEvaluation, TrainingVectors } from "../kernel/golden.ts"
import { Dice, SEED } from "../wire/random.ts"
import { Records } from "./records.ts"

/** The golden vectors of `test/vectors/kernels` that the C client can check, and more of what it does with integers alone. */

export const ENCODERS: readonly CodecName[] = ["f32", "int8", "eden1"]
export const DECODERS: readonly CodecName[] = ["int8-nearest", "eden1", "eden2", "eden4"]

export const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(hex, "hex"))
const floats = (hex: string): Float32Array => new Float32Array(bytes(hex).buffer)
export const double = (hex: string): number => new Float64Array(bytes(hex).buffer)[0]!
export const keyWords = ({ seed, round, device }: RandomKey): Uint32Array => Uint32Array.of(seed, round, ...device)
const bits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!

/** What the C client's kernels do: dense layers, without what they have no code for. */
export function isForC({ spec, settings }: { readonly spec: ModelSpec; readonly settings: TrainSettings }): boolean {
  return (
    spec.layers.every(({ kind }) => kind === "dense") &&
    settings.clipNorm === undefined &&
    settings.exampleClipNorm === undefined &&
    settings.schedule === undefined
  )
}

export function kernelRecords(): Records {
  const records = new Records()
  const { cases, evaluations, functions } = vectors<TrainingVectors>("training.json")
  for (const [name, { x, y }] of Object.entries(functions)) records.add("function", name, floats(x), floats(y))
  for (const each of cases.filter(isForC)) addTraining(records, each)
  for (const each of evaluations.filter(({ spec }) => isForC({ spec, settings: NO_SETTINGS })))
    addEvaluation(records, each)
  addCodecs(records)
  addPhilox(records)
  addDigests(records)
  addSums(records)
  return records
}

const NO_SETTINGS: TrainSettings = { epochs: 1, batch: 1, learningRate: 0, momentum: 0, l2: 0, proximal: 0 }

function addTraining(records: Records, each: TrainingVectors["cases"][number]): void {
  const { name, spec, settings, key, rows, evaluation, ...golden } = each
  records.add(
    "training",
    name,
    settingsWords(spec, settings),
    keyWords(key),
    ...[golden.x, golden.y, golden.init, golden.start, golden.result].map(bytes),
    Float32Array.of(double(golden.lossSum)),
    Uint32Array.of(golden.steps, golden.samples),
    vectorOf(spec, rows, evaluation),
    bytes(golden.predictions),
  )
}

function addEvaluation(records: Records, each: TrainingVectors["evaluations"][number]): void {
  const { name, spec, rows, parameters, x, y, evaluation, predictions } = each
  const none = new Uint8Array(0)
  const strings = [settingsWords(spec, NO_SETTINGS), bytes(parameters), bytes(x), bytes(y)]
  // In the places that they have in a training's record.
  const vector = vectorOf(spec, rows, evaluation)
  records.add("evaluation", name, ...strings, none, none, none, none, none, vector, bytes(predictions))
}

export function settingsWords(spec: ModelSpec, settings: TrainSettings): Uint32Array {
  const { epochs, batch, learningRate, momentum, l2, proximal, trained } = settings
  const { from, to } = trained ?? { from: 0, to: spec.layers.length }
  const layers = spec.layers.flatMap((layer) =>
    layer.kind === "dense" ? [layer.units, CHOICES.activation[layer.activation]] : [],
  )
  const reals = [learningRate, momentum, l2, proximal].map(bits)
  const loss = [CHOICES.loss[spec.loss], bits(spec.positiveWeight)]
  return Uint32Array.of(spec.inputs, ...loss, epochs, batch, ...reals, from, to, ...layers)
}

/** The vector that travels, the same rows being test and training rows; empty where the sums are too large to travel. */
function vectorOf(spec: ModelSpec, rows: number, golden: GoldenEvaluation): Float32Array {
  const histogram = new Uint32Array(spec.loss === "logistic" ? 512 : 0)
  for (const [bin, count] of Object.entries(golden.histogram)) histogram[Number(bin)] = count
  const sums = {
    rows,
    lossSum: double(golden.lossSum),
    confusion: Uint32Array.from(golden.confusion),
    histogram,
    squaredError: double(golden.squaredError),
    absoluteError: double(golden.absoluteError),
  }
  if (Math.max(sums.lossSum, sums.squaredError, sums.absoluteError) >= LIMB_BOUND) return new Float32Array(0)
  return evaluationVector(spec.loss, classCount(spec), sums, histogram)
}

function addCodecs(records: Records): void {
  const { inputs, keys, cases } = vectors<CodecVectors>("codecs.json")
  for (const { codec, input, key, payload, decoded, biased = false } of cases) {
    const name = `${codec}${biased ? ", biased" : ""} of ${input}`
    const strings = [Uint32Array.of(CODECS[codec].id), keyWords(keys[key]!), bytes(inputs[input]!), bytes(payload)]
    if (ENCODERS.includes(codec) && !biased) records.add("encoding", name, ...strings)
    if (DECODERS.includes(codec)) records.add("decoding", name, ...strings, bytes(decoded))
  }
}

function addPhilox(records: Records): void {
  const dice = new Dice(SEED)
  const word = (): number => dice.between(0, 0xffffffff)
  const out = new Uint32Array(4)
  for (let i = 0; i < 20; i++) {
    const [seed, round, high, low, index] = [word(), word(), word(), word(), word()] as const
    philox(out, index, round, PURPOSE.rounding, seed, high, low)
    records.add("philox", `philox ${i}`, Uint32Array.of(seed, round, high, low, PURPOSE.rounding, index), out.slice())
  }
}

function addDigests(records: Records): void {
  for (const length of [0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000]) {
    const text = Uint8Array.from({ length }, (_, i) => (i * 167 + length) & 0xff)
    records.add("sha256", `sha256 of ${length} bytes`, text, createHash("sha256").update(text).digest())
  }
}

/** Sums that round, cancel and carry, against this machine's float64. */
function addSums(records: Records): void {
  const dice = new Dice(SEED)
  const random = (least: number, most: number): number => {
    const exponent = dice.between(least, most)
    return Math.fround((dice.below(2) === 0 ? 1 : -1) * (1 + dice.between(0, 2 ** 23 - 1) / 2 ** 23) * 2 ** exponent)
  }
  const add = (name: string, values: readonly number[]): void => {
    const x = Float32Array.from(values)
    const sum = x.reduce((total, value) => total + value, 0)
    const limbs = new Float32Array(5)
    let fits = true
    try {
      splitInto(limbs, 0, sum, name)
    } catch {
      fits = false
    }
    const float = Float32Array.of(Number.isNaN(sum) ? Infinity : sum)
    records.add("sum", name, x, float, fits ? limbs : new Float32Array(0))
  }
  add("nothing", [])
  add("zeros", [0, -0, 0])
  add("cancelled", [1.5, -1.5])
  add("cancelled to the last bit", [2 ** 30, 2 ** -22, -(2 ** 30)])
  add("a tie to even, down", [2 ** 30, 2 ** -23])
  add("a tie to even, up", [2 ** 30, 2 ** -22, 2 ** -23])
  add("just above a tie", [2 ** 30, 2 ** -23, 2 ** -60])
  add("a carry into a new bit", [2 ** 30, -(2 ** -23), 2 ** -23])
  add("subnormal", [2 ** -149, 2 ** -148, -(2 ** -140)])
  add("a subnormal result that rounds", [2 ** -126, 2 ** -149, 2 ** -149])
  add("the largest", [3.4028234663852886e38])
  add("too large for float32", [3.4028234663852886e38, 3.4028234663852886e38])
  add("too large for limbs", [2 ** 55])
  add("the largest for limbs", [2 ** 54, 2 ** 54 - 2 ** 31])
  add("infinite", [1, Infinity, 2])
  add("no number", [1, NaN])
  for (let i = 0; i < 300; i++) {
    const [least, most] = dice.pick([
      [-5, 5],
      [-40, 20],
      [-149, -120],
      [-60, -1],
      [20, 50],
    ] as const)
    add(
      `random sum ${i}`,
      Array.from({ length: dice.between(1, 60) }, () => random(least, most)),
    )
  }
  for (let i = 0; i < 40; i++) {
    const features = dice.between(1, 9)
    const rows = dice.between(1, 40)
    const x = Float32Array.from({ length: rows * features }, () => random(-20, 12))
    records.add(
      "moments",
      `moments ${i}`,
      Uint32Array.of(features),
      x,
      featureMoments({ rows, features, x, y: new Float32Array(rows) }),
    )
  }
}
