import { expect, test } from "vitest"
import { exp, log } from "../../src/core/elementary.ts"

// The engine's own functions are the independent source: correct to an ulp or so, though not to the same bit everywhere.
const EPSILON = 2 ** -52

test("log agrees with the engine's over all magnitudes", () => {
  let worst = 0
  for (let e = -300; e <= 300; e++)
    for (const m of [1, 1.0001, 1.2, 1.4142135623730951, 1.4142135623730954, 1.7, 1.9999]) {
      const x = m * 2 ** e
      worst = Math.max(worst, Math.abs(log(x) - Math.log(x)) / Math.max(Math.abs(Math.log(x)), EPSILON))
    }
  expect(worst).toBeLessThan(4 * EPSILON)
  expect(log(1)).toBe(0)
})

test("log near 1, where it is small itself", () => {
  for (let k = 1; k < 52; k++)
    for (const x of [1 + 2 ** -k, 1 - 2 ** -(k + 1)])
      expect(Math.abs(log(x) - Math.log(x))).toBeLessThanOrEqual(4 * EPSILON * Math.abs(Math.log(x)))
})

test("exp agrees with the engine's, is 1 at 0 and 0 far below", () => {
  for (let x = -700; x <= 700; x += 0.37) expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(4 * EPSILON)
  expect(exp(0)).toBe(1)
  expect(exp(-701)).toBe(0)
  expect(exp(-Infinity)).toBe(0)
})
