/**
 * Local training in plain loops, written from the rules in assembly/README.md ("The arithmetic") and from nothing else: the oracle for the
 * kernels' bits. Slow, and without any of their memory layout.
 */
import type { Activation, Layer, ModelSpec } from "../../src/core/model.ts"
import type { RandomKey } from "../../src/core/random.ts"
import type { Samples } from "../../src/core/samples.ts"
import type { TrainOptions } from "../../src/kernel/types.ts"

const f = Math.fround
const word = new DataView(new ArrayBuffer(4))
const bits = (x: number): number => (word.setFloat32(0, x), word.getInt32(0))
const fl = (i: number): number => (word.setInt32(0, i), word.getFloat32(0))

export function exp(x: number): number {
  x = x > -87 ? x : -87
  const t = f(f(x * f(1.44269504088896341)) + 12582912)
  const n = f(t - 12582912)
  const r = f(f(x - f(n * f(0.693359375))) - f(n * f(-2.1219444e-4)))
  let p = f(1.98756915e-4)
  for (const c of [1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1])
    p = f(f(p * r) + f(c))
  p = f(f(f(p * f(r * r)) + r) + 1)
  return f(p * fl((bits(t) + 127) << 23))
}

export function log(x: number): number {
  const s = (bits(x) - 0x3f3504f3) & 0xff800000
  const e = s >> 23
  const m = f(fl(bits(x) - s) - 1)
  const z = f(m * m)
  let p = f(7.0376836292e-2)
  for (const c of [
    -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
    -2.4999993993e-1, 3.3333331174e-1,
  ])
    p = f(f(p * m) + f(c))
  const tail = f(f(f(z * m) * p) + f(e * f(-2.1219444e-4)))
  return f(f(f(tail - f(0.5 * z)) + m) + f(e * f(0.693359375)))
}

function activate(z: number, kind: Activation): number {
  if (kind === "identity") return z
  if (kind === "relu") return z > 0 ? z : 0
  const t = exp(f(Math.abs(z) * -2))
  const y = f(f(1 - t) / f(1 + t))
  return z < 0 ? -y : y
}

function derive(dx: number, y: number, kind: Activation): number {
  if (kind === "identity") return dx
  if (kind === "relu") return y > 0 ? dx : 0
  return f(dx * f(1 - f(y * y)))
}

interface Shape {
  readonly layer: Layer
  readonly activation: Activation
  /** Rows of the weight matrix without biases; columns. Both 0 for pools. */
  readonly depth: number
  readonly columns: number
  readonly positions: number
  /** Floats between windows. */
  readonly step: number
  readonly inputs: number
  readonly outputs: number
  /** Where the layer's parameters begin. */
  readonly at: number
}

export function shapes(spec: ModelSpec): Shape[] {
  let inputs = spec.inputs
  let at = 0
  return spec.layers.map((layer) => {
    let shape: Shape
    if (layer.kind === "dense")
      shape = {
        layer,
        activation: layer.activation,
        depth: inputs,
        columns: layer.units,
        positions: 1,
        step: 0,
        inputs,
        outputs: layer.units,
        at,
      }
    else {
      const stride = layer.kind === "conv1d" ? layer.stride : layer.width
      const positions = Math.floor((inputs / layer.channels - layer.width) / stride) + 1
      const conv = layer.kind === "conv1d"
      shape = {
        layer,
        activation: conv ? layer.activation : "identity",
        depth: conv ? layer.width * layer.channels : 0,
        columns: conv ? layer.filters : 0,
        positions,
        step: stride * layer.channels,
        inputs,
        outputs: positions * (conv ? layer.filters : layer.channels),
        at,
      }
    }
    at += (shape.depth + 1) * shape.columns
    inputs = shape.outputs
    return shape
  })
}

/** Outputs of every layer for one row; the first entry is the row itself. */
export function forward(spec: ModelSpec, w: Float32Array, x: ArrayLike<number>): number[][] {
  const out: number[][] = [Array.from(x)]
  for (const s of shapes(spec)) {
    const below = out.at(-1)!
    const row: number[] = []
    if (s.layer.kind === "pool") {
      const { channels, width, mode } = s.layer
      for (let p = 0; p < s.positions; p++)
        for (let c = 0; c < channels; c++) {
          let v = below[p * width * channels + c]!
          for (let i = 1; i < width; i++) {
            const next = below[(p * width + i) * channels + c]!
            if (mode === "average") v = f(v + next)
            else if (next > v) v = next
          }
          row.push(mode === "average" ? f(v * f(1 / width)) : v)
        }
    } else {
      for (let p = 0; p < s.positions; p++)
        for (let j = 0; j < s.columns; j++) {
          let sum = 0
          for (let k = 0; k < s.depth; k++) sum = f(sum + f(below[p * s.step + k]! * w[s.at + k * s.columns + j]!))
          row.push(activate(f(sum + w[s.at + s.depth * s.columns + j]!), s.activation))
        }
    }
    out.push(row)
  }
  return out
}

