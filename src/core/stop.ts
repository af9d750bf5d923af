import { higherIsBetter } from "./metrics.ts"
import type { Metrics } from "./metrics.ts"
import type { Plan } from "./plan.ts"

/** An evaluation of the global model after `trained` training rounds. */
export interface Evaluated {
  readonly trained: number
  readonly metrics: Metrics
}

/**
 * Why the federation should end now, or undefined to go on. `history`: all evaluations so far, the last one being the newest. A metric that
 * an evaluation does not have (or that is not finite) never stops anything, and is no progress.
 */
export function stopReason(stop: Plan["stop"], history: readonly Evaluated[]): string | undefined {
  const last = history.at(-1)
  if (stop === undefined || last === undefined) return undefined
  const metric = stop.metric ?? "loss"
  const value = last.metrics[metric]
  if (value !== undefined) {
    if (stop.atLeast !== undefined && value >= stop.atLeast) return `${metric} ${brief(value)} reached ${stop.atLeast}`
    if (stop.atMost !== undefined && value <= stop.atMost) return `${metric} ${brief(value)} reached ${stop.atMost}`
  }
  const { noProgress } = stop
  if (noProgress === undefined) return undefined
  const sign = higherIsBetter(metric) ? 1 : -1
  let best = -Infinity
  let since = history[0]!.trained
  for (const { trained, metrics } of history) {
    const score = sign * (metrics[metric] ?? NaN)
    if (score > best + noProgress.delta) {
      best = score
      since = trained
    }
  }
  return last.trained - since >= noProgress.rounds
    ? `${metric} has not improved by more than ${noProgress.delta} since round ${since}`
    : undefined
}

function brief(value: number): string {
  return String(Number(value.toPrecision(4)))
}
