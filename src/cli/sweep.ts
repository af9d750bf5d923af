import { join } from "node:path"
import { FedmoteError } from "../core/error.ts"
import { withData } from "../core/plan-model.ts"
import { mergePlan } from "../core/plan.ts"
import type { Result } from "../core/result.ts"
import { firstData, isDataKey, setText, sweepRuns } from "../core/sweep.ts"
import type { SweepAxis, SweepRun, SweptPlan } from "../core/sweep.ts"
import { METRIC_LABELS, firstMetric, formatMetric, inSentence } from "../report/comparison.ts"
import { summarize, sweepCsv } from "../report/sweep-csv.ts"
import type { RunSummary } from "../report/sweep-csv.ts"
import { writeEvents } from "../report/tensorboard.ts"
import { importModel } from "../sim/model-file.ts"
import { planFor } from "../sim/plan-for.ts"
import { settingsDigest } from "../sim/run-settings.ts"
import { simulate } from "../sim/simulate.ts"
import { sourceDigest } from "../sim/source-digest.ts"
import { deliverCompared } from "./compare.ts"
import type { Context } from "./context.ts"
import { paceOf } from "./pace.ts"
import { fleetFacts, planOverrides, planWarnings } from "./plan-options.ts"
import { readRuns } from "./run-files.ts"
import type { SimulateFlags } from "./simulate-flags.ts"
import { SweepData } from "./sweep-data.ts"
import { SweepFolder, runName } from "./sweep-folder.ts"
import { worldFor } from "./world-file.ts"

/** A run that is to be done, or is. */
interface Run extends SweepRun {
  /** Of its settings. */
  readonly digest: string
  readonly number: number
}

/**
 * Runs the combinations that the folder does not have yet, and writes the table of all. May be interrupted at any time, and started again: a run that has ended
 * is not repeated, and one that has not leaves nothing. Throws `FedmoteError`, with the run's settings where it is about one.
 */
export async function runSweep(
  swept: SweptPlan | undefined,
  flags: SimulateFlags & { readonly out: string },
  context: Context,
): Promise<void> {
  refuseFlags(flags, swept?.axes ?? [])
  const data = new SweepData(flags)
  const runs = await prepare(swept, flags, data, context)
  const folder = await SweepFolder.open(flags.out)
  const keys = (swept?.axes ?? []).map(({ key }) => key)
  await folder.writeIndex({ keys, runs: runs.map(({ digest, set }) => ({ run: runName(digest), set })) })
  const done = new Map<string, RunSummary>()
  const keep = async ({ digest, set }: Run, result: Result): Promise<void> => {
    const name = runName(digest)
    done.set(digest, summarize(name, set, result))
    if (flags.tensorboard !== undefined) await writeEvents(result, join(flags.tensorboard, name))
  }
  for (const run of runs) {
    const result = await folder.result(run.digest)
    if (result !== undefined) await keep(run, result)
  }
  try {
    const pending = runs.filter(({ digest }) => !done.has(digest))
    if (done.size > 0) context.log.info(`${done.size} of ${runs.length} runs are there already`)
    const progress = followSweep(pending, runs.length, context)
    try {
      for (const run of pending) {
        const result = await runOne(run, flags, data, context, progress.onRound).catch((error: unknown) => {
          throw ofRun(error, run, runs.length)
        })
        await folder.writeResult(result)
        await keep(run, result)
        progress.onRun(run, result)
      }
    } finally {
      progress.end()
    }
  } finally {
    const rows = runs.map(({ digest }) => done.get(digest)).filter((row) => row !== undefined)
    const file = await folder.writeCsv(sweepCsv(keys, rows))
    context.log.info(`${rows.length} of ${runs.length} runs in ${file}`)
  }
  await deliverCompared(await readRuns([flags.out]), flags, context)
}

/** What a sweep cannot do with one file, and what it decides itself. */
function refuseFlags(flags: SimulateFlags, axes: readonly SweepAxis[]): void {
  for (const name of ["replay", "export"] as const)
    if (flags[name] !== undefined) throw new FedmoteError("usage", `--${name} is of one run: expected none with --out`)
  const { rounds, seed, cohort, hidden, partition, clients } = flags
  const given = {
    ...{ rounds, seed, cohort, "model.hidden": hidden },
    ...{ "data.partition": partition, "data.clients": clients },
  }
  for (const [key, value] of Object.entries(given))
    if (value !== undefined && axes.some((axis) => axis.key === key || key.startsWith(`${axis.key}.`)))
      throw new FedmoteError("usage", `expected ${key} from the sweep or from the command line, got both`)
}

