import type { Samples } from "../core/samples.ts"
import { slice } from "../data/held-out.ts"

/** Rows of the held-out samples that are one item of work. */
const ROWS = 250

/** Items of work that an evaluation on `rows` held-out samples is. */
export function heldOutItems(rows: number): number {
  return Math.ceil(rows / ROWS)
}

/** The samples of one item, without copying. */
export function heldOutPart(samples: Samples, item: number): Samples {
  return slice(samples, item * ROWS, Math.min(samples.rows, (item + 1) * ROWS))
}
