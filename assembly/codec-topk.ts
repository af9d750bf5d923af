/** The largest values with their positions (CODECS.md, "Largest values"); ties go to the lower position. The values lie at odd addresses too. */

import { INFINITE, peakBits, scaleValue } from "./codec-scale"
import { FAULT_BOUND, FAULT_VALUE } from "./fold"
import { onGrid } from "./grid"

/** Counts of a radix selection, 2048 bins. */
const BINS = memory.data(8192, 16)

/** Encodes the `k` largest of `n` float32 values, zeros left out, to `dst`. Returns the payload's length, or 0 where a value is not finite. */
export function encodeTopk(dst: usize, src: usize, n: i32, k: i32): usize {
  if (peakBits(src, n) >= INFINITE) return 0
  const end = src + (n << 2)
  // The k-th largest magnitude, 11, 11 and 9 bits at a time; `ties` values of this size are among the k.
  let threshold = 0
  let ties = k
  let above = 31
  while (above > 0) {
    const shift = max(above - 11, 0)
    for (let bin = BINS; bin < BINS + 8192; bin += 4) store<u32>(bin, 0)
    for (let p = src; p < end; p += 4) {
      const magnitude = load<i32>(p) & 0x7fffffff
      if (magnitude >> above == threshold >> above) {
        const bin = BINS + (((magnitude >> shift) & ((1 << (above - shift)) - 1)) << 2)
        store<i32>(bin, load<i32>(bin) + 1)
      }
    }
    let bin: i32 = (1 << (above - shift)) - 1
    while (load<i32>(BINS + (bin << 2)) < ties) {
      ties -= load<i32>(BINS + (bin << 2))
      bin--
    }
    threshold |= bin << shift
    above = shift
  }
  if (!threshold) {
    k -= ties
    ties = 0
  }
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
