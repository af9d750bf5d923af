import { Command } from "commander"
import { withData } from "../core/plan-model.ts"
import { planSchema } from "../core/plan.ts"
import type { Plan } from "../core/plan.ts"
import { seedsOf } from "../core/seeds.ts"
import { firstData, sweepRuns } from "../core/sweep.ts"
import type { Dataset } from "../data/dataset.ts"
import { openDataset } from "../data/open.ts"
import { withContext } from "./context.ts"
import { addDataOptions, dataOptions } from "./data-options.ts"
import type { DataFlags } from "./data-options.ts"
import { readSweptPlan } from "./plan-file.ts"
import { fleetFacts, planWarnings } from "./plan-options.ts"

export function planCommand(): Command {
  const check = addDataOptions(
    new Command("check")
      .description("check a plan, and warn about what is likely to go wrong")
      .argument("<file>", "the plan, in YAML")
      .option("--data <source>", "check it against this data as well"),
  ).action((file: string, flags: DataFlags & { readonly data?: string }, command: Command) =>
    withContext(command, async () => {
      const { plan, axes } = await readSweptPlan(file)
      const runs = sweepRuns(plan, axes)
      const dataset =
        flags.data === undefined
          ? undefined
          : await openDataset(flags.data, { ...dataOptions(flags, seedsOf(plan).partition), ...firstData(axes) })
      const warnings = new Set(runs.flatMap((run) => warningsOf(run.plan, dataset)))
      for (const warning of warnings) process.stdout.write(`${file}: warning: ${warning}\n`)
      const count = warnings.size === 1 ? "1 warning" : `${warnings.size === 0 ? "no" : warnings.size} warnings`
      const sweep = axes.length === 0 ? "" : `a sweep of ${runs.length} ${runs.length === 1 ? "run" : "runs"}, `
      process.stdout.write(`${file}: valid, ${sweep}${count}\n`)
    }),
  )
  const schema = new Command("schema")
    .description("print the JSON Schema of plans, for editors")
    .action(() => void process.stdout.write(`${JSON.stringify(planSchema(), null, 2)}\n`))
  return new Command("plan").description("check plans").addCommand(check).addCommand(schema)
}

function warningsOf(plan: Plan, dataset: Dataset | undefined): string[] {
  return dataset === undefined ? planWarnings(plan) : planWarnings(withData(plan, dataset), fleetFacts(dataset))
}
