import type { MetricName } from "../core/metrics.ts"
import type { Result } from "../core/result.ts"
import { METRIC_LABELS, formatMetric, inSentence } from "./comparison.ts"
import { funnelBars, funnelOf } from "./funnel.ts"
import { html } from "./html.ts"
import type { Html } from "./html.ts"
import { labelPicture } from "./label-picture.ts"
import { meanSpread, spreadChart, spreadMetric } from "./spread-chart.ts"
import type { NamedSpread } from "./spread-chart.ts"

/** Results that are shown as one: runs that differ in their seeds alone. One at least. */
export interface FleetGroup {
  readonly label: string
  readonly results: readonly Result[]
}

/** Colours that there are, and so groups that are told apart. */
const MOST_GROUPS = 8
const MOST_PICTURES = 4

/** Who took part, how the model serves the clients, and what data they have; nothing where the results do not say it. */
export function fleetSection(groups: readonly FleetGroup[]): Html | readonly Html[] {
  const shown = groups.slice(0, MOST_GROUPS)
  const cards = [...funnelCards(shown), ...spreadCards(shown), ...labelCards(shown)]
  if (cards.length === 0) return []
  return html`<h2>The fleet</h2>
    <div class="two">${cards}</div>`
}

function funnelCards(groups: readonly FleetGroup[]): Html[] {
  const told = groups.flatMap(({ label, results }) => {
    const funnel = funnelOf(results)
    return funnel === undefined || funnel.selected === 0 ? [] : [{ label, funnel }]
  })
  const different = firstOfEach(told, ({ funnel }) => funnel)
  return different.map(({ label, funnel }) =>
    card(titled("Devices, summed over rounds", different.length > 1 ? label : ""), funnelBars(funnel)),
  )
}

function spreadCards(groups: readonly FleetGroup[]): Html[] {
  const metric = groups[0] && spreadMetric(groups[0].results[0]!)
  if (metric === undefined) return []
  const named = groups.flatMap((group, color) => spreadOf(group, metric, color))
  const sentence = `${METRIC_LABELS[metric]} of the final model on each client's own test data`
  return [card(sentence, spreadChart(metric, named))]
}

function spreadOf({ label, results }: FleetGroup, metric: MetricName, color: number): NamedSpread[] {
  const spreads = results.map(({ clients }) => clients?.metrics[metric]).filter((spread) => spread !== undefined)
  const name = label === "" ? inSentence(METRIC_LABELS[metric]) : label
  return spreads.length === 0 ? [] : [{ label: name, color, spread: meanSpread(spreads) }]
}

function labelCards(groups: readonly FleetGroup[]): Html[] {
  const told = groups.flatMap(({ label, results }) => {
    const result = results[0]!
    return result.labels === undefined ? [] : [{ label, result, labels: result.labels }]
  })
  const pictures = firstOfEach(told, ({ labels }) => labels).slice(0, MOST_PICTURES)
  return pictures.map(({ label, result, labels }) => {
    const title =
      result.data.classes === 0 ? "Samples of clients" : `Classes of clients, skew ${formatMetric(labels.skew)}`
    const content = labelPicture(labels, result.plan.model.labels)
    return card(titled(title, pictures.length > 1 ? label : ""), content, " wide")
  })
}

/** Without those that look like one before: runs of the same fleet, or of the same data. */
function firstOfEach<T>(items: readonly T[], look: (item: T) => unknown): T[] {
  const texts = items.map((item) => JSON.stringify(look(item)))
  return items.filter((_, i) => texts.indexOf(texts[i]!) === i)
}

function titled(title: string, label: string): string {
  return label === "" ? title : `${title}: ${label}`
}

function card(title: string, content: Html, more = ""): Html {
  return html`<section class="card${more}">
    <h3>${title}</h3>
    ${content}
  </section>`
}
