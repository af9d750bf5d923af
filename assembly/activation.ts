/** Activations and their derivatives, elementwise over `n` floats, a multiple of 4. */
import { RELU, TANH } from "./control"
import { exp, exp4 } from "./math"

/** relu: x > 0 ? x : +0. tanh: (1 - t) / (1 + t) with t = e^(-2|x|), and the sign of x. */
export function activate(at: usize, n: i32, kind: i32): void {
  const end = at + ((<usize>n) << 2)
  if (kind == RELU) {
    if (ASC_FEATURE_SIMD) {
      const zero = f32x4.splat(0)
      for (; at < end; at += 16) v128.store(at, f32x4.pmax(zero, v128.load(at)))
    } else {
      for (; at < end; at += 4) {
        const x = load<f32>(at)
        store<f32>(at, x > 0 ? x : 0)
      }
    }
  } else if (kind == TANH) {
    if (ASC_FEATURE_SIMD) {
      const one = f32x4.splat(1)
      for (; at < end; at += 16) {
        const x = v128.load(at)
        const t = exp4(f32x4.mul(f32x4.abs(x), f32x4.splat(-2)))
        const y = f32x4.div(f32x4.sub(one, t), f32x4.add(one, t))
        v128.store(at, v128.bitselect(f32x4.neg(y), y, f32x4.lt(x, f32x4.splat(0))))
      }
    } else {
      for (; at < end; at += 4) {
        const x = load<f32>(at)
        const t = exp(abs(x) * -2)
        const y = (<f32>1 - t) / (<f32>1 + t)
        store<f32>(at, x < 0 ? -y : y)
      }
    }
  }
}

/** Multiplies gradients `d` by the derivative, which follows from the outputs `y`: relu keeps d where y > 0; tanh takes d * (1 - y * y). */
export function derive(d: usize, y: usize, n: i32, kind: i32): void {
  const end = d + ((<usize>n) << 2)
  if (kind == RELU) {
    if (ASC_FEATURE_SIMD) {
      const zero = f32x4.splat(0)
      for (; d < end; d += 16, y += 16) v128.store(d, v128.and(v128.load(d), f32x4.gt(v128.load(y), zero)))
    } else {
      for (; d < end; d += 4, y += 4) if (!(load<f32>(y) > 0)) store<f32>(d, 0)
    }
  } else if (kind == TANH) {
    if (ASC_FEATURE_SIMD) {
      const one = f32x4.splat(1)
      for (; d < end; d += 16, y += 16) {
        const v = v128.load(y)
        v128.store(d, f32x4.mul(v128.load(d), f32x4.sub(one, f32x4.mul(v, v))))
      }
    } else {
      for (; d < end; d += 4, y += 4) {
        const v = load<f32>(y)
        store<f32>(d, load<f32>(d) * (<f32>1 - v * v))
      }
    }
  }
}
