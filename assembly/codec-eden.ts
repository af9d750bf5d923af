/**
 * Block-EDEN (Vargaftik et al. 2022, "EDEN: communication-efficient and robust distributed mean estimation"), with integer centroids:
 * 1, 2 or 4 bits a coordinate of the rotated block, one scale a block (CODECS.md, "Rotated blocks").
 */

import { transformF32 } from "./codec-hadamard"
import { INFINITE, peakBits, scaleNearest } from "./codec-scale"
import { DRAWS, draw } from "./codec-stream"

export const LARGEST_BLOCK = 1024
export const SMALLEST_BLOCK = 32
export const ROTATION = 3

/** One block's coordinates: float32 to encode, int16 to decode. */
export const COORDINATES = memory.data(4096, 16)

/** One byte a coordinate: its code to encode, its centroid to decode; and room for what SIMD writes past them. */
export const CODES = memory.data(1040, 16)

/** Magnitudes of the centroids, for 1, 2 and 4 bits, 16 bytes each; the second half of every row is for the negative ones. */
export const CENTROIDS = memory.data<i8>([
  1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 10, -3, -10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 11, 18, 26,
  35, 45, 58, 77, -4, -11, -18, -26, -35, -45, -58, -77,
])

/** Twice the midpoints between centroids: of 4 bits, then of 2. */
const MIDPOINTS = memory.data<u8>([15, 29, 44, 61, 80, 103, 135, 13])

/** Twice the centroids' unit, in deviations of the coordinates. */
const UNIT_2: f32 = 13.25
const UNIT_4: f32 = 55.5

/** 16 float32 sums, side by side. */
const PARTIAL = memory.data(64, 16)

/** The row of CENTROIDS for `bits`. */
export function centroids(bits: i32): usize {
  return CENTROIDS + ((bits >> 1) << 4)
}

/** The next block of a vector of which `rest` values are left: 1024, or the largest power of two that fits, but at least 32. */
export function blockSize(rest: i32): i32 {
  if (rest >= LARGEST_BLOCK) return LARGEST_BLOCK
  return max(1 << (31 - clz(rest)), SMALLEST_BLOCK)
}

/** Encodes `n` float32 values to `dst`; `bits` is 1, 2 or 4. Returns the payload's length, or 0 where a value is not finite. */
export function encodeEden(dst: usize, src: usize, n: i32, bits: i32, biased: i32): usize {
  const start = dst
  for (let at = 0; at < n;) {
    const size = blockSize(n - at)
    const peak = peakBits(src, min(size, n - at))
    if (peak >= INFINITE) return 0
    const bytes = (size * bits) >> 3
    if (peak) {
      // A power of two brings the largest value near 1, so that no square leaves the range of float32.
      const exponent = min(max(<i32>(peak >> 23), 1), 253)
      draw(at >> 7, ROTATION)
      rotate(src, min(size, n - at), size, DRAWS + ((at & 127) >> 3), reinterpret<f32>((254 - exponent) << 23))
      const sum = energy(size)
      const squares = code(size, bits, (bits == 2 ? UNIT_2 : UNIT_4) / sqrt<f32>(sum / <f32>size))
      const inner = total()
      const scale = biased ? inner / (<f32>squares * <f32>size) : sum / (inner * <f32>size)
      store<u16>(dst, scaleNearest(scale * reinterpret<f32>(exponent << 23)))
      pack(dst + 2, bytes, bits)
      dst += bytes + 2
    } else {
      for (const end = dst + bytes + 2; dst < end; dst += 2) store<u16>(dst, 0)
    }
    src += size << 2
    at += size
  }
  return dst - start
}

