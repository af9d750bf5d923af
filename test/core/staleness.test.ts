import { expect, test } from "vitest"
import { stalenessUnits, weightOf } from "../../src/core/staleness.ts"

// python3 -c "from decimal import *; getcontext().prec = 40
// print([[int((65536 / Decimal(1 + s) ** Decimal(a)).to_integral_value(ROUND_HALF_UP)) for s in (0, 1, 2, 3, 8, 15, 20, 1000)] for a in ('0', '0.5', '1')])"
test.each([
  [0, [65536, 65536, 65536, 65536, 65536, 65536, 65536, 65536]],
  [0.5, [65536, 46341, 37837, 32768, 21845, 16384, 14301, 2071]],
  [1, [65536, 32768, 21845, 16384, 7282, 4096, 3121, 65]],
] as const)("exponent %d: 65536ths as in decimal arithmetic", (exponent, units) => {
  expect([0, 1, 2, 3, 8, 15, 20, 1000].map((staleness) => stalenessUnits(exponent, staleness))).toEqual(units)
})

test("a weight is samples up to the cap, times what staleness leaves, in exact multiples of 1/65536", () => {
  expect(weightOf(10, 100, 0.5, 0)).toBe(10)
  expect(weightOf(1000, 100, 1, 3)).toBe(25)
  // 10 x 46341 / 65536
  expect(weightOf(10, 100, 0.5, 1)).toBe(7.071075439453125)
  expect(Number.isInteger(weightOf(2 ** 24, 2 ** 24, 0.5, 20) * 65536)).toBe(true)
})
