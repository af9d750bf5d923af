import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { LIMBS, joinLimbs, joinNumber, splitInto } from "../../src/core/limbs.ts"

const { limbs } = JSON.parse(readFileSync(new URL("statistics.json", import.meta.url), "utf8")) as {
  limbs: { value: number; limbs: number[] }[]
}

const split = (value: number): number[] => {
  const out = new Float32Array(LIMBS)
  splitInto(out, 0, value, "sum")
  return [...out]
}

describe("limbs", () => {
  it.each(limbs)("of $value are what exact rationals give", ({ value, limbs: expected }) => {
    expect(split(value)).toEqual(expected)
  })

  it("are never negative zero", () => {
    for (const limb of split(-1)) expect(Object.is(limb, -0)).toBe(false)
  })

  it("add up exactly over numbers that float64 could not add", () => {
    const sums = new Float64Array(LIMBS)
    for (const value of [1e16, 2 ** -60, -1e16, 0.5]) split(value).forEach((limb, k) => (sums[k] = sums[k]! + limb))
    expect(joinLimbs(sums)).toBe((1n << 63n) + 16n)
    expect(joinNumber(sums)).toBe(0.5 + 2 ** -60)
  })

  it("join back to the number where it is a multiple of 2^-64", () => {
    for (const value of [0, 1, -1, 123456.789, -(2 ** 54), 2 ** -64]) expect(joinNumber(split(value))).toBe(value)
  })

  it.each([2 ** 55, -(2 ** 55), Infinity, NaN])("refuse %s", (value) => {
    expect(() => split(value)).toThrow(`expected a sum below 2^55, got ${value}`)
  })

  it("refuse a sum that is not an exact integer", () => {
    expect(() => joinLimbs([0, 0.5, 0, 0, 0])).toThrow("expected an integer sum at index 1, got 0.5")
    expect(() => joinLimbs([0, 0, 0, 0])).toThrow("index 4")
    expect(() => joinLimbs([2 ** 53, 0, 0, 0, 0])).toThrow("index 0")
  })
})
