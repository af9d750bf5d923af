/**
 * Integers of 8 or 4 bits in blocks of 64 values with one scale each (CODECS.md, "Integer blocks"). Stochastic rounding takes 16 random
 * bits a value, bits 16 p to 16 p + 15 of the stream "rounding" for the value at position p.
 */

import { INFINITE, peakBits, scaleUp, scaleValue } from "./codec-scale"
import { DRAWS, draw } from "./codec-stream"

export const BLOCK = 64

const ROUNDING = 4

/** The levels of one block, and room for what SIMD writes past them. */
export const LEVELS = memory.data(128, 16)

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
    store<u16>(dst, scale)
    dst += 2
    if (stochastic) draw(at >> 3, ROUNDING)
    const half = (size + 1) >> 1
    quantize(bits == 8 ? dst : LEVELS, src, size, inverse, limit, stochastic)
    if (bits == 8) {
      dst += size
    } else {
      pack(dst, half)
      dst += half
    }
    src += BLOCK * 4
  }
  return dst - start
}

/** clamp(floor(x * inverse + u)), with u = 1/2, or (r + 1/2) / 65536 for the random 16 bits r; and one level 0 more. */
function quantize(dst: usize, src: usize, size: i32, inverse: f32, limit: i32, stochastic: i32): void {
  if (ASC_FEATURE_SIMD) {
    const high = i8x16.splat(<i8>limit)
    const low = i8x16.neg(high)
    const factor = f32x4.splat(inverse)
    let draws = DRAWS
    for (const end = dst + size; dst < end; dst += 16) {
      const q = i8x16.narrow_i16x8_s(
        i16x8.narrow_i32x4_s(
          floorSum(v128.load(src), factor, stochastic, draws),
          floorSum(v128.load(src, 16), factor, stochastic, draws + 8),
        ),
        i16x8.narrow_i32x4_s(
          floorSum(v128.load(src, 32), factor, stochastic, draws + 16),
          floorSum(v128.load(src, 48), factor, stochastic, draws + 24),
        ),
      )
      v128.store(dst, i8x16.max_s(i8x16.min_s(q, high), low))
      src += 64
      draws += 32
    }
  } else {
    for (let i = 0; i < size; i++) {
      let u: f32 = 0.5
      if (stochastic) u = reinterpret<f32>(0x3f800040 | (load<u16>(DRAWS + (i << 1)) << 7)) - 1
      const q = <i32>floor<f32>(load<f32>(src + (i << 2)) * inverse + u)
      store<i8>(dst + i, max(min(q, limit), -limit))
    }
    store<i8>(dst + size, 0)
  }
}

function floorSum(x: v128, factor: v128, stochastic: i32, draws: usize): v128 {
  let u = f32x4.splat(0.5)
  if (stochastic) {
    // Random 16 bits as the middle of a mantissa: 1 + (r + 1/2) / 65536, less 1.
    u = v128.or(i32x4.shl(v128.load_ext<u16>(draws), 7), i32x4.splat(0x3f800040))
    u = f32x4.sub(u, f32x4.splat(1))
  }
  return i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(f32x4.mul(x, factor), u)))
}

/** Packs LEVELS: byte j holds level j (low half) and level j + half (high half). */
function pack(dst: usize, half: i32): void {
  const from = LEVELS
  if (ASC_FEATURE_SIMD) {
    const mask = i8x16.splat(15)
    for (let j = 0; j < half; j += 16) {
      const high = i16x8.shl(v128.and(v128.load(from + j + half), mask), 4)
      v128.store(dst + j, v128.or(v128.and(v128.load(from + j), mask), high))
    }
  } else {
    for (let j = 0; j < half; j++) {
      store<u8>(dst + j, (load<u8>(from + j) & 15) | (load<u8>(from + j + half) << 4))
    }
  }
}
