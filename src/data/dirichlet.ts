import type { RandomStream } from "../core/random.ts"
import { exp, log } from "../core/elementary.ts"

/** A number in (0, 1) with 53 random bits. */
function open01(stream: RandomStream): number {
  const high = stream.next() >>> 5
  const low = stream.next() >>> 6
  return (high * 67108864 + low + 0.5) / 9007199254740992
}

/** A standard normal number (Marsaglia's polar method; the second one is thrown away). */
export function normal(stream: RandomStream): number {
  for (;;) {
    const u = 2 * open01(stream) - 1
    const v = 2 * open01(stream) - 1
    const s = u * u + v * v
    if (s > 0 && s < 1) return u * Math.sqrt((-2 * log(s)) / s)
  }
}

/**
 * Logarithm of a Gamma(`shape`, 1) number (Marsaglia and Tsang 2000, "A simple method for generating gamma variables"). The logarithm, because
 * for a small shape most of the numbers themselves are too small for float64.
 */
export function logGamma(shape: number, stream: RandomStream): number {
  if (shape < 1) return logGamma(shape + 1, stream) + log(open01(stream)) / shape
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(stream)
    const root = 1 + c * x
    if (root <= 0) continue
    const v = root * root * root
    if (log(open01(stream)) < 0.5 * x * x + d - d * v + d * log(v)) return log(d) + log(v)
  }
}

/** Shares of a symmetric Dirichlet(`alpha`) over `count`, summing to 1. */
export function dirichlet(alpha: number, count: number, stream: RandomStream): Float64Array {
  const shares = new Float64Array(count)
  let largest = -Infinity
  for (let i = 0; i < count; i++) {
    shares[i] = logGamma(alpha, stream)
    if (shares[i]! > largest) largest = shares[i]!
  }
  let sum = 0
  for (let i = 0; i < count; i++) sum += shares[i] = exp(shares[i]! - largest)
  for (let i = 0; i < count; i++) shares[i] = shares[i]! / sum
  return shares
}
