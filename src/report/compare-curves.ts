import type { MetricName } from "../core/metrics.ts"
import type { RoundResult } from "../core/result.ts"
import { METRIC_LABELS } from "./comparison.ts"
import type { Chart, CurveData, View } from "./curves.ts"
import { groupText } from "./run-groups.ts"
import type { RunGroup } from "./run-groups.ts"
import { statisticOf } from "./statistic.ts"
import type { Statistic } from "./statistic.ts"

/** Points of a curve at most. */
const MOST_POINTS = 200
/** Curves in a chart at most: the page has so many colours. */
export const MOST_CURVES = 8

type Reading = (record: RoundResult) => number | null | undefined

/** A horizontal axis, and where a run is on it after a round. */
interface Axis {
  readonly label: string
  readonly unit: CurveData["axes"][number]["unit"]
  readonly step: (record: RoundResult) => number
}

/**
 * Curves of up to `MOST_CURVES` groups: means over the runs of each, with a band of one standard deviation to both sides. A group's place on an axis is the mean
 * of its runs', so that every axis has the values of all groups together, and a curve is null at those of others.
 */
export function compareCurves(groups: readonly RunGroup[], metrics: readonly MetricName[]): CurveData {
  const axes = axesOf(groups)
  const rounds = groups.map(roundsOf)
  const places = axes.map(({ step }) => groups.map((group, i) => placesOf(group, rounds[i]!, step)))
  const unions = places.map((each) => [...new Set(each.flat())].sort((a, b) => a - b))
  const chart = (title: string, reading: Reading): Chart => ({
    title,
    unit: "number",
    kind: "line",
    references: [],
    series: groups.map((group, i) => {
      const statistics = rounds[i]!.map((round) => overRuns(group, round, reading))
      const views = unions.map((union, axis) => viewOf(statistics, places[axis]![i]!, union))
      return { label: groupText(group), color: i, values: [], views }
    }),
  })
  const readings: readonly (readonly [string, Reading])[] = [
    ...metrics
      .filter((name) => name !== "loss")
      .map((name) => [METRIC_LABELS[name], ({ metrics }: RoundResult) => metrics[name]] as const),
    ["Test loss", ({ testLoss }) => testLoss],
    ["Training loss", ({ trainLoss }) => trainLoss],
  ]
  return {
    joined: true,
    axes: axes.map(({ label, unit }, i) => ({ label, unit, values: unions[i]! })),
    charts: readings
      .filter(([, reading]) => groups.some(({ runs }) => runs.some(({ result }) => result.rounds.some(has(reading)))))
      .map(([title, reading]) => chart(title, reading)),
  }
}

function axesOf(groups: readonly RunGroup[]): Axis[] {
  const axes: Axis[] = [
    { label: "Rounds", unit: "count", step: () => 1 },
    { label: "Bytes", unit: "bytes", step: ({ uplinkBytes, downlinkBytes }) => uplinkBytes + downlinkBytes },
  ]
  const all = groups.flatMap(({ runs }) => runs.flatMap(({ result }) => result.rounds))
  if (all.length > 0 && all.every(({ simulatedSeconds }) => simulatedSeconds !== undefined))
    axes.push({ label: "Simulated time", unit: "seconds", step: ({ simulatedSeconds }) => simulatedSeconds! })
  return axes
}

/** Rounds that some run of the group has, thinned out where they are many; the last is among them. */
function roundsOf({ runs }: RunGroup): number[] {
  const last = Math.max(0, ...runs.map(({ result }) => result.rounds.length))
  const stride = Math.max(1, Math.ceil(last / MOST_POINTS))
  return Array.from({ length: Math.ceil(last / stride) }, (_, i) => last - i * stride).reverse()
}

function placesOf({ runs }: RunGroup, rounds: readonly number[], step: Axis["step"]): number[] {
  const sums = runs.map(({ result }) => {
    let sum = 0
    return result.rounds.map((record) => (sum += step(record)))
  })
  return rounds.map((round) => {
    const there = sums.map((sum) => sum[round - 1]).filter((value) => value !== undefined)
    return there.reduce((total, value) => total + value, 0) / there.length
  })
}

function overRuns({ runs }: RunGroup, round: number, reading: Reading): Statistic | undefined {
  const values = runs.map(({ result }) => {
    const record = result.rounds[round - 1]
    return record === undefined ? undefined : reading(record)
  })
  return statisticOf(values.filter((value) => value !== undefined && value !== null))
}

function viewOf(
  statistics: readonly (Statistic | undefined)[],
  places: readonly number[],
  union: readonly number[],
): View {
  const at = new Map(places.map((place, i) => [place, statistics[i]]))
  const values = (of: (statistic: Statistic) => number): (number | null)[] =>
    union.map((place) => {
      const statistic = at.get(place)
      return statistic === undefined ? null : of(statistic)
    })
  const mean = values((statistic) => statistic.mean)
  if (!statistics.some((statistic) => (statistic?.count ?? 0) > 1)) return { values: mean }
  return {
    values: mean,
    low: values(({ mean, deviation = 0 }) => mean - deviation),
    high: values(({ mean, deviation = 0 }) => mean + deviation),
  }
}

function has(reading: Reading): (record: RoundResult) => boolean {
  return (record) => typeof reading(record) === "number"
}
