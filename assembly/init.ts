/** Initial parameters. */
import { PURPOSE_INIT, RELU, control } from "./control"
import { last, layer, next, reaches } from "./layers"
import { clear } from "./memory"
import { word } from "./random"

/**
 * Writes initial parameters to `candidate`: weights uniform in +-sqrt(6 / (fan in + fan out)) (Glorot, Bengio 2010), before a ReLU in
 * +-sqrt(6 / fan in) (He et al. 2015); biases zero.
 */
export function init(): void {
  let index: u32 = 0
  let at = control().candidate
  for (let l = layer(1); reaches(l, last); l = next(l)) {
    const fanOut = l.activation == RELU ? 0 : l.columns * l.width
    const limit = sqrt<f32>(<f32>6 / <f32>(l.depth + fanOut))
    for (let n = l.depth * l.columns; n > 0; n--, at += 4)
      store<f32>(at, <f32>(<i32>(word(PURPOSE_INIT, index++) >> 8) - 8388608) * <f32>(1.0 / 8388608.0) * limit)
    clear(at, l.columns)
    at += (<usize>l.columns) << 2
  }
}
