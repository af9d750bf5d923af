/** Activations and their derivatives, elementwise over `n` floats, a multiple of 4. */
import { IDENTITY, RELU } from "./control"
import { exp, exp4 } from "./math"
import { STEP } from "./memory"

/** relu: x > 0 ? x : +0. tanh: (1 - t) / (1 + t) with t = e^(-2|x|), and the sign of x. */
export function activate(at: usize, n: i32, kind: i32): void {
  if (kind == IDENTITY) return
  const end = at + ((<usize>n) << 2)
  do {
    if (ASC_FEATURE_SIMD) {
      const x = v128.load(at)
      const zero = f32x4.splat(0)
      let y = f32x4.pmax(zero, x)
      if (kind != RELU) {
        const one = f32x4.splat(1)
        const t = exp4(f32x4.mul(f32x4.abs(x), f32x4.splat(-2)))
        y = f32x4.div(f32x4.sub(one, t), f32x4.add(one, t))
        y = v128.bitselect(f32x4.neg(y), y, f32x4.lt(x, zero))
      }
      v128.store(at, y)
    } else {
      const x = load<f32>(at)
      let y: f32 = x > 0 ? x : 0
      if (kind != RELU) {
        const t = exp(abs(x) * -2)
        y = (<f32>1 - t) / (<f32>1 + t)
        if (x < 0) y = -y
      }
      store<f32>(at, y)
    }
  } while ((at += STEP) < end)
}

/** Multiplies gradients `d` by the derivative, which follows from the outputs `y`: relu keeps d where y > 0; tanh takes d * (1 - y * y). */
export function derive(d: usize, y: usize, n: i32, kind: i32): void {
  if (kind == IDENTITY) return
  const end = d + ((<usize>n) << 2)
  do {
    if (ASC_FEATURE_SIMD) {
      const v = v128.load(y)
      const g = v128.load(d)
      if (kind == RELU) v128.store(d, v128.and(g, f32x4.gt(v, f32x4.splat(0))))
      else v128.store(d, f32x4.mul(g, f32x4.sub(f32x4.splat(1), f32x4.mul(v, v))))
    } else {
      const v = load<f32>(y)
      const g = load<f32>(d)
      if (kind == RELU) store<f32>(d, v > 0 ? g : 0)
      else store<f32>(d, g * (<f32>1 - v * v))
    }
    y += STEP
  } while ((d += STEP) < end)
}
