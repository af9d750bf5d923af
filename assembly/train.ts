/** Local training by mini-batch SGD, in slices. */
import { control } from "./control"
import {
  BLOCK,
  Layer,
  anchor,
  clipped,
  deltas0,
  deltas1,
  gradient,
  labels,
  last,
  layer,
  next,
  order,
  packedLength,
  panel,
  previous,
  reaches,
  velocity,
  weights,
} from "./layers"
import { loss } from "./loss"
import { clear, copy } from "./memory"
import { backward, forward, pack, weigh } from "./network"
import { clip, accumulate } from "./norm"
import { firstOrder, shuffle } from "./shuffle"
import { apply, rate } from "./step"

let epoch = 0
let row = 0
let steps = 0
let total = 0
let lossSum: f64 = 0

/** Starts from the parameters at `start` and the `rows` rows at `x` and `y`, with the settings of the control block. */
export function begin(): void {
  const c = control()
  pack(weights, c.start, false)
  if (c.proximal != 0) copy(anchor, weights, packedLength)
  if (c.momentum != 0) clear(velocity, packedLength)
  epoch = row = steps = 0
  lossSum = 0
  total = c.epochs * ((c.rows + c.batch - 1) / c.batch)
  firstOrder(order, c.rows)
}

/** Takes up to `limit` steps; true when all epochs are done. */
export function advance(limit: i32): bool {
  const c = control()
  for (; limit > 0 && steps < total; limit--) {
    if (row == 0) shuffle(order, c.rows)
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
  pack(weights, c.result, true)
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
    let i: usize = 0
    do {
      gather(0, load<u32>(rows + (i << 2)))
      forward(weights, 1)
      lossSum = loss(1, 1, deltas0, lossSum, true)
      descend(1, 0, true)
      accumulate(clipped, gradient, clip(gradient, c.exampleClipNorm, 1))
    } while (++i < <usize>n)
  } else {
    let i: usize = 0
    do gather(i, load<u32>(rows + (i << 2)))
    while (++i < <usize>n)
    forward(weights, n)
    lossSum = loss(n, scale, deltas0, lossSum, true)
    descend(n, rate, clipMean)
    if (!clipMean) return
  }
  const g = clipExamples ? clipped : gradient
  const mean: f32 = clipExamples ? scale : 1
  const factor = clipMean ? clip(g, c.clipNorm, mean) : mean
  // Packed, the layers that learn follow each other.
  const at = layer(c.trainFrom + 1).packed
  const length = <i32>((layer(c.trainTo + 1).packed - at) >> 2)
  if (length) apply(weights + at, g + at, velocity + at, anchor + at, length, rate, factor)
}

// Backward through the layers: applies each gradient at once, or keeps all of them in `gradient`.
function descend(n: i32, rate: f32, keep: bool): void {
  const c = control()
  let dy = deltas0
  let dx = deltas1
  const lowest = layer(c.trainFrom + 1)
  let l = last
  do {
    if (l != lowest) backward(l, previous(l), weights, dy, dx, n)
    if (l.depth && reaches(l, layer(c.trainTo))) {
      let from = 0
      do improve(l, dy, n, from, from + BLOCK < l.depth ? from + BLOCK : l.depth + 1, rate, keep)
      while ((from += BLOCK) < l.depth)
    }
    const t = dy
    dy = dx
    dx = t
    l = previous(l)
  } while (reaches(lowest, l))
}

function improve(l: Layer, dy: usize, n: i32, from: i32, to: i32, rate: f32, keep: bool): void {
  let at = l.packed + ((<usize>from) << 5)
  const length = (to - from) << 3
  let p: usize = 0
  do {
    weigh(l, previous(l), dy, n, p, from, to, panel)
    if (keep) copy(gradient + at, panel, length)
    else apply(weights + at, panel, velocity + at, anchor + at, length, rate, 1)
    at += l.panelBytes
  } while (++p < <usize>l.panels)
}
