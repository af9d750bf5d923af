import { higherIsBetter } from "../core/metrics.ts"
import type { MetricName } from "../core/metrics.ts"
import type { Result, RoundResult } from "../core/result.ts"
import { METRIC_LABELS, compare, firstMetric } from "./comparison.ts"

/** What the page's charts draw: plain data, read by `client.ts` in the browser. */
export interface CurveData {
  /** What may stand on the horizontal axis; one value a round. */
  readonly axes: readonly {
    readonly label: string
    readonly unit: "count" | "bytes" | "seconds"
    readonly values: readonly number[]
  }[]
  readonly charts: readonly Chart[]
  /** The axes' values are those of several runs together: one is not a round of all of them. */
  readonly joined?: boolean
}

/** A series as it is over one of the axes. `low` and `high` bound a band around it. */
export interface View {
  readonly values: readonly (number | null)[]
  readonly low?: readonly (number | null)[]
  readonly high?: readonly (number | null)[]
}

export interface Chart {
  readonly title: string
  readonly unit: "number" | "count" | "bytes"
  readonly kind: "line" | "bars"
  readonly series: readonly {
    readonly label: string
    /** Number of a colour of the page. */
    readonly color: number
    /** The same over every axis; unless there are `views`, one for each axis. */
    readonly values: readonly (number | null)[]
    readonly views?: readonly View[]
  }[]
  /** Horizontal lines to compare with. */
  readonly references: readonly { readonly label: string; readonly value: number }[]
}

export function curves(result: Result): CurveData {
  const { rounds } = result
  const cumulative = (value: (round: RoundResult) => number): number[] => {
    let sum = 0
    return rounds.map((round) => (sum += value(round)))
  }
  const charts: Chart[] = [...metricCharts(result)]
  const loss = (label: string, color: number, value: (round: RoundResult) => number | null) => ({
    label,
    color,
    values: rounds.map(value),
  })
  charts.push({
    title: "Loss",
    unit: "number",
    kind: "line",
    series: [loss("test", 0, (round) => round.testLoss), loss("training", 1, (round) => round.trainLoss)],
    references: [],
  })
  charts.push({
    title: "Bytes of each round",
    unit: "bytes",
    kind: "line",
    series: [
      loss("up, from devices", 0, (round) => round.uplinkBytes),
      loss("down, to devices", 1, (round) => round.downlinkBytes),
    ],
    references: [],
  })
  charts.push({
    title: "Updates folded",
    unit: "count",
    kind: "bars",
    series: [loss("updates", 0, (round) => round.folded)],
    references: [],
  })
  return {
    axes: [
      { label: "Rounds", unit: "count", values: rounds.map(({ round }) => round) },
      { label: "Bytes", unit: "bytes", values: cumulative((round) => round.uplinkBytes + round.downlinkBytes) },
      ...(rounds.every(({ simulatedSeconds }) => simulatedSeconds !== undefined)
        ? [simulatedTime(cumulative((round) => round.simulatedSeconds!))]
        : []),
      { label: "Time", unit: "seconds", values: cumulative((round) => round.seconds) },
    ],
    charts,
  }
}

function simulatedTime(values: readonly number[]): CurveData["axes"][number] {
  return { label: "Simulated time", unit: "seconds", values }
}

// Shares of one (accuracy, F1, average precision) in one chart, errors in another.
function* metricCharts(result: Result): Generator<Chart> {
  const first = firstMetric(result)
  const metrics: readonly MetricName[] = compare(result).metrics.filter((name) => name !== "loss")
  const groups = [metrics.filter(higherIsBetter), metrics.filter((name) => !higherIsBetter(name))]
  for (const group of groups) {
    if (group.length === 0) continue
    yield {
      title: group.length === 1 ? METRIC_LABELS[group[0]!] : "Test metrics",
      unit: "number",
      kind: "line",
      series: group.map((name, color) => ({
        label: METRIC_LABELS[name],
        color,
        values: result.rounds.map(({ metrics }) => metrics[name] ?? null),
      })),
      references: group.includes(first) ? references(result, first) : [],
    }
  }
}

function references(result: Result, first: MetricName): Chart["references"] {
  const { pooled, alone } = result.baselines
  const lines = [
    { label: `${METRIC_LABELS[first]}, pooled`, value: pooled?.metrics[first] },
    { label: `${METRIC_LABELS[first]}, best alone`, value: alone?.best[first] },
  ]
  return lines.flatMap(({ label, value }) => (value === undefined ? [] : [{ label, value }]))
}
