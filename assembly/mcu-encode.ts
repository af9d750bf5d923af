/** The codec `int8` (CODECS.md, "Integer blocks") in little code; the random bits' key is the control block's. */
import { INFINITE, peakBits, scaleUp, scaleValue } from "./codec-scale"
import { wordOf } from "./mcu-random"

const BLOCK = 64
const PURPOSE_ROUNDING = 4

/** Encodes `n` (at least 1) float32 values at `src` to `dst`; returns the payload's length, or 0 where a value is not finite. */
export function encode(dst: usize, src: usize, n: i32): usize {
  const start = dst
  let inverse: f32 = 0
  let p = 0
  do {
    if (p % BLOCK == 0) {
      const peak = peakBits(src, min(n - p, BLOCK))
      if (peak >= INFINITE) return 0
      let scale: u32 = 0
      inverse = 0
      if (peak) {
        scale = scaleUp(reinterpret<f32>(peak) / 127)
        inverse = 1 / scaleValue(scale)
      }
      store<u16>(dst, scale)
      dst += 2
    }
    // Half a word a value.
    const random = (wordOf(PURPOSE_ROUNDING, p >> 1) >> ((p & 1) << 4)) & 0xffff
    const u = reinterpret<f32>(0x3f800040 | (random << 7)) - 1
    const q = <i32>floor<f32>(load<f32>(src) * inverse + u)
    store<i8>(dst++, max(min(q, 127), -127))
    src += 4
  } while (++p < n)
  return dst - start
}
