/** Scales as bfloat16: the upper half of a float32. Never subnormal, so that hardware which flushes subnormals agrees. */

/** 2^-126, the smallest scale that is not 0. */
export const MIN_SCALE: f32 = 1.1754943508222875e-38

/** Bits of infinity, the first pattern that is no finite magnitude. */
export const INFINITE: u32 = 0x7f800000

/** The largest |x| of `n` values, as the bits of a float32; INFINITE or more where one is infinite or NaN. */
export function peakBits(src: usize, n: i32): u32 {
  const end = src + (n << 2)
  // Twice the magnitude, without the sign.
  let peak: u32 = 0
  if (ASC_FEATURE_SIMD) {
    let a = i32x4.splat(0)
    let b = a
    for (; src < end; src += 32) {
      a = i32x4.max_u(a, i32x4.shl(v128.load(src), 1))
      b = i32x4.max_u(b, i32x4.shl(v128.load(src, 16), 1))
    }
    a = i32x4.max_u(a, b)
    a = i32x4.max_u(a, i64x2.shr_u(a, 32))
    peak = max<u32>(i32x4.extract_lane(a, 0), i32x4.extract_lane(a, 2))
  } else {
    for (; src < end; src += 4) peak = max(peak, load<u32>(src) << 1)
  }
  return peak >> 1
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
