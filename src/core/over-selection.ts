/**
 * How many devices are asked for each update that is wanted. A number is a plain factor. `adaptive` begins with 1.3 (Bonawitz et al. 2019,
 * section 9) and then follows the observed dropout p: ceil(K / (1 - p)) + 2 sqrt(K p), what is needed on average and two deviations of a binomial.
 */

export type OverSelect = number | "adaptive"

/** What was observed: devices asked in training rounds and those of them that were lost, the older rounds counting less. */
export interface Dropout {
  asked: number
  lost: number
}

interface Wanted {
  /** Updates wanted; may be `Infinity`. */
  readonly cohort: number
  readonly overSelect: OverSelect
}

const FIRST_FACTOR = 1.3
/** Where almost everybody drops out, more devices are not the remedy. */
const MOST_FACTOR = 3
/** What a round counts beside the next one. */
const DECAY = 0.75

/** Devices to ask in a training round. */
export function devicesAsked({ cohort, overSelect }: Wanted, dropout: Readonly<Dropout>): number {
  if (overSelect !== "adaptive") return product(cohort, overSelect)
  if (dropout.asked === 0 || !Number.isFinite(cohort)) return product(cohort, FIRST_FACTOR)
  const p = dropout.lost / dropout.asked
  const enough = Math.ceil(cohort / (1 - p) - 1e-9) + 2 * Math.sqrt(cohort * p)
  return Math.min(Math.ceil(enough - 1e-9), mostDevicesAsked({ cohort, overSelect }))
}

/** The most that `devicesAsked` ever gives. */
export function mostDevicesAsked({ cohort, overSelect }: Wanted): number {
  return product(cohort, overSelect === "adaptive" ? MOST_FACTOR : overSelect)
}

/** Counts a training round that has ended. Changes `dropout`. */
export function observeDropout(dropout: Dropout, asked: number, lost: number): void {
  dropout.asked = DECAY * dropout.asked + asked
  dropout.lost = DECAY * dropout.lost + lost
}

function product(cohort: number, factor: number): number {
  // It may lie a rounding error above the whole number that is meant.
  return Math.ceil(cohort * factor - 1e-9)
}
