import { Command } from "commander"
import { listRuns } from "../coordinator/journal/list.ts"
import type { ListedRun } from "../coordinator/journal/list.ts"
import { METRIC_NAMES } from "../core/metrics.ts"
import { METRIC_LABELS, formatMetric } from "../report/comparison.ts"
import { writeJson } from "./output.ts"
import { formatTable } from "./table.ts"

/** What `fedmote runs --json` writes. */
const SCHEMA = "fedmote-runs/1"

export function runsCommand(): Command {
  return new Command("runs")
    .description("list what a coordinator's journal knows: runs, how far they are, how good")
    .requiredOption("--data-dir <folder>", "the coordinator's")
    .option("--json <file>", "write the list as fedmote-runs/1; - is standard output")
    .action(async ({ dataDir, json }: { readonly dataDir: string; readonly json?: string }) => {
      const runs = listRuns(dataDir)
      if (json !== "-") process.stdout.write(formatRuns(runs))
      if (json !== undefined) await writeJson({ schema: SCHEMA, runs }, json)
    })
}

/** One line a run. */
export function formatRuns(runs: readonly ListedRun[]): string {
  if (runs.length === 0) return "no runs\n"
  const rows = runs.map((each) => [
    each.run,
    each.fleet,
    each.state,
    `${each.rounds} of ${each.of}`,
    each.committed ?? "none yet",
    String(each.devices),
    metricOf(each),
    each.plan.slice(0, 12),
  ])
  return formatTable(["Run", "Fleet", "State", "Rounds", "Last commit", "Devices", "Quality", "Plan"], rows, {
    numbersFrom: Infinity,
  })
}

/** The most telling metric that there is. */
function metricOf({ metrics }: ListedRun): string {
  const name = (["averagePrecision", "accuracy", "rmse", ...METRIC_NAMES] as const).find(
    (each) => metrics[each] !== undefined,
  )
  return name === undefined ? "" : `${METRIC_LABELS[name]} ${formatMetric(metrics[name]!)}`
}
