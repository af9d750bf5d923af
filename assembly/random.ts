/** Streams of Philox words, in sequence. Counterpart of src/core/random.ts. */
import { DRAWS, codecKey, draw } from "./codec-stream"
import { control } from "./control"

/** Words that are drawn at once. */
export const DRAWN = 32

/** Draws the words around word `index` of the stream that the key in the control block names. */
export function drawAt(purpose: u32, index: u32): void {
  const c = control()
  codecKey(c.seed, c.round, c.deviceHigh, c.deviceLow)
  draw((index / DRAWN) * (DRAWN / 4), purpose)
}

/** Word `index`; those around it must have been drawn, unless it is the first of them. */
export function word(purpose: u32, index: u32): u32 {
  const place = index % DRAWN
  if (place == 0) drawAt(purpose, index)
  return load<u32>(DRAWS + (place << 2))
}
