/** Vectors of float32 in memory; lengths in floats, at least 1. With SIMD they work on up to three floats more than asked. */

/** Bytes that go together. */
export const STEP: usize = ASC_FEATURE_SIMD ? 16 : 4

/** Copies `n` floats. */
export function copy(to: usize, from: usize, n: i32): void {
  const end = from + ((<usize>n) << 2)
  do {
    if (ASC_FEATURE_SIMD) v128.store(to, v128.load(from))
    else store<u32>(to, load<u32>(from))
    to += STEP
  } while ((from += STEP) < end)
}

/** Writes zeros. */
export function clear(to: usize, n: i32): void {
  const end = to + ((<usize>n) << 2)
  do {
    if (ASC_FEATURE_SIMD) v128.store(to, f32x4.splat(0))
    else store<u32>(to, 0)
  } while ((to += STEP) < end)
}

/** `out = a - b`, elementwise. */
export function subtract(out: usize, a: usize, b: usize, n: i32): void {
  const end = a + ((<usize>n) << 2)
  do {
    if (ASC_FEATURE_SIMD) v128.store(out, f32x4.sub(v128.load(a), v128.load(b)))
    else store<f32>(out, load<f32>(a) - load<f32>(b))
    b += STEP
    out += STEP
  } while ((a += STEP) < end)
}
