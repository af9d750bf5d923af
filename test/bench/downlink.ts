import { existsSync } from "node:fs"
import type { PlanInput } from "../../src/core/plan.ts"
import type { Result } from "../../src/core/result.ts"
import type { Dataset } from "../../src/data/dataset.ts"
import { openDataset } from "../../src/data/open.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"
import { sharedData } from "../data/shared.ts"
import { measured } from "./result.ts"
import type { Measured } from "./result.ts"

const DOWN = [undefined, "int8-nearest", "eden4", "eden1"] as const

/** What a device receives of models in a training round, its evaluation included, and how good the model is: with and without deltas. */
export async function bench(): Promise<Measured[]> {
  const motes = await openDataset("telosb")
  const found = await compare("eight motes", motes, { rounds: 30, model: { hidden: [32] } })
  const people = sharedData("uci-har-66")
  if (!existsSync(people)) return found
  const train = { epochs: 2, learningRate: 0.05 }
  const plan = { rounds: 100, cohort: 10, model: { hidden: [32] }, train }
  return [...found, ...(await compare("30 people", await openDataset(people), plan))]
}

async function compare(fleet: string, dataset: Dataset, overrides: PlanInput): Promise<Measured[]> {
  const results: { readonly down: string; readonly result: Result }[] = []
  for (const codec of DOWN) {
    const plan = planFor(dataset, { codecs: "eden4", ...overrides, ...(codec && { downlink: { codec } }) })
    const { result } = await simulate({ plan, dataset, baselines: false })
    results.push({ down: codec ?? "whole", result })
  }
  const whole = results[0]!.result
  return results.flatMap(({ down, result }) => [
    measured({
      group: "downlink",
      name: `${fleet}: received in a round by each device, ${down}`,
      value: received(result, dataset),
      unit: "bytes",
      ...(result !== whole && {
        against: "whole models",
        ratio: received(result, dataset) / received(whole, dataset),
        budget: { atMost: down === "int8-nearest" ? 0.33 : 0.22 },
      }),
    }),
    measured({
      group: "downlink",
      name: `${fleet}: accuracy, ${down}`,
      value: result.final.metrics.accuracy!,
      unit: "",
      ...(result !== whole && {
        against: "whole models",
        ratio: result.final.metrics.accuracy! / whole.final.metrics.accuracy!,
        budget: { atLeast: 0.99 },
      }),
    }),
  ])
}

/** Every device evaluates in every round, so that all receive the same. */
function received({ rounds }: Result, { clients }: Dataset): number {
  return rounds.reduce((sum, { downlinkBytes }) => sum + downlinkBytes, 0) / rounds.length / clients
}
