/** A figure over repetitions: mean, and standard deviation of the sample (n - 1); no deviation of one alone. */
export interface Statistic {
  readonly count: number
  readonly mean: number
  readonly deviation?: number
}

/** Undefined of no values. */
export function statisticOf(values: readonly number[]): Statistic | undefined {
  const count = values.length
  if (count === 0) return undefined
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  if (count === 1) return { count, mean }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { count, mean, deviation: Math.sqrt(squares / (count - 1)) }
}

/** `0.963 ± 0.004`, each written by `format`. */
export function statisticText(statistic: Statistic | undefined, format: (value: number) => string): string {
  if (statistic === undefined) return "–"
  const { mean, deviation } = statistic
  return deviation === undefined ? format(mean) : `${format(mean)} ± ${format(deviation)}`
}
