/** A learning curve: a metric after some of the rounds, in their order. */
export interface Point {
  readonly round: number
  readonly value: number
}

/**
 * Rounds until the metric is at least `target` (McMahan et al. 2017, section 3): the curve is made monotone by taking the best value so far, and
 * the crossing is interpolated in a line between its points. Null where it is not reached; a first point that is high enough is the crossing.
 */
export function roundsTo(curve: readonly Point[], target: number): number | null {
  let best: Point | undefined
  for (const { round, value } of curve) {
    if (value >= target) {
      if (best === undefined) return round
      return best.round + ((round - best.round) * (target - best.value)) / (value - best.value)
    }
    // The monotone curve is flat up to here.
    best = { round, value: Math.max(value, best?.value ?? -Infinity) }
  }
  return null
}

/** The standard deviation of a sample (divided by n - 1); 0 for one value. */
export function deviationOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1))
}

/** The mean; null where one of the values is. */
export function meanOf(values: readonly (number | null)[]): number | null {
  let sum = 0
  for (const value of values) {
    if (value === null) return null
    sum += value
  }
  return values.length === 0 ? null : sum / values.length
}
