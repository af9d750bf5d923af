/** Evaluation and prediction with the parameters at `candidate`; training in progress is not touched. */
import { LOGISTIC, SOFTMAX, control } from "./control"
import { capacity, count, deltas0, gradient, labels, layer } from "./layers"
import { loss, outcome } from "./loss"
import { clear, copy } from "./memory"
import { forward, pack } from "./network"
import { gather } from "./train"

/** Sums of the loss and of errors, confusion counts and score histograms over the `rows` rows; `more` adds to those of the call before. */
export function evaluate(more: bool): void {
  const c = control()
  const last = layer(count)
  const classes = c.loss == SOFTMAX ? c.outputs : 2
  if (!more) {
    clear(c.confusion, classes * classes)
    if (c.loss == LOGISTIC) clear(c.histogram, 512)
    c.lossSum = c.squaredError = c.absoluteError = 0
  }
  let lossSum = c.lossSum
  pack(gradient, c.candidate)
  for (let from = 0; from < c.rows; from += capacity) {
    const n = part(from)
    lossSum = loss(n, 1, deltas0, lossSum)
    for (let r: usize = 0; r < <usize>n; r++) {
      const z = last.out + r * last.rowBytes
      const y = load<f32>(labels + (r << 2))
      if (c.loss == SOFTMAX) {
        let best: usize = 0
        for (let j: usize = 1; j < <usize>classes; j++)
          if (load<f32>(z + (j << 2)) > load<f32>(z + (best << 2))) best = j
        increment(c.confusion, <usize>y * classes + best)
      } else if (c.loss == LOGISTIC) {
        const v = load<f32>(z)
        increment(c.confusion, <usize>y * 2 + (v >= 0 ? 1 : 0))
        const bounded: f32 = v > -8 ? (v < <f32>7.9375 ? v : <f32>7.9375) : -8
        increment(c.histogram, ((<usize>y) << 8) + <usize>(bounded * 16 + 128))
      } else {
        const e = <f64>(load<f32>(z) - y)
        c.squaredError += e * e
        c.absoluteError += abs(e)
      }
    }
  }
  c.lossSum = lossSum
}

/** Writes rows x outputs values to `predictions`. */
export function predict(): void {
  const c = control()
  const last = layer(count)
  pack(gradient, c.candidate)
  let to = c.predictions
  for (let from = 0; from < c.rows; from += capacity) {
    const n = part(from)
    outcome(n, deltas0)
    for (let r: usize = 0; r < <usize>n; r++, to += (<usize>c.outputs) << 2)
      copy(to, deltas0 + r * last.rowBytes, c.outputs)
  }
}

// Outputs of the rows from `from` on, as many as fit.
function part(from: i32): i32 {
  const n = min(capacity, control().rows - from)
  for (let i = 0; i < n; i++) gather(i, from + i)
  forward(gradient, n)
  return n
}

function increment(counts: usize, index: usize): void {
  const at = counts + (index << 2)
  store<u32>(at, load<u32>(at) + 1)
}
