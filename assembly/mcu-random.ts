/** Philox words for the minimal profile: little code rather than speed. */
import { control } from "./control"
import { philox } from "./philox"

const WORDS = memory.data(16)

/** Word `index` of the stream that the key in the control block names. */
export function wordOf(purpose: u32, index: u32): u32 {
  const c = control()
  philox(WORDS, index >> 2, c.round, purpose, c.seed, c.deviceHigh, c.deviceLow)
  return load<u32>(WORDS + ((index & 3) << 2))
}
