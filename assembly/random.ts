/** Streams of Philox words, and what is drawn from them: initial parameters and the order of rows. Counterpart of src/core/random.ts. */
import { PURPOSE_INIT, PURPOSE_SHUFFLE, RELU, control } from "./control"
import { last, layer, next, order, reaches } from "./layers"
import { clear } from "./memory"
import { philox, word0, word1, word2, word3 } from "./philox"

/** Words of the shuffling stream used so far. */
let shuffled: u32 = 0

function draw(purpose: u32, index: u32): void {
  const c = control()
  philox(index >> 2, c.round, purpose, c.seed, c.deviceHigh, c.deviceLow)
}

// Word `index` of the stream: a word of block index / 4. The block is drawn with its first word.
function word(purpose: u32, index: u32): u32 {
  const lane = index & 3
  if (lane == 0) draw(purpose, index)
  return lane == 0 ? word0 : lane == 1 ? word1 : lane == 2 ? word2 : word3
}

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

export function firstOrder(rows: i32): void {
  shuffled = 0
  for (let i = 0; i < rows; i++) store<i32>(order + ((<usize>i) << 2), i)
}

/** Fisher-Yates over the order as it is, continuing the stream. */
export function shuffle(rows: i32): void {
  // Other streams may have been read since.
  if (shuffled & 3) draw(PURPOSE_SHUFFLE, shuffled)
  for (let i = rows - 1; i > 0; i--) {
    const j = <u32>((<u64>word(PURPOSE_SHUFFLE, shuffled++) * <u64>(i + 1)) >> 32)
    const a = order + ((<usize>i) << 2)
    const b = order + ((<usize>j) << 2)
    const t = load<i32>(a)
    store<i32>(a, load<i32>(b))
    store<i32>(b, t)
  }
}
