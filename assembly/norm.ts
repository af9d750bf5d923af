/** Norms of gradients, and clipping (Pascanu et al. 2013; per example: Abadi et al. 2016). */
import { control } from "./control"
import { layer, packedLength } from "./layers"

/**
 * The factor that brings the trained layers' gradient, `g` times `scale`, to a norm of at most `bound`, times `scale`. The sum of squares is in float64, in 8
 * lanes: column j of a layer adds to lane j % 8, in the order layer, panel, row; then ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)).
 */
export function clip(g: usize, bound: f32, scale: f32): f32 {
  const c = control()
  let even: f64 = 0
  let odd: f64 = 0
  let half: f64 = 0
  let whole: f64 = 0
  for (let lane = 0; lane < 8; lane++) {
    let sum: f64 = 0
    for (let i = c.trainFrom + 1; i <= c.trainTo; i++) {
      const l = layer(i)
      let panel = g + l.packed + ((<usize>lane) << 2)
      for (let j = lane; j < l.columns; j += 8, panel += l.panelBytes) {
        let at = panel
        for (let k = l.depth; k >= 0; k--, at += 32) {
          const v = <f64>(load<f32>(at) * scale)
          sum += v * v
        }
      }
    }
    if (lane & 1) {
      odd = even + sum
      if (lane & 2) {
        half = half + odd
        if (lane == 3) whole = half
      } else half = odd
    } else even = sum
  }
  const norm = sqrt<f64>(whole + half)
  return norm > <f64>bound ? <f32>(<f64>bound / norm) * scale : scale
}

/** `sum += g * factor`. */
export function accumulate(sum: usize, g: usize, factor: f32): void {
  const end = sum + ((<usize>packedLength) << 2)
  for (; sum < end; sum += 4, g += 4) store<f32>(sum, load<f32>(sum) + load<f32>(g) * factor)
}
