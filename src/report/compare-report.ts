import { higherIsBetter } from "../core/metrics.ts"
import type { MetricName } from "../core/metrics.ts"
import { writeAtomically } from "./atomic-file.ts"
import { MOST_CURVES, compareCurves } from "./compare-curves.ts"
import { compareRuns, timesKnown, worstHead } from "./compared.ts"
import type { Compared, ComparedGroup } from "./compared.ts"
import { METRIC_LABELS, formatBytes, formatMetric, formatSeconds, inSentence } from "./comparison.ts"
import { fleetSection } from "./fleet-section.ts"
import type { FleetGroup } from "./fleet-section.ts"
import { html } from "./html.ts"
import type { Html } from "./html.ts"
import { chartsSection, renderPage } from "./page.ts"
import { groupRuns, groupText, settingText } from "./run-groups.ts"
import type { NamedResult, RunGroup } from "./run-groups.ts"
import { statisticText } from "./statistic.ts"
import type { Target } from "./target.ts"

/** Writes the report of several runs: one HTML file that needs no network. Throws `FedmoteError` ("output"). */
export async function writeCompareReport(runs: readonly NamedResult[], file: string, target?: Target): Promise<void> {
  await writeAtomically(file, renderCompareReport(runs, target))
}

/** The report as HTML: a line for each setting, curves with bands over seeds, and every run. `runs`: one at least. */
export function renderCompareReport(runs: readonly NamedResult[], target?: Target): string {
  const compared = compareRuns(runs, target)
  const first = compared.metrics[0]!
  const order = ranked(compared.groups, first)
  const groups = groupRuns(runs)
  const drawn = order.slice(0, MOST_CURVES).sort((a, b) => a - b)
  const { fleet } = runs[0]!.result.plan
  const count = compared.groups.reduce((sum, group) => sum + group.runs.length, 0)
  return renderPage(
    `Fedmote: ${count} runs`,
    html`<p class="kicker">Fedmote · fleet ${fleet} · ${dataText(runs)}</p>
      <h1>${plural(count, "run")}, ${plural(groups.length, "setting")}${bestText(compared, order[0]!, first)}</h1>
      <p class="lead soft">${leadText(compared, order[0]!)}</p>
      <h2>What came of it</h2>
      <section class="card scroll">${groupTable(compared, order[0]!)}</section>
      ${chartsSection(
        "Round by round",
        compareCurves(
          drawn.map((i) => groups[i]!),
          compared.metrics.slice(0, 3),
        ),
      )}
      <p class="soft note">${curvesText(groups.length, first)}</p>
      ${fleetSection(drawn.map((i) => fleetGroup(groups[i]!, groups.length)))}
      <h2>Every run</h2>
      <section class="card scroll">${runTable(runs, compared)}</section>`,
  )
}

function fleetGroup(group: RunGroup, of: number): FleetGroup {
  return { label: of === 1 ? "" : groupText(group), results: group.runs.map(({ result }) => result) }
}

/** Positions of the groups, the best mean of the metric first. */
function ranked(groups: readonly ComparedGroup[], metric: MetricName): number[] {
  const sign = higherIsBetter(metric) ? -1 : 1
  const score = (i: number): number => sign * (groups[i]!.metrics[metric]?.mean ?? -sign * Infinity)
  return groups.map((_, i) => i).sort((a, b) => score(a) - score(b) || a - b)
}

function dataText(runs: readonly NamedResult[]): string {
  const names = new Set(runs.map(({ result }) => result.data.name).filter((name) => name !== undefined))
  return `data ${names.size === 0 ? "of a live fleet" : [...names].join(", ")}`
}

function bestText({ groups }: Compared, best: number, metric: MetricName): string {
  const statistic = groups[best]!.metrics[metric]
  const word = groups.length > 1 ? "best " : ""
  return `: ${word}${inSentence(METRIC_LABELS[metric])} ${statisticText(statistic, formatMetric)}`
}

function leadText({ groups, target }: Compared, best: number): string {
  const first = groups.length > 1 ? `Best: ${groupText(groups[best]!)}. ` : ""
  const spread = "Means and standard deviations are over runs that differ in their seeds alone."
  if (target === undefined) return `${first}${spread}`
  const bound = higherIsBetter(target.metric) ? "least" : "most"
  return `${first}${spread} The target is ${inSentence(METRIC_LABELS[target.metric])} of at ${bound} ${target.value}.`
}

function curvesText(groups: number, metric: MetricName): string {
  const left = groups - MOST_CURVES
  const others = left > 0 ? ` The ${MOST_CURVES} with the best ${inSentence(METRIC_LABELS[metric])} are drawn.` : ""
  return `Means over seeds; bands are one standard deviation wide to both sides.${others}`
}

function groupTable({ groups, metrics, target }: Compared, best: number): Html {
  const keys = Object.keys(groups[0]!.settings)
  const times = timesKnown({ groups })
  const worst = worstHead({ groups })
  const head = [
    ...(keys.length === 0 ? ["Runs"] : keys),
    "Seeds",
    ...metrics.map((name) => METRIC_LABELS[name]),
    ...(worst === undefined ? [] : [worst]),
    "Rounds",
    "Bytes",
    ...(target === undefined
      ? []
      : ["Rounds to target", "Bytes to target", ...(times ? ["Time to target"] : []), "Reached"]),
  ]
  const rows = groups.map((group) => [
    ...(keys.length === 0 ? ["all"] : keys.map((key) => settingText(group.settings[key]))),
    String(group.runs.length),
    ...metrics.map((name) => statisticText(group.metrics[name], formatMetric)),
    ...(worst === undefined ? [] : [statisticText(group.worstDecile, formatMetric)]),
    short(group.rounds.mean),
    formatBytes(Math.round(group.uplinkBytes.mean + group.downlinkBytes.mean)),
    ...(group.toTarget === undefined
      ? []
      : [
          statisticText(group.toTarget.rounds, short),
          statisticText(group.toTarget.bytes, (bytes) => formatBytes(Math.round(bytes))),
          ...(times ? [statisticText(group.toTarget.simulatedSeconds, formatSeconds)] : []),
          `${group.toTarget.reached} of ${group.runs.length}`,
        ]),
  ])
  return table(head, rows, groups.length > 1 ? best : undefined)
}

/** Runs listed at most; all are in the comparison. */
const MOST_LISTED_RUNS = 500

function runTable(runs: readonly NamedResult[], { groups, metrics }: Compared): Html {
  const digests = new Map(runs.map(({ name, result }) => [name, result.model.digest]))
  const rows = groups.flatMap((group) =>
    group.runs.map((run) => [
      run.run,
      groupText(group),
      String(run.seed),
      ...metrics.map((name) => formatMetric(run.metrics[name])),
      (digests.get(run.run) ?? "").slice(0, 16),
    ]),
  )
  const head = ["Run", "Setting", "Seed", ...metrics.map((name) => METRIC_LABELS[name]), "Model"]
  const left = rows.length - MOST_LISTED_RUNS
  return html`${table(head, rows.slice(0, MOST_LISTED_RUNS))}
  ${left > 0 ? html`<p class="soft">and ${left} more</p>` : []}`
}

function table(head: readonly string[], rows: readonly (readonly string[])[], strong?: number): Html {
  return html`<table>
    <thead>
      <tr>
        ${head.map((name) => html`<th>${name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row, i) =>
          html`<tr class="${i === strong ? "federated" : ""}">
            ${row.map((cell) => html`<td>${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`
}

function short(value: number): string {
  return String(Number(value.toFixed(1)))
}
