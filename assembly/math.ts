/**
 * Elementary functions in float32 from additions, multiplications and bit shifts alone, so that every runtime gives the same bits. Coefficients
 * are those of Cephes' expf and logf (Moshier); README.md states each step.
 */

const LEAST: f32 = -87
const LOG2E: f32 = 1.4426950408889634
/** 1.5 * 2^23: adding it rounds a small number to an integer, which then stands in the low bits. */
const ROUNDER: f32 = 12582912
/** ln 2 in two parts, the first with few bits, so that its products with small integers are exact. */
const LN2_HIGH: f32 = 0.693359375
const LN2_LOW: f32 = -2.1219444e-4
const E5: f32 = 1.98756915e-4
const E4: f32 = 1.3981999507e-3
const E3: f32 = 8.3334519073e-3
const E2: f32 = 4.1665795894e-2
const E1: f32 = 1.6666665459e-1
const E0: f32 = 5.0000001201e-1

/** e^x for x <= 0; what is below -87 counts as -87. Relative error below 1e-7. */
export function exp(x: f32): f32 {
  if (ASC_FEATURE_SIMD) return f32x4.extract_lane(exp4(f32x4.splat(x)), 0)
  x = x > LEAST ? x : LEAST
  const t = x * LOG2E + ROUNDER
  const n = t - ROUNDER
  const r = x - n * LN2_HIGH - n * LN2_LOW
  const p = (((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + E0) * (r * r) + r + 1
  return reinterpret<f32>(reinterpret<i32>(p) + (reinterpret<i32>(t) << 23))
}

/** The same for four numbers. */
export function exp4(x: v128): v128 {
  // Loaded from a table, a constant takes less room than four times the same one in the code.
  const table = memory.data<f32>([
    -87, 1.4426950408889634, 12582912, 0.693359375, -2.1219444e-4, 1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3,
    4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
  ])
  x = f32x4.pmax(v128.load32_splat(table), x)
  const rounder = v128.load32_splat(table, 8)
  const t = f32x4.add(f32x4.mul(x, v128.load32_splat(table, 4)), rounder)
  const n = f32x4.sub(t, rounder)
  const r = f32x4.sub(
    f32x4.sub(x, f32x4.mul(n, v128.load32_splat(table, 12))),
    f32x4.mul(n, v128.load32_splat(table, 16)),
  )
  let term = table + 20
  let p = v128.load32_splat(term)
  while ((term += 4) < table + 44) p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(term))
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1))
  return i32x4.add(p, i32x4.shl(t, 23))
}

/** ln x for normal x > 0. Absolute error below 1e-7 near 1, relative error below 1e-7 elsewhere. */
export function log(x: f32): f32 {
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2)).
  const bits = reinterpret<i32>(x)
  const shifted = (bits - 0x3f3504f3) & -0x800000
  const e = <f32>(shifted >> 23)
  const f = reinterpret<f32>(bits - shifted) - 1
  const z = f * f
  let p: f32 = 7.0376836292e-2
  p = p * f - <f32>1.151461031e-1
  p = p * f + <f32>1.167699874e-1
  p = p * f - <f32>1.2420140846e-1
  p = p * f + <f32>1.4249322787e-1
  p = p * f - <f32>1.6668057665e-1
  p = p * f + <f32>2.0000714765e-1
  p = p * f - <f32>2.4999993993e-1
  p = p * f + <f32>3.3333331174e-1
  return z * f * p + e * LN2_LOW - <f32>0.5 * z + f + e * LN2_HIGH
}

/** cos(pi u) for u in [0, 1], by the Taylor polynomial of the sine; absolute error below 4e-6. */
export function cosPi(u: f32): f32 {
  const v = <f32>0.5 - u
  const z = v * v
  let p: f32 = 0.08214589
  p = p * z - <f32>0.59926453
  p = p * z + <f32>2.55016404
  p = p * z - <f32>5.16771278
  p = p * z + <f32>3.14159265
  return p * v
}
