import { FedmoteError } from "./error.ts"

/**
 * Exact sums of real numbers through a float32 vector. A float64 becomes `LIMBS` integers, each below 2^24 in size and with the number's
 * sign: digits of base 2^24, least significant first, in units of 2^-64 (what is smaller is cut off, toward zero). Each limb is exact as
 * float32, and sums of limbs over up to 2^28 devices are exact as float64, in any order. Only plain float64 steps, so that a C client
 * can repeat them.
 */
export const LIMBS = 5

const BASE = 2 ** 24
const UNIT_EXPONENT = -64
/** Numbers of this size and larger are refused. */
export const LIMB_BOUND = 2 ** 55

// The value of 1 in limb k.
const UNITS = Array.from({ length: LIMBS }, (_, k) => BASE ** k * 2 ** UNIT_EXPONENT)

/** Writes `value` to `out[at .. at + LIMBS - 1]` and returns the next index; `what` names it in the error ("limbs") for |value| >= 2^55 or no number. */
export function splitInto(out: Float32Array, at: number, value: number, what: string): number {
  let rest = Math.abs(value)
  if (!(rest < LIMB_BOUND)) throw new FedmoteError("limbs", `expected a ${what} below 2^55, got ${value}`)
  const sign = value < 0 ? -1 : 1
  for (let k = LIMBS - 1; k >= 0; k--) {
    const digit = Math.floor(rest / UNITS[k]!)
    // Taking away leading digits is exact in float64.
    rest -= digit * UNITS[k]!
    out[at + k] = digit === 0 ? 0 : sign * digit
  }
  return at + LIMBS
}

/** The number that summed limbs stand for, exactly, in units of 2^-64. Throws ("limbs") where a sum is not an exact integer. */
export function joinLimbs(sums: ArrayLike<number>, at = 0): bigint {
  let total = 0n
  for (let k = LIMBS - 1; k >= 0; k--) {
    const sum = sums[at + k]
    if (!Number.isSafeInteger(sum))
      throw new FedmoteError("limbs", `expected an integer sum at index ${at + k}, got ${sum}`)
    total = (total << 24n) + BigInt(sum!)
  }
  return total
}

/** The same, rounded to the nearest float64. */
export function joinNumber(sums: ArrayLike<number>, at = 0): number {
  return Number(joinLimbs(sums, at)) * 2 ** UNIT_EXPONENT
}
