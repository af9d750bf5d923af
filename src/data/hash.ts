import type { Purpose } from "../core/random.ts"
import { philox } from "../core/random.ts"

const block = new Uint32Array(4)

/** Spreads a 32-bit word over all others, one to one (the finaliser of MurmurHash3, Appleby 2011). */
export function mix(word: number): number {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * Fills `out` with numbers from 0 to `bound - 1`, drawn independently: a function of (seed, purpose, stream, index). One block of Philox keys a cheap hash,
 * for data of clients that are made anew whenever they are wanted.
 */
export function drawInto(
  out: Uint32Array,
  bound: number,
  seed: number,
  purpose: Purpose,
  stream: number,
  index: number,
): void {
  philox(block, 0, stream, purpose, seed, index, 0)
  const first = block[0]!
  const step = block[1]! | 1
  const mask = block[2]!
  const scale = bound / 2 ** 32
  for (let i = 0; i < out.length; i++) out[i] = Math.floor(mix(mix(first + Math.imul(i, step)) ^ mask) * scale)
}
