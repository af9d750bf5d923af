import { higherIsBetter } from "../core/metrics.ts"
import type { MetricName } from "../core/metrics.ts"
import type { Result } from "../core/result.ts"

/** A quality that is to be reached. */
export interface Target {
  readonly metric: MetricName
  readonly value: number
}

/** When it was. */
export interface Reached {
  readonly round: number
  /** Sent and received by devices up to then, the round and its evaluation included. */
  readonly bytes: number
  readonly uplinkBytes: number
  /** Virtual time up to then; only of simulations with a world. */
  readonly simulatedSeconds?: number
}

/** The first evaluated round that reaches the target: at least its value, or at most where lower is better. Undefined where none does. */
export function reach({ rounds }: Pick<Result, "rounds">, { metric, value }: Target): Reached | undefined {
  const sign = higherIsBetter(metric) ? 1 : -1
  let bytes = 0
  let uplinkBytes = 0
  let simulatedSeconds: number | undefined
  for (const record of rounds) {
    uplinkBytes += record.uplinkBytes
    bytes += record.uplinkBytes + record.downlinkBytes
    if (record.simulatedSeconds !== undefined) simulatedSeconds = (simulatedSeconds ?? 0) + record.simulatedSeconds
    const got = record.metrics[metric]
    if (got === undefined || sign * got < sign * value) continue
    const time = simulatedSeconds === undefined ? {} : { simulatedSeconds }
    return { round: record.round, bytes, uplinkBytes, ...time }
  }
  return undefined
}
