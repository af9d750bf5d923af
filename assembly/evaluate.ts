/** Evaluation and prediction with the parameters at `candidate`; training in progress is not touched. */
import { LOGISTIC, SOFTMAX, control } from "./control"
import { capacity, deltas0, gradient, labels, last } from "./layers"
import { loss } from "./loss"
import { clear, copy } from "./memory"
import { forward, pack } from "./network"
import { gather } from "./train"

/** Sums of the loss and of errors, confusion counts and score histograms over the `rows` rows; `more` adds to those of the call before. */
export function evaluate(more: bool): void {
  const c = control()
  if (!more) {
    clear(c.confusion, (c.outputs + 1) * (c.outputs + 1))
    clear(c.histogram, 512)
    c.lossSum = c.squaredError = c.absoluteError = 0
  }
  run(true)
}

/** Writes rows x outputs values to `predictions`. */
export function predict(): void {
  run(false)
}

function run(labelled: bool): void {
  const c = control()
  let to = c.predictions
  pack(gradient, c.candidate, false)
  for (let from = 0; from < c.rows; from += capacity) {
    let n = min(capacity, c.rows - from)
    let i = 0
    do gather(i, from + i)
    while (++i < n)
    forward(gradient, n)
    const sum = loss(n, 1, deltas0, c.lossSum, labelled)
    if (labelled) c.lossSum = sum
    let row: usize = 0
    let label = labels
    do {
      if (labelled) tally(last.out + row, load<f32>(label))
      else {
        copy(to, deltas0 + row, c.outputs)
        to += (<usize>c.outputs) << 2
      }
      row += last.rowBytes
      label += 4
    } while (--n)
  }
}

// Counts the row with outputs at `z`.
function tally(z: usize, y: f32): void {
  const c = control()
  const v = load<f32>(z)
  // Byte offset of the first largest output.
  let predicted: usize = 0
  let classes = c.outputs
  for (let j: usize = 4; j < (<usize>classes) << 2; j += 4)
    if (load<f32>(z + j) > load<f32>(z + predicted)) predicted = j
  if (c.loss == LOGISTIC) {
    const bounded: f32 = v > -8 ? (v < <f32>7.9375 ? v : <f32>7.9375) : -8
    increment(c.histogram, ((<usize>y) << 10) + ((<usize>(floor<f32>(bounded * 16) + 128)) << 2))
    predicted = v >= 0 ? 4 : 0
    classes = 2
  } else if (c.loss != SOFTMAX) {
    const e = <f64>(v - y)
    c.squaredError += e * e
    c.absoluteError += abs(e)
    return
  }
  increment(c.confusion, ((<usize>y * classes) << 2) + predicted)
}

function increment(counts: usize, offset: usize): void {
  store<u32>(counts + offset, load<u32>(counts + offset) + 1)
}
