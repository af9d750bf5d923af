import type { MetricName } from "../core/metrics.ts"
import type { Result } from "../core/result.ts"

/** The metrics that a result has of single clients, the most telling one first. */
const METRICS = ["accuracy", "rmse", "mae", "loss"] as const satisfies readonly MetricName[]

/** How the model serves the worst tenth of the clients; undefined where that is not known. */
export interface WorstDecile {
  readonly metric: MetricName
  readonly value: number
}

export function worstDecileOf({ clients }: Pick<Result, "clients">): WorstDecile | undefined {
  for (const metric of METRICS) {
    const spread = clients?.metrics[metric]
    if (spread !== undefined) return { metric, value: spread.worstDecile }
  }
  return undefined
}
