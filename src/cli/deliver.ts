import type { Command } from "commander"
import { pathToFileURL } from "node:url"
import { resolve } from "node:path"
import type { Result, RoundResult } from "../core/result.ts"
import { METRICS_OF } from "../core/metrics.ts"
import { lossOf } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import { METRIC_LABELS, formatMetric, inSentence } from "../report/comparison.ts"
import { writeReport } from "../report/report.ts"
import { writeEvents } from "../report/tensorboard.ts"
import type { Context } from "./context.ts"
import { writeJson } from "./output.ts"
import { paceOf } from "./pace.ts"
import type { Progress } from "./screen.ts"
import { formatComparison } from "./table.ts"

export interface ResultFlags {
  readonly json?: string
  readonly report?: string
  readonly recordCohorts?: boolean
  readonly tensorboard?: string
}

export function addResultOptions(command: Command): Command {
  return command
    .option("--json <file>", "write the result as fedmote-result/1; - is standard output")
    .option("--report <file>", "write the report, one HTML file")
    .option("--record-cohorts", "keep in the result who was folded and how many steps each took; a replay needs it")
    .option("--tensorboard <folder>", "write the rounds as an event file of TensorBoard into this folder")
}

/** Prints the table, writes what was asked for, and says where it is. With `--json -` nothing else goes to standard output. */
export async function deliver(result: Result, flags: ResultFlags, { screen }: Context): Promise<void> {
  const { json, report, tensorboard } = flags
  const alone = json === "-"
  const say = (text: string): void => void (alone ? screen.write(text) : process.stdout.write(text))
  const color = alone ? screen.color : process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === ""
  const columns = alone ? screen.columns : (process.stdout.columns ?? 200)
  say(`\n${formatComparison(result, { color, columns })}\n`)
  if (result.stopped !== undefined) say(`ended early: ${result.stopped}\n`)
  say(`model ${result.model.digest}\n`)
  if (json !== undefined) {
    await writeJson(result, json)
    if (!alone) say(`result ${resolve(json)}\n`)
  }
  if (report !== undefined) {
    await writeReport(result, report)
    say(`report ${pathToFileURL(resolve(report)).href}\n`)
  }
  if (tensorboard !== undefined) {
    await writeEvents(result, tensorboard)
    say(`events ${resolve(tensorboard)}\n`)
  }
}

/** Shows the rounds as they are committed, how fast, and for how long still: a bar for a person, a line each for a log. */
export function followRounds(
  plan: Plan,
  { screen, log }: Context,
  { lines = !screen.interactive }: { readonly lines?: boolean } = {},
): Progress & { readonly onRound: (record: RoundResult) => void } {
  const { rounds } = plan
  const bar = screen.progress("training", rounds)
  const pace = paceOf(rounds, "rounds")
  let before: number | undefined
  return {
    ...bar,
    onRound(record) {
      // A federation that is taken up again begins where it was.
      before ??= record.round - 1
      const notes = [noteOf(plan, record), pace(record.round, before)].filter((note) => note !== "")
      bar.update(record.round, notes.join(", "))
      if (lines) log.info([`round ${record.round} of ${rounds}: folded ${record.folded}`, ...notes].join(", "))
    },
  }
}

function noteOf(plan: Plan, { metrics }: RoundResult): string {
  const loss = lossOf(plan)
  const name = loss === "custom" ? "loss" : METRICS_OF[loss][0]!
  return metrics[name] === undefined ? "" : `${inSentence(METRIC_LABELS[name])} ${formatMetric(metrics[name])}`
}