/** Loss of one row, and the gradient of its outputs. */
export function loss(spec: ModelSpec, z: readonly number[], y: number, scale: number): { loss: number; d: number[] } {
  if (spec.loss === "softmax") {
    const m = Math.max(...z)
    const e = z.map((v) => exp(f(v - m)))
    let s = 0
    for (const v of e) s = f(s + v)
    const d = e.map((v, j) => {
      const p = f(v / s)
      return f((j === y ? f(p - 1) : p) * scale)
    })
    return { loss: f(f(log(s) + m) - z[y]!), d }
  }
  const v = z[0]!
  if (spec.loss === "squared") {
    const d = f(v - y)
    return { loss: f(f(0.5 * d) * d), d: [f(d * scale)] }
  }
  const weight = f(spec.positiveWeight)
  const e = exp(-Math.abs(v))
  const s = f(1 + e)
  const p = f((v >= 0 ? 1 : e) / s)
  if (y === 1) return { loss: f(weight * f((v < 0 ? -v : 0) + log(s))), d: [f(f(weight * f(p - 1)) * scale)] }
  return { loss: f((v > 0 ? v : 0) + log(s)), d: [f(p * scale)] }
}

/** Gradient of a batch, canonical order; rows are summed in order. */
function gradient(
  spec: ModelSpec,
  w: Float32Array,
  rows: readonly { out: number[][]; d: number[] }[],
  from: number,
): Float32Array {
  const all = shapes(spec)
  const g = new Float32Array(w.length)
  let deltas = rows.map(({ d }) => d)
  for (let l = all.length - 1; l >= from; l--) {
    const s = all[l]!
    const next: number[][] = []
    for (const [r, { out }] of rows.entries()) {
      const x = out[l]!
      const d = deltas[r]!
      const dx: number[] = new Array<number>(s.inputs).fill(0)
      if (s.layer.kind === "pool") {
        const { channels, width, mode } = s.layer
        for (let p = 0; p < s.positions; p++)
          for (let c = 0; c < channels; c++) {
            const index = (i: number): number => (p * width + i) * channels + c
            let best = 0
            for (let i = 1; i < width; i++) if (x[index(i)]! > x[index(best)]!) best = i
            const v = d[p * channels + c]!
            if (mode === "max") dx[index(best)] = v
            else for (let i = 0; i < width; i++) dx[index(i)] = f(v * f(1 / width))
          }
      } else {
        for (let p = 0; p < s.positions; p++)
          for (let j = 0; j < s.columns; j++) {
            const v = d[p * s.columns + j]!
            for (let k = 0; k < s.depth; k++) {
              const at = s.at + k * s.columns + j
              g[at] = f(g[at]! + f(x[p * s.step + k]! * v))
            }
            const at = s.at + s.depth * s.columns + j
            g[at] = f(g[at]! + v)
          }
        for (let p = 0; p < s.positions; p++)
          for (let k = 0; k < s.depth; k++) {
            let sum = 0
            for (let j = 0; j < s.columns; j++) sum = f(sum + f(d[p * s.columns + j]! * w[s.at + k * s.columns + j]!))
            dx[p * s.step + k] = s.layer.kind === "dense" ? sum : f(dx[p * s.step + k]! + sum)
          }
      }
      const activation = l > 0 ? all[l - 1]!.activation : "identity"
      next.push(dx.map((v, k) => derive(v, x[k]!, activation)))
    }
    deltas = next
  }
  return g
}

function norm(spec: ModelSpec, g: Float32Array, from: number, to: number): number {
  const lanes = new Float64Array(4)
  let i = 0
  for (const s of shapes(spec).slice(from, to))
    for (const v of g.subarray(s.at, s.at + (s.depth + 1) * s.columns)) lanes[i++ % 4]! += v * v
  return Math.sqrt(lanes[0]! + lanes[1]! + (lanes[2]! + lanes[3]!))
}

function cosPi(u: number): number {
  const v = f(0.5 - u)
  const z = f(v * v)
  let p = f(0.08214589)
  for (const c of [-0.59926453, 2.55016404, -5.16771278, 3.14159265]) p = f(f(p * z) + f(c))
  return f(p * v)
}

function rateOf(settings: TrainOptions, t: number, total: number): number {
  const rate = f(settings.learningRate)
  const { kind = "constant", warmup = 0, finalFraction = 0 } = settings.schedule ?? {}
  if (t < warmup) return f(rate * f((t + 1) / warmup))
  if (kind === "constant") return rate
  const u = f(f(t - warmup) / f(total - warmup))
  const q = kind === "linear" ? f(1 - u) : f(0.5 * f(1 + cosPi(u)))
  const last = f(finalFraction)
  return f(rate * f(last + f(f(1 - last) * q)))
}

