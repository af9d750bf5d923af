import { withData } from "../../core/plan-model.ts"
import { mergePlan, parsePlan } from "../../core/plan.ts"
import type { Plan, PlanOverrides } from "../../core/plan.ts"
import { initialModel } from "../../coordinator/coordinator.ts"
import type { Dataset } from "../../data/dataset.ts"
import { openDataset } from "../../data/open.ts"
import { PooledDataset, sharedFloats } from "../../data/pool.ts"
import type { Deal, Pool } from "../../data/pool.ts"
import { meanOf } from "./curve.ts"
import { claim } from "./experiment.ts"
import type { Experiment, Findings, ReproduceContext, Row } from "./experiment.ts"
import { learn } from "./learn.ts"
import type { Learned } from "./learn.ts"
import { Clients } from "./personal.ts"
import { findSet } from "./sets.ts"

/** How large the experiment is; tests make it smaller. */
export interface CmapssScale {
  readonly rounds: number
  /** Passes over the data of models that learn without a federation. */
  readonly epochs: number
}

const FULL: CmapssScale = { rounds: 400, epochs: 40 }
const TRAIN = { epochs: 1, batch: 32, learningRate: 0.02 }
const HIDDEN = [32, 16]
const COHORT = 10
/** Remaining life is learned in parts of its cap of 125 cycles. */
const CYCLES = 125
const AT = [50, 100, 200, 400] as const

interface Method {
  readonly label: string
  readonly overrides: PlanOverrides
  /** RMSE after 400 rounds, in cycles: the same settings in numpy, one seed. */
  readonly reference: number
}

const METHODS: readonly Method[] = [
  { label: "FedAvg", overrides: {}, reference: 19.0 },
  { label: "FedProx, mu = 0.1", overrides: { train: { epochs: 2, proximal: 0.1 } }, reference: 19.0 },
  {
    label: "FedAvgM",
    overrides: { train: { learningRate: 0.01 }, strategy: { name: "fedavgm", momentum: 0.9, serverLearningRate: 0.3 } },
    reference: 16.4,
  },
  {
    label: "FedAdam",
    overrides: { train: { learningRate: 0.01 }, strategy: { name: "fedadam", serverLearningRate: 0.01 } },
    reference: 16.1,
  },
  {
    label: "FedYogi",
    overrides: { train: { learningRate: 0.01 }, strategy: { name: "fedyogi", serverLearningRate: 0.01 } },
    reference: 16.2,
  },
]
const REFERENCE = { central: 14.5, alone: 33.0 }

/** Remaining useful life of turbofan engines, one client an engine (C-MAPSS FD001): windows of 30 cycles of 14 sensors, life capped at 125. */
export function cmapss(scale: CmapssScale = FULL): Experiment {
  return {
    name: "cmapss",
    about: "remaining life of 100 engines (C-MAPSS FD001): federated by engine against central and each alone",
    run: (context) => run(context, scale),
  }
}

