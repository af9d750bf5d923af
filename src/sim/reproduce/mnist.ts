import type { PlanInput } from "../../core/plan.ts"
import { mergePlan, parsePlan } from "../../core/plan.ts"
import { withData } from "../../core/plan-model.ts"
import type { Plan } from "../../core/plan.ts"
import type { Samples } from "../../core/samples.ts"
import type { Dataset } from "../../data/dataset.ts"
import { heldOut } from "../../data/held-out.ts"
import { openDataset } from "../../data/open.ts"
import type { ReproduceContext } from "./experiment.ts"
import { findSet } from "./sets.ts"

/** What the MNIST experiments share: the digits dealt to clients, and all test images with the server. */
export interface Digits {
  readonly dataset: Dataset
  readonly test: Samples
}

export interface Dealing {
  readonly partition: string
  readonly clients: number
  readonly seed: number
}

export async function openDigits({ data }: Pick<ReproduceContext, "data">, dealing: Dealing): Promise<Digits> {
  const dataset = await openDataset(await findSet(data, "mnist"), dealing)
  return { dataset, test: heldOut(dataset) }
}

/** Pixels as they are; whoever is asked answers. `input` says the rest. */
export function digitsPlan(dataset: Dataset, input: PlanInput): Plan {
  const plan = parsePlan({ selection: { overSelect: 1 }, model: { standardize: false } })
  return withData(mergePlan(plan, input), dataset)
}

/** The two-layer network of McMahan et al. 2017, "2NN": 784-200-200-10 with ReLU, 199,210 parameters. */
export const TWO_LAYERS = [200, 200]
