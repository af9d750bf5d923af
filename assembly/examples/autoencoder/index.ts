/**
 * An autoencoder for anomaly scores, as a training module of its own (Fedmote's assembly/README.md has the ABI): it learns to reproduce what is
 * normal, and `predict` gives each row's squared error, which is large where a row is not. Labels are not needed to train; to evaluate, they are the
 * scores that were to be expected.
 *
 *   code[h] = s(sum over i of x[i] * encode[i][h] + encodeBias[h])        s(z) = z / (1 + |z|)
 *   y[i]    = sum over h of code[h] * decode[h][i] + decodeBias[i]        score = sum over i of (y[i] - x[i])^2 / inputs
 *
 * Parameters, one after the other: encode [inputs][code], encodeBias, decode [code][inputs], decodeBias. Plain SGD with the host's learning rate and
 * proximal term.
 */

// The control block: offsets in bytes.
const INPUTS: usize = 0
const LOSS: usize = 4
const ROWS: usize = 16
const EPOCHS: usize = 20
const BATCH: usize = 24
const LEARNING_RATE: usize = 28
const PROXIMAL: usize = 40
const SEED: usize = 72
const ROUND: usize = 76
const DEVICE_HIGH: usize = 80
const DEVICE_LOW: usize = 84
const PARAMETERS: usize = 88
const OUTPUTS: usize = 92
const START: usize = 96
const RESULT: usize = 100
const CANDIDATE: usize = 104
const X: usize = 108
const Y: usize = 112
const PREDICTIONS: usize = 116
const LOSS_SUM: usize = 128
const SQUARED_ERROR: usize = 136
const ABSOLUTE_ERROR: usize = 144
const SAMPLES: usize = 152
const STEPS: usize = 156

const SQUARED_LOSS = 2
/** Inputs a unit of the code. */
const NARROWING = 4

const block: usize = memory.data(2048, 64)

export function abi(): i32 {
  return 1
}

export function base(): usize {
  return block
}

// What `setup` lays out, behind the block.
let inputs = 0
let units = 0
let parameters = 0
let gradient: usize = 0
let code: usize = 0
let output: usize = 0
let order: usize = 0

export function setup(batch: i32, rows: i32): usize {
  inputs = load<i32>(block + INPUTS)
  units = max(1, inputs / NARROWING)
  const size = <i64>inputs * units * 2 + units + inputs
  if (inputs < 1 || size > 1 << 24) return 0
  parameters = <i32>size
  store<i32>(block + LOSS, SQUARED_LOSS)
  store<i32>(block + PARAMETERS, parameters)
  store<i32>(block + OUTPUTS, 1)
  let at: u64 = block + 2048
  at = vector(at, START, parameters)
  at = vector(at, RESULT, parameters)
  at = vector(at, CANDIDATE, parameters)
  at = vector(at, X, <i64>rows * inputs)
  at = vector(at, Y, rows)
  at = vector(at, PREDICTIONS, rows)
  gradient = <usize>at
  at += 4 * <u64>parameters
  code = <usize>at
  at += 4 * <u64>units
  output = <usize>at
  at += 4 * <u64>inputs
  order = <usize>at
  at += 4 * <u64>rows
  return at < 0x80000000 ? <usize>at : 0
}

/** Puts a vector at `at`, says so in the block, and gives the place behind it: a host may overwrite 32 bytes there. */
function vector(at: u64, field: usize, length: i64): u64 {
  store<u32>(block + field, <u32>at)
  return at + 4 * length + 32
}

let state: u64 = 0

/** Numbers that follow from the host's key alone (SplitMix64). */
function seed(purpose: u64): void {
  state = ((<u64>load<u32>(block + SEED)) << 32) ^ load<u32>(block + ROUND) ^ (purpose << 56)
  state ^= (((<u64>load<u32>(block + DEVICE_HIGH)) << 32) | load<u32>(block + DEVICE_LOW)) * 0x9e3779b97f4a7c15
}

function random(): u32 {
  state += 0x9e3779b97f4a7c15
  let z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb
  return <u32>((z ^ (z >> 31)) >> 32)
}

export function init(): void {
  seed(1)
  const to = load<usize>(block + CANDIDATE)
  const weights = inputs * units
  const limit = sqrt<f32>(<f32>6 / <f32>(inputs + units))
  for (let i = 0; i < parameters; i++) {
    const isBias = (i >= weights && i < weights + units) || i >= 2 * weights + units
    const value = <f32>(<i32>(random() >> 8) - (1 << 23)) * <f32>(1.0 / 8388608.0) * limit
    store<f32>(to + ((<usize>i) << 2), isBias ? 0 : value)
  }
}

let row = 0
let epoch = 0
let steps = 0
let samples = 0
let lossSum: f64 = 0

export function begin(): void {
  memory.copy(load<usize>(block + RESULT), load<usize>(block + START), (<usize>parameters) << 2)
  seed(2)
  row = 0
  epoch = 0
  steps = 0
  samples = 0
  lossSum = 0
  shuffle()
}

function shuffle(): void {
  const rows = load<i32>(block + ROWS)
  if (epoch == 0) for (let i = 0; i < rows; i++) store<i32>(order + ((<usize>i) << 2), i)
  for (let i = rows - 1; i > 0; i--) {
    const j = <i32>((<u64>random() * <u64>(i + 1)) >> 32)
    const a = order + ((<usize>i) << 2)
    const b = order + ((<usize>j) << 2)
    const kept = load<i32>(a)
    store<i32>(a, load<i32>(b))
    store<i32>(b, kept)
  }
}