/** Philox4x32-10 in arbitrary precision. */
export function philoxBlock(counter: readonly number[], key: readonly number[]): number[] {
  const mask = 0xffffffffn
  let c = counter.map(BigInt)
  let [k0, k1] = key.map(BigInt) as [bigint, bigint]
  for (let round = 0; round < 10; round++) {
    const a = 0xd2511f53n * c[0]!
    const b = 0xcd9e8d57n * c[2]!
    c = [(b >> 32n) ^ c[1]! ^ k0, b & mask, (a >> 32n) ^ c[3]! ^ k1, a & mask]
    k0 = (k0 + 0x9e3779b9n) & mask
    k1 = (k1 + 0xbb67ae85n) & mask
  }
  return c.map(Number)
}

/** Word `i` of a stream. */
export function philoxWord(i: number, purpose: number, { seed, round, device }: RandomKey): number {
  return philoxBlock([Math.floor(i / 4), round, purpose, seed], device)[i % 4]!
}

export function init(spec: ModelSpec, key: RandomKey): Float32Array {
  const all = shapes(spec)
  const w = new Float32Array(all.reduce((n, s) => n + (s.depth + 1) * s.columns, 0))
  let i = 0
  for (const s of all) {
    const width = s.layer.kind === "conv1d" ? s.layer.width : 1
    const fan = s.activation === "relu" ? s.depth : s.depth + s.columns * width
    const limit = f(Math.sqrt(f(6 / fan)))
    for (let n = 0; n < s.depth * s.columns; n++)
      w[s.at + n] = f(f((Math.floor(philoxWord(i++, 1, key) / 256) - 2 ** 23) * 2 ** -23) * limit)
  }
  return w
}

/** Trains for all epochs, or for `limit` steps. */
export function train(
  spec: ModelSpec,
  start: Float32Array,
  samples: Samples,
  settings: TrainOptions,
  key: RandomKey,
  limit = Infinity,
): { result: Float32Array; lossSum: number; samples: number; steps: number } {
  const { rows, features } = samples
  const { from, to } = settings.trained ?? { from: 0, to: spec.layers.length }
  const total = settings.epochs * Math.ceil(rows / settings.batch)
  const l2 = f(settings.l2)
  const proximal = f(settings.proximal)
  const momentum = f(settings.momentum)
  const clipNorm = f(settings.clipNorm ?? 0)
  const exampleClipNorm = f(settings.exampleClipNorm ?? 0)
  const w = start.slice()
  const v = new Float32Array(w.length)
  const order = Array.from({ length: rows }, (_, i) => i)
  const done = { lossSum: 0, samples: 0, steps: 0 }
  const learning = shapes(spec)
    .slice(from, to)
    .flatMap((s) => Array.from({ length: (s.depth + 1) * s.columns }, (_, i) => s.at + i))
  let words = 0
  for (let epoch = 0; epoch < settings.epochs; epoch++) {
    for (let i = rows - 1; i > 0; i--) {
      const j = Number((BigInt(philoxWord(words++, 2, key)) * BigInt(i + 1)) >> 32n)
      ;[order[i], order[j]] = [order[j]!, order[i]!]
    }
    for (let at = 0; at < rows; at += settings.batch) {
      if (done.steps === limit) return { result: w, ...done }
      const batch = order.slice(at, at + settings.batch)
      const scale = f(1 / batch.length)
      const passes = batch.map((r) => {
        const out = forward(spec, w, samples.x.subarray(r * features, (r + 1) * features))
        const step = loss(spec, out.at(-1)!, samples.y[r]!, exampleClipNorm > 0 ? 1 : scale)
        done.lossSum += step.loss
        return { out, d: step.d }
      })
      let g: Float32Array
      let factor = 1
      if (exampleClipNorm > 0) {
        g = new Float32Array(w.length)
        for (const pass of passes) {
          const one = gradient(spec, w, [pass], from)
          const size = norm(spec, one, from, to)
          const shrink = size > exampleClipNorm ? f(exampleClipNorm / size) : 1
          for (const i of learning) g[i] = f(g[i]! + f(one[i]! * shrink))
        }
        factor = scale
      } else g = gradient(spec, w, passes, from)
      if (clipNorm > 0) {
        const size = norm(
          spec,
          g.map((x) => f(x * factor)),
          from,
          to,
        )
        if (size > clipNorm) factor = f(f(clipNorm / size) * factor)
      }
      const rate = rateOf(settings, done.steps, total)
      for (const i of learning) {
        let d = factor === 1 ? g[i]! : f(g[i]! * factor)
        if (l2 !== 0) d = f(d + f(l2 * w[i]!))
        if (proximal !== 0) d = f(d + f(proximal * f(w[i]! - start[i]!)))
        if (momentum !== 0) d = v[i] = f(f(momentum * v[i]!) + d)
        w[i] = f(w[i]! - f(rate * d))
      }
      done.steps++
      done.samples += batch.length
    }
  }
  return { result: w, ...done }
}
