/** Decodes rotated blocks and adds them: unpack, int16 transform, signs, then level x scale as in fold.ts. */

import { CODES, COORDINATES, ROTATION, blockSize, centroids, horizontal } from "./codec-eden"
import { transformI16 } from "./codec-hadamard"
import { INFINITE, scaleValue } from "./codec-scale"
import { DRAWS, draw } from "./codec-stream"
import { FAULT_BOUND, FAULT_SCALE, FAULT_VALUE, addEight } from "./fold"
import { onGrid } from "./grid"

/** Adds `n` values of 1, 2 or 4 bits. */
export function foldEden(sum: usize, src: usize, n: i32, bits: i32, terms: usize): u32 {
  const weight = load<f64>(terms)
  const magic = load<f64>(terms, 8)
  const limit = load<f64>(terms, 16)
  for (let at = 0; at < n;) {
    const size = blockSize(n - at)
    const given = min(size, n - at)
    const scale = <u32>load<u16>(src)
    if (scale >= INFINITE >> 16) return at | FAULT_SCALE
    const widest = unpack(src + 2, size, bits)
    // What no encoder makes; the transform could leave int16.
    if (widest > 32767) return at | FAULT_VALUE
    transformI16(COORDINATES, size)
    const exact = weight * <f64>scaleValue(scale)
    if (abs(exact) * <f64>widest > limit && abs(exact) * <f64>peakCoordinate(given) > limit) return at | FAULT_BOUND
    draw(at >> 7, ROTATION)
    addCoordinates(sum, given, DRAWS + ((at & 127) >> 3), onGrid(exact, magic))
    src += 2 + ((size * bits) >> 3)
    sum += size << 3
    at += size
  }
  return n
}

/**
 * Writes the centroids of one block to COORDINATES (in SIMD with distances 1, 2 and 4 of the transform done) and returns the sum of their
 * sizes.
 */
function unpack(src: usize, size: i32, bits: i32): i32 {
  const table = centroids(bits)
  const mask = (1 << bits) - 1
  const bytes = (size * bits) >> 3
  const stride = min(bytes, 16)
  let code = CODES
  let to = COORDINATES
  const end = src + bytes
  if (ASC_FEATURE_SIMD) {
    const map = v128.load(table)
    const low = i8x16.splat(<i8>mask)
    for (; src < end; src += stride) {
      const packed = v128.load(src)
      for (let shift = 0; shift < 8; shift += bits) {
        // Of a smaller block, what is written past the stride is overwritten, or lies past the block.
        v128.store(code, i8x16.swizzle(map, v128.and(i16x8.shr_u(packed, shift), low)))
        code += stride
      }
    }
    const ones = i16x8.splat(1)
    let sizes = i32x4.splat(0)
    for (code = CODES; code < CODES + size; code += 8) {
      let x = v128.load_ext<i8>(code)
      sizes = i32x4.add(sizes, i32x4.dot_i16x8_s(i16x8.abs(x), ones))
      x = i16x8.add(v128.shuffle<i16>(x, x, 1, 0, 3, 2, 5, 4, 7, 6), i16x8.mul(x, i16x8(1, -1, 1, -1, 1, -1, 1, -1)))
      x = i16x8.add(v128.shuffle<i32>(x, x, 1, 0, 3, 2), i16x8.mul(x, i16x8(1, 1, -1, -1, 1, 1, -1, -1)))
      x = i16x8.add(v128.shuffle<i64>(x, x, 1, 0), i16x8.mul(x, i16x8(1, 1, 1, 1, -1, -1, -1, -1)))
      v128.store(to, x)
      to += 16
    }
    return horizontal(sizes)
  } else {
    let widest = 0
    for (; src < end; src += stride) {
      for (let shift = 0; shift < 8; shift += bits) {
        for (let t = 0; t < stride; t++) {
          const x = <i32>load<i8>(table + (((<i32>load<u8>(src + t)) >> shift) & mask))
          widest += abs(x)
          store<i16>(to, x)
          to += 2
        }
      }
    }
    return widest
  }
}

function peakCoordinate(given: i32): i32 {
  let peak = 0
  for (let p = COORDINATES; p < COORDINATES + (given << 1); p += 2) peak = max(peak, abs(<i32>load<i16>(p)))
  return peak
}

/** Adds sign x coordinate x `step`. */
function addCoordinates(sum: usize, given: i32, signs: usize, step: f64): void {
  const from = COORDINATES
  if (ASC_FEATURE_SIMD) {
    const which = i16x8(1, 2, 4, 8, 16, 32, 64, 128)
    for (let i = 0; i < given; i += 8) {
      const negative = i16x8.eq(v128.and(v128.load_splat<u8>(signs + (i >> 3)), which), which)
      const x = i16x8.sub(v128.xor(v128.load(from + (i << 1)), negative), negative)
      addEight(sum + (i << 3), x, f64x2.splat(step))
    }
  } else {
    for (let i = 0; i < given; i++) {
      const p = sum + (i << 3)
      let x = <i32>load<i16>(from + (i << 1))
      if (((<i32>load<u8>(signs + (i >> 3))) >> (i & 7)) & 1) x = -x
      store<f64>(p, load<f64>(p) + <f64>x * step)
    }
  }
}
