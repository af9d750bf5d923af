import { classCount } from "../core/model.ts"
import { featureCount, lossOf, modelSpec } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import { RESULT_SCHEMA } from "../core/result.ts"
import type { Result } from "../core/result.ts"
import type { CoordinatorOutcome } from "../coordinator/coordinator.ts"
import type { FleetCount } from "../coordinator/journal/journal.ts"
import type { Dataset, Population } from "../data/dataset.ts"
import { machineFacts } from "./machine.ts"

export interface LiveFacts {
  readonly plan: Plan
  /** What is known of the fleet's data. */
  readonly data: Result["data"]
  readonly timing: Result["timing"]
  readonly baselines?: Result["baselines"] | undefined
}

/** A live federation's result. */
export function liveResult(outcome: Pick<CoordinatorOutcome, "report">, facts: LiveFacts): Result {
  const { plan, data, timing, baselines = {} } = facts
  return {
    schema: RESULT_SCHEMA,
    seed: plan.seed,
    plan,
    data,
    ...outcome.report,
    baselines,
    timing,
    machine: machineFacts(),
  }
}

/** What a result says of a live fleet's data. */
export function fleetData(plan: Plan, { devices, trainSamples, testSamples }: FleetCount): Result["data"] {
  const classes = lossOf(plan) === "custom" ? (plan.model.labels?.length ?? 0) : classCount(modelSpec(plan))
  return { clients: devices, trainSamples, testSamples, features: featureCount(plan) ?? 0, classes }
}

/** What a result says of a data set. */
export function dataFacts(dataset: Dataset): Result["data"] {
  return {
    name: dataset.name,
    clients: dataset.clients,
    ...(dataset.population === undefined ? counted(dataset) : expected(dataset.population)),
    features: dataset.features.length,
    classes: dataset.classes.length,
  }
}

type SampleCounts = Pick<Result["data"], "trainSamples" | "testSamples">

function expected({ trainSamples, testSamples }: Population): SampleCounts {
  return { trainSamples, testSamples }
}

function counted(dataset: Dataset): SampleCounts {
  let trainSamples = 0
  let testSamples = 0
  for (let client = 0; client < dataset.clients; client++) {
    trainSamples += dataset.trainRows(client)
    testSamples += dataset.testRows(client)
  }
  return { trainSamples, testSamples }
}
