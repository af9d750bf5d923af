/** Losses of a batch whose outputs are in the last layer, and their gradients. */
import { LOGISTIC, SOFTMAX, control } from "./control"
import { columns, count, labels, layer } from "./layers"
import { exp, exp4, log } from "./math"

/**
 * Adds each row's loss to `sum`, in the order of the rows, and returns it; writes the gradients of the outputs times `scale` to `out`.
 */
export function loss(rows: i32, scale: f32, out: usize, sum: f64): f64 {
  const c = control()
  const last = layer(count)
  if (c.loss == SOFTMAX) return softmax(rows, scale, out, sum, true)
  const weight = c.positiveWeight
  for (let r: usize = 0; r < <usize>rows; r++) {
    const z = load<f32>(last.out + r * last.rowBytes)
    const y = load<f32>(labels + (r << 2))
    let l: f32
    let d: f32
    if (c.loss == LOGISTIC) {
      const e = exp(-abs(z))
      const s = <f32>1 + e
      d = (z >= 0 ? <f32>1 : e) / s
      l = log(s)
      if (y > 0) {
        l = weight * ((z < 0 ? -z : <f32>0) + l)
        d = weight * (d - 1)
      } else l = (z > 0 ? z : <f32>0) + l
    } else {
      d = z - y
      l = <f32>0.5 * d * d
    }
    sum += <f64>l
    store<f32>(out + r * last.rowBytes, d * scale)
  }
  return sum
}

/** Writes what the model predicts to `out`, pitch as the outputs': probabilities (softmax, logistic), values (squared). */
export function outcome(rows: i32, out: usize): void {
  const c = control()
  if (c.loss == SOFTMAX) {
    softmax(rows, 1, out, 0, false)
    return
  }
  const last = layer(count)
  for (let r: usize = 0; r < <usize>rows; r++) {
    const z = load<f32>(last.out + r * last.rowBytes)
    const e = exp(-abs(z))
    store<f32>(out + r * last.rowBytes, c.loss == LOGISTIC ? (z >= 0 ? <f32>1 : e) / (<f32>1 + e) : z)
  }
}

// p = e^(z - max z) / sum; the loss is (ln sum + max z) - z[label]. SIMD: one lane a row.
function softmax(rows: i32, scale: f32, out: usize, sum: f64, labelled: bool): f64 {
  const last = layer(count)
  const pitch = last.rowBytes
  const end = (<usize>last.columns) << 2
  const step = ASC_FEATURE_SIMD ? 4 : 1
  for (let r = 0; r < rows; r += step) {
    const z = last.out + <usize>r * pitch
    const d = out + <usize>r * pitch
    if (ASC_FEATURE_SIMD) {
      let most = f32x4.splat(0)
      let t = columns
      for (let j = z; j < z + end; j += 4, t += 16) {
        let v = v128.load32_zero(j)
        v = v128.load_lane<f32>(j + pitch, v, 1)
        v = v128.load_lane<f32>(j + 2 * pitch, v, 2)
        v = v128.load_lane<f32>(j + 3 * pitch, v, 3)
        v128.store(t, v)
        most = j == z ? v : f32x4.pmax(most, v)
      }
      let total = f32x4.splat(0)
      for (let at = columns; at < t; at += 16) {
        const e = exp4(f32x4.sub(v128.load(at), most))
        total = f32x4.add(total, e)
        v128.store(at, e)
      }
      v128.store(t, most)
      v128.store(t, total, 16)
      const scales = f32x4.splat(scale)
      t = columns
      for (let j = d; j < d + end; j += 4, t += 16) {
        const p = f32x4.div(v128.load(t), total)
        v128.store(t, p)
        const v = f32x4.mul(p, scales)
        v128.store_lane<f32>(j, v, 0)
        v128.store_lane<f32>(j + pitch, v, 1)
        v128.store_lane<f32>(j + 2 * pitch, v, 2)
        v128.store_lane<f32>(j + 3 * pitch, v, 3)
      }
    } else {
      let most = load<f32>(z)
      for (let j: usize = 4; j < end; j += 4) {
        const v = load<f32>(z + j)
        if (v > most) most = v
      }
      let total: f32 = 0
      for (let j: usize = 0; j < end; j += 4) {
        const e = exp(load<f32>(z + j) - most)
        total += e
        store<f32>(columns + (j << 2), e)
      }
      for (let j: usize = 0; j < end; j += 4) {
        const p = load<f32>(columns + (j << 2)) / total
        store<f32>(columns + (j << 2), p)
        store<f32>(d + j, p * scale)
      }
      store<f32>(columns + (end << 2), most)
      store<f32>(columns + (end << 2), total, 16)
    }
    if (!labelled) continue
    const group = min(step, rows - r)
    for (let i: usize = 0; i < <usize>group; i++) {
      const label = (<usize>load<f32>(labels + ((<usize>r + i) << 2))) << 2
      const at = columns + (i << 2)
      const p = load<f32>(at + (label << 2))
      store<f32>(d + i * pitch + label, (p - 1) * scale)
      const most = load<f32>(at + (end << 2))
      const total = load<f32>(at + (end << 2), 16)
      sum += <f64>(log(total) + most - load<f32>(z + i * pitch + label))
    }
  }
  return sum
}
