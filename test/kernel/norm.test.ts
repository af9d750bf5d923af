import { describe, expect, test } from "vitest"
import { createAccumulator } from "../../src/kernel/accumulator.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
import { NormBound } from "../../src/kernel/norm.ts"

const KEY = { seed: 1, round: 2, device: [3, 4] } as const
const payload = (values: readonly number[]): Uint8Array =>
  createEncoder(values.length).encode("f32", Float32Array.from(values), KEY)

describe("the L2 norm of an update", () => {
  test.each([
    [[3, 4, 0], 5, true],
    [[3, 4, 0], 4.999, false],
    [[0, 0, 0], 1e-30, true],
    // Squares that float32 does not hold.
    [[1e30, 0, 0], 1e30, false],
    [[1e30, 0, 0], 1.01e30, true],
  ])("%j within %d: %s", (values, most, ok) => {
    const check = (): void => new NormBound(3, most).check("f32", payload(values), KEY)
    if (ok) expect(check).not.toThrow()
    else expect(check).toThrow(`expected an update of L2 norm ${most} at most, got a larger one`)
  })

  test("is that of what a quantised one decodes to", () => {
    const values = Float32Array.from({ length: 500 }, (_, i) => Math.sin(i))
    const encoded = createEncoder(500).encode("eden2", values, KEY)
    // Of 500 sines the norm is sqrt(250) = 15.8; two bits add an eighth of it in the mean square.
    expect(() => new NormBound(500, 20).check("eden2", encoded, KEY)).not.toThrow()
    expect(() => new NormBound(500, 12).check("eden2", encoded, KEY)).toThrow("L2 norm")
  })

  test("a payload that is none is refused as in a fold", () => {
    expect(() => new NormBound(3, 5).check("f32", new Uint8Array(11), KEY)).toThrow(/expected 12 bytes of f32/)
    expect(() => new NormBound(1, 5).check("f32", payload([1]).fill(0xff), KEY)).toThrow(/finite|range/)
  })
})

describe("the largest value of an update", () => {
  const sum = (): ReturnType<typeof createAccumulator> =>
    createAccumulator({ size: 2, gridExponent: -30, cohort: 4, weightCap: 100, largest: 2 })

  test("is the same for updates of any weight", () => {
    const accumulator = sum()
    for (const weight of [1, 100]) accumulator.fold("f32", payload([2, -2]), weight, KEY)
    for (const weight of [1, 100])
      expect(() => accumulator.fold("f32", payload([0, 2.001]), weight, KEY)).toThrow(
        /every value within the largest change allowed/,
      )
    expect([...accumulator.sum, accumulator.count]).toEqual([202, -202, 2])
  })

  test("may be another after a reset, and stays where none is given", () => {
    const accumulator = sum()
    accumulator.reset(-30, 4, 100)
    expect(() => accumulator.fold("f32", payload([3, 0]), 1, KEY)).toThrow()
    accumulator.reset(-30, 4, 100, 5)
    accumulator.fold("f32", payload([3, 0]), 1, KEY)
    expect(() => accumulator.reset(-30, 4, 100, 0)).toThrow("expected a largest value above 0, got 0")
  })
})
