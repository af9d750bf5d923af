import { Command } from "commander"
import { FedmoteError } from "../core/error.ts"
import { withData } from "../core/plan-model.ts"
import { mergePlan } from "../core/plan.ts"
import type { Plan } from "../core/plan.ts"
import type { Result } from "../core/result.ts"
import { seedsOf } from "../core/seeds.ts"
import type { Dataset } from "../data/dataset.ts"
import { openDataset } from "../data/open.ts"
import { importModel } from "../sim/model-file.ts"
import { planFor } from "../sim/plan-for.ts"
import { simulate } from "../sim/simulate.ts"
import { withContext } from "./context.ts"
import type { Context } from "./context.ts"
import { addDataOptions, dataOptions } from "./data-options.ts"
import { addResultOptions, deliver, followRounds } from "./deliver.ts"
import { writeModel } from "./export.ts"
import { whole } from "./parse.ts"
import { readSweptPlan } from "./plan-file.ts"
import { addPlanOptions, fleetFacts, givenFlags, planOverrides, warnAbout } from "./plan-options.ts"
import { checkDigest, readResult } from "./replay.ts"
import type { SimulateFlags } from "./simulate-flags.ts"
import { runSweep } from "./sweep.ts"
import { addWorldOptions, formatWorld, worldFor } from "./world-file.ts"

export function simulateCommand(): Command {
  const command = new Command("simulate")
    .description("the same federation in one process, without a broker")
    .requiredOption(
      "--data <source>",
      "telosb, a CSV file, a folder with meta.json (fl-dataset/1) or with IDX files, synthetic:ALPHA,BETA",
    )
    .option("--plan <file>", "the plan, in YAML (default: one that suits the data)")
    .option(
      "--out <folder>",
      "run all of the plan's sweep: a result for each run, and a table; goes on where it was stopped",
    )
    .option("--workers <number>", "threads that train; the result is the same", whole(1, 256))
    .option("--replay <result>", "fold the updates that this result has recorded, and compare the model's digest")
    .option("--no-baselines", "do not train pooled and alone models to compare with")
    .option("--init <file>", "start from this model (safetensors)")
    .option("--export <file>", "write the final model (safetensors)")
  return addResultOptions(addDataOptions(addPlanOptions(addWorldOptions(command)))).action(
    (flags: SimulateFlags, self: Command) => withContext(self, (context) => run(flags, context)),
  )
}

async function run(flags: SimulateFlags, context: Context): Promise<void> {
  const { out } = flags
  const swept = flags.plan === undefined ? undefined : await readSweptPlan(flags.plan)
  if (out !== undefined) return runSweep(swept, { ...flags, out }, context)
  if (swept !== undefined && swept.axes.length > 0)
    throw new FedmoteError("usage", `${flags.plan} has a sweep: say where its runs go (--out FOLDER)`)
  const replay = flags.replay === undefined ? undefined : await readReplay(flags.replay, flags)
  const { plan, dataset } =
    replay === undefined ? await prepare(swept?.plan, flags, context) : await prepareReplay(replay, flags)
  const init = flags.init === undefined ? undefined : (await importModel(flags.init, plan)).parameters
  const world = await worldFor(flags, plan)
  const bar = followRounds(plan, context)
  try {
    const { result, parameters, standardizer, threshold } = await simulate({
      plan,
      dataset,
      workers: flags.workers ?? 1,
      recordCohorts: flags.recordCohorts ?? false,
      describeClients: true,
      baselines: flags.baselines && replay === undefined,
      onRound: bar.onRound,
      signal: context.signal,
      ...(world && { world }),
      ...(replay === undefined ? {} : { replay }),
      ...(init === undefined ? {} : { init }),
    })
    bar.end()
    await deliver(result, flags, context)
    if (result.world !== undefined && flags.json !== "-") process.stdout.write(formatWorld(result.world))
    if (flags.export !== undefined)
      await writeModel(flags.export, { plan: result.plan, parameters, standardizer, threshold }, context)
    if (replay !== undefined) {
      checkDigest(replay, result, flags.replay!)
      context.log.info("the replay ended in the same model")
    }
  } finally {
    bar.end()
  }
}

async function prepare(
  file: Plan | undefined,
  flags: SimulateFlags,
  context: Context,
): Promise<{ plan: Plan; dataset: Dataset }> {
  const overrides = planOverrides(flags)
  const written = file && mergePlan(file, overrides)
  const seed = written === undefined ? flags.seed : seedsOf(written).partition
  const dataset = await openDataset(flags.data, dataOptions(flags, seed))
  const plan = written === undefined ? planFor(dataset, overrides) : withData(written, dataset)
  warnAbout(plan, context, { ...fleetFacts(dataset), init: flags.init !== undefined })
  return { plan, dataset }
}

async function prepareReplay(result: Result, flags: SimulateFlags): Promise<{ plan: Plan; dataset: Dataset }> {
  const dataset = await openDataset(flags.data, dataOptions(flags, seedsOf(result.plan).partition))
  return { plan: withData(result.plan, dataset), dataset }
}

async function readReplay(file: string, flags: SimulateFlags): Promise<Result> {
  const given = [...givenFlags(flags), ...(flags.plan === undefined ? [] : ["--plan"])]
  if (given.length > 0)
    throw new FedmoteError("usage", `--replay takes its plan from the result: leave out ${given.join(", ")}`)
  return readResult(file)
}
