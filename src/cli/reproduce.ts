import { Command } from "commander"
import { availableParallelism } from "node:os"
import { FedmoteError } from "../core/error.ts"
import type { Cell, Claim, Column, Row, Watch } from "../sim/reproduce/experiment.ts"
import { EXPERIMENTS, experimentNamed } from "../sim/reproduce/registry.ts"
import { reproduce } from "../sim/reproduce/reproduce.ts"
import type { Reproduced } from "../sim/reproduce/reproduce.ts"
import { withContext } from "./context.ts"
import type { Context } from "./context.ts"
import { writeJson } from "./output.ts"
import { whole } from "./parse.ts"
import { formatTable } from "./table.ts"

interface Flags {
  readonly data: string
  readonly json?: string
  readonly seed: number
  readonly workers?: number
  readonly list?: boolean
}

export function reproduceCommand(): Command {
  return new Command("reproduce")
    .description("run a published experiment again, and show its figures beside ours")
    .argument("[name]", "which one; --list names them")
    .option("--list", "name the experiments")
    .option("--data <folder>", "folder of its data set, or of several", ".")
    .option("--json <file>", "write the findings as fedmote-reproduce/1; - is standard output")
    .option("--seed <number>", "of data, initial model, selection and training", whole(0, 0xffff_ff00), 1)
    .option(
      "--workers <number>",
      "threads that train; the findings are the same (default: one for each core)",
      whole(1, 256),
    )
    .action((name: string | undefined, flags: Flags, self: Command) =>
      withContext(self, (context) => run(name, flags, context)),
    )
}

async function run(name: string | undefined, flags: Flags, context: Context): Promise<void> {
  if (flags.list === true) {
    process.stdout.write(
      formatTable(
        ["Name", "What"],
        EXPERIMENTS.map((each) => [each.name, each.about]),
        { numbersFrom: 2 },
      ),
    )
    return
  }
  if (name === undefined) throw new FedmoteError("usage", "expected the name of an experiment; --list names them")
  const found = await reproduce(experimentNamed(name), {
    data: flags.data,
    seed: flags.seed,
    workers: flags.workers ?? availableParallelism(),
    signal: context.signal,
    watch: watchOn(context),
  })
  const alone = flags.json === "-"
  const text = formatFindings(found)
  if (alone) context.screen.write(text)
  else process.stdout.write(text)
  if (flags.json !== undefined) await writeJson(found, flags.json)
  const broken = found.claims.filter(({ holds }) => !holds)
  if (broken.length > 0) throw new FedmoteError("claim", `${name}: ${broken.map(claimText).join("; ")}`)
}

/** Table, settings and claims, for a person. */
export function formatFindings({ name, settings, columns, rows, claims, seconds }: Reproduced): string {
  const table = formatTable(
    columns.map(({ title }) => title),
    rows.map((row) => columns.map((column) => cellText(row, column))),
  )
  const fixed = Object.entries(settings).map(([key, value]) => `${key} ${plain(value)}`)
  return [
    `\n${table}\n`,
    `${name}: ${fixed.join(", ")}\n`,
    ...claims.map((each) => `${each.holds ? "holds " : "BROKEN"} ${claimText(each)}\n`),
    `${seconds.toFixed(1)} s\n`,
  ].join("")
}

function cellText(row: Row, { keys, digits, missing = "" }: Column): string {
  const texts = keys.map((key) => {
    const value = row[key]
    if (value === null || value === undefined) return missing
    return typeof value === "number" && digits !== undefined ? grouped(value, digits) : plain(value)
  })
  return texts.every((text) => text === texts[0]) ? texts[0]! : texts.join(" / ")
}

function grouped(value: number, digits: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function plain(value: Cell): string {
  if (typeof value === "boolean") return value ? "yes" : "no"
  if (typeof value === "number") return String(Number(value.toPrecision(6)))
  return Array.isArray(value) ? value.join(" ") : String(value)
}

function claimText({ text, value, atLeast, atMost }: Claim): string {
  const got = value === null ? "none" : String(Number(value.toPrecision(4)))
  const bound = atLeast === undefined ? `at most ${brief(atMost)}` : `at least ${brief(atLeast)}`
  return `${text}: ${got}, expected ${bound}`
}

function brief(value: number | undefined): string {
  return String(Number((value ?? NaN).toPrecision(4)))
}

/** Runs as a bar for a person, as a line each for a log; with the rate at which rounds go by. */
function watchOn({ screen, log }: Context): Watch {
  return {
    begin(title, rounds) {
      const started = performance.now()
      const bar = screen.progress(title, rounds)
      let rate = ""
      return {
        round(round, note) {
          rate = `${((1000 * round) / (performance.now() - started)).toFixed(1)} rounds/s`
          bar.update(round, `${note}, ${rate}`)
        },
        end(summary) {
          bar.end()
          if (summary !== undefined) log.info(`${title}: ${summary}, ${rate}`)
        },
      }
    },
  }
}
