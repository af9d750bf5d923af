/** Losses of a batch whose outputs are in the last layer, their gradients, and what the model predicts. */
import { LOGISTIC, SOFTMAX, control } from "./control"
import { columns, labels, last } from "./layers"
import { exp, exp4, log } from "./math"

/**
 * With labels: adds each row's loss to `sum`, in the order of the rows, and returns it; writes the gradients of the outputs times `scale` to `out`.
 * Without: writes probabilities (softmax, logistic) or values (squared) times `scale`, and the sum means nothing.
 */
export function loss(rows: i32, scale: f32, out: usize, sum: f64, labelled: bool): f64 {
  const c = control()
  if (c.loss == SOFTMAX) return softmax(rows, scale, out, sum, labelled)
  for (let r: usize = 0; r < <usize>rows; r++) {
    const z = load<f32>(last.out + r * last.rowBytes)
    const y = load<f32>(labels + (r << 2))
    let d = z
    let l: f32 = 0
    if (c.loss == LOGISTIC) {
      const e = exp(-abs(z))
      const s = <f32>1 + e
      d = (z >= 0 ? <f32>1 : e) / s
      l = log(s)
      if (labelled) {
        if (y > 0) {
          l = c.positiveWeight * ((z < 0 ? -z : <f32>0) + l)
          d = c.positiveWeight * (d - 1)
        } else l = (z > 0 ? z : <f32>0) + l
      }
    } else if (labelled) {
      d = z - y
      l = <f32>0.5 * d * d
    }
    sum += <f64>l
    store<f32>(out + r * last.rowBytes, d * scale)
  }
  return sum
}

// p = e^(z - max z) / sum; the loss is (ln sum + max z) - z[label]. Four rows at a time, a lane each, where there is SIMD.
function softmax(rows: i32, scale: f32, out: usize, sum: f64, labelled: bool): f64 {
  const pitch = last.rowBytes
  const end = (<usize>last.columns) << 2
  const step = ASC_FEATURE_SIMD ? 4 : 1
  for (let r = 0; r < rows; r += step) {
    const z = last.out + <usize>r * pitch
    const d = out + <usize>r * pitch
    // `columns`: one vector a class (a number every 16 bytes in the scalar build), then maximum and sum.
    let t = columns
    if (ASC_FEATURE_SIMD) {
      let most = f32x4.splat(-Infinity)
      for (let j = z; j < z + end; j += 4, t += 16) {
        let v = v128.load32_zero(j)
        v = v128.load_lane<f32>(j + pitch, v, 1)
        v = v128.load_lane<f32>(j + 2 * pitch, v, 2)
        v = v128.load_lane<f32>(j + 3 * pitch, v, 3)
        v128.store(t, v)
        most = f32x4.pmax(most, v)
      }
      let total = f32x4.splat(0)
      for (let at = columns; at < t; at += 16) {
        const e = exp4(f32x4.sub(v128.load(at), most))
        total = f32x4.add(total, e)
        v128.store(at, e)
      }
      v128.store(t, most)
      v128.store(t, total, 16)
      t = columns
      for (let j = d; j < d + end; j += 4, t += 16) {
        const p = f32x4.div(v128.load(t), total)
        v128.store(t, p)
        const v = f32x4.mul(p, f32x4.splat(scale))
        v128.store_lane<f32>(j, v, 0)
        v128.store_lane<f32>(j + pitch, v, 1)
        v128.store_lane<f32>(j + 2 * pitch, v, 2)
        v128.store_lane<f32>(j + 3 * pitch, v, 3)
      }
    } else {
      let most: f32 = -Infinity
      for (let j: usize = 0; j < end; j += 4) {
        const v = load<f32>(z + j)
        if (most < v) most = v
      }
      let total: f32 = 0
      for (let j = z; j < z + end; j += 4, t += 16) {
        const e = exp(load<f32>(j) - most)
        total += e
        store<f32>(t, e)
      }
      store<f32>(t, most)
      store<f32>(t, total, 16)
      t = columns
      for (let j = d; j < d + end; j += 4, t += 16) {
        const p = load<f32>(t) / total
        store<f32>(t, p)
        store<f32>(j, p * scale)
      }
    }
    if (!labelled) continue
    const group = min(step, rows - r)
    for (let i: usize = 0; i < <usize>group; i++) {
      const lane = i << 2
      const label = (<usize>load<f32>(labels + ((<usize>r) << 2) + lane)) << 2
      const row = i * pitch + label
      store<f32>(d + row, (load<f32>(columns + (label << 2) + lane) - 1) * scale)
      sum += <f64>(log(load<f32>(t + lane, 16)) + load<f32>(t + lane) - load<f32>(z + row))
    }
  }
  return sum
}
