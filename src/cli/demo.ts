import { Command } from "commander"
import { openDataset } from "../data/open.ts"
import { demo } from "../sim/demo.ts"
import { planFor } from "../sim/plan-for.ts"
import { withContext } from "./context.ts"
import { addResultOptions, deliver, followRounds } from "./deliver.ts"
import type { ResultFlags } from "./deliver.ts"
import { addRunOptions, planOverrides } from "./plan-options.ts"
import type { PlanFlags } from "./plan-options.ts"

const DEFAULT_REPORT = "fedmote-report.html"

export function demoCommand(): Command {
  const command = new Command("demo").description(
    "eight real sensor motes train one model over a real broker, each with its own readings only",
  )
  return addResultOptions(addRunOptions(command)).action((flags: PlanFlags & ResultFlags, self: Command) =>
    withContext(self, async (context) => {
      const dataset = await openDataset("telosb")
      const plan = planFor(dataset, planOverrides(flags))
      const bar = followRounds(plan, context)
      try {
        const { result } = await demo({
          plan,
          dataset,
          recordCohorts: flags.recordCohorts ?? false,
          onRound: bar.onRound,
          signal: context.signal,
        })
        bar.end()
        await deliver(result, { ...flags, report: flags.report ?? DEFAULT_REPORT }, context)
      } finally {
        bar.end()
      }
    }),
  )
}
