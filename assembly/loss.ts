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
  const toGradient = out - last.out
  let at = last.out
  let label = labels
  do {
    const z = load<f32>(at)
    const y = load<f32>(label)
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
    store<f32>(at + toGradient, d * scale)
    at += last.rowBytes
    label += 4
  } while (--rows)
  return sum
}

// p = e^(z - max z) / sum; the loss is (ln sum + max z) - z[label]. Four rows at a time, a lane each, where there is SIMD.
function softmax(rows: i32, scale: f32, out: usize, sum: f64, labelled: bool): f64 {
  const pitch = last.rowBytes
  const end = (<usize>last.columns) << 2
  const step = ASC_FEATURE_SIMD ? 4 : 1
  const toGradient = out - last.out
  let z = last.out
  let label = labels
  do {
    const beyond = z + end
    // `columns`: one vector a class (a number every 16 bytes in the scalar build), then maximum and sum.
    let t = columns
    if (ASC_FEATURE_SIMD) {
      let most = f32x4.splat(-Infinity)
      let j = z
      do {
        let v = v128.load32_zero(j)
        v = v128.load_lane<f32>(j + pitch, v, 1)
        v = v128.load_lane<f32>(j + 2 * pitch, v, 2)
        v = v128.load_lane<f32>(j + 3 * pitch, v, 3)
        v128.store(t, v)
        most = f32x4.pmax(most, v)
        t += 16
      } while ((j += 4) < beyond)
      let total = f32x4.splat(0)
      let at = columns
      do {
        const e = exp4(f32x4.sub(v128.load(at), most))
        total = f32x4.add(total, e)
        v128.store(at, e)
      } while ((at += 16) < t)
      v128.store(t, most)
      v128.store(t, total, 16)
      t = columns
      j = z + toGradient
      do {
        const p = f32x4.div(v128.load(t), total)
        v128.store(t, p)
        const v = f32x4.mul(p, f32x4.splat(scale))
        v128.store_lane<f32>(j, v, 0)
        v128.store_lane<f32>(j + pitch, v, 1)
        v128.store_lane<f32>(j + 2 * pitch, v, 2)
        v128.store_lane<f32>(j + 3 * pitch, v, 3)
        t += 16
      } while ((j += 4) < beyond + toGradient)
    } else {
      let most: f32 = -Infinity
      let j = z
      do {
        const v = load<f32>(j)
        if (most < v) most = v
      } while ((j += 4) < beyond)
      let total: f32 = 0
      j = z
      do {
        const e = exp(load<f32>(j) - most)
        total += e
        store<f32>(t, e)
        t += 16
      } while ((j += 4) < beyond)
      store<f32>(t, most)
      store<f32>(t, total, 16)
      t = columns
      j = z + toGradient
      do {
        const p = load<f32>(t) / total
        store<f32>(t, p)
        store<f32>(j, p * scale)
        t += 16
      } while ((j += 4) < beyond + toGradient)
    }
    let row = z
    let lane: usize = 0
    // Where there are no labels, nothing is done with the rows one by one.
    for (let i = labelled ? min(step, rows) : 0; i > 0; i--, lane += 4) {
      const y = (<usize>load<f32>(label + lane)) << 2
      store<f32>(row + y + toGradient, (load<f32>(columns + (y << 2) + lane) - 1) * scale)
      sum += <f64>(log(load<f32>(t + lane, 16)) + load<f32>(t + lane) - load<f32>(row + y))
      row += pitch
    }
    z += pitch * step
    label += step << 2
  } while ((rows -= step) > 0)
  return sum
}
