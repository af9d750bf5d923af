/** The optimiser: from a mean gradient to a step of SGD. */
import { COSINE, LINEAR, control } from "./control"
import { cosPi } from "./math"

/** Learning rate of step `t` of `total`: a linear warm-up over the first steps, then constant, or falling to `finalFraction` of the rate. */
export function rate(t: i32, total: i32): f32 {
  const c = control()
  const warmup = c.warmup
  if (t < warmup) return c.learningRate * (<f32>(t + 1) / <f32>warmup)
  if (c.schedule != LINEAR && c.schedule != COSINE) return c.learningRate
  const u: f32 = <f32>(t - warmup) / <f32>(total - warmup)
  const rest: f32 = c.schedule == LINEAR ? <f32>1 - u : <f32>0.5 * (<f32>1 + cosPi(u))
  return c.learningRate * (c.finalFraction + (<f32>1 - c.finalFraction) * rest)
}

/**
 * For n floats, a multiple of 4: g = g * scale (unless scale is 1); g += l2 * w (unless l2 is 0); g += proximal * (w - w0) (unless 0); with momentum
 * v = momentum * v + g, g = v; w -= rate * g.
 */
export function apply(w: usize, g: usize, v: usize, w0: usize, n: i32, rate: f32, scale: f32): void {
  const c = control()
  const l2 = c.l2
  const proximal = c.proximal
  const momentum = c.momentum
  const end = w + ((<usize>n) << 2)
  if (ASC_FEATURE_SIMD) {
    const rates = f32x4.splat(rate)
    if (scale == 1 && l2 == 0 && proximal == 0 && momentum == 0) {
      do {
        v128.store(w, f32x4.sub(v128.load(w), f32x4.mul(rates, v128.load(g))))
        g += 16
      } while ((w += 16) < end)
      return
    }
    do {
      let d = v128.load(g)
      const x = v128.load(w)
      if (scale != 1) d = f32x4.mul(d, f32x4.splat(scale))
      if (l2 != 0) d = f32x4.add(d, f32x4.mul(f32x4.splat(l2), x))
      if (proximal != 0) d = f32x4.add(d, f32x4.mul(f32x4.splat(proximal), f32x4.sub(x, v128.load(w0))))
      if (momentum != 0) {
        d = f32x4.add(f32x4.mul(f32x4.splat(momentum), v128.load(v)), d)
        v128.store(v, d)
      }
      v128.store(w, f32x4.sub(x, f32x4.mul(rates, d)))
      g += 16
      v += 16
      w0 += 16
    } while ((w += 16) < end)
  } else {
    do {
      let d = load<f32>(g)
      const x = load<f32>(w)
      if (scale != 1) d *= scale
      if (l2 != 0) d += l2 * x
      if (proximal != 0) d += proximal * (x - load<f32>(w0))
      if (momentum != 0) {
        d = momentum * load<f32>(v) + d
        store<f32>(v, d)
      }
      store<f32>(w, x - rate * d)
      g += 4
      v += 4
      w0 += 4
    } while ((w += 4) < end)
  }
}
