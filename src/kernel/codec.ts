import type { CodecName } from "../core/codec.ts"
import { unreachable } from "../core/error.ts"
import { MODEL_LIMITS } from "../core/model.ts"
import { KernelError } from "./error.ts"

/** Sizes of the codecs' payloads; assembly/CODECS.md has the layouts. */

/** Values in an integer block, bytes of its scale. */
const BLOCK = 64
const SCALE_BYTES = 2

/** Values in a rotated block: the largest, and the smallest. */
const ROTATED = 1024
const ROTATED_LEAST = 32

/** What topk sends when nothing else is asked for. */
export const TOPK_FRACTION = 0.01

/** How many entries topk sends at most. */
export function topkCount(size: number, fraction: number): number {
  return Math.min(size, Math.max(1, Math.round(size * fraction)))
}

/** Length in bytes of a payload of `size` parameters; for topk, which is shorter as a rule, the most it can be with this fraction. */
export function payloadBytes(codec: CodecName, size: number, fraction = TOPK_FRACTION): number {
  switch (codec) {
    case "f32":
      return 4 * size
    case "int8":
    case "int8-nearest":
      return size + SCALE_BYTES * Math.ceil(size / BLOCK)
    case "int4":
    case "int4-nearest":
      return Math.ceil(size / 2) + SCALE_BYTES * Math.ceil(size / BLOCK)
    case "eden1":
      return rotatedBytes(size, 1)
    case "eden2":
      return rotatedBytes(size, 2)
    case "eden4":
      return rotatedBytes(size, 4)
    case "topk":
      return topkBytes(size, topkCount(size, fraction))
    default:
      return unreachable(codec)
  }
}

function rotatedBytes(size: number, bits: number): number {
  let bytes = 0
  for (let rest = size; rest > 0;) {
    let block = ROTATED
    while (block > rest && block > ROTATED_LEAST) block /= 2
    bytes += SCALE_BYTES + (block * bits) / 8
    rest -= block
  }
  return bytes
}

/** A count, for each entry two bytes of value and one of its gap, and one more for each gap of 128, 2^14 or 2^21. */
function topkBytes(size: number, count: number): number {
  let bytes = 4 + 3 * count
  for (let gap = 128; gap < size; gap *= 128) bytes += Math.min(count, Math.floor(size / gap))
  return bytes
}

/** Kernels work on whole blocks: sources and sums have room for so many values, and sources hold zeros past `size`. */
export function paddedSize(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK
}

/** Room for the payload of `size` parameters in any codec: topk sending all of them is shorter, and so is one rotated block of 4 bits. */
export function longestPayload(size: number): number {
  return 4 * size + 16
}

/** Bytes past a payload that kernels may read (as zeros) or write. */
export const PAYLOAD_MARGIN = 64

/** Throws `KernelError` ("settings") for a number of parameters that no model has. */
export function checkSize(size: number): void {
  if (!(Number.isInteger(size) && size >= 1 && size <= MODEL_LIMITS.parameters))
    throw new KernelError("settings", `expected a size of 1 to ${MODEL_LIMITS.parameters} parameters, got ${size}`)
}