/** COORDINATES = transform(src x factor x signs), the `given` values filled up with zeros to `size`. */
function rotate(src: usize, given: i32, size: i32, signs: usize, factor: f32): void {
  const to = COORDINATES
  if (ASC_FEATURE_SIMD) {
    const which = i32x4(1, 2, 4, 8)
    const minus = i32x4.splat(0x80000000)
    const scale = f32x4.splat(factor)
    for (let i = 0; i < size; i += 4) {
      const bits = i32x4.splat((<i32>load<u8>(signs + (i >> 3))) >> (i & 4))
      const negative = v128.and(i32x4.eq(v128.and(bits, which), which), minus)
      let x = f32x4.mul(v128.load(src + (i << 2)), v128.xor(scale, negative))
      // Distances 1 and 2.
      x = f32x4.add(v128.shuffle<i32>(x, x, 1, 0, 3, 2), v128.xor(x, i64x2.splat(1 << 63)))
      x = f32x4.add(v128.shuffle<i64>(x, x, 1, 0), v128.xor(x, i64x2(0, 0x8000000080000000)))
      v128.store(to + (i << 2), x)
    }
  } else {
    for (let i = 0; i < size; i++) {
      let x: f32 = 0
      if (i < given) x = load<f32>(src + (i << 2)) * factor
      if (((<i32>load<u8>(signs + (i >> 3))) >> (i & 7)) & 1) x = -x
      store<f32>(to + (i << 2), x)
    }
  }
  transformF32(to, size)
}

/** The order of all sums here: 16 partial sums over i mod 16, then ((0 + 4) + (8 + 12)) and so on, then (0 + 1) + (2 + 3). */
function total(): f32 {
  for (let p = PARTIAL; p < PARTIAL + 16; p += 4) {
    store<f32>(p, load<f32>(p) + load<f32>(p, 16) + (load<f32>(p, 32) + load<f32>(p, 48)))
  }
  return load<f32>(PARTIAL) + load<f32>(PARTIAL, 4) + (load<f32>(PARTIAL, 8) + load<f32>(PARTIAL, 12))
}

/** Sum of the squared coordinates. */
function energy(size: i32): f32 {
  const end = COORDINATES + (size << 2)
  if (ASC_FEATURE_SIMD) {
    let e0 = f32x4.splat(0)
    let e1 = e0
    let e2 = e0
    let e3 = e0
    for (let p = COORDINATES; p < end; p += 64) {
      const a = v128.load(p)
      const b = v128.load(p, 16)
      const c = v128.load(p, 32)
      const d = v128.load(p, 48)
      e0 = f32x4.add(e0, f32x4.mul(a, a))
      e1 = f32x4.add(e1, f32x4.mul(b, b))
      e2 = f32x4.add(e2, f32x4.mul(c, c))
      e3 = f32x4.add(e3, f32x4.mul(d, d))
    }
    savePartial(e0, e1, e2, e3)
  } else {
    clearPartial()
    for (let p = COORDINATES; p < end; p += 4) {
      const y = load<f32>(p)
      addPartial(p, y * y)
    }
  }
  return total()
}

function savePartial(a: v128, b: v128, c: v128, d: v128): void {
  v128.store(PARTIAL, a)
  v128.store(PARTIAL, b, 16)
  v128.store(PARTIAL, c, 32)
  v128.store(PARTIAL, d, 48)
}

function clearPartial(): void {
  for (let p = PARTIAL; p < PARTIAL + 64; p += 4) store<f32>(p, 0)
}

/** Adds to the partial sum of the coordinate at address `p`. */
function addPartial(p: usize, value: f32): void {
  const at = PARTIAL + ((p - COORDINATES) & 60)
  store<f32>(at, load<f32>(at) + value)
}

/**
 * Codes all coordinates, one byte each, to CODES: the centroid's index, and the sign in the highest of `bits` bits. Leaves the sums of
 * centroid x |coordinate| in PARTIAL and returns the sum of squared centroids.
 */
