import type { RoundState } from "../../src/core/round.ts"
import type { MemoryDisk } from "../../src/coordinator/journal/memory-journal.ts"
import type { Process } from "./process.ts"
import type { Folded } from "./watched-accumulator.ts"

/** One process of the coordinator, from its start to its end. */
export interface Incarnation {
  readonly number: number
  readonly session: number
  readonly process: Process
  readonly disk: MemoryDisk
  /** The coordinator's own, once it has one: changes as it works. */
  rounds: Readonly<RoundState> | undefined
  /** Devices that were in the cohort of a round and epoch; one may withdraw while its Task is on its way. */
  readonly invited: Set<string>
  /** What is in the current sum. */
  folds: (() => readonly Folded[]) | undefined
  /** The current sum, by another way. */
  sums: (() => { readonly sum: Float64Array; readonly weight: number }) | undefined
}
