import { Option } from "commander"
import type { Command } from "commander"
import { checkPlan } from "../core/plan-check.ts"
import type { FleetFacts } from "../core/plan-check.ts"
import type { Plan, PlanOverrides } from "../core/plan.ts"
import type { Dataset } from "../data/dataset.ts"
import type { Context } from "./context.ts"
import { cohort, hiddenLayers, whole } from "./parse.ts"

/** Options that override the plan. */
export interface PlanFlags {
  readonly rounds?: number
  readonly seed?: number
  readonly hidden?: readonly number[]
  readonly cohort?: number | "all"
}

export function addPlanOptions(command: Command): Command {
  return addRunOptions(command)
    .addOption(new Option("--hidden <units>", "hidden layers: 32, 64,32 or none").argParser(hiddenLayers))
    .addOption(new Option("--cohort <number>", "updates wanted in a round, or all").argParser(cohort))
}

export function addRunOptions(command: Command): Command {
  return command
    .option("--rounds <number>", "training rounds at most", whole(1))
    .option("--seed <number>", "same seed, same plan, same updates: same model", whole(0))
}

export function planOverrides({ rounds, seed, hidden, cohort: wanted }: PlanFlags): PlanOverrides {
  return { rounds, seed, cohort: wanted, ...(hidden === undefined ? {} : { model: { hidden } }) }
}

/** Names of the flags that were given. */
export function givenFlags(flags: PlanFlags): string[] {
  return (["rounds", "seed", "hidden", "cohort"] as const)
    .filter((name) => flags[name] !== undefined)
    .map((name) => `--${name}`)
}

/** Says what is likely to go wrong, before it does. */
export function warnAbout(plan: Plan, { log }: Context, facts: FleetFacts = {}): void {
  for (const warning of planWarnings(plan, facts)) log.warn(warning)
}

/** The same, one line each. */
export function planWarnings(plan: Plan, facts: FleetFacts = {}): string[] {
  return checkPlan(plan, facts).map(({ path, message, advice }) => `${path}: ${message}; ${advice}`)
}

export function fleetFacts(dataset: Dataset): FleetFacts {
  const { clients, population } = dataset
  // Too many to be looked at one by one.
  if (population !== undefined) return { clients, samples: Math.round(population.trainSamples / clients) }
  const rows = Array.from({ length: dataset.clients }, (_, client) => dataset.trainRows(client)).sort((a, b) => a - b)
  const samples = rows[rows.length >> 1]
  return { clients: dataset.clients, ...(samples === undefined ? {} : { samples }) }
}
