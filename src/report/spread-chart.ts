import type { MetricName } from "../core/metrics.ts"
import type { ClientSpread, Result } from "../core/result.ts"
import { METRIC_LABELS, formatMetric } from "./comparison.ts"
import { html } from "./html.ts"
import type { Html } from "./html.ts"

type Spread = NonNullable<ClientSpread["metrics"]["accuracy"]>

/** A spread over clients, and whose it is. */
export interface NamedSpread {
  readonly label: string
  /** Number of a colour of the page. */
  readonly color: number
  readonly spread: Spread
}

/** The metric that tells most of single clients. */
export function spreadMetric(result: Result): MetricName | undefined {
  const { accuracy, rmse, loss } = result.clients?.metrics ?? {}
  return accuracy !== undefined ? "accuracy" : rmse !== undefined ? "rmse" : loss === undefined ? undefined : "loss"
}

/** The mean of several spreads, number by number; `spreads`: one at least. */
export function meanSpread(spreads: readonly Spread[]): Spread {
  const mean = (value: (spread: Spread) => number): number =>
    spreads.reduce((sum, spread) => sum + value(spread), 0) / spreads.length
  return {
    mean: mean((spread) => spread.mean),
    deviation: mean((spread) => spread.deviation),
    worstDecile: mean((spread) => spread.worstDecile),
    quantiles: spreads[0]!.quantiles.map((_, i) => mean((spread) => spread.quantiles[i]!)),
  }
}

const WIDTH = 460
const HEIGHT = 200
const LEFT = 46
const BOTTOM = 24
const TOP = 8

/** Clients from the least to the largest value (across), and the metric (up); the numbers below. */
export function spreadChart(metric: MetricName, named: readonly NamedSpread[]): Html {
  const all = named.flatMap(({ spread }) => spread.quantiles)
  const low = Math.min(...all)
  const high = Math.max(...all)
  const room = high > low ? (high - low) * 0.06 : 0.5
  const up = (value: number): number =>
    HEIGHT - BOTTOM - ((value - low + room) / (high - low + 2 * room)) * (HEIGHT - BOTTOM - TOP)
  const across = (decile: number): number => LEFT + (decile / 10) * (WIDTH - LEFT - 8)
  return html`<svg
      class="figure"
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      role="img"
      aria-label="${METRIC_LABELS[metric]} over clients"
    >
      ${[low, (low + high) / 2, high].map(
        (value) =>
          html`<line
              class="grid"
              x1="${LEFT}"
              x2="${WIDTH - 8}"
              y1="${up(value).toFixed(1)}"
              y2="${up(value).toFixed(1)}"
            />
            <text x="${LEFT - 6}" y="${(up(value) + 4).toFixed(1)}" text-anchor="end">${formatMetric(value)}</text>`,
      )}
      ${[0, 5, 10].map(
        (decile) =>
          html`<text
            x="${across(decile).toFixed(1)}"
            y="${HEIGHT - 6}"
            text-anchor="${decile === 0 ? "start" : decile === 5 ? "middle" : "end"}"
            >${decile * 10} %${decile === 10 ? " of clients" : ""}</text
          >`,
      )}
      ${named.map(({ color, spread }) => {
        const points = spread.quantiles.map((value, i) => `${across(i).toFixed(1)},${up(value).toFixed(1)}`)
        return html`<polyline points="${points.join(" ")}" style="stroke:var(--c${color})" />`
      })}
    </svg>
    ${spreadTable(named)}`
}

function spreadTable(named: readonly NamedSpread[]): Html {
  const columns = ["Mean", "Deviation", "Worst tenth", "Median"]
  return html`<table>
    <thead>
      <tr>
        <th>${named.length > 1 ? "Runs" : "Over clients"}</th>
        ${columns.map((column) => html`<th>${column}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${named.map(
        ({ label, color, spread }) =>
          html`<tr>
            <td><i class="dot" style="background:var(--c${color})"></i>${label}</td>
            ${[spread.mean, spread.deviation, spread.worstDecile, spread.quantiles[5]].map(
              (value) => html`<td>${formatMetric(value)}</td>`,
            )}
          </tr>`,
      )}
    </tbody>
  </table>`
}
