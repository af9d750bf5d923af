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
  let l = layer(1)
  do {
    const below = previous(l)
    if (l.depth) {
      shape(l, below, rows)
      let a = below.out
      let out = l.out
      // What a panel writes beyond its columns, the next positions, panels and samples overwrite: hence the order.
      do {
        let p = <usize>l.panels
        do {
          p--
          multiply(a, belowPitch, parameters + l.packed + p * l.panelBytes, l.depth, out + (p << 5), pitch, height)
        } while (p)
        a += below.rowBytes
        out += l.rowBytes
      } while (--groups)
    } else pool(l, below, 0, 0, rows)
    activate(l.out, (rows * <i32>l.rowBytes) >> 2, l.activation)
    l = next(l)
  } while (reaches(l, last))
}

/** The gradient `dx` of the outputs of the layer below, its activation's derivative included, from the gradient `dy` of `l`'s outputs. */
export function backward(l: Layer, below: Layer, parameters: usize, dy: usize, dx: usize, rows: i32): void {
  if (l.depth) {
    const panels = (l.depth + 7) >> 3
    const conv = l.kind == CONV1D
    const windowBytes = (<usize>panels) << 5
    shape(l, below, rows)
    let row = dx
    do {
      let q = 0
      do {
        transpose(l, parameters + l.packed, q)
        const at = (<usize>q) << 5
        if (conv) multiply(dy, pitch, transposed, l.columns, windows + at, windowBytes, height)
        else multiply(dy, pitch, transposed, l.columns, row + at, below.rowBytes, height)
      } while (++q < panels)
      if (conv) {
        // Windows overlap: their gradients add up in the order of the positions.
        clear(row, <i32>(below.rowBytes >> 2))
        let to = row
        let from = windows
        let p = height
        do {
          let k: usize = 0
          do store<f32>(to + k, load<f32>(to + k) + load<f32>(from + k))
          while ((k += 4) < (<usize>l.depth) << 2)
          to += belowPitch
          from += windowBytes
        } while (--p)
        dy += l.rowBytes
        row += below.rowBytes
      }
    } while (--groups)
  } else pool(l, below, dy, dx, rows)
  derive(dx, below.out, (rows * <i32>below.rowBytes) >> 2, below.activation)
}

/**
 * The gradient of `l`'s weights in rows `from` to `to` of panel `p`, and of the biases, row `depth`, if `to` is beyond it: sums over the batch's rows
 * and, in a convolution, over the positions of each. Writes up to seven rows more.
 */
export function weigh(l: Layer, below: Layer, dy: usize, rows: i32, p: usize, from: i32, to: i32, out: usize): void {
  let a = below.out + ((<usize>from) << 2)
  const count = min(to, l.depth) - from
  const biases = out + ((<usize>count) << 5)
  dy += p << 5
  if (l.kind != CONV1D) {
    outer(a, below.rowBytes, dy, l.rowBytes, rows, out, count, false)
    // The input of biases is 1, for each of a tile's rows.
    if (to > l.depth) outer(ONE, 0, dy, l.rowBytes, rows, biases, 1, false)
    return
  }
  shape(l, below, rows)
  let more = false
  do {
    outer(a, belowPitch, dy, pitch, height, out, count, more)
    // Where no tile of weights reaches.
    outer(ONE, 0, dy, pitch, height, biases + 96, 1, more)
    more = true
    a += below.rowBytes
    dy += l.rowBytes
  } while (--groups)
  copy(biases, biases + 96, 8)
}

// Panel q of the transposed weights into `transposed`: rows are the layer's columns, columns are 8 of its rows; then zeros, where `multiply` expects biases.
function transpose(l: Layer, w: usize, q: i32): void {
  let to = transposed
  w += (<usize>q) << 8
  let p = l.panels
  do {
    if (ASC_FEATURE_SIMD) {
      // The four quarters of a block of 8 rows and columns.
      for (let quarter: usize = 0; quarter < 4; quarter++) {
        const from = w + ((quarter & 1) << 4) + ((quarter & 2) << 6)
        const r0 = v128.load(from)
        const r1 = v128.load(from, 32)
        const r2 = v128.load(from, 64)
        const r3 = v128.load(from, 96)
        const a = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5)
        const b = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5)
        const c = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7)
        const d = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7)
        const at = to + ((quarter & 1) << 7) + ((quarter & 2) << 3)
        // Whole vectors, since `multiply` would have to wait for halves.
        v128.store(at, v128.shuffle<i64>(a, b, 0, 2))
        v128.store(at, v128.shuffle<i64>(a, b, 1, 3), 32)
        v128.store(at, v128.shuffle<i64>(c, d, 0, 2), 64)
        v128.store(at, v128.shuffle<i64>(c, d, 1, 3), 96)
      }
    } else {
      for (let j: usize = 0; j < 8; j++) {
        for (let k: usize = 0; k < 8; k++) store<f32>(to + (j << 5) + (k << 2), load<f32>(w + (k << 5) + (j << 2)))
      }
    }
    to += 256
    w += l.panelBytes
  } while (--p)
  // No sum is -0, so that adding +0 changes nothing.
  clear(transposed + ((<usize>l.columns) << 5), 8)
}

/** Moves parameters between canonical order and a packed vector: out of it where `unpack` says so. */
export function pack(packed: usize, canonical: usize, unpack: bool): void {
  let l = layer(1)
  do {
    // The last panel may write beyond its columns, into what the others write afterwards.
    for (let p: usize = l.panels - 1; <isize>p >= 0; p--) {
      let from = canonical + l.canonical + (p << 5)
      let to = packed + l.packed + p * l.panelBytes
      let k = l.depth
      do {
        copy(unpack ? from : to, unpack ? to : from, 8)
        from += (<usize>l.columns) << 2
        to += 32
      } while (--k >= 0)
    }
    l = next(l)
  } while (reaches(l, last))
}
