/**
 * Walsh-Hadamard transforms in place, not normalised: the butterflies (a, b) -> (a + b, a - b) at distances 1, 2, 4, ... in this order,
 * which decides the rounding of the float32 one. Toy value: [1..8] becomes [36, -4, -8, 0, -16, 0, 0, 0].
 */

/** Distances 4 and up (SIMD), or all (scalar), of `n` float32 values at `y`, a power of two of at least 32. */
export function transformF32(y: usize, n: i32): void {
  const end = y + (n << 2)
  let h = ASC_FEATURE_SIMD ? 16 : 4
  for (; h < n << 2; h <<= 1) {
    for (let group = y; group < end; group += h << 1) {
      for (let p = group; p < group + h;) {
        if (ASC_FEATURE_SIMD) {
          const a = v128.load(p)
          const b = v128.load(p + h)
          v128.store(p, f32x4.add(a, b))
          v128.store(p + h, f32x4.sub(a, b))
          p += 16
        } else {
          const a = load<f32>(p)
          const b = load<f32>(p + h)
          store<f32>(p, a + b)
          store<f32>(p + h, a - b)
          p += 4
        }
      }
    }
  }
}

/** Distances 8 and up (SIMD), or all (scalar), of `n` int16 values; exact, since the sum of all |values| fits. */
export function transformI16(y: usize, n: i32): void {
  const end = y + (n << 1)
  let h = ASC_FEATURE_SIMD ? 16 : 2
  for (; h < n << 1; h <<= 1) {
    for (let group = y; group < end; group += h << 1) {
      for (let p = group; p < group + h;) {
        if (ASC_FEATURE_SIMD) {
          const a = v128.load(p)
          const b = v128.load(p + h)
          v128.store(p, i16x8.add(a, b))
          v128.store(p + h, i16x8.sub(a, b))
          p += 16
        } else {
          const a = <i32>load<i16>(p)
          const b = <i32>load<i16>(p + h)
          store<i16>(p, a + b)
          store<i16>(p + h, a - b)
          p += 2
        }
      }
    }
  }
}
