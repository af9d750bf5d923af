/** Streams of Philox words. Counterpart of src/core/random.ts. */
import { control } from "./control"
import { philox } from "./philox"

/** The block that was drawn last. */
const WORDS = memory.data(16)

/** Word `index` of the stream that the key in the control block names. */
export function wordOf(purpose: u32, index: u32): u32 {
  const c = control()
  philox(WORDS, index >> 2, c.round, purpose, c.seed, c.deviceHigh, c.deviceLow)
  return load<u32>(WORDS + ((index & 3) << 2))
}

/** The same, but the block is drawn with its first word only: for words in sequence. */
export function word(purpose: u32, index: u32): u32 {
  return index & 3 ? load<u32>(WORDS + ((index & 3) << 2)) : wordOf(purpose, index)
}
