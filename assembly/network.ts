/** Forward and backward through the layers. */
import { activate, derive } from "./activation"
import { CONV1D } from "./control"
import { Layer, last, layer, next, previous, reaches, transposed, windows } from "./layers"
import { clear, copy } from "./memory"
import { multiply, outer } from "./tile"
import { pool } from "./pool"

const ONE = memory.data<f32>([1, 1, 1, 1])

// How a layer's products run: over groups of rows at a pitch. A dense layer's rows are the batch's; a convolution's are a sample's positions.
let groups = 0
let height = 0
let belowPitch: usize = 0
let pitch: usize = 0

function shape(l: Layer, below: Layer, rows: i32): void {
  groups = 1
  height = rows
  belowPitch = below.rowBytes
  pitch = l.rowBytes
  if (l.kind == CONV1D) {
    groups = rows
    height = l.positions
    belowPitch = (<usize>l.step) << 2
    pitch = (<usize>l.columns) << 2
  }
}

/** Computes every layer's outputs for the `rows` rows in layer 0; `parameters` is a packed vector. */
export function forward(parameters: usize, rows: i32): void {
  for (let l = layer(1); reaches(l, last); l = next(l)) {
    const below = previous(l)
    if (l.depth) {
      shape(l, below, rows)
      // What a panel writes beyond its columns, the next positions, panels and samples overwrite: hence the order.
      for (let g: usize = 0; g < <usize>groups; g++) {
        for (let p: usize = l.panels - 1; <isize>p >= 0; p--)
          multiply(
            below.out + g * below.rowBytes,
            belowPitch,
            parameters + l.packed + p * l.panelBytes,
            l.depth,
            l.out + g * l.rowBytes + (p << 5),
            pitch,
            height,
          )
      }
    } else pool(l, below, 0, 0, rows)
    activate(l.out, (rows * <i32>l.rowBytes) >> 2, l.activation)
  }
}

/** The gradient `dx` of the outputs of the layer below, its activation's derivative included, from the gradient `dy` of `l`'s outputs. */
export function backward(l: Layer, below: Layer, parameters: usize, dy: usize, dx: usize, rows: i32): void {
  if (l.depth) {
    const panels = (l.depth + 7) >> 3
    const conv = l.kind == CONV1D
    const windowBytes = (<usize>panels) << 5
    shape(l, below, rows)
    for (let g: usize = 0; g < <usize>groups; g++) {
      let to = dx + g * below.rowBytes
      for (let q = 0; q < panels; q++) {
        transpose(l, parameters + l.packed, q)
        multiply(
          dy + g * l.rowBytes,
          pitch,
          transposed,
          l.columns,
          (conv ? windows : to) + ((<usize>q) << 5),
          conv ? windowBytes : below.rowBytes,
          height,
        )
      }
      if (!conv) break
      // Windows overlap: their gradients add up in the order of the positions.
      clear(to, <i32>(below.rowBytes >> 2))
      let from = windows
      for (let p = 0; p < height; p++, to += belowPitch, from += windowBytes) {
        for (let k: usize = 0; k < (<usize>l.depth) << 2; k += 4)
          store<f32>(to + k, load<f32>(to + k) + load<f32>(from + k))
      }
    }
  } else pool(l, below, dy, dx, rows)
  derive(dx, below.out, (rows * <i32>below.rowBytes) >> 2, below.activation)
}

/**
 * The gradient of `l`'s weights in rows `from` to `to` (the biases are row `depth`) of panel `p`: sums over the batch's rows and, in a convolution,
 * over the positions of each. Writes up to three rows more.
 */
export function weigh(l: Layer, below: Layer, dy: usize, rows: i32, p: usize, from: i32, to: i32, out: usize): void {
  shape(l, below, rows)
  // The input of biases is 1, for each of a tile's rows.
  const bias = from == l.depth
  let a = bias ? ONE : below.out + ((<usize>from) << 2)
  let b = dy + (p << 5)
  for (let g = 0; g < groups; g++, b += l.rowBytes) {
    outer(a, bias ? 0 : belowPitch, b, pitch, height, out, to - from, g > 0)
    if (!bias) a += below.rowBytes
  }
}

// Panel q of the transposed weights into `transposed`: rows are the layer's columns, columns are 8 of its rows; then zeros, where `multiply` expects biases.
function transpose(l: Layer, w: usize, q: i32): void {
  let to = transposed
  w += (<usize>q) << 8
  for (let p = 0; p < l.panels; p++, w += l.panelBytes) {
    if (ASC_FEATURE_SIMD) {
      for (let half: usize = 0; half < 32; half += 16) {
        for (let quarter: usize = 0; quarter < 2; quarter++) {
          const from = w + half + (quarter << 7)
          const r0 = v128.load(from)
          const r1 = v128.load(from, 32)
          const r2 = v128.load(from, 64)
          const r3 = v128.load(from, 96)
          const a = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5)
          const b = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5)
          const c = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7)
          const d = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7)
          const at = to + (half << 3) + (quarter << 4)
          v128.store_lane<i64>(at, a, 0)
          v128.store_lane<i64>(at, b, 0, 8)
          v128.store_lane<i64>(at, a, 1, 32)
          v128.store_lane<i64>(at, b, 1, 40)
          v128.store_lane<i64>(at, c, 0, 64)
          v128.store_lane<i64>(at, d, 0, 72)
          v128.store_lane<i64>(at, c, 1, 96)
          v128.store_lane<i64>(at, d, 1, 104)
        }
      }
    } else {
      for (let j: usize = 0; j < 8; j++) {
        for (let k: usize = 0; k < 8; k++) store<f32>(to + (j << 5) + (k << 2), load<f32>(w + (k << 5) + (j << 2)))
      }
    }
    to += 256
  }
  // No sum is -0, so that adding +0 changes nothing.
  clear(transposed + ((<usize>l.columns) << 5), 8)
}

/** Moves parameters between canonical order and a packed vector: out of it where `unpack` says so. */
export function pack(packed: usize, canonical: usize, unpack: bool): void {
  for (let l = layer(1); reaches(l, last); l = next(l)) {
    // The last panel may write beyond its columns, into what the others write afterwards.
    for (let p: usize = l.panels - 1; <isize>p >= 0; p--) {
      let from = canonical + l.canonical + (p << 5)
      let to = packed + l.packed + p * l.panelBytes
      for (let k = l.depth; k >= 0; k--) {
        copy(unpack ? from : to, unpack ? to : from, 8)
        from += (<usize>l.columns) << 2
        to += 32
      }
    }
  }
}
