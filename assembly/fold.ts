/**
 * The exact fold (CODECS.md, "Fold"): adds weight x decoded value to float64 sums, rounded to the grid of `magic`.
 *
 * Every fold returns the number of values it has added, `n` when the whole payload is good. It stops before the first block that it
 * refuses, and the fault's code is in the upper bits: the host takes back what was added by folding the same payload with -weight and
 * that number as `n`. Sums of multiples of the grid are exact, so this restores every bit.
 */

import { BLOCK } from "./codec-blocks"
import { INFINITE, peakBits, scaleValue } from "./codec-scale"
import { onGrid } from "./grid"

/** Faults, in the bits above the count. */
export const FAULT_SCALE: u32 = 1 << 28
export const FAULT_VALUE: u32 = 2 << 28
export const FAULT_BOUND: u32 = 3 << 28

/** Adds float32 values. */
export function foldF32(sum: usize, src: usize, n: i32, weight: f64, magic: f64, limit: f64): u32 {
  for (let at = 0; at < n; at += BLOCK) {
    const size = min(n - at, BLOCK)
    const peak = peakBits(src, size)
    if (peak >= INFINITE) return at | FAULT_VALUE
    if (abs(weight) * <f64>reinterpret<f32>(peak) > limit) return at | FAULT_BOUND
    let i = 0
    if (ASC_FEATURE_SIMD) {
      const w = f64x2.splat(weight)
      const m = f64x2.splat(magic)
      for (; i <= size - 4; i += 4) {
        const x = v128.load(src + (i << 2))
        const p = sum + (i << 3)
        const a = f64x2.mul(f64x2.promote_low_f32x4(x), w)
        const b = f64x2.mul(f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 0, 1)), w)
        v128.store(p, f64x2.add(v128.load(p), f64x2.sub(f64x2.add(a, m), m)))
        v128.store(p, f64x2.add(v128.load(p, 16), f64x2.sub(f64x2.add(b, m), m)), 16)
      }
    }
    for (; i < size; i++) {
      const p = sum + (i << 3)
      store<f64>(p, load<f64>(p) + onGrid(<f64>load<f32>(src + (i << 2)) * weight, magic))
    }
    src += BLOCK * 4
    sum += BLOCK * 8
  }
  return n
}

/** Adds integer blocks of 8 or 4 bits. */
export function foldBlocks(sum: usize, src: usize, n: i32, bits: i32, weight: f64, magic: f64, limit: f64): u32 {
  for (let at = 0; at < n; at += BLOCK) {
    const size = min(n - at, BLOCK)
    const scale = <u32>load<u16>(src)
    if (scale >= INFINITE >> 16) return at | FAULT_SCALE
    src += 2
    let levels = src
    if (bits == 8) {
      src += size
    } else {
      levels = LEVELS
      if (!unpack(src, size)) return at | FAULT_VALUE
      src += (size + 1) >> 1
    }
    const exact = weight * <f64>scaleValue(scale)
    const step = onGrid(exact, magic)
    const widest = peakLevel(levels, size)
    if (widest == 128) return at | FAULT_VALUE
    if (abs(exact) * <f64>widest > limit) return at | FAULT_BOUND
    addLevels(sum, levels, size, step)
    sum += BLOCK * 8
  }
  return n
}

const LEVELS = memory.data(64, 16)

/** Unpacks to LEVELS; false where a level is -8, or the padding is not 0. */
function unpack(src: usize, size: i32): bool {
  const half = (size + 1) >> 1
  if (ASC_FEATURE_SIMD) {
    if (size == BLOCK) {
      const bad = i8x16.splat(-8)
      let fault = i8x16.splat(0)
      for (let j = 0; j < 32; j += 16) {
        const x = v128.load(src + j)
        // Sign extension of four bits: (v ^ 8) - 8.
        const eight = i8x16.splat(8)
        const low = i8x16.sub(v128.xor(v128.and(x, i8x16.splat(15)), eight), eight)
        const high = i8x16.sub(v128.xor(i8x16.shr_u(x, 4), eight), eight)
        fault = v128.or(fault, v128.or(i8x16.eq(low, bad), i8x16.eq(high, bad)))
        v128.store(LEVELS + j, low)
        v128.store(LEVELS + j, high, 32)
      }
      return !v128.any_true(fault)
    }
  }
  let good = true
  for (let j = 0; j < half; j++) {
    const byte = <i32>load<u8>(src + j)
    const low = ((byte & 15) ^ 8) - 8
    const high = ((byte >> 4) ^ 8) - 8
    if (low == -8 || high == -8) good = false
    store<i8>(LEVELS + j, low)
    store<i8>(LEVELS + j + half, high)
  }
  return good && !(size & 1 && load<i8>(LEVELS + size))
}

/** The largest |level|. */
function peakLevel(levels: usize, size: i32): i32 {
  let widest = 0
  let i = 0
  if (ASC_FEATURE_SIMD) {
    if (size == BLOCK) {
      const a = i8x16.max_u(i8x16.abs(v128.load(levels)), i8x16.abs(v128.load(levels, 16)))
      const b = i8x16.max_u(i8x16.abs(v128.load(levels, 32)), i8x16.abs(v128.load(levels, 48)))
      let c = i8x16.max_u(a, b)
      c = i8x16.max_u(c, v128.shuffle<i64>(c, c, 1, 0))
      c = i8x16.max_u(c, i64x2.shr_u(c, 32))
      c = i8x16.max_u(c, i64x2.shr_u(c, 16))
      c = i8x16.max_u(c, i64x2.shr_u(c, 8))
      return i8x16.extract_lane_u(c, 0)
    }
  }
  for (; i < size; i++) widest = max(widest, abs(<i32>load<i8>(levels + i)))
  return widest
}

function addLevels(sum: usize, levels: usize, size: i32, step: f64): void {
  let i = 0
  if (ASC_FEATURE_SIMD) {
    const s = f64x2.splat(step)
    for (; i <= size - 8; i += 8) {
      const x = v128.load_ext<i8>(levels + i)
      const low = i32x4.extend_low_i16x8_s(x)
      const high = i32x4.extend_high_i16x8_s(x)
      const p = sum + (i << 3)
      addPair(p, low, s)
      addPair(p + 16, v128.shuffle<i32>(low, low, 2, 3, 0, 1), s)
      addPair(p + 32, high, s)
      addPair(p + 48, v128.shuffle<i32>(high, high, 2, 3, 0, 1), s)
    }
  }
  for (; i < size; i++) {
    const p = sum + (i << 3)
    store<f64>(p, load<f64>(p) + <f64>load<i8>(levels + i) * step)
  }
}

/** Adds the lower two integers of `x`, times `step`. */
// @ts-ignore: decorator
@inline
export function addPair(p: usize, x: v128, step: v128): void {
  v128.store(p, f64x2.add(v128.load(p), f64x2.mul(f64x2.convert_low_i32x4_s(x), step)))
}
