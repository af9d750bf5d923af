import { Command } from "commander"
import { checkPlan } from "../core/plan-check.ts"
import { withData } from "../core/plan-model.ts"
import { planSchema } from "../core/plan.ts"
import { openDataset } from "../data/open.ts"
import { withContext } from "./context.ts"
import { addDataOptions, dataOptions } from "./data-options.ts"
import type { DataFlags } from "./data-options.ts"
import { readPlan } from "./plan-file.ts"
import { fleetFacts } from "./plan-options.ts"

export function planCommand(): Command {
  const check = addDataOptions(
    new Command("check")
      .description("check a plan, and warn about what is likely to go wrong")
      .argument("<file>", "the plan, in YAML")
      .option("--data <source>", "check it against this data as well"),
  ).action((file: string, flags: DataFlags & { readonly data?: string }, command: Command) =>
    withContext(command, async () => {
      const plan = await readPlan(file)
      const dataset =
        flags.data === undefined ? undefined : await openDataset(flags.data, dataOptions(flags, plan.seed))
      const warnings = dataset === undefined ? checkPlan(plan) : checkPlan(withData(plan, dataset), fleetFacts(dataset))
      for (const { path, message, advice } of warnings)
        process.stdout.write(`${file}: warning: ${path}: ${message}; ${advice}\n`)
      const count = warnings.length === 1 ? "1 warning" : `${warnings.length === 0 ? "no" : warnings.length} warnings`
      process.stdout.write(`${file}: valid, ${count}\n`)
    }),
  )
  const schema = new Command("schema")
    .description("print the JSON Schema of plans, for editors")
    .action(() => void process.stdout.write(`${JSON.stringify(planSchema(), null, 2)}\n`))
  return new Command("plan").description("check plans").addCommand(check).addCommand(schema)
}
