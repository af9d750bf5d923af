import { METRIC_NAMES } from "../core/metrics.ts"
import type { Metrics } from "../core/metrics.ts"
import type { Result } from "../core/result.ts"
import { valueText } from "../core/sweep.ts"
import { worstDecileOf } from "./worst-decile.ts"

/** What the table of a sweep keeps of a run. */
export interface RunSummary {
  readonly run: string
  readonly set: { readonly [key: string]: unknown }
  readonly seed: number
  readonly committed: number
  readonly updates: number
  readonly samples: number
  readonly uplinkBytes: number
  readonly downlinkBytes: number
  readonly trainLoss: number | null | undefined
  readonly metrics: Metrics
  readonly worstDecile: number | undefined
  readonly parameters: number
  readonly digest: string
  readonly stopped: string | undefined
}

/** `run` is its name in the folder. */
export function summarize(run: string, set: RunSummary["set"], result: Result): RunSummary {
  const { seed, rounds, final, model, stopped } = result
  const total = (key: "folded" | "samples" | "uplinkBytes" | "downlinkBytes"): number =>
    rounds.reduce((sum, round) => sum + round[key], 0)
  return {
    run,
    set,
    seed,
    committed: rounds.length,
    updates: total("folded"),
    samples: total("samples"),
    uplinkBytes: total("uplinkBytes"),
    downlinkBytes: total("downlinkBytes"),
    trainLoss: rounds.at(-1)?.trainLoss,
    metrics: final.metrics,
    worstDecile: worstDecileOf(result)?.value,
    parameters: model.parameters,
    digest: model.digest,
    stopped,
  }
}

/**
 * One line a run, in the order of the sweep (RFC 4180, with line feeds): `run`, a column for each swept key, `seed`, and what came of it. Nothing of it depends on the
 * time or the machine. `keys`: the swept ones.
 */
export function sweepCsv(keys: readonly string[], runs: readonly RunSummary[]): string {
  const swept = keys.filter((key) => key !== "seed")
  const last = ["worstDecile", "parameters", "digest", "stopped"] as const
  const head = ["run", ...swept, "seed", ...COUNTS, "trainLoss", ...METRIC_NAMES, ...last]
  const rows = runs.map((run) => [
    run.run,
    ...swept.map((key) => run.set[key]),
    run.seed,
    ...COUNTS.map((name) => run[name]),
    run.trainLoss,
    ...METRIC_NAMES.map((name) => run.metrics[name]),
    ...last.map((name) => run[name]),
  ])
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("")
}

const COUNTS = ["committed", "updates", "samples", "uplinkBytes", "downlinkBytes"] as const

function cell(value: unknown): string {
  if (value === undefined || value === null) return ""
  const text = valueText(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
