import { describe, expect, test } from "vitest"
import { contributionLimit, gridExponent, gridMagic, powerOfTwo } from "../../src/core/grid.ts"

describe("grid of the exact fold", () => {
  test.each([
    // ceil(log2(cohort x cap x delta)) - 52
    [1024, 1024, 1, 20 - 52],
    [1024, 1024, 1.0000001, 21 - 52],
    [1000, 600, 0.5, 19 - 52],
    [2, 1, 2 ** -40, -39 - 52],
    [8, 1, 2 ** 24, 27 - 52],
    // A cohort of one counts as two.
    [1, 1, 1, 1 - 52],
    [2, 1, 1, 1 - 52],
  ])("cohort %d, cap %d, delta %d: g = %d", (cohort, cap, delta, expected) => {
    expect(gridExponent(cohort, cap, delta)).toBe(expected)
  })

  test("the limit is the share of one update, and what it was made for fits", () => {
    expect(contributionLimit(-52, 4)).toBe(0.25)
    expect(contributionLimit(-52, 1)).toBe(0.5)
    for (const [cohort, cap, delta] of [
      [7, 13, 0.3],
      [1000, 600, 17],
      [1, 1, 1],
    ] as const)
      expect(contributionLimit(gridExponent(cohort, cap, delta), cohort)).toBeGreaterThanOrEqual(cap * delta)
  })

  test("powers of two and the magic number", () => {
    expect(powerOfTwo(-1074)).toBe(5e-324)
    expect(powerOfTwo(1023)).toBe(8.98846567431158e307)
    expect(powerOfTwo(0)).toBe(1)
    // (v + M) - M rounds to halves for g = -1, ties to even.
    const magic = gridMagic(-1)
    const rounded = [0.2, 0.25, 0.26, 0.75, -0.25, -0.75, 3.1].map((v) => v + magic - magic)
    expect(rounded).toEqual([0, 0, 0.5, 1, 0, -1, 3])
  })

  test.each([
    [0, 1, 1],
    [1, -1, 1],
    [1, 1, 0],
    [1, 1, Number.NaN],
    [1, 1, Infinity],
  ])("refuses cohort %d, cap %d, delta %d", (cohort, cap, delta) => {
    expect(() => gridExponent(cohort, cap, delta)).toThrow(expect.objectContaining({ code: "grid" }))
  })
})
