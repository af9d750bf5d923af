import type { CodecName } from "../core/codec.ts"
import type { RandomKey } from "../core/random.ts"
import { FoldMemory } from "./codec-fold.ts"
import type { Decoder, KernelKind } from "./types.ts"

/** The largest finite float32. */
const LARGEST = (2 - 2 ** -23) * 2 ** 127

/** A decoder with kernel memory of its own. */
export function createDecoder(size: number, kind?: KernelKind): Decoder {
  const memory = new FoldMemory(size, kind)
  memory.bound(0, LARGEST)
  const values = new Float32Array(size)
  return {
    size,
    // Folding once, with weight 1 and no grid, into zeros: level x scale is exact in float64.
    decode(codec, payload, key) {
      memory.sum.fill(0)
      memory.add(codec, payload, 1, key)
      values.set(memory.sum)
      return values
    },
  }
}

/** Decodes one payload of `size` parameters. */
export function decode(
  codec: CodecName,
  payload: Uint8Array,
  size: number,
  key: RandomKey,
  kind?: KernelKind,
): Float32Array {
  return createDecoder(size, kind).decode(codec, payload, key)
}
