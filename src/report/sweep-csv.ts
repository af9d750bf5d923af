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
  /** Of simulations with a world, as the energy. */
  readonly simulatedSeconds: number | undefined
  readonly computeJoules: number | undefined
  readonly radioJoules: number | undefined
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
    simulatedSeconds: sumOf(rounds.map(({ simulatedSeconds }) => simulatedSeconds)),
    computeJoules: sumOf(rounds.map(({ energy }) => energy?.computeJoules)),
    radioJoules: sumOf(rounds.map(({ energy }) => energy?.radioJoules)),
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
  const head = ["run", ...swept, "seed", ...COUNTS, ...OF_A_WORLD, "trainLoss", ...METRIC_NAMES, ...last]
  const rows = runs.map((run) => [
    run.run,
    ...swept.map((key) => run.set[key]),
    run.seed,
    ...COUNTS.map((name) => run[name]),
    ...OF_A_WORLD.map((name) => run[name]),
    run.trainLoss,
    ...METRIC_NAMES.map((name) => run.metrics[name]),
    ...last.map((name) => run[name]),
  ])
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("")
}

const COUNTS = ["committed", "updates", "samples", "uplinkBytes", "downlinkBytes"] as const
const OF_A_WORLD = ["simulatedSeconds", "computeJoules", "radioJoules"] as const

/** Undefined where no value is there. */
function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const there = values.filter((value) => value !== undefined)
  return there.length === 0 ? undefined : there.reduce((sum, value) => sum + value, 0)
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return ""
  const text = valueText(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
