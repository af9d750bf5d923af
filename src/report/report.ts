import { stringify } from "yaml"
import { higherIsBetter } from "../core/metrics.ts"
import type { MetricName } from "../core/metrics.ts"
import type { Result } from "../core/result.ts"
import { writeAtomically } from "./atomic-file.ts"
import {
  METRIC_LABELS,
  compare,
  firstMetric,
  formatBytes,
  formatMetric,
  formatSeconds,
  inSentence,
} from "./comparison.ts"
import type { Comparison } from "./comparison.ts"
import { curves } from "./curves.ts"
import { fleetSection } from "./fleet-section.ts"
import { html } from "./html.ts"
import type { Html } from "./html.ts"
import { chartsSection, renderPage } from "./page.ts"

/** Writes the report of a result: one HTML file that needs no network. Throws `FedmoteError` ("output"). */
export async function writeReport(result: Result, file: string): Promise<void> {
  await writeAtomically(file, renderReport(result))
}

/** The report as HTML. */
export function renderReport(result: Result): string {
  const first = firstMetric(result)
  const { plan, data, seed, rounds } = result
  return renderPage(
    `Fedmote: ${plan.fleet}`,
    html`<p class="kicker">
        Fedmote · fleet ${plan.fleet}${data.name === undefined ? "" : ` · data ${data.name}`} · seed ${seed}
      </p>
      <h1>${headline(result, first)}</h1>
      <p class="lead soft">${summary(result)}</p>
      ${tiles(result, first)} ${comparisonSection(result, first)} ${fleetSection([{ label: "", results: [result] }])}
      ${rounds.length === 0 ? [] : chartsSection("Round by round", curves(result))}
      <h2>How it was made</h2>
      <div class="two">
        <section class="card">
          <h3>Plan</h3>
          <pre>${stringify(plan, { lineWidth: 0 }).trimEnd()}</pre>
        </section>
        <section class="card">
          <h3>Run</h3>
          ${facts(result)}
        </section>
      </div>`,
  )
}

function comparisonSection(result: Result, first: MetricName): Html {
  const direction = higherIsBetter(first) ? "" : " (lower is better)"
  const chart = bars(result, first)
  return html`<h2>Was it worth it?</h2>
    <div class="two">
      <section class="card scroll">${comparisonTable(compare(result))}</section>
      ${
        chart === undefined
          ? []
          : html`<section class="card">
              <h3>${METRIC_LABELS[first]} on everybody's test data${direction}</h3>
              ${chart}
            </section>`
      }
    </div>`
}

function headline(result: Result, first: MetricName): string {
  const value = result.final.metrics[first]
  const clients = `${result.data.clients} ${result.data.clients === 1 ? "client" : "clients"}`
  if (value === undefined) return `${clients} learned one model`
  return `${clients} learned one model: ${inSentence(METRIC_LABELS[first])} ${formatMetric(value)}`
}

function summary(result: Result): string {
  const { alone, pooled } = result.baselines
  const first = firstMetric(result)
  const parts: string[] = []
  if (alone?.best[first] !== undefined) parts.push(`the best client alone reaches ${formatMetric(alone.best[first])}`)
  if (pooled?.metrics[first] !== undefined)
    parts.push(`all data pooled in one place ${formatMetric(pooled.metrics[first])}`)
  const compared = parts.length === 0 ? "" : ` For comparison: ${parts.join(", ")}.`
  const ended = result.stopped === undefined ? "" : ` It ended early: ${result.stopped}.`
  return `No reading left its device; only model updates travelled.${compared}${ended}`
}

function tiles(result: Result, first: MetricName): Html {
  const up = result.rounds.reduce((sum, round) => sum + round.uplinkBytes, 0)
  const down = result.rounds.reduce((sum, round) => sum + round.downlinkBytes, 0)
  const updates = result.rounds.reduce((sum, round) => sum + round.folded, 0)
  const entries = [
    [formatMetric(result.final.metrics[first]), METRIC_LABELS[first]],
    [String(result.rounds.length), result.rounds.length === 1 ? "round" : "rounds"],
    [String(updates), "updates folded"],
    [formatBytes(up), "sent by devices"],
    [formatBytes(down), "received by devices"],
    [formatSeconds(result.timing.trainingSeconds ?? result.timing.seconds), "of training"],
  ] as const
  return html`<div class="tiles">
    ${entries.map(
      ([value, label], i) =>
        html`<div class="card tile${i === 0 ? " first" : ""}"><b>${value}</b><span>${label}</span></div>`,
    )}
  </div>`
}

function comparisonTable({ metrics, rows }: Comparison): Html {
  return html`<table>
    <thead>
      <tr>
        <th>Model</th>
        ${metrics.map((name) => html`<th>${METRIC_LABELS[name]}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr class="${row.kind}">
            <td>${row.label}<small>${row.note}</small></td>
            ${metrics.map((name) => html`<td>${formatMetric(row.metrics[name])}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`
}

/** Most clients shown as bars; of more, the best and the worst. */
const BARS = 24

function bars(result: Result, first: MetricName): Html | undefined {
  const { alone, pooled } = result.baselines
  const sign = higherIsBetter(first) ? -1 : 1
  const clients = (alone?.clients ?? [])
    .flatMap(({ device, metrics }) =>
      metrics[first] === undefined ? [] : [{ kind: "alone", name: device, value: metrics[first] }],
    )
    .sort((a, b) => sign * (a.value - b.value))
  const shown =
    clients.length <= BARS
      ? clients
      : [...clients.slice(0, BARS / 2), undefined, ...clients.slice(clients.length - BARS / 2)]
  const all = [
    ...(pooled?.metrics[first] === undefined ? [] : [{ kind: "pooled", name: "Pooled", value: pooled.metrics[first] }]),
    ...(result.final.metrics[first] === undefined
      ? []
      : [{ kind: "federated", name: "Federated", value: result.final.metrics[first] }]),
    ...shown,
  ]
  if (all.length === 0) return undefined
  const largest = Math.max(...all.map((bar) => bar?.value ?? 0), higherIsBetter(first) ? 1 : 0)
  return html`<div class="bars">
    ${all.map((bar) => {
      if (bar === undefined) return html`<div class="rest">… ${clients.length - BARS} more between …</div>`
      const strong = bar.kind === "federated" ? " strong" : ""
      const width = largest > 0 ? Math.max(0, (bar.value / largest) * 100) : 0
      return html`<div class="name${strong}" title="${bar.name}">
          ${bar.kind === "alone" ? `${bar.name} alone` : bar.name}
        </div>
        <div class="track"><div class="fill ${bar.kind}" style="width:${width.toFixed(1)}%"></div></div>
        <div class="value${strong}">${formatMetric(bar.value)}</div>`
    })}
  </div>`
}

function facts(result: Result): Html {
  const { data, model, machine, timing } = result
  const entries: readonly (readonly [string, string | Html])[] = [
    ["Model digest", html`<code>${model.digest}</code>`],
    ["Parameters", `${model.parameters} (${formatBytes(model.bytes)} as float32)`],
    ["Data", `${data.clients} clients, ${data.trainSamples} training and ${data.testSamples} test samples`],
    ["Task", `${data.features} features, ${data.classes === 0 ? "regression" : `${data.classes} classes`}`],
    ["Time", `${formatSeconds(timing.seconds)} in all`],
    ["Machine", `${machine.cpu}, ${machine.cores} cores, ${machine.platform}`],
    ["Software", `Fedmote ${machine.fedmote}, Node ${machine.node}, ${machine.kernel} kernels`],
  ]
  return html`<dl>
    ${entries.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}
