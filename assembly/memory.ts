/** Vectors of float32 in memory. All lengths are in floats. */

/** Copies `n` floats. */
export function copy(to: usize, from: usize, n: i32): void {
  const end = from + ((<usize>n) << 2)
  if (ASC_FEATURE_SIMD) {
    for (; from + 16 <= end; from += 16, to += 16) v128.store(to, v128.load(from))
  }
  for (; from < end; from += 4, to += 4) store<u32>(to, load<u32>(from))
}

/** Writes zeros. */
export function clear(to: usize, n: i32): void {
  const end = to + ((<usize>n) << 2)
  if (ASC_FEATURE_SIMD) {
    const zero = f32x4.splat(0)
    for (; to + 16 <= end; to += 16) v128.store(to, zero)
  }
  for (; to < end; to += 4) store<u32>(to, 0)
}

/** `out = a - b`, elementwise. */
export function subtract(out: usize, a: usize, b: usize, n: i32): void {
  const end = a + ((<usize>n) << 2)
  if (ASC_FEATURE_SIMD) {
    for (; a + 16 <= end; a += 16, b += 16, out += 16) v128.store(out, f32x4.sub(v128.load(a), v128.load(b)))
  }
  for (; a < end; a += 4, b += 4, out += 4) store<f32>(out, load<f32>(a) - load<f32>(b))
}

/** Whether all of `n` floats are finite. */
export function finite(a: usize, n: i32): bool {
  const end = a + ((<usize>n) << 2)
  // 0 * v is zero for finite v, otherwise NaN, and NaN stays.
  let sum: f32 = 0
  if (ASC_FEATURE_SIMD) {
    const zero = f32x4.splat(0)
    let sums = zero
    for (; a + 16 <= end; a += 16) sums = f32x4.add(sums, f32x4.mul(v128.load(a), zero))
    sum =
      f32x4.extract_lane(sums, 0) +
      f32x4.extract_lane(sums, 1) +
      f32x4.extract_lane(sums, 2) +
      f32x4.extract_lane(sums, 3)
  }
  for (; a < end; a += 4) sum += load<f32>(a) * 0
  return sum == 0
}
