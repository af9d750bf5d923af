import { withData } from "../core/plan-model.ts"
import { mergePlan, parsePlan } from "../core/plan.ts"
import type { Plan, PlanInput, PlanOverrides } from "../core/plan.ts"
import type { Dataset } from "../data/dataset.ts"
import { DrawnDataset } from "../data/drawn.ts"
import { PooledDataset } from "../data/pool.ts"

/**
 * The demo's plan: a linear model on eight features of a minute. Rare events (1.5 % of the test rows, 0.2 % of the training rows, all of
 * them at one mote) want a weight, and a little weight decay keeps that mote from running away.
 */
const TELOSB: PlanInput = {
  fleet: "motes",
  rounds: 30,
  model: { hidden: "none", positiveWeight: 20 },
  train: { epochs: 1, batch: 32, learningRate: 0.05, l2: 0.005 },
}

/** The plan of the built-in set, with `overrides` laid over it. */
export function telosbPlan(overrides: PlanOverrides = {}): Plan {
  return mergePlan(parsePlan(TELOSB), overrides)
}

// Pixels have a range of their own; scaled by their deviations, those at the rim that are almost always 0 would outweigh the rest.
const IMAGES: PlanInput = { model: { standardize: false } }

/**
 * The plan for a data set where none was written: defaults that suit the data, then `overrides`, and what the data itself says
 * (features, labels). Throws `PlanError` where they do not fit.
 */
export function planFor(dataset: Dataset, overrides: PlanOverrides = {}): Plan {
  const { features, classes } = dataset
  const base = dataset.name === "telosb" ? TELOSB : hasBytes(dataset) ? IMAGES : {}
  return withData(mergePlan(parsePlan(base), overrides), { features, classes })
}

function hasBytes(dataset: Dataset): boolean {
  const known = dataset instanceof PooledDataset || dataset instanceof DrawnDataset
  return known && dataset.parts.train.pool.values instanceof Uint8Array
}
