import type { DataFlags } from "./data-options.ts"
import type { ResultFlags } from "./deliver.ts"
import type { PlanFlags } from "./plan-options.ts"
import type { WorldFlags } from "./world-file.ts"

/** What `fedmote simulate` is given. */
export interface SimulateFlags extends DataFlags, PlanFlags, ResultFlags, WorldFlags {
  readonly data: string
  readonly plan?: string
  readonly out?: string
  readonly workers?: number
  readonly replay?: string
  readonly baselines: boolean
  readonly init?: string
  readonly export?: string
}
