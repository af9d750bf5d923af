/** The largest values with their positions (CODECS.md, "Largest values"); ties go to the lower position. The values lie at odd addresses too. */

import { horizontal } from "./codec-eden"
import { INFINITE, peakBits, scaleValue } from "./codec-scale"
import { FAULT_BOUND, FAULT_VALUE } from "./fold"
import { onGrid } from "./grid"

/** Encodes the `k` largest of `n` float32 values, zeros left out, to `dst`. Returns the payload's length, or 0 where a value is not finite. */
export function encodeTopk(dst: usize, src: usize, n: i32, k: i32): usize {
  if (peakBits(src, n) >= INFINITE) return 0
  const end = src + (n << 2)
  // The k-th largest magnitude, from its highest bit on.
  let threshold: i32 = 0
  for (let bit: i32 = 1 << 30; bit; bit >>= 1) {
    if (countFrom(src, end, threshold | bit) >= k) threshold |= bit
  }
  const larger = countFrom(src, end, threshold + 1)
  if (!threshold) k = larger
  const ties = k - larger
  store<u32>(dst, k)
  let to = dst + 4
  for (let pass = 0; pass < 2; pass++) {
    let left = ties
    let gap: u32 = 0
    for (let p = src; p < end; p += 4) {
      const bits = load<u32>(p)
      const magnitude = (<i32>bits) & 0x7fffffff
      if (magnitude < threshold || (magnitude == threshold && left-- <= 0)) {
        gap++
        continue
      }
      if (pass) {
        let half = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16
        if ((half & 0x7fff) == INFINITE >> 16) half--
        store<u16>(to, half, 0, 1)
        to += 2
      } else {
        for (; gap > 127; gap >>= 7) store<u8>(to++, gap | 128)
        store<u8>(to++, gap)
        gap = 0
      }
    }
  }
  return to - dst
}

/** How many magnitudes, as bits, are at least `least`, a number above 0. */
function countFrom(src: usize, end: usize, least: i32): i32 {
  if (ASC_FEATURE_SIMD) {
    const mask = i32x4.splat(0x7fffffff)
    const limit = i32x4.splat(least)
    let count = i32x4.splat(0)
    for (; src < end; src += 16) count = i32x4.sub(count, i32x4.ge_s(v128.and(v128.load(src), mask), limit))
    return horizontal(count)
  } else {
    let count = 0
    for (; src < end; src += 4) count += i32((load<i32>(src) & 0x7fffffff) >= least)
    return count
  }
}

/** Adds a payload of `length` bytes; what is refused is refused before anything is added, and the count returned is 0. */
export function foldTopk(sum: usize, src: usize, n: i32, length: i32, terms: usize): u32 {
  const weight = load<f64>(terms)
  const magic = load<f64>(terms, 8)
  const limit = load<f64>(terms, 16)
  const end = src + length
  if (length < 4) return 0
  const count = load<u32>(src)
  if (count > <u32>n) return 0
  src += 4
  let values = src
  let at: i32 = -1
  for (let i: u32 = 0; i < count; i++) {
    let byte: i32 = 128
    for (let shift = 0; byte > 127; shift += 7) {
      if (values >= end || shift > 21) return 0
      byte = load<u8>(values++)
      if (!byte && shift) return 0
      at += (byte & 127) << shift
    }
    if (++at >= n) return 0
  }
  if (end - values != count << 1) return 0
  for (let p = values; p < end; p += 2) {
    const half = (<u32>load<u16>(p, 0, 1)) & 0x7fff
    if (half >= INFINITE >> 16) return FAULT_VALUE
    if (weight * <f64>scaleValue(half) > limit) return FAULT_BOUND
  }
  for (; values < end; values += 2) {
    for (let shift = 0; ; shift += 7) {
      const byte: usize = load<u8>(src++)
      sum += ((byte & 127) << shift) << 3
      if (byte < 128) break
    }
    store<f64>(sum, load<f64>(sum) + onGrid(weight * <f64>scaleValue(load<u16>(values, 0, 1)), magic))
    sum += 8
  }
  return n
}
