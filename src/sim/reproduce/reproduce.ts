import type { Result } from "../../core/result.ts"
import { machineFacts } from "../machine.ts"
import type { Experiment, Findings, ReproduceContext } from "./experiment.ts"

export const REPRODUCE_SCHEMA = "fedmote-reproduce/1"

/** What `fedmote reproduce NAME --json FILE` writes; described for readers in `src/sim/reproduce/RESULT.md`. */
export interface Reproduced extends Findings {
  readonly schema: typeof REPRODUCE_SCHEMA
  readonly name: string
  readonly seed: number
  /** Whether all claims hold. */
  readonly holds: boolean
  /** Of the experiment, wall clock. */
  readonly seconds: number
  readonly machine: Result["machine"]
}

/** Runs an experiment. Claims that do not hold are no error here: `holds` says so. */
export async function reproduce(experiment: Experiment, context: ReproduceContext): Promise<Reproduced> {
  const started = performance.now()
  const { settings, columns, rows, claims } = await experiment.run(context)
  return {
    schema: REPRODUCE_SCHEMA,
    name: experiment.name,
    seed: context.seed,
    settings,
    columns,
    rows,
    claims,
    holds: claims.every(({ holds }) => holds),
    seconds: (performance.now() - started) / 1000,
    machine: machineFacts(undefined, context.workers),
  }
}
