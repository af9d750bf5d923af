import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { Command, InvalidArgumentError } from "commander"
import { METRIC_NAMES } from "../core/metrics.ts"
import { compareRuns } from "../report/compared.ts"
import { writeCompareReport } from "../report/compare-report.ts"
import type { NamedResult } from "../report/run-groups.ts"
import type { Target } from "../report/target.ts"
import { formatCompared } from "./compared-table.ts"
import { withContext } from "./context.ts"
import type { Context } from "./context.ts"
import { writeJson } from "./output.ts"
import { readRuns } from "./run-files.ts"

interface Flags {
  readonly target?: Target
  readonly json?: string
  readonly report?: string
}

export function compareCommand(): Command {
  return new Command("compare")
    .description("compare runs: means and deviations over seeds, rounds and bytes to a target")
    .argument("<runs...>", "results (fedmote-result/1), or folders of sweeps")
    .option("--target <metric=value>", "how good is good enough, such as accuracy=0.9", target)
    .option("--json <file>", "write the comparison as fedmote-compare/1; - is standard output")
    .option("--report <file>", "write the report, one HTML file: curves with bands over seeds")
    .action((paths: readonly string[], flags: Flags, self: Command) =>
      withContext(self, async (context) => {
        await deliverCompared(await readRuns(paths), flags, context)
      }),
    )
}

/** Prints the table, and writes what was asked for. With `--json -` nothing else goes to standard output. */
export async function deliverCompared(
  runs: readonly NamedResult[],
  { target, json, report }: Flags,
  { screen }: Context,
): Promise<void> {
  const compared = compareRuns(runs, target)
  const say = (text: string): void => void (json === "-" ? screen.write(text) : process.stdout.write(text))
  say(`\n${formatCompared(compared)}`)
  if (json !== undefined) await writeJson(compared, json)
  if (report !== undefined) {
    await writeCompareReport(runs, report, target)
    say(`\nreport ${pathToFileURL(resolve(report)).href}\n`)
  }
}

/** `accuracy=0.9`. */
function target(text: string): Target {
  const [name, number, ...more] = text.split("=")
  const metric = METRIC_NAMES.find((each) => each === name)
  const value = number === undefined || number.trim() === "" ? NaN : Number(number)
  if (metric === undefined || !Number.isFinite(value) || more.length > 0)
    throw new InvalidArgumentError(`Expected METRIC=VALUE with one of ${METRIC_NAMES.join(", ")}.`)
  return { metric, value }
}
