/** (1 + staleness)^-exponent. */
export type StalenessExponent = 0 | 0.5 | 1

/** Weights are multiples of 1 / 65536, so that sums of them are exact. */
export const WEIGHT_UNITS = 65536

/**
 * What an update counts that was trained from the model of `staleness` commits ago (FedBuff, Nguyen et al. 2022, section 3.2): (1 + staleness)^-exponent,
 * rounded to a multiple of 1 / 65536, in 65536ths; at least one. Exact on every engine: division and square root are IEEE 754's.
 */
export function stalenessUnits(exponent: StalenessExponent, staleness: number): number {
  const age = 1 + staleness
  const divisor = exponent === 0 ? 1 : exponent === 1 ? age : Math.sqrt(age)
  return Math.max(1, Math.round(WEIGHT_UNITS / divisor))
}

/** The weight of an update: its samples, up to the cap, times what its staleness leaves of it. */
export function weightOf(samples: number, cap: number, exponent: StalenessExponent, staleness: number): number {
  const weight = Math.min(samples, cap)
  return staleness === 0 ? weight : (weight * stalenessUnits(exponent, staleness)) / WEIGHT_UNITS
}
