import { FedmoteError } from "./error.ts"

/**
 * The grid of the exact fold: every contribution to a round's sums is a multiple of 2^g, and no partial sum leaves what float64 holds
 * exactly in such multiples. Then the sums are exact, whatever the order (assembly/CODECS.md, "Fold").
 */

/** Range of grid exponents. */
export const GRID_LIMITS = { least: -900, most: 900 } as const

/** 2^exponent, by multiplication, so that every engine gives the same number. */
export function powerOfTwo(exponent: number): number {
  let value = 1
  const factor = exponent < 0 ? 0.5 : 2
  for (let i = Math.abs(exponent); i > 0; i--) value *= factor
  return value
}

/**
 * ceil(log2(cohort x weightCap x largestDelta)) - 52: the finest grid on which `cohort` updates fit, each of weight at most `weightCap` and
 * no decoded parameter above `largestDelta` in size. A cohort of one counts as two: the rounding needs the room. Throws ("grid").
 */
export function gridExponent(cohort: number, weightCap: number, largestDelta: number): number {
  const product = Math.max(cohort, 2) * weightCap * largestDelta
  if (!(cohort >= 1 && weightCap > 0 && largestDelta > 0 && product < Infinity))
    throw new FedmoteError(
      "grid",
      `expected a cohort, a weight cap and a largest delta above 0, got ${cohort}, ${weightCap}, ${largestDelta}`,
    )
  let exponent = 0
  let bound = 1
  while (bound < product && exponent < 1023) {
    bound *= 2
    exponent++
  }
  while (bound / 2 >= product && bound > 0) {
    bound /= 2
    exponent--
  }
  return Math.min(Math.max(exponent - 52, GRID_LIMITS.least), GRID_LIMITS.most)
}

/** Largest |weight x value| of one update: 2^(g + 52) / cohort, and at most 2^(g + 51). */
export function contributionLimit(exponent: number, cohort: number): number {
  return powerOfTwo(exponent + 52) / Math.max(cohort, 2)
}

/** 1.5 x 2^(g + 52): adding it and taking it away rounds to a multiple of 2^g. */
export function gridMagic(exponent: number): number {
  return 1.5 * powerOfTwo(exponent + 52)
}
