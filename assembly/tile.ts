/**
 * Products of matrices, a panel of 8 columns at a time. Every element is one sum that starts at +0 and adds products in ascending order
 * of the index that is summed over; SIMD works on several elements at once, never within a sum, so all builds give the same bits.
 */

/** Where the sums of a tile begin that continue none. */
const ZEROS = memory.data(128)

/**
 * `out[r][0..7] = (sum over k < depth of a[r][k] * panel[k][0..7]) + panel[depth][0..7]` for `rows` rows. Works on up to three rows more
 * than asked, whose results mean nothing. Row pitches are in bytes.
 */
export function multiply(a: usize, aRow: usize, panel: usize, depth: i32, out: usize, outRow: usize, rows: i32): void {
  // Tiles of 4 rows, and of 5 where that leaves no remainder.
  let fives = rows & 3
  if (fives * 5 > rows) fives = 0
  do {
    let height = 1
    if (ASC_FEATURE_SIMD) {
      height = 4
      if (fives-- > 0) {
        height = 5
        tile<v128>(a, aRow, panel, depth, out, outRow)
      } else tile<i32>(a, aRow, panel, depth, out, outRow)
    } else row(a, 4, panel, 32, depth, out, 1)
    a += aRow * height
    out += outRow * height
    rows -= height
  } while (rows > 0)
}

/**
 * `out[i][0..7] (+)= sum over r < depth of a[r][i] * b[r][0..7]` for i < rows and up to three more; `more` continues the sums that `out` holds.
 * Pitches in bytes.
 */
export function outer(
  a: usize,
  aRow: usize,
  b: usize,
  bRow: usize,
  depth: i32,
  out: usize,
  rows: i32,
  more: bool,
): void {
  do {
    if (ASC_FEATURE_SIMD) {
      const first = more ? out : ZEROS
      let c00 = v128.load(first)
      let c01 = v128.load(first, 16)
      let c10 = v128.load(first, 32)
      let c11 = v128.load(first, 48)
      let c20 = v128.load(first, 64)
      let c21 = v128.load(first, 80)
      let c30 = v128.load(first, 96)
      let c31 = v128.load(first, 112)
      let x = a
      let y = b
      let r = depth
      do {
        const b0 = v128.load(y)
        const b1 = v128.load(y, 16)
        let s = v128.load32_splat(x)
        c00 = f32x4.add(c00, f32x4.mul(s, b0))
        c01 = f32x4.add(c01, f32x4.mul(s, b1))
        s = v128.load32_splat(x, 4)
        c10 = f32x4.add(c10, f32x4.mul(s, b0))
        c11 = f32x4.add(c11, f32x4.mul(s, b1))
        s = v128.load32_splat(x, 8)
        c20 = f32x4.add(c20, f32x4.mul(s, b0))
        c21 = f32x4.add(c21, f32x4.mul(s, b1))
        s = v128.load32_splat(x, 12)
        c30 = f32x4.add(c30, f32x4.mul(s, b0))
        c31 = f32x4.add(c31, f32x4.mul(s, b1))
        x += aRow
        y += bRow
      } while (--r)
      v128.store(out, c00)
      v128.store(out, c01, 16)
      v128.store(out, c10, 32)
      v128.store(out, c11, 48)
      v128.store(out, c20, 64)
      v128.store(out, c21, 80)
      v128.store(out, c30, 96)
      v128.store(out, c31, 112)
      a += 16
      out += 128
      rows -= 4
    } else {
      row(a, aRow, b, bRow, depth, out, more ? -1 : 0)
      a += 4
      out += 32
      rows--
    }
  } while (rows > 0)
}

