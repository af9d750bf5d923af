/** Forward and backward through the layers. */
import { activate, derive } from "./activation"
import { CONV1D, DENSE } from "./control"
import { Layer, count, layer, transposed, windows } from "./layers"
import { clear, copy } from "./memory"
import { multiply, outer, sumRows } from "./tile"
import { pool, unpool } from "./pool"

/** Computes every layer's outputs for the `rows` rows in layer 0; `parameters` is a packed vector. */
export function forward(parameters: usize, rows: i32): void {
  for (let i = 1; i <= count; i++) {
    const l = layer(i)
    const below = layer(i - 1)
    const w = parameters + l.packed
    if (l.kind == DENSE) {
      for (let p: usize = 0; p < <usize>l.panels; p++)
        multiply(below.out, below.rowBytes, w + p * l.panelBytes, l.depth, l.out + (p << 5), l.rowBytes, rows)
    } else if (l.kind == CONV1D) {
      // What a panel writes beyond its columns, the next positions, panels and samples overwrite: hence the order.
      for (let r: usize = 0; r < <usize>rows; r++) {
        for (let p = l.panels - 1; p >= 0; p--)
          multiply(
            below.out + r * below.rowBytes,
            (<usize>l.step) << 2,
            w + <usize>p * l.panelBytes,
            l.depth,
            l.out + r * l.rowBytes + ((<usize>p) << 5),
            (<usize>l.columns) << 2,
            l.positions,
          )
      }
    } else pool(l, below, rows)
    activate(l.out, (rows * <i32>l.rowBytes) >> 2, l.activation)
  }
}

/** The gradient `dx` of the outputs of the layer below, its activation's derivative included, from the gradient `dy` of `l`'s outputs. */
export function backward(l: Layer, below: Layer, parameters: usize, dy: usize, dx: usize, rows: i32): void {
  const w = parameters + l.packed
  const panels = (l.depth + 7) >> 3
  if (l.kind == DENSE) {
    for (let q = 0; q < panels; q++) {
      transpose(l, w, q, transposed)
      multiply(dy, l.rowBytes, transposed, l.columns, dx + ((<usize>q) << 5), below.rowBytes, rows)
    }
  } else if (l.kind == CONV1D) {
    const panelBytes = (<usize>(l.columns + 1)) << 5
    const pitch = (<usize>panels) << 5
    for (let q = 0; q < panels; q++) transpose(l, w, q, transposed + <usize>q * panelBytes)
    for (let r: usize = 0; r < <usize>rows; r++) {
      for (let q: usize = 0; q < <usize>panels; q++)
        multiply(
          dy + r * l.rowBytes,
          (<usize>l.columns) << 2,
          transposed + q * panelBytes,
          l.columns,
          windows + (q << 5),
          pitch,
          l.positions,
        )
      // Windows overlap: their gradients add up in the order of the positions.
      let to = dx + r * below.rowBytes
      clear(to, <i32>(below.rowBytes >> 2))
      for (let p: usize = 0; p < <usize>l.positions; p++, to += (<usize>l.step) << 2) {
        const from = windows + p * pitch
        for (let k: usize = 0; k < (<usize>l.depth) << 2; k += 4)
          store<f32>(to + k, load<f32>(to + k) + load<f32>(from + k))
      }
    }
  } else unpool(l, below, dy, dx, rows)
  derive(dx, below.out, (rows * <i32>below.rowBytes) >> 2, below.activation)
}

/**
 * The gradient of `l`'s weights in rows `from` to `to` (the biases are row `depth`) of panel `p`: sums over the batch's rows and, in a convolution,
 * over the positions of each.
 */
export function weigh(l: Layer, below: Layer, dy: usize, rows: i32, p: usize, from: i32, to: i32, out: usize): void {
  const conv = l.kind == CONV1D
  const groups = conv ? rows : 1
  const depth = conv ? l.positions : rows
  const aRow = conv ? (<usize>l.step) << 2 : below.rowBytes
  const bRow = conv ? (<usize>l.columns) << 2 : l.rowBytes
  let a = below.out + ((<usize>from) << 2)
  let b = dy + (p << 5)
  for (let g = 0; g < groups; g++, a += below.rowBytes, b += l.rowBytes) {
    if (from == l.depth) sumRows(b, bRow, depth, out, g > 0)
    else outer(a, aRow, b, bRow, depth, out, to - from, g > 0)
  }
}

// Panel q of the transposed weights: rows are the layer's columns, columns are 8 of its rows; then a row of zeros where `multiply` expects biases.
function transpose(l: Layer, w: usize, q: i32, to: usize): void {
  w += (<usize>q) << 8
  for (let p = 0; p < l.panels; p++, w += l.panelBytes) {
    const columns = min(8, l.columns - (p << 3))
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
          v128.store(at, v128.shuffle<i64>(a, b, 0, 2))
          v128.store(at, v128.shuffle<i64>(a, b, 1, 3), 32)
          v128.store(at, v128.shuffle<i64>(c, d, 0, 2), 64)
          v128.store(at, v128.shuffle<i64>(c, d, 1, 3), 96)
        }
      }
    } else {
      for (let j: usize = 0; j < <usize>columns; j++) {
        for (let k: usize = 0; k < 8; k++) store<f32>(to + (j << 5) + (k << 2), load<f32>(w + (k << 5) + (j << 2)))
      }
    }
    to += (<usize>columns) << 5
  }
  clear(to, 8)
}

/** Canonical parameters into a packed vector. */
export function pack(to: usize, canonical: usize): void {
  for (let i = 1; i <= count; i++) {
    const l = layer(i)
    const pitch = (<usize>l.columns) << 2
    for (let p: usize = 0; p < <usize>l.panels; p++) {
      let from = canonical + (p << 5)
      let at = to + l.packed + p * l.panelBytes
      for (const end = at + ((<usize>(l.depth + 1)) << 5); at < end; at += 32, from += pitch) copy(at, from, 8)
    }
    if (l.columns) canonical += pitch * (l.depth + 1)
  }
}

/** A packed vector into canonical parameters. */
export function unpack(canonical: usize, packed: usize): void {
  for (let i = 1; i <= count; i++) {
    const l = layer(i)
    const pitch = (<usize>l.columns) << 2
    // The last panel may write beyond its columns, into what the others write afterwards.
    for (let p = l.panels - 1; p >= 0; p--) {
      let to = canonical + ((<usize>p) << 5)
      let at = packed + l.packed + <usize>p * l.panelBytes
      for (const end = at + ((<usize>(l.depth + 1)) << 5); at < end; at += 32, to += pitch) copy(to, at, 8)
    }
    canonical += pitch * (l.depth + 1)
  }
}
