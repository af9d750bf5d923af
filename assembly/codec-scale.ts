/** Scales as bfloat16: the upper half of a float32. Never subnormal, so that hardware which flushes subnormals agrees. */

/** 2^-126, the smallest scale that is not 0. */
export const MIN_SCALE: f32 = 1.1754943508222875e-38

/** Bits of infinity, the first pattern that is no finite magnitude. */
export const INFINITE: u32 = 0x7f800000

/** The largest |x| of `n` values, as the bits of a float32; INFINITE or more where one is infinite or NaN. */
export function peakBits(src: usize, n: i32): u32 {
  const end = src + (n << 2)
  let peak = 0
  if (ASC_FEATURE_SIMD) {
    const mask = i32x4.splat(0x7fffffff)
    let a = i32x4.splat(0)
    let b = a
    for (; src < end; src += 32) {
      a = i32x4.max_s(a, v128.and(v128.load(src), mask))
      b = i32x4.max_s(b, v128.and(v128.load(src, 16), mask))
    }
    a = i32x4.max_s(a, b)
    a = i32x4.max_s(a, v128.shuffle<i64>(a, a, 1, 0))
    peak = max(i32x4.extract_lane(a, 0), i32x4.extract_lane(a, 1))
  } else {
    for (; src < end; src += 4) peak = max(peak, load<i32>(src) & 0x7fffffff)
  }
  return peak
}

/** The smallest bfloat16 that is not below `value`, a positive number. */
export function scaleUp(value: f32): u32 {
  return (reinterpret<u32>(max(value, MIN_SCALE)) + 0xffff) >> 16
}

/** The nearest bfloat16, ties to even, of a value not negative; what is below MIN_SCALE becomes 0. */
export function scaleNearest(value: f32): u32 {
  if (value < MIN_SCALE) return 0
  const bits = reinterpret<u32>(value)
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16
}

export function scaleValue(bits: u32): f32 {
  return reinterpret<f32>(bits << 16)
}