// Four rows of 8 sums each, and a fifth where `Fifth` is a vector: compiled once for each, without what it does not need.
function tile<Fifth>(a0: usize, aRow: usize, b: usize, depth: i32, out: usize, outRow: usize): void {
  const a1 = a0 + aRow
  const a2 = a1 + aRow
  const a3 = a2 + aRow
  const a4 = a3 + aRow
  let c00 = f32x4.splat(0)
  let c01 = c00
  let c10 = c00
  let c11 = c00
  let c20 = c00
  let c21 = c00
  let c30 = c00
  let c31 = c00
  let c40 = c00
  let c41 = c00
  const end = (<usize>depth) << 2
  let k: usize = 0
  do {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let s = v128.load32_splat(a0 + k)
    c00 = f32x4.add(c00, f32x4.mul(s, b0))
    c01 = f32x4.add(c01, f32x4.mul(s, b1))
    s = v128.load32_splat(a1 + k)
    c10 = f32x4.add(c10, f32x4.mul(s, b0))
    c11 = f32x4.add(c11, f32x4.mul(s, b1))
    s = v128.load32_splat(a2 + k)
    c20 = f32x4.add(c20, f32x4.mul(s, b0))
    c21 = f32x4.add(c21, f32x4.mul(s, b1))
    s = v128.load32_splat(a3 + k)
    c30 = f32x4.add(c30, f32x4.mul(s, b0))
    c31 = f32x4.add(c31, f32x4.mul(s, b1))
    if (isVector<Fifth>()) {
      s = v128.load32_splat(a4 + k)
      c40 = f32x4.add(c40, f32x4.mul(s, b0))
      c41 = f32x4.add(c41, f32x4.mul(s, b1))
    }
    b += 32
  } while ((k += 4) < end)
  const b0 = v128.load(b)
  const b1 = v128.load(b, 16)
  v128.store(out, f32x4.add(c00, b0))
  v128.store(out, f32x4.add(c01, b1), 16)
  out += outRow
  v128.store(out, f32x4.add(c10, b0))
  v128.store(out, f32x4.add(c11, b1), 16)
  out += outRow
  v128.store(out, f32x4.add(c20, b0))
  v128.store(out, f32x4.add(c21, b1), 16)
  out += outRow
  v128.store(out, f32x4.add(c30, b0))
  v128.store(out, f32x4.add(c31, b1), 16)
  if (isVector<Fifth>()) {
    out += outRow
    v128.store(out, f32x4.add(c40, b0))
    v128.store(out, f32x4.add(c41, b1), 16)
  }
}

// One row of 8 sums: `bias` = 1 adds the row `b[depth]`, -1 continues the sums that `out` holds.
function row(a: usize, aStep: usize, b: usize, bStep: usize, depth: i32, out: usize, bias: i32): void {
  let c0: f32 = 0
  let c1: f32 = 0
  let c2: f32 = 0
  let c3: f32 = 0
  let c4: f32 = 0
  let c5: f32 = 0
  let c6: f32 = 0
  let c7: f32 = 0
  if (bias < 0) {
    c0 = load<f32>(out)
    c1 = load<f32>(out, 4)
    c2 = load<f32>(out, 8)
    c3 = load<f32>(out, 12)
    c4 = load<f32>(out, 16)
    c5 = load<f32>(out, 20)
    c6 = load<f32>(out, 24)
    c7 = load<f32>(out, 28)
  }
  for (; depth > 0; depth--, a += aStep, b += bStep) {
    const s = load<f32>(a)
    c0 += s * load<f32>(b)
    c1 += s * load<f32>(b, 4)
    c2 += s * load<f32>(b, 8)
    c3 += s * load<f32>(b, 12)
    c4 += s * load<f32>(b, 16)
    c5 += s * load<f32>(b, 20)
    c6 += s * load<f32>(b, 24)
    c7 += s * load<f32>(b, 28)
  }
  if (bias > 0) {
    c0 += load<f32>(b)
    c1 += load<f32>(b, 4)
    c2 += load<f32>(b, 8)
    c3 += load<f32>(b, 12)
    c4 += load<f32>(b, 16)
    c5 += load<f32>(b, 20)
    c6 += load<f32>(b, 24)
    c7 += load<f32>(b, 28)
  }
  store<f32>(out, c0)
  store<f32>(out, c1, 4)
  store<f32>(out, c2, 8)
  store<f32>(out, c3, 12)
  store<f32>(out, c4, 16)
  store<f32>(out, c5, 20)
  store<f32>(out, c6, 24)
  store<f32>(out, c7, 28)
}
