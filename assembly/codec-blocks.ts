/**
 * Integers of 8 or 4 bits in blocks of 64 values with one scale each (CODECS.md, "Integer blocks"). Stochastic rounding takes 16 random
 * bits a value, bits 16 p to 16 p + 15 of the stream "rounding" for the value at position p.
 */

import { INFINITE, peakBits, scaleUp, scaleValue } from "./codec-scale"
import { stream128 } from "./codec-stream"

export const BLOCK = 64

const ROUNDING = 4

const DRAWS = memory.data(128, 16)
const LEVELS = memory.data(64, 16)

/** Encodes `n` float32 values to `dst`; `bits` is 8 or 4. Returns the payload's length, or 0 where a value is not finite. */
export function encodeBlocks(dst: usize, src: usize, n: i32, bits: i32, stochastic: i32): usize {
  const start = dst
  const limit = (1 << (bits - 1)) - 1
  for (let at = 0; at < n; at += BLOCK) {
    const size = min(n - at, BLOCK)
    const peak = peakBits(src, size)
    if (peak >= INFINITE) return 0
    let inverse: f32 = 0
    let scale: u32 = 0
    if (peak) {
      scale = scaleUp(reinterpret<f32>(peak) / <f32>limit)
      inverse = 1 / scaleValue(scale)
    }
    if (stochastic) stream128(DRAWS, at >> 3, ROUNDING)
    store<u16>(dst, scale)
    dst += 2
    if (bits == 8) {
      quantize(dst, src, size, inverse, limit, stochastic)
      dst += size
    } else {
      quantize(LEVELS, src, size, inverse, limit, stochastic)
      dst = pack(dst, size)
    }
    src += BLOCK * 4
  }
  return dst - start
}

/** clamp(floor(x * inverse + u)), with u = 1/2, or (r + 1/2) / 65536 for the random 16 bits r. */
function quantize(dst: usize, src: usize, size: i32, inverse: f32, limit: i32, stochastic: i32): void {
  let i = 0
  if (ASC_FEATURE_SIMD) {
    const low = i8x16.splat(<i8>-limit)
    const high = i8x16.splat(<i8>limit)
    const factor = f32x4.splat(inverse)
    for (; i <= size - 16; i += 16) {
      let u0 = f32x4.splat(0.5)
      let u1 = u0
      let u2 = u0
      let u3 = u0
      if (stochastic) {
        const a = v128.load(DRAWS + (i << 1))
        const b = v128.load(DRAWS + (i << 1), 16)
        u0 = unit(i32x4.extend_low_i16x8_u(a))
        u1 = unit(i32x4.extend_high_i16x8_u(a))
        u2 = unit(i32x4.extend_low_i16x8_u(b))
        u3 = unit(i32x4.extend_high_i16x8_u(b))
      }
      const p = src + (i << 2)
      const q = i8x16.narrow_i16x8_s(
        i16x8.narrow_i32x4_s(floorSum(v128.load(p), factor, u0), floorSum(v128.load(p, 16), factor, u1)),
        i16x8.narrow_i32x4_s(floorSum(v128.load(p, 32), factor, u2), floorSum(v128.load(p, 48), factor, u3)),
      )
      v128.store(dst + i, i8x16.max_s(i8x16.min_s(q, high), low))
    }
  }
  for (; i < size; i++) {
    let u: f32 = 0.5
    if (stochastic) u = reinterpret<f32>(0x3f800040 | (load<u16>(DRAWS + (i << 1)) << 7)) - 1
    const q = <i32>floor<f32>(load<f32>(src + (i << 2)) * inverse + u)
    store<i8>(dst + i, max(min(q, limit), -limit))
  }
}

/** Random 16 bits as the middle of a mantissa: 1 + (r + 1/2) / 65536, less 1. */
// @ts-ignore: decorator
@inline
function unit(r: v128): v128 {
  return f32x4.sub(v128.or(i32x4.shl(r, 7), i32x4.splat(0x3f800040)), f32x4.splat(1))
}

// @ts-ignore: decorator
@inline
function floorSum(x: v128, factor: v128, u: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(f32x4.mul(x, factor), u)))
}

/** Packs `size` levels: byte j holds level j (low half) and level j + ceil(size / 2) (high half). Returns the end. */
function pack(dst: usize, size: i32): usize {
  const half = (size + 1) >> 1
  if (ASC_FEATURE_SIMD) {
    if (size == BLOCK) {
      for (let j = 0; j < 32; j += 16) {
        const low = v128.and(v128.load(LEVELS + j), i8x16.splat(15))
        const high = i16x8.shl(v128.and(v128.load(LEVELS + j, 32), i8x16.splat(15)), 4)
        v128.store(dst + j, v128.or(low, high))
      }
      return dst + 32
    }
  }
  if (size & 1) store<u8>(LEVELS + size, 0)
  for (let j = 0; j < half; j++) {
    store<u8>(dst + j, (load<u8>(LEVELS + j) & 15) | (load<u8>(LEVELS + j + half) << 4))
  }
  return dst + half
}
