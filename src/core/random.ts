/**
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy
 * as 1, 2, 3"). A number is a function of its key and index alone, so every runtime, in any order and on any number
 * of workers, draws the same ones. Never for privacy noise or masks: whoever knows the seed knows these.
 */

/** What a stream of random numbers is for. The values are part of the protocol. */
export const PURPOSE = {
  init: 1,
  shuffle: 2,
  rotation: 3,
  rounding: 4,
  selection: 5,
  partition: 6,
  spread: 7,
  generator: 8,
  world: 9,
} as const

export type Purpose = (typeof PURPOSE)[keyof typeof PURPOSE]

/** Names a stream: all fields are unsigned 32-bit; `device` is the first 8 bytes of SHA-256(device id), big-endian, as two words. */
export interface RandomKey {
  readonly seed: number
  readonly round: number
  readonly device: readonly [high: number, low: number]
}

/** For streams that belong to no device, such as the initial model. */
export const NO_DEVICE: readonly [number, number] = [0, 0]

const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85

/** High 32 bits of the product of two unsigned 32-bit numbers. */
export function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const low = aLow * bLow
  const mid = aHigh * bLow + (low >>> 16)
  const mid2 = aLow * bHigh + (mid & 0xffff)
  return (aHigh * bHigh + Math.floor(mid / 65536) + (mid2 >>> 16)) >>> 0
}

/** One Philox4x32-10 block: writes four unsigned 32-bit words to `out[0..3]`. */
export function philox(out: Uint32Array, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): void {
  for (let i = 0; i < 10; i++) {
    const high0 = mulHigh(M0, c0 >>> 0)
    const low0 = Math.imul(M0, c0)
    const high1 = mulHigh(M1, c2 >>> 0)
    const low1 = Math.imul(M1, c2)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + W0) | 0
    k1 = (k1 + W1) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

/** A reader of one stream: counter = (index, round, purpose, seed), key = the device's two words. */
export class RandomStream {
  readonly #block = new Uint32Array(4)
  readonly #key: RandomKey
  readonly #purpose: Purpose
  #index = 0
  #used = 4

  constructor(key: RandomKey, purpose: Purpose) {
    this.#key = key
    this.#purpose = purpose
  }

  /** The next word, 0 to 2^32 - 1. */
  next(): number {
    if (this.#used === 4) {
      const { seed, round, device } = this.#key
      philox(this.#block, this.#index++, round, this.#purpose, seed, device[0], device[1])
      this.#used = 0
    }
    return this.#block[this.#used++]!
  }

  /** An integer from 0 to `bound - 1` (multiply-shift; the bias is below bound / 2^32). */
  below(bound: number): number {
    return mulHigh(this.next(), bound)
  }

  /** A number in [0, 1) with 24 random bits. */
  unit(): number {
    return (this.next() >>> 8) / 16777216
  }
}
