import { METRICS_OF, METRIC_NAMES } from "../core/metrics.ts"
import type { MetricName, Metrics } from "../core/metrics.ts"
import { lossOf } from "../core/plan-model.ts"
import type { Result } from "../core/result.ts"

/** Was it worth it? The federated model beside what a client reaches alone, and what pooling all data would reach. */
export interface Comparison {
  /** Metrics that any row has, the most telling one first. */
  readonly metrics: readonly MetricName[]
  readonly rows: readonly ComparisonRow[]
}

export interface ComparisonRow {
  readonly kind: "majority" | "alone" | "federated" | "pooled"
  readonly label: string
  readonly note: string
  readonly metrics: Metrics
}

export const METRIC_LABELS: { readonly [name in MetricName]: string } = {
  accuracy: "Accuracy",
  f1: "F1",
  averagePrecision: "Average precision",
  rmse: "RMSE",
  mae: "MAE",
  loss: "Loss",
}

/** A metric's label inside a sentence: abbreviations keep their capitals. */
export function inSentence(label: string): string {
  return /^[A-Z][a-z]/.test(label) ? label.toLowerCase() : label
}

/** The metric that the result is judged by. */
export function firstMetric(result: Result): MetricName {
  return metricsOfResult(result)[0] ?? "loss"
}

export function metricsOfResult(result: Result): readonly MetricName[] {
  const loss = lossOf(result.plan)
  const { pooled, alone, majority } = result.baselines
  const all: Metrics = { ...pooled?.metrics, ...alone?.metrics, ...majority?.metrics, ...result.final.metrics }
  return (loss === "custom" ? METRIC_NAMES : METRICS_OF[loss]).filter((name) => all[name] !== undefined)
}

/** Rows from the weakest to the strongest claim; those without a baseline are left out. */
export function compare(result: Result): Comparison {
  const { pooled, alone, majority } = result.baselines
  const rows: ComparisonRow[] = []
  const add = (kind: ComparisonRow["kind"], label: string, note: string, metrics: Metrics | undefined): void => {
    if (metrics !== undefined) rows.push({ kind, label, note, metrics })
  }
  add("majority", "Constant", "always the same answer", majority?.metrics)
  add("alone", "Alone, worst", "the weakest client's own model", alone?.worst)
  add("alone", "Alone, mean", "over all clients", alone?.metrics)
  add("alone", "Alone, best", "the strongest client's own model", alone?.best)
  add("federated", "Federated", "nobody's data left its device", result.final.metrics)
  add("pooled", "Pooled", "all data in one place: the upper bound", pooled?.metrics)
  return { metrics: metricsOfResult(result), rows }
}

/** A metric for people: three digits after the point, or four significant ones for large values. */
export function formatMetric(value: number | undefined): string {
  if (value === undefined) return "–"
  if (!Number.isFinite(value)) return String(value)
  return Math.abs(value) < 100 ? value.toFixed(3) : String(Number(value.toPrecision(4)))
}

/** Bytes in decimal units: 950 B, 12.3 kB, 4.56 MB. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"]
  let power = 0
  while (bytes >= 999.5 && power < units.length - 1) {
    bytes /= 1000
    power++
  }
  return `${power === 0 ? bytes : bytes.toPrecision(3)} ${units[power]}`
}

/** A duration: 0.42 s, 12.3 s, 3 min 20 s, 2 h 5 min. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