async function run(context: ReproduceContext, scale: CmapssScale): Promise<Findings> {
  const dataset = prepared(await openDataset(await findSet(context.data, "cmapss"), { part: "FD001" }))
  const plan = planOf(dataset, context.seed, scale.rounds)
  const rows: Row[] = []
  for (const { label, overrides, reference } of METHODS)
    rows.push(
      federatedRow(label, await learn(context, { title: label, dataset, plan: mergePlan(plan, overrides) }), reference),
    )
  const best = Math.min(...rows.map((row) => row["rmse"] as number))
  const engines = new Clients(plan, dataset)
  const start = initialModel(plan)
  const rmse = (parameters: Float32Array): number => engines.score(parameters).rmse! * CYCLES
  const alone = meanOf(engines.each(start, scale.epochs).map(rmse))!
  rows.push(
    otherRow("all in one place", rmse(engines.together(start, scale.epochs)), REFERENCE.central),
    otherRow("each alone", alone, REFERENCE.alone),
  )
  return {
    settings: {
      data: dataset.name,
      clients: dataset.clients,
      cohort: COHORT,
      batch: TRAIN.batch,
      hidden: HIDDEN,
      rounds: scale.rounds,
      codec: "f32",
      epochsAlone: scale.epochs,
      seed: context.seed,
    },
    columns: [
      { title: "Model", keys: ["label"] },
      { title: "Epochs", keys: ["epochs"], missing: String(scale.epochs) },
      { title: "Rate", keys: ["learningRate"] },
      {
        title: `RMSE after ${AT.join(" / ")} rounds`,
        keys: AT.map((round) => `rmse${round}`),
        digits: 1,
        missing: "-",
      },
      { title: "RMSE, cycles", keys: ["rmse"], digits: 2 },
      { title: "Reference", keys: ["referenceRmse"], digits: 2 },
    ],
    rows,
    claims: [claim("RMSE of each alone, in that of the best federated model", alone / best, { atLeast: 1.5 })],
  }
}

function federatedRow(label: string, { curve, result }: Learned, reference: number): Row {
  const after = (round: number): number | null => {
    const value = curve.find((point) => point.round === round)?.value
    return value === undefined ? null : value * CYCLES
  }
  const { epochs, learningRate } = result.plan.train
  const rmse = (curve.at(-1)?.value ?? NaN) * CYCLES
  return { label, epochs, learningRate, ...roundsOf(after), rmse, referenceRmse: reference }
}

function otherRow(label: string, rmse: number, reference: number): Row {
  const { learningRate } = TRAIN
  return { label, epochs: null, learningRate, ...roundsOf(() => null), rmse, referenceRmse: reference }
}

function roundsOf(after: (round: number) => number | null): Row {
  return Object.fromEntries(AT.map((round) => [`rmse${round}`, after(round)]))
}

function planOf(dataset: Dataset, seed: number, rounds: number): Plan {
  const plan = parsePlan({
    seed,
    rounds,
    cohort: COHORT,
    codecs: "f32",
    selection: { overSelect: 1 },
    model: { hidden: HIDDEN, standardize: false },
    train: TRAIN,
    evaluate: { every: 50 },
  })
  return withData(plan, dataset)
}

/**
 * The same windows as published work prepares them: each sensor from -1 to 1 over the training readings, and the life left in parts of its cap, a
 * target of the size that initial models are made for.
 */
function prepared(dataset: Dataset): Dataset {
  if (!(dataset instanceof PooledDataset)) throw new TypeError("expected a data set of pools")
  const { train, test } = dataset.parts
  const ranges = rangesOf(train.pool)
  const scaled = (deal: Deal): Deal => ({ ...deal, pool: scaledPool(deal.pool, ranges) })
  return new PooledDataset({ ...dataset.parts, train: scaled(train), test: scaled(test) })
}

interface Range {
  readonly low: number
  readonly high: number
}

/** Of each column of a pool whose stride is the number of sensors. */
function rangesOf({ values, stride }: Pool): Range[] {
  return Array.from({ length: stride }, (_, column) => {
    let low = Infinity
    let high = -Infinity
    for (let i = column; i < values.length; i += stride) {
      low = Math.min(low, values[i]!)
      high = Math.max(high, values[i]!)
    }
    return { low, high }
  })
}

function scaledPool(pool: Pool, ranges: readonly Range[]): Pool {
  const values = sharedFloats(pool.values.length)
  for (let i = 0; i < values.length; i++) {
    const { low, high } = ranges[i % pool.stride]!
    values[i] = high === low ? 0 : (2 * (pool.values[i]! - low)) / (high - low) - 1
  }
  const y = sharedFloats(pool.y.length)
  for (let i = 0; i < y.length; i++) y[i] = pool.y[i]! / CYCLES
  return { values, stride: pool.stride, y }
}
