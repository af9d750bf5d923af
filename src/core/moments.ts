import { FedmoteError } from "./error.ts"
import { LIMBS, joinLimbs, splitInto } from "./limbs.ts"
import type { Samples } from "./samples.ts"

/**
 * Means and deviations of a fleet's features, without pooling a reading: each device sends a count and exact sums, the fold adds
 * them, and the coordinator divides once. The result does not depend on who sent what in which order.
 */

/** What devices apply to every sample: `(x - mean) * inverse`, one of each a feature. */
export interface Standardizer {
  readonly mean: Float32Array
  readonly inverse: Float32Array
}

/** Length of a moments vector. */
export function momentsSize(features: number): number {
  return 1 + 2 * LIMBS * features
}

/**
 * [rows, then for each feature: limbs of the sum of x, limbs of the sum of x^2], for the exact fold with weight 1 and grid exponent 0.
 * The device's own sums are float64, rows in order. Throws `FedmoteError` where a value is not finite, or far too large ("limbs").
 */
export function featureMoments(samples: Samples): Float32Array {
  const { rows, features, x } = samples
  if (!(rows < 2 ** 24)) throw new FedmoteError("moments", `expected fewer than 2^24 rows, got ${rows}`)
  const out = new Float32Array(momentsSize(features))
  out[0] = rows
  let at = 1
  for (let j = 0; j < features; j++) {
    let sum = 0
    let squares = 0
    for (let i = j; i < rows * features; i += features) {
      const value = x[i]!
      sum += value
      squares += value * value
    }
    at = splitInto(out, at, sum, `sum of feature ${j}`)
    at = splitInto(out, at, squares, `sum of squares of feature ${j}`)
  }
  return out
}

// A feature counts as constant when its deviation is below 2^-20 of its mean (what float32 readings cannot resolve), or below 2^-28.
const CONSTANT_RELATIVE = 2 ** -40
const CONSTANT_ABSOLUTE = 2 ** -56

/**
 * From the summed vectors: means, and inverses of the population deviations. The variance is computed exactly, as a ratio of integers,
 * then rounded. A constant feature gets inverse 1 as in scikit-learn's StandardScaler: it becomes 0, and a reading that differs later
 * passes unscaled. Throws ("moments") when nothing was counted.
 */
export function standardizer(sums: ArrayLike<number>, features: number): Standardizer {
  if (sums.length !== momentsSize(features))
    throw new FedmoteError(
      "moments",
      `expected ${momentsSize(features)} sums for ${features} features, got ${sums.length}`,
    )
  const rows = sums[0]!
  if (!Number.isSafeInteger(rows) || rows < 1)
    throw new FedmoteError("moments", `expected at least one row in the statistics, got ${rows}`)
  const n = BigInt(rows)
  const mean = new Float32Array(features)
  const inverse = new Float32Array(features)
  for (let j = 0; j < features; j++) {
    const sum = joinLimbs(sums, 1 + 2 * LIMBS * j)
    const squares = joinLimbs(sums, 1 + 2 * LIMBS * j + LIMBS)
    // In units of 2^-64, so: variance = (n * squares * 2^64 - sum^2) / (n^2 * 2^128).
    const center = ratio(sum, n << 64n)
    const variance = ratio(((n * squares) << 64n) - sum * sum, (n * n) << 128n)
    mean[j] = center
    inverse[j] =
      variance <= CONSTANT_ABSOLUTE || variance <= CONSTANT_RELATIVE * center * center ? 1 : 1 / Math.sqrt(variance)
  }
  return { mean, inverse }
}

/** `numerator / denominator` (positive), rounded once to the nearest float64. */
function ratio(numerator: bigint, denominator: bigint): number {
  const negative = numerator < 0n
  let rest = negative ? -numerator : numerator
  // At least 64 bits of quotient, the last of which says whether anything was cut off.
  const shift = Math.max(0, 65 + bits(denominator) - bits(rest))
  rest <<= BigInt(shift)
  const quotient = rest / denominator
  const sticky = quotient * denominator === rest ? 0n : 1n
  const value = Number(quotient | sticky) * 2 ** -shift
  return negative ? -value : value
}

function bits(value: bigint): number {
  return value.toString(16).length * 4
}

/** The samples as the model sees them: each step rounded to float32. Labels are shared, not copied. */
export function standardize(samples: Samples, standardizer: Standardizer): Samples {
  const x = new Float32Array(samples.x.length)
  standardizeInto(x, samples, standardizer)
  return { ...samples, x }
}

/** The same into `out`, which may be the samples' own `x`. */
export function standardizeInto(out: Float32Array, samples: Samples, { mean, inverse }: Standardizer): void {
  const { rows, features, x } = samples
  if (mean.length !== features)
    throw new FedmoteError("moments", `expected ${mean.length} features as the model has them, got ${features}`)
  for (let i = 0, at = 0; i < rows; i++)
    for (let j = 0; j < features; j++, at++) out[at] = Math.fround(x[at]! - mean[j]!) * inverse[j]!
}