function code(size: i32, bits: i32, factor: f32): i32 {
  const table = centroids(bits)
  const signBit: i32 = 1 << (bits - 1)
  const middles = MIDPOINTS + (bits & 2 ? 7 : 0)
  const steps = signBit - 1
  let from = COORDINATES
  const end = CODES + size
  if (ASC_FEATURE_SIMD) {
    const map = v128.load(table)
    const f = f32x4.splat(factor)
    const minus = i8x16.splat(<i8>signBit)
    let squares = i32x4.splat(0)
    let s0 = f32x4.splat(0)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    for (let to = CODES; to < end; to += 16) {
      let a = v128.load(from)
      let b = v128.load(from, 16)
      let c = v128.load(from, 32)
      let d = v128.load(from, 48)
      from += 64
      // Saturating to bytes keeps the sign.
      const signs = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
      a = f32x4.abs(a)
      b = f32x4.abs(b)
      c = f32x4.abs(c)
      d = f32x4.abs(d)
      const z = i8x16.narrow_i16x8_u(
        i16x8.narrow_i32x4_s(times(a, f), times(b, f)),
        i16x8.narrow_i32x4_s(times(c, f), times(d, f)),
      )
      let index = i32x4.splat(0)
      for (let j = 0; j < steps; j++) index = i8x16.sub(index, i8x16.ge_u(z, v128.load_splat<u8>(middles + j)))
      v128.store(to, v128.or(index, v128.and(i8x16.shr_s(signs, 7), minus)))
      index = i8x16.swizzle(map, index)
      const low = i16x8.extend_low_i8x16_s(index)
      const high = i16x8.extend_high_i8x16_s(index)
      squares = i32x4.add(squares, i32x4.add(i32x4.dot_i16x8_s(low, low), i32x4.dot_i16x8_s(high, high)))
      s0 = f32x4.add(s0, f32x4.mul(a, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low))))
      s1 = f32x4.add(s1, f32x4.mul(b, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low))))
      s2 = f32x4.add(s2, f32x4.mul(c, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high))))
      s3 = f32x4.add(s3, f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high))))
    }
    savePartial(s0, s1, s2, s3)
    return horizontal(squares)
  } else {
    clearPartial()
    let squares = 0
    for (let to = CODES; to < end; to++) {
      const y = load<f32>(from)
      const z = abs(y) * factor
      let index = 0
      while (index < steps && z >= <f32>load<u8>(middles + index)) index++
      const centroid = <i32>load<i8>(table + index)
      squares += centroid * centroid
      addPartial(from, abs(y) * <f32>centroid)
      store<u8>(to, reinterpret<i32>(y) < 0 ? index | signBit : index)
      from += 4
    }
    return squares
  }
}

function times(x: v128, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.mul(x, factor))
}

/** The sum of the four lanes. */
export function horizontal(x: v128): i32 {
  x = i32x4.add(x, v128.shuffle<i64>(x, x, 1, 0))
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1)
}

/**
 * Packs CODES by stride: in a group of `stride` bytes (16, or all of a smaller block), byte t holds the codes of coordinates t,
 * t + stride, t + 2 stride, ..., the first in the lowest bits.
 */
function pack(dst: usize, bytes: i32, bits: i32): void {
  const stride = min(bytes, 16)
  let from = CODES
  for (const end = dst + bytes; dst < end; dst += stride) {
    if (ASC_FEATURE_SIMD) {
      let packed = i32x4.splat(0)
      for (let shift = 0; shift < 8; shift += bits) {
        packed = v128.or(packed, i16x8.shl(v128.load(from), shift))
        from += stride
      }
      // Past a smaller block this writes nothing that stays.
      v128.store(dst, packed)
    } else {
      for (let t = 0; t < stride; t++) {
        let packed = 0
        for (let shift = 0; shift < 8; shift += bits) {
          packed |= (<i32>load<u8>(from + t + (stride / bits) * shift)) << shift
        }
        store<u8>(dst + t, packed)
      }
      from += (stride << 3) / bits
    }
  }
}
