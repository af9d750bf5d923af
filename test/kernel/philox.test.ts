import { describe, expect, test } from "vitest"
import { instantiate } from "../../src/kernel/module.ts"

// Known answers of the Random123 distribution (kat_vectors, philox4x32 with 10 rounds): counter, key, output.
const KNOWN: readonly (readonly [number[], number[], number[]])[] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [-1, -1, -1, -1],
    [-1, -1],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
]

describe.each(["simd", "scalar", "js"] as const)("philox, %s", (kind) => {
  test.each(KNOWN)("counter %j, key %j", (counter, key, expected) => {
    const { functions, memory, base } = instantiate(kind, 64)
    functions["philoxBlock"]!(base, ...counter, ...key)
    expect([...new Uint32Array(memory, base, 4)]).toEqual(expected)
  })
})
