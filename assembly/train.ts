/** Local training by mini-batch SGD, in slices. */
import { control } from "./control"
import {
  Layer,
  anchor,
  clipped,
  count,
  deltas0,
  deltas1,
  gradient,
  labels,
  layer,
  order,
  packedLength,
  panel,
  velocity,
  weights,
} from "./layers"
import { loss } from "./loss"
import { clear, copy } from "./memory"
import { backward, forward, pack, unpack, weigh } from "./network"
import { clip, accumulate } from "./norm"
import { firstOrder, shuffle } from "./random"
import { apply, rate } from "./step"

/** Rows of a panel whose gradient is computed and applied at once, so that it stays in the nearest cache; a multiple of 4. */
const BLOCK = 64

let epoch = 0
let row = 0
let steps = 0
let total = 0
let lossSum: f64 = 0

/** Starts from the parameters at `start` and the `rows` rows at `x` and `y`, with the settings of the control block. */
export function begin(): void {
  const c = control()
  pack(weights, c.start)
  if (c.proximal != 0) copy(anchor, weights, packedLength)
  if (c.momentum != 0) clear(velocity, packedLength)
  epoch = row = steps = 0
  lossSum = 0
  total = c.epochs * ((c.rows + c.batch - 1) / c.batch)
  firstOrder(c.rows)
}

/** Takes up to `limit` steps; true when all epochs are done. */
export function advance(limit: i32): bool {
  const c = control()
  for (; limit > 0 && steps < total; limit--) {
    if (row == 0) shuffle(c.rows)
    const n = min(c.batch, c.rows - row)
    step(n, rate(steps, total))
    row += n
    steps++
    if (row == c.rows) {
      row = 0
      epoch++
    }
  }
  return steps == total
}

/** Writes the parameters as they are now to `result`, and what has been done to the control block. */
export function collect(): void {
  const c = control()
  unpack(c.result, weights)
  c.lossSum = lossSum
  c.samples = epoch * c.rows + row
  c.steps = steps
}

/** Copies row `index` of the set to place `i` of the batch. */
export function gather(i: usize, index: usize): void {
  const c = control()
  const batch = layer(0)
  copy(batch.out + i * batch.rowBytes, c.x + ((index * <usize>c.inputs) << 2), c.inputs)
  store<f32>(labels + (i << 2), load<f32>(c.y + (index << 2)))
}

function step(n: i32, rate: f32): void {
  const c = control()
  const clipExamples = c.exampleClipNorm > 0
  const clipMean = c.clipNorm > 0
  const scale: f32 = <f32>1 / <f32>n
  const rows = order + ((<usize>row) << 2)
  if (clipExamples) {
    clear(clipped, packedLength)
    for (let i: usize = 0; i < <usize>n; i++) {
      gather(0, load<u32>(rows + (i << 2)))
      forward(weights, 1)
      lossSum = loss(1, 1, deltas0, lossSum)
      descend(1, 0, true)
      accumulate(clipped, gradient, clip(gradient, c.exampleClipNorm, 1))
    }
  } else {
    for (let i: usize = 0; i < <usize>n; i++) gather(i, load<u32>(rows + (i << 2)))
    forward(weights, n)
    lossSum = loss(n, scale, deltas0, lossSum)
    descend(n, rate, clipMean)
    if (!clipMean) return
  }
  const g = clipExamples ? clipped : gradient
  const mean: f32 = clipExamples ? scale : 1
  const factor = clipMean ? clip(g, c.clipNorm, mean) : mean
  for (let i = c.trainFrom + 1; i <= c.trainTo; i++) {
    const l = layer(i)
    const at = l.packed
    const length = <i32>((<usize>l.panels * l.panelBytes) >> 2)
    apply(weights + at, g + at, velocity + at, anchor + at, length, rate, factor)
  }
}

// Backward through the layers: applies each gradient at once, or keeps all of them in `gradient`.
function descend(n: i32, rate: f32, keep: bool): void {
  const c = control()
  let dy = deltas0
  let dx = deltas1
  for (let i = count; i > c.trainFrom; i--) {
    const l = layer(i)
    const below = layer(i - 1)
    if (i - 1 > c.trainFrom) backward(l, below, weights, dy, dx, n)
    if (i <= c.trainTo) {
      for (let from = 0; from < l.depth; from += BLOCK)
        improve(l, below, dy, n, from, min(from + BLOCK, l.depth), rate, keep)
      if (l.depth) improve(l, below, dy, n, l.depth, l.depth + 1, rate, keep)
    }
    const t = dy
    dy = dx
    dx = t
  }
}

function improve(l: Layer, below: Layer, dy: usize, n: i32, from: i32, to: i32, rate: f32, keep: bool): void {
  let at = l.packed + ((<usize>from) << 5)
  for (let p: usize = 0; p < <usize>l.panels; p++, at += l.panelBytes) {
    const g = keep ? gradient + at : panel
    weigh(l, below, dy, n, p, from, to, g)
    if (!keep) apply(weights + at, g, velocity + at, anchor + at, (to - from) << 3, rate, 1)
  }
}
