import { METRIC_NAMES } from "../core/metrics.ts"
import type { MetricName, Metrics } from "../core/metrics.ts"
import type { Result } from "../core/result.ts"
import { METRIC_LABELS, firstMetric, metricsOfResult } from "./comparison.ts"
import { groupRuns } from "./run-groups.ts"
import type { NamedResult, RunGroup } from "./run-groups.ts"
import { statisticOf } from "./statistic.ts"
import type { Statistic } from "./statistic.ts"
import { reach } from "./target.ts"
import type { Reached, Target } from "./target.ts"
import { worstDecileOf } from "./worst-decile.ts"
import type { WorstDecile } from "./worst-decile.ts"

/** What `fedmote compare --json` writes. */
export const COMPARE_SCHEMA = "fedmote-compare/1"

export interface Compared {
  readonly schema: typeof COMPARE_SCHEMA
  /** Metrics that any run has, the most telling one first. */
  readonly metrics: readonly MetricName[]
  readonly target?: Target
  readonly groups: readonly ComparedGroup[]
}

/** Runs that differ in their seeds alone. */
export interface ComparedGroup {
  /** What tells the group from the others: keys of the plan, and facts of the data. */
  readonly settings: RunGroup["settings"]
  readonly runs: readonly ComparedRun[]
  /** Of the final models. */
  readonly metrics: { readonly [name in MetricName]?: Statistic }
  readonly worstDecile?: Statistic
  readonly rounds: Statistic
  readonly uplinkBytes: Statistic
  readonly downlinkBytes: Statistic
  /** Over the runs that reach the target; only with one. */
  readonly toTarget?: {
    readonly reached: number
    readonly rounds?: Statistic
    readonly bytes?: Statistic
    readonly uplinkBytes?: Statistic
    /** Only of simulations with a world. */
    readonly simulatedSeconds?: Statistic
  }
}

export interface ComparedRun {
  readonly run: string
  readonly seed: number
  readonly rounds: number
  readonly uplinkBytes: number
  readonly downlinkBytes: number
  readonly metrics: Metrics
  /** Over the worst tenth of the clients; where that is known. */
  readonly worstDecile?: WorstDecile
  /** When the run reached the target, null where it did not; only with one. */
  readonly target?: Reached | null
}

/** The heading of a column for the worst tenth of the clients; undefined where no run knows it. */
export function worstHead({ groups }: Pick<Compared, "groups">): string | undefined {
  const known = groups.flatMap(({ runs }) => runs).find(({ worstDecile }) => worstDecile !== undefined)
  return known && `${METRIC_LABELS[known.worstDecile!.metric]}, worst tenth`
}

/** Whether any run that reached the target knows at what simulated time. */
export function timesKnown({ groups }: Pick<Compared, "groups">): boolean {
  return groups.some(({ toTarget }) => toTarget?.simulatedSeconds !== undefined)
}

/** Groups runs that differ in their seeds alone, and takes means and deviations over them. `runs`: one at least. */
export function compareRuns(runs: readonly NamedResult[], target?: Target): Compared {
  return {
    schema: COMPARE_SCHEMA,
    metrics: metricsOf(runs.map(({ result }) => result)),
    ...(target === undefined ? {} : { target }),
    groups: groupRuns(runs).map((group) => compareGroup(group, target)),
  }
}

function metricsOf(results: readonly Result[]): MetricName[] {
  const first = results.map(firstMetric)
  return [...new Set([...first, ...results.flatMap(metricsOfResult)])]
}

function compareGroup({ settings, runs }: RunGroup, target: Target | undefined): ComparedGroup {
  const compared = runs.map((run) => compareRun(run, target))
  const over = (value: (run: ComparedRun) => number): Statistic => statisticOf(compared.map(value))!
  const metrics: { [name in MetricName]?: Statistic } = {}
  for (const name of METRIC_NAMES) {
    const found = statisticOf(compared.map((run) => run.metrics[name]).filter((value) => value !== undefined))
    if (found !== undefined) metrics[name] = found
  }
  const worst = statisticOf(compared.flatMap(({ worstDecile }) => worstDecile?.value ?? []))
  return {
    settings,
    runs: compared,
    metrics,
    ...(worst === undefined ? {} : { worstDecile: worst }),
    rounds: over(({ rounds }) => rounds),
    uplinkBytes: over(({ uplinkBytes }) => uplinkBytes),
    downlinkBytes: over(({ downlinkBytes }) => downlinkBytes),
    ...(target === undefined ? {} : { toTarget: overReached(compared) }),
  }
}

function compareRun({ name, result }: NamedResult, target: Target | undefined): ComparedRun {
  const { seed, rounds, final } = result
  const worst = worstDecileOf(result)
  return {
    run: name,
    seed,
    rounds: rounds.length,
    uplinkBytes: rounds.reduce((sum, record) => sum + record.uplinkBytes, 0),
    downlinkBytes: rounds.reduce((sum, record) => sum + record.downlinkBytes, 0),
    metrics: final.metrics,
    ...(worst === undefined ? {} : { worstDecile: worst }),
    ...(target === undefined ? {} : { target: reach(result, target) ?? null }),
  }
}

function overReached(runs: readonly ComparedRun[]): NonNullable<ComparedGroup["toTarget"]> {
  const reached = runs.map(({ target }) => target).filter((at) => at !== undefined && at !== null)
  const rounds = statisticOf(reached.map(({ round }) => round))
  const bytes = statisticOf(reached.map((at) => at.bytes))
  const uplinkBytes = statisticOf(reached.map((at) => at.uplinkBytes))
  if (rounds === undefined || bytes === undefined || uplinkBytes === undefined) return { reached: 0 }
  const time = statisticOf(reached.flatMap(({ simulatedSeconds }) => simulatedSeconds ?? []))
  return {
    reached: reached.length,
    rounds,
    bytes,
    uplinkBytes,
    ...(time === undefined ? {} : { simulatedSeconds: time }),
  }
}
