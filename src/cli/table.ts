import { styleText } from "node:util"
import Table from "cli-table3"
import type { Result } from "../core/result.ts"
import { METRIC_LABELS, compare, formatMetric } from "../report/comparison.ts"

export interface TableOptions {
  /** Columns from this one on hold numbers: right-aligned. Default: all but the first. */
  readonly numbersFrom?: number
  /** Index of a row to stand out. */
  readonly highlight?: number
  readonly color?: boolean
}

/** A table for a terminal or a log, with a line end. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const { numbersFrom = 1, highlight, color = false } = options
  const bold = (text: string): string => (color ? styleText("bold", text, { validateStream: false }) : text)
  const table = new Table({
    head: head.map(bold),
    colAligns: head.map((_, i) => (i < numbersFrom ? "left" : "right")),
    chars: CHARS,
    style: { head: [], border: [], "padding-left": 1, "padding-right": 1 },
  })
  rows.forEach((row, i) => table.push(row.map((cell) => (i === highlight ? bold(cell) : cell))))
  return `${table.toString()}\n`
}

// One line under the head, none elsewhere: quiet, and easy to copy.
const CHARS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: " ",
}

/** Narrower than this, the table goes without its notes. */
const NOTES_FROM_COLUMNS = 110

/** The table that answers "was it worth it?". */
export function formatComparison(
  result: Result,
  screen: { readonly color?: boolean; readonly columns?: number } = {},
): string {
  const { metrics, rows } = compare(result)
  const notes = (screen.columns ?? Infinity) >= NOTES_FROM_COLUMNS
  return formatTable(
    ["Model", ...(notes ? [""] : []), ...metrics.map((name) => METRIC_LABELS[name])],
    rows.map((row) => [
      row.label,
      ...(notes ? [row.note] : []),
      ...metrics.map((name) => formatMetric(row.metrics[name])),
    ]),
    {
      numbersFrom: notes ? 2 : 1,
      highlight: rows.findIndex(({ kind }) => kind === "federated"),
      color: screen.color ?? false,
    },
  )
}
