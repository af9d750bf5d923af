/** The order in which rows are trained on. */
import { PURPOSE_SHUFFLE } from "./control"
import { DRAWN, drawAt, word } from "./random"

/** Words of the stream used so far. */
let shuffled: u32 = 0

/** The rows in their order, and the stream at its beginning. */
export function firstOrder(order: usize, rows: i32): void {
  shuffled = 0
  do {
    rows--
    store<i32>(order + ((<usize>rows) << 2), rows)
  } while (rows)
}

/** Fisher-Yates over the order as it is, continuing the stream. */
export function shuffle(order: usize, rows: i32): void {
  // Other streams may have been read since.
  if (shuffled % DRAWN) drawAt(PURPOSE_SHUFFLE, shuffled)
  for (let i = rows - 1; i > 0; i--) {
    const j = <u32>((<u64>word(PURPOSE_SHUFFLE, shuffled++) * <u64>(i + 1)) >> 32)
    const a = order + ((<usize>i) << 2)
    const b = order + ((<usize>j) << 2)
    const t = load<i32>(a)
    store<i32>(a, load<i32>(b))
    store<i32>(b, t)
  }
}