async function prepare(
  swept: SweptPlan | undefined,
  flags: SimulateFlags,
  data: SweepData,
  context: Context,
): Promise<Run[]> {
  const overrides = planOverrides(flags)
  const written = swept && mergePlan(swept.plan, overrides)
  const axes = swept?.axes ?? []
  const dataset = await data.dealtFor(written ?? { seed: flags.seed ?? 1 }, firstData(axes))
  const source = await sourceDigest(flags.data)
  const { baselines, recordCohorts = false } = flags
  const [init, world, trace] = await Promise.all([flags.init, flags.world, flags.trace].map(digestOf))
  const common = { baselines, recordCohorts, init, world, trace }
  const runs = sweepRuns(written ?? planFor(dataset, overrides), axes)
  const warnings = new Set<string>()
  // Of clients that differ from run to run nothing is known.
  const known = axes.every(({ key }) => !isDataKey(key))
  const facts = { ...(known ? fleetFacts(dataset) : {}), init: init !== undefined }
  const prepared = runs.map((run, i) => {
    const number = i + 1
    try {
      const plan = withData(run.plan, dataset)
      for (const warning of planWarnings(plan, facts)) warnings.add(warning)
      const options = { ...data.optionsFor(run.data), source }
      return { ...run, plan, digest: settingsDigest({ plan, data: options, ...common }), number }
    } catch (error) {
      throw ofRun(error, { ...run, number }, runs.length)
    }
  })
  for (const warning of warnings) context.log.warn(warning)
  return prepared
}

async function digestOf(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : sourceDigest(file)
}

type SweepResult = Result & Required<Pick<Result, "experiment">>

async function runOne(
  { plan, digest, set, data: dealt }: Run,
  flags: SimulateFlags,
  data: SweepData,
  { signal }: Context,
  onRound: () => void,
): Promise<SweepResult> {
  signal.throwIfAborted()
  const { partition } = data.optionsFor(dealt)
  const world = await worldFor(flags, plan)
  const { result } = await simulate({
    plan,
    dataset: await data.dealtFor(plan, dealt),
    workers: flags.workers ?? 1,
    recordCohorts: flags.recordCohorts ?? false,
    baselines: flags.baselines,
    describeClients: true,
    ...(world && { world }),
    ...(flags.init === undefined ? {} : { init: (await importModel(flags.init, plan)).parameters }),
    onRound,
    signal,
  })
  return {
    ...result,
    data: { ...result.data, ...(partition === undefined ? {} : { partition }) },
    experiment: { digest, set },
  }
}

/** The error, saying which run it is of. */
function ofRun(error: unknown, run: Pick<Run, "number" | "set">, of: number): unknown {
  if (!(error instanceof FedmoteError) || error.code === "interrupted" || of === 1) return error
  return new FedmoteError(error.code, `${runText(run, of)}: ${error.message}`, { cause: error })
}

function runText(run: Pick<Run, "number" | "set">, of: number): string {
  const text = setText(run)
  return `run ${run.number} of ${of}${text === "" ? "" : ` (${text})`}`
}

/** A bar over the rounds of all runs for a person, and a line for each run in a log; both with the rate and the time left. */
function followSweep(pending: readonly Run[], of: number, { screen, log }: Context) {
  const total = pending.reduce((sum, { plan }) => sum + plan.rounds, 0)
  const pace = paceOf(total, "rounds")
  const bar = screen.progress("sweep", total)
  let finished = 0
  let rounds = 0
  return {
    onRound: (): void => bar.update(++rounds, pace(rounds)),
    onRun(run: Run, result: Result): void {
      // One that ended early leaves no rounds to wait for.
      finished += run.plan.rounds
      rounds = finished
      const first = firstMetric(result)
      const metric = `${inSentence(METRIC_LABELS[first])} ${formatMetric(result.final.metrics[first])}`
      log.info(`${runText(run, of)}: ${metric}; ${pace(rounds)}`)
      bar.update(rounds, pace(rounds))
    },
    end: (): void => bar.end(),
  }
}
