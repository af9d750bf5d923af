/** A stream of random bytes: the Philox blocks of one key and purpose, index 0 first, each word little-endian. */

import { philox } from "./philox"

let seed: u32 = 0
let round: u32 = 0
let high: u32 = 0
let low: u32 = 0

/** Sets the key of the streams that the codecs draw from, until the next call. */
export function codecKey(seedWord: u32, roundWord: u32, deviceHigh: u32, deviceLow: u32): void {
  seed = seedWord
  round = roundWord
  high = deviceHigh
  low = deviceLow
}

/** The 128 bytes that `draw` drew last. */
export const DRAWS = memory.data(128, 16)

/** Draws 128 bytes of the stream: blocks `index` to `index + 7`. */
export function draw(index: u32, purpose: u32): void {
  if (ASC_FEATURE_SIMD) {
    draw64(DRAWS, index, purpose)
    draw64(DRAWS + 64, index + 4, purpose)
  } else {
    for (let out = DRAWS; out < DRAWS + 128; out += 16) {
      philox(out, index++, round, purpose, seed, high, low)
    }
  }
}

/** Four blocks side by side, one in each lane, then transposed. */
function draw64(out: usize, index: u32, purpose: u32): void {
  let c0 = i32x4.add(i32x4.splat(index), i32x4(0, 1, 2, 3))
  let c1 = i32x4.splat(round)
  let c2 = i32x4.splat(purpose)
  let c3 = i32x4.splat(seed)
  let k0 = high
  let k1 = low
  const m0 = i32x4.splat(0xd2511f53)
  const m1 = i32x4.splat(0xcd9e8d57)
  for (let i = 0; i < 10; i++) {
    const a01 = i64x2.extmul_low_i32x4_u(m0, c0)
    const a23 = i64x2.extmul_high_i32x4_u(m0, c0)
    const b01 = i64x2.extmul_low_i32x4_u(m1, c2)
    const b23 = i64x2.extmul_high_i32x4_u(m1, c2)
    c0 = v128.xor(v128.xor(v128.shuffle<i32>(b01, b23, 1, 3, 5, 7), c1), i32x4.splat(k0))
    c2 = v128.xor(v128.xor(v128.shuffle<i32>(a01, a23, 1, 3, 5, 7), c3), i32x4.splat(k1))
    c1 = v128.shuffle<i32>(b01, b23, 0, 2, 4, 6)
    c3 = v128.shuffle<i32>(a01, a23, 0, 2, 4, 6)
    k0 += 0x9e3779b9
    k1 += 0xbb67ae85
  }
  const low01 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5)
  const low23 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5)
  const high01 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7)
  const high23 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7)
  v128.store(out, v128.shuffle<i64>(low01, low23, 0, 2))
  v128.store(out, v128.shuffle<i64>(low01, low23, 1, 3), 16)
  v128.store(out, v128.shuffle<i64>(high01, high23, 0, 2), 32)
  v128.store(out, v128.shuffle<i64>(high01, high23, 1, 3), 48)
}
