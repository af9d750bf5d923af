import type { Result } from "../core/result.ts"
import { html } from "./html.ts"
import type { Html } from "./html.ts"

/** How far devices came, summed over rounds: each number counts a device once in every round. */
export interface Funnel {
  readonly ready: number
  readonly selected: number
  readonly folded: number
  /** Of the selected: too late, refused, and all others, of whom nothing came or was wanted any more. */
  readonly late: number
  readonly refused: number
  readonly others: number
}

/** Undefined where one of the results does not say it. */
export function funnelOf(results: readonly Result[]): Funnel | undefined {
  const sum = { ready: 0, selected: 0, folded: 0, late: 0, refused: 0 }
  for (const { folded, participation } of results.flatMap(({ rounds }) => rounds)) {
    if (participation === undefined) return undefined
    sum.folded += folded
    for (const name of ["ready", "selected", "late", "refused"] as const) sum[name] += participation[name]
  }
  return { ...sum, others: Math.max(0, sum.selected - sum.folded - sum.late - sum.refused) }
}

/** The funnel as bars, from all who were ready to those that are in the model. */
export function funnelBars(funnel: Funnel): Html {
  const { ready, selected, folded, late, refused, others } = funnel
  const largest = Math.max(ready, selected, folded, 1)
  const bar = (label: string, value: number, kind: string): Html =>
    html`<div class="name">${label}</div>
      <div class="track"><div class="fill ${kind}" style="width:${((100 * value) / largest).toFixed(1)}%"></div></div>
      <div class="value">${value.toLocaleString("en-US")}</div>`
  return html`<div class="bars">
    ${bar("ready", ready, "alone")} ${bar("selected", selected, "alone")} ${bar("folded", folded, "federated")}
    <div class="rest">and of the selected</div>
    ${bar("late", late, "pooled")} ${bar("refused", refused, "pooled")} ${bar("lost or not needed", others, "pooled")}
  </div>`
}
