import { higherIsBetter } from "../core/metrics.ts"
import { METRIC_LABELS, formatBytes, formatMetric, formatSeconds, inSentence } from "../report/comparison.ts"
import { timesKnown, worstHead } from "../report/compared.ts"
import type { Compared, ComparedGroup } from "../report/compared.ts"
import { settingText } from "../report/run-groups.ts"
import { statisticText } from "../report/statistic.ts"
import type { Statistic } from "../report/statistic.ts"
import type { Target } from "../report/target.ts"
import { formatTable } from "./table.ts"

/** One line for each setting, means and deviations over its seeds. */
export function formatCompared(compared: Compared, color = false): string {
  const { metrics, target, groups } = compared
  const keys = Object.keys(groups[0]?.settings ?? {})
  const times = timesKnown({ groups })
  const worst = worstHead({ groups })
  const head = [
    ...keys,
    "Seeds",
    ...metrics.map((name) => METRIC_LABELS[name]),
    ...(worst === undefined ? [] : [worst]),
    "Rounds",
    "Bytes up",
    "Bytes down",
    ...(target === undefined ? [] : ["Rounds to it", "Bytes to it", ...(times ? ["Time to it"] : []), "Reached"]),
  ]
  const rows = groups.map((group) => [
    ...keys.map((key) => settingText(group.settings[key])),
    String(group.runs.length),
    ...metrics.map((name) => statisticText(group.metrics[name], formatMetric)),
    ...(worst === undefined ? [] : [statisticText(group.worstDecile, formatMetric)]),
    statisticText(withoutZero(group.rounds), short),
    formatBytes(Math.round(group.uplinkBytes.mean)),
    formatBytes(Math.round(group.downlinkBytes.mean)),
    ...(target === undefined ? [] : targetCells(group, times)),
  ])
  const table = formatTable(head, rows, { numbersFrom: keys.length, color })
  return target === undefined ? table : `${table}\nit: ${targetText(target)}\n`
}

function targetCells({ toTarget, runs }: ComparedGroup, times: boolean): string[] {
  return [
    statisticText(toTarget?.rounds, short),
    statisticText(toTarget?.bytes, (bytes) => formatBytes(Math.round(bytes))),
    ...(times ? [statisticText(toTarget?.simulatedSeconds, formatSeconds)] : []),
    `${toTarget?.reached ?? 0} of ${runs.length}`,
  ]
}

function targetText({ metric, value }: Target): string {
  return `${inSentence(METRIC_LABELS[metric])} of at ${higherIsBetter(metric) ? "least" : "most"} ${value}`
}

/** What is the same in all runs needs no deviation. */
function withoutZero({ count, mean, deviation }: Statistic): Statistic {
  return deviation === undefined || deviation === 0 ? { count, mean } : { count, mean, deviation }
}

function short(value: number): string {
  return String(Number(value.toFixed(1)))
}
