import { describe, expect, test } from "vitest"
import { createTrainer } from "../../src/kernel/trainer.ts"
import { philoxBlock, philoxWord } from "./reference.ts"

// Known answers of the Random123 distribution (kat_vectors, philox4x32 with 10 rounds): counter, key, output.
const ONES = 0xffffffff
const KNOWN: readonly (readonly [number[], number[], number[]])[] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [ONES, ONES, ONES, ONES],
    [ONES, ONES],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
]

test.each(KNOWN)("the oracle's Philox: counter %j, key %j", (counter, key, expected) => {
  expect(philoxBlock(counter, key)).toEqual(expected)
})

// What can be seen of the kernels' words: initial weights have their upper 24 bits.
describe.each(["simd", "scalar", "js"] as const)("%s", (kind) => {
  test("draws the oracle's words, whatever the key", () => {
    const spec = {
      inputs: 1,
      layers: [{ kind: "dense", units: 30, activation: "identity" }],
      loss: "softmax",
      positiveWeight: 1,
    } as const
    const trainer = createTrainer(spec, { batch: 1, rows: 1 }, kind)
    const limit = Math.fround(Math.sqrt(Math.fround(6 / 31)))
    for (const [counter, key] of KNOWN) {
      const name = { seed: counter[3]!, round: counter[1]!, device: [key[0]!, key[1]!] } as const
      const words = Array.from(trainer.init(name).subarray(0, 30), (w) => Math.round((w / limit + 1) * 2 ** 23))
      expect(words).toEqual(Array.from({ length: 30 }, (_, i) => philoxWord(i, 1, name) >>> 8))
    }
  })
})
