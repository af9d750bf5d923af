/**
 * The exact fold (CODECS.md, "Fold"): adds weight x decoded value to float64 sums, rounded to the grid of `magic`. `terms` are three
 * float64 in memory: weight, magic, and the limit of |weight x value|.
 *
 * Every fold returns the number of values it has added, `n` when the whole payload is good. It stops before the first block that it
 * refuses, and the fault's code is in the upper bits: the host takes back what was added by folding the same payload with -weight and
 * that number as `n`. Sums of multiples of the grid are exact, so this restores every bit.
 */

import { BLOCK, LEVELS } from "./codec-blocks"
import { INFINITE, peakBits, scaleValue } from "./codec-scale"
import { onGrid } from "./grid"

/** Faults, in the bits above the count. */
export const FAULT_SCALE: u32 = 1 << 28
export const FAULT_VALUE: u32 = 2 << 28
export const FAULT_BOUND: u32 = 3 << 28

/** Adds float32 values. */
export function foldF32(sum: usize, src: usize, n: i32, terms: usize): u32 {
  const weight = load<f64>(terms)
  const magic = load<f64>(terms, 8)
  const limit = load<f64>(terms, 16)
  for (let at = 0; at < n; at += BLOCK) {
    const size = min(n - at, BLOCK)
    const peak = peakBits(src, size)
    if (peak >= INFINITE) return at | FAULT_VALUE
    if (abs(weight) * <f64>reinterpret<f32>(peak) > limit) return at | FAULT_BOUND
    for (const end = src + (size << 2); src < end;) {
      if (ASC_FEATURE_SIMD) {
        const w = f64x2.splat(weight)
        const m = f64x2.splat(magic)
        const x = v128.load(src)
        const a = f64x2.mul(f64x2.promote_low_f32x4(x), w)
        const b = f64x2.mul(f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0)), w)
        v128.store(sum, f64x2.add(v128.load(sum), f64x2.sub(f64x2.add(a, m), m)))
        v128.store(sum, f64x2.add(v128.load(sum, 16), f64x2.sub(f64x2.add(b, m), m)), 16)
        src += 16
        sum += 32
      } else {
        store<f64>(sum, load<f64>(sum) + onGrid(<f64>load<f32>(src) * weight, magic))
        src += 4
        sum += 8
      }
    }
  }
  return n
}

/** Adds integer blocks of 8 or 4 bits. */
export function foldBlocks(sum: usize, src: usize, n: i32, bits: i32, terms: usize): u32 {
  const weight = load<f64>(terms)
  const magic = load<f64>(terms, 8)
  const limit = load<f64>(terms, 16)
  for (let at = 0; at < n; at += BLOCK) {
    const size = min(n - at, BLOCK)
    const half = (size + 1) >> 1
    const scale = <u32>load<u16>(src)
    if (scale >= INFINITE >> 16) return at | FAULT_SCALE
    src += 2
    let levels = src
    if (bits == 8) {
      src += size
    } else {
      levels = LEVELS
      unpack(src, half)
      // The padding of an odd size.
      if (size < half << 1 && load<i8>(levels + size)) return at | FAULT_VALUE
      src += half
    }
    const exact = weight * <f64>scaleValue(scale)
    const widest = peakLevel(levels, size)
    if (widest == (bits == 8 ? 128 : 8)) return at | FAULT_VALUE
    if (abs(exact) * <f64>widest > limit) return at | FAULT_BOUND
    addLevels(sum, levels, size, onGrid(exact, magic))
    sum += BLOCK * 8
  }
  return n
}

/** Unpacks to LEVELS: level j from the low half of byte j, level j + half from the high half. */
function unpack(src: usize, half: i32): void {
  const to = LEVELS
  if (ASC_FEATURE_SIMD) {
    const a = v128.load(src)
    const b = v128.load(src, 16)
    v128.store(to, i8x16.shr_s(i16x8.shl(a, 4), 4))
    v128.store(to, i8x16.shr_s(i16x8.shl(b, 4), 4), 16)
    // What lies past the payload is written after the block's end.
    v128.store(to + half, i8x16.shr_s(a, 4))
    v128.store(to + half, i8x16.shr_s(b, 4), 16)
  } else {
    for (let j = 0; j < half; j++) {
      const byte = <i32>load<i8>(src + j)
      store<i8>(to + j, (byte << 28) >> 28)
      store<i8>(to + j + half, byte >> 4)
    }
  }
}

/** The largest |level|. */
function peakLevel(levels: usize, size: i32): i32 {
  let widest = 0
  if (ASC_FEATURE_SIMD) {
    let a = i32x4.splat(0)
    for (const end = levels + size; levels < end; levels += 16) a = i8x16.max_u(a, i8x16.abs(v128.load(levels)))
    a = i8x16.max_u(a, v128.shuffle<i64>(a, a, 1, 0))
    a = i8x16.max_u(a, i64x2.shr_u(a, 32))
    a = i8x16.max_u(a, i64x2.shr_u(a, 16))
    a = i8x16.max_u(a, i64x2.shr_u(a, 8))
    widest = i8x16.extract_lane_u(a, 0)
  } else {
    for (const end = levels + size; levels < end; levels++) widest = max(widest, abs(<i32>load<i8>(levels)))
  }
  return widest
}

function addLevels(sum: usize, levels: usize, size: i32, step: f64): void {
  for (const end = levels + size; levels < end;) {
    if (ASC_FEATURE_SIMD) {
      addEight(sum, v128.load_ext<i8>(levels), f64x2.splat(step))
      levels += 8
      sum += 64
    } else {
      store<f64>(sum, load<f64>(sum) + <f64>load<i8>(levels) * step)
      levels++
      sum += 8
    }
  }
}

/** Adds eight int16 levels, times `step`. */
export function addEight(sum: usize, x: v128, step: v128): void {
  const low = i32x4.extend_low_i16x8_s(x)
  const high = i32x4.extend_high_i16x8_s(x)
  const a = f64x2.mul(f64x2.convert_low_i32x4_s(low), step)
  const b = f64x2.mul(f64x2.convert_low_i32x4_s(v128.shuffle<i64>(low, low, 1, 0)), step)
  const c = f64x2.mul(f64x2.convert_low_i32x4_s(high), step)
  const d = f64x2.mul(f64x2.convert_low_i32x4_s(v128.shuffle<i64>(high, high, 1, 0)), step)
  v128.store(sum, f64x2.add(v128.load(sum), a))
  v128.store(sum, f64x2.add(v128.load(sum, 16), b), 16)
  v128.store(sum, f64x2.add(v128.load(sum, 32), c), 32)
  v128.store(sum, f64x2.add(v128.load(sum, 48), d), 48)
}
