/**
 * Local training for microcontrollers: dense layers with relu or identity, softmax, plain SGD. The arithmetic of README.md in plain loops over parameters in
 * canonical order, one row at a time, so that memory holds one row's activations and one gradient. No sum of the loss.
 */
import { LAYERS_AT, MAX_LAYERS, PURPOSE_SHUFFLE, RELU, base, control } from "./control"
import { LAYER_BYTES, Layer, layer, next, previous, reaches } from "./layers"
import { exp } from "./math"
import { wordOf } from "./mcu-random"

let last: Layer = changetype<Layer>(0)
/** The parameters, and their size in bytes; their gradient comes after them. */
let result: usize = 0
let size: usize = 0
/** How far behind outputs their gradients are. */
let toDelta: usize = 0
let order: usize = 0
/** Words of the shuffling stream used so far. */
let shuffled: u32 = 0

/** As README.md says. The host gives this profile no other models than dense ones with relu or identity, and softmax. */
export function setup(_batch: i32, rows: i32): usize {
  const c = control()
  let at = base() + LAYERS_AT + LAYER_BYTES * (MAX_LAYERS + 2)
  const outputs = at
  last = layer(c.layerCount)
  size = 0
  let l = layer(0)
  do {
    l.canonical = size
    size += (<usize>(l.columns * (l.depth + 1))) << 2
    // Outputs, and a one, the input of the biases above.
    l.out = at
    at += (<usize>l.channels) << 2
    store<f32>(at, 1)
    at += 4
    l = next(l)
  } while (reaches(l, last))
  toDelta = at - outputs
  at += toDelta
  c.parameters = <i32>(size >> 2)
  c.outputs = last.columns
  c.start = at
  at += size
  c.result = result = at
  at += size
  c.candidate = at
  at += size
  c.x = at
  at += (<usize>(rows * c.inputs)) << 2
  c.y = at
  at += (<usize>rows) << 2
  order = at
  return at + ((<usize>rows) << 2)
}

export function begin(): void {
  const c = control()
  let w = c.start
  do {
    store<u32>(w + size, load<u32>(w))
    store<u32>(w + 2 * size, 0)
  } while ((w += 4) < result)
  c.steps = c.samples = shuffled = 0
  let i = c.rows
  do {
    i--
    store<i32>(order + ((<usize>i) << 2), i)
  } while (i)
}

export function advance(limit: i32): bool {
  const c = control()
  const rows = c.rows
  const all = c.epochs * rows
  let done = c.samples
  for (; limit > 0 && done < all; limit--) {
    const row = done % rows
    if (row == 0) {
      for (let i = rows; i > 1; i--) {
        const b = order + ((<usize>((<u64>wordOf(PURPOSE_SHUFFLE, shuffled++) * <u64>i) >> 32)) << 2)
        const a = order + ((<usize>i) << 2)
        const t = load<i32>(b)
        store<i32>(b, load<i32>(a - 4))
        store<i32>(a - 4, t)
      }
    }
    const n = min(c.batch, rows - row)
    const next = done + n
    do learn(load<u32>(order + ((<usize>(done % rows)) << 2)), <f32>1 / <f32>n)
    while (++done < next)
    let w = result
    do {
      store<f32>(w, load<f32>(w) - c.learningRate * load<f32>(w + size))
      store<f32>(w + size, 0)
    } while ((w += 4) < result + size)
    c.steps++
  }
  c.samples = done
  return done == all
}

// Adds the gradient of row `index` to the sum.
function learn(index: usize, scale: f32): void {
  const c = control()
  let l = layer(0)
  let at = l.out
  // The layers' outputs follow each other, with the one between them.
  let x = c.x + ((index * <usize>c.inputs) << 2)
  do {
    store<f32>(at, load<f32>(x))
    x += 4
  } while ((at += 4) < next(l).out - 4)
  let most: f32 = 0
  do {
    x = l.out
    l = next(l)
    most = -Infinity
    let j: usize = 0
    do {
      let w = result + l.canonical + j
      let z: f32 = 0
      at = x
      do {
        z += load<f32>(at) * load<f32>(w)
        w += (<usize>l.columns) << 2
      } while ((at += 4) < l.out)
      rectify(l, at + j, z, z)
      if (most < z) most = z
    } while ((j += 4) < (<usize>l.columns) << 2)
  } while (l != last)
  // Softmax.
  const beyond = at + ((<usize>l.columns) << 2)
  let total: f32 = 0
  do {
    const e = exp(load<f32>(at) - most)
    store<f32>(at + toDelta, e)
    total += e
  } while ((at += 4) < beyond)
  at = l.out
  const label = at + ((<usize>load<f32>(c.y + (index << 2))) << 2)
  do {
    const p = load<f32>(at + toDelta) / total
    store<f32>(at + toDelta, (at == label ? p - 1 : p) * scale)
  } while ((at += 4) < beyond)
  do {
    let w = result + l.canonical
    const above = l.out
    const end = above + ((<usize>l.columns) << 2)
    l = previous(l)
    at = l.out
    do {
      let s: f32 = 0
      let d = above
      do {
        const g = load<f32>(d + toDelta)
        store<f32>(w + size, load<f32>(w + size) + load<f32>(at) * g)
        s += g * load<f32>(w)
        w += 4
      } while ((d += 4) < end)
      rectify(l, at + toDelta, load<f32>(at), s)
    } while ((at += 4) < above)
    // Down to the sample, which has no weights.
  } while (l.depth)
}

// Stores `value`, or 0 where the layer has a relu and `output` is not positive.
function rectify(l: Layer, at: usize, output: f32, value: f32): void {
  store<f32>(at, l.activation == RELU && !(output > 0) ? 0 : value)
}
