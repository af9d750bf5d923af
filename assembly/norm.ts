/** Norms of gradients, and clipping (Pascanu et al. 2013; per example: Abadi et al. 2016). */
import { control } from "./control"
import { layer, packedLength } from "./layers"
import { STEP } from "./memory"
import { pack } from "./network"

/**
 * The factor that brings the trained layers' gradient, `g` times `scale`, to a norm of at most `bound`, times `scale`. The sum of squares is in
 * float64, in 4 lanes: value i, counted from the first layer that learns, adds to lane i % 4; then (0 + 1) + (2 + 3). Uses `result`.
 */
export function clip(g: usize, bound: f32, scale: f32): f32 {
  const c = control()
  pack(g, c.result, true)
  let at = c.result + layer(c.trainFrom + 1).canonical
  const end = c.result + layer(c.trainTo + 1).canonical
  let sum: f64
  if (ASC_FEATURE_SIMD) {
    const scales = f32x4.splat(scale)
    let low = f64x2.splat(0)
    let high = low
    v128.store(end, low)
    for (; at < end; at += 16) {
      let v = f64x2.promote_low_f32x4(f32x4.mul(v128.load64_zero(at), scales))
      low = f64x2.add(low, f64x2.mul(v, v))
      v = f64x2.promote_low_f32x4(f32x4.mul(v128.load64_zero(at, 8), scales))
      high = f64x2.add(high, f64x2.mul(v, v))
    }
    sum =
      f64x2.extract_lane(low, 0) +
      f64x2.extract_lane(low, 1) +
      (f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1))
  } else {
    let s0: f64 = 0
    let s1: f64 = 0
    let s2: f64 = 0
    let s3: f64 = 0
    // The lanes take turns.
    let i = 0
    for (; at < end; at += 4, i++) {
      const v = <f64>(load<f32>(at) * scale)
      const s = s0 + v * v
      s0 = s1
      s1 = s2
      s2 = s3
      s3 = s
    }
    // After i values lane i % 4 stands first.
    sum = i & 1 ? s3 + s0 + (s1 + s2) : s0 + s1 + (s2 + s3)
  }
  const norm = sqrt<f64>(sum)
  return norm > <f64>bound ? <f32>(<f64>bound / norm) * scale : scale
}

/** `sum += g * factor`. */
export function accumulate(sum: usize, g: usize, factor: f32): void {
  const end = sum + ((<usize>packedLength) << 2)
  do {
    if (ASC_FEATURE_SIMD) v128.store(sum, f32x4.add(v128.load(sum), f32x4.mul(v128.load(g), f32x4.splat(factor))))
    else store<f32>(sum, load<f32>(sum) + load<f32>(g) * factor)
    g += STEP
  } while ((sum += STEP) < end)
}