export function advance(most: i32): i32 {
  const epochs = load<i32>(block + EPOCHS)
  for (let i = 0; i < most && epoch < epochs; i++) step()
  return epoch < epochs ? 0 : 1
}

function step(): void {
  const rows = load<i32>(block + ROWS)
  const count = min(load<i32>(block + BATCH), rows - row)
  const w = load<usize>(block + RESULT)
  memory.fill(gradient, 0, (<usize>parameters) << 2)
  for (let i = 0; i < count; i++) {
    const x = sampleAt(load<i32>(order + ((<usize>(row + i)) << 2)))
    lossSum += <f64>forward(w, x) * 0.5
    backward(w, x, <f32>1 / <f32>count)
  }
  const rate = load<f32>(block + LEARNING_RATE)
  const proximal = load<f32>(block + PROXIMAL)
  const start = load<usize>(block + START)
  for (let i: usize = 0; i < (<usize>parameters) << 2; i += 4) {
    const value = load<f32>(w + i)
    const g = load<f32>(gradient + i) + proximal * (value - load<f32>(start + i))
    store<f32>(w + i, value - rate * g)
  }
  steps++
  samples += count
  row += count
  if (row < rows) return
  row = 0
  epoch++
  shuffle()
}

function sampleAt(index: i32): usize {
  return load<usize>(block + X) + ((<usize>index * <usize>inputs) << 2)
}

function encodeBias(w: usize): usize {
  return w + ((<usize>inputs * <usize>units) << 2)
}
function decode(w: usize): usize {
  return encodeBias(w) + ((<usize>units) << 2)
}
function decodeBias(w: usize): usize {
  return decode(w) + ((<usize>inputs * <usize>units) << 2)
}

/** Fills `code` and `output`; the row's score. */
function forward(w: usize, x: usize): f32 {
  for (let h = 0; h < units; h++) {
    let z = load<f32>(encodeBias(w) + ((<usize>h) << 2))
    for (let i = 0; i < inputs; i++)
      z += load<f32>(x + ((<usize>i) << 2)) * load<f32>(w + ((<usize>(i * units + h)) << 2))
    store<f32>(code + ((<usize>h) << 2), z / (1 + abs<f32>(z)))
  }
  let sum: f32 = 0
  for (let i = 0; i < inputs; i++) {
    let y = load<f32>(decodeBias(w) + ((<usize>i) << 2))
    for (let h = 0; h < units; h++)
      y += load<f32>(code + ((<usize>h) << 2)) * load<f32>(decode(w) + ((<usize>(h * inputs + i)) << 2))
    store<f32>(output + ((<usize>i) << 2), y)
    const error = y - load<f32>(x + ((<usize>i) << 2))
    sum += error * error
  }
  return sum / <f32>inputs
}

/** Adds the gradient of half a row's score, times `share`. */
function backward(w: usize, x: usize, share: f32): void {
  const scale = share / <f32>inputs
  for (let h = 0; h < units; h++) {
    const c = load<f32>(code + ((<usize>h) << 2))
    let back: f32 = 0
    for (let i = 0; i < inputs; i++) {
      const error = (load<f32>(output + ((<usize>i) << 2)) - load<f32>(x + ((<usize>i) << 2))) * scale
      const at = (<usize>(h * inputs + i)) << 2
      add(decode(gradient) + at, error * c)
      back += error * load<f32>(decode(w) + at)
      if (h == 0) add(decodeBias(gradient) + ((<usize>i) << 2), error)
    }
    // s'(z) = (1 - |s(z)|)^2
    const slope: f32 = <f32>1 - abs<f32>(c)
    back *= slope * slope
    add(encodeBias(gradient) + ((<usize>h) << 2), back)
    for (let i = 0; i < inputs; i++)
      add(gradient + ((<usize>(i * units + h)) << 2), back * load<f32>(x + ((<usize>i) << 2)))
  }
}

function add(at: usize, value: f32): void {
  store<f32>(at, load<f32>(at) + value)
}

export function collect(): void {
  store<f64>(block + LOSS_SUM, lossSum)
  store<i32>(block + SAMPLES, samples)
  store<i32>(block + STEPS, steps)
}

export function evaluate(more: i32): void {
  if (!more) memory.fill(block + LOSS_SUM, 0, 24)
  const rows = load<i32>(block + ROWS)
  for (let i = 0; i < rows; i++) {
    const score = forward(load<usize>(block + CANDIDATE), sampleAt(i))
    const error = <f64>score - <f64>load<f32>(load<usize>(block + Y) + ((<usize>i) << 2))
    sum(LOSS_SUM, <f64>score * 0.5)
    sum(SQUARED_ERROR, error * error)
    sum(ABSOLUTE_ERROR, abs<f64>(error))
  }
}

function sum(field: usize, value: f64): void {
  store<f64>(block + field, load<f64>(block + field) + value)
}

export function predict(): void {
  const rows = load<i32>(block + ROWS)
  for (let i = 0; i < rows; i++) {
    const score = forward(load<usize>(block + CANDIDATE), sampleAt(i))
    store<f32>(load<usize>(block + PREDICTIONS) + ((<usize>i) << 2), score)
  }
}
