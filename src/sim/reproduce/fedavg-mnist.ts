import { roundsTo } from "./curve.ts"
import { claim } from "./experiment.ts"
import type { Experiment, Findings, ReproduceContext, Row } from "./experiment.ts"
import { learn } from "./learn.ts"
import { TWO_LAYERS, digitsPlan, openDigits } from "./mnist.ts"

interface Setting {
  readonly partition: "iid" | "shards:2"
  /** Rows of a step; null for all that a client has. */
  readonly batch: number | null
  /** The best of a grid, as in the paper; found once. */
  readonly learningRate: number
  /** Rounds to 97 %: McMahan et al. 2017, table 1, 2NN, E = 1, C = 0.1. */
  readonly published: number
}

/** How large the experiment is; tests make it smaller. */
export interface FedavgScale {
  readonly settings: readonly Setting[]
  readonly hidden: readonly number[]
  readonly clients: number
  readonly cohort: number
}

const FULL: FedavgScale = {
  settings: [
    { partition: "iid", batch: 10, learningRate: 0.1, published: 87 },
    { partition: "iid", batch: null, learningRate: 0.8, published: 1474 },
    { partition: "shards:2", batch: 10, learningRate: 0.1, published: 664 },
    { partition: "shards:2", batch: null, learningRate: 0.3, published: 1796 },
  ],
  hidden: TWO_LAYERS,
  clients: 100,
  cohort: 10,
}

const TARGET = 0.97
/** The largest batch that a plan may have. */
const ALL_ROWS = 65535

/** FedAvg on MNIST as in McMahan et al. 2017 (table 1): a two-layer network, 100 clients, a tenth of them a round, one epoch. */
export function fedavgMnist(scale: FedavgScale = FULL): Experiment {
  return {
    name: "fedavg-mnist",
    about:
      "FedAvg on MNIST (2NN), IID and two shards a client, B = 10 and infinity: rounds to 97 % (McMahan et al. 2017)",
    run: (context) => run(context, scale),
  }
}

async function run(context: ReproduceContext, scale: FedavgScale): Promise<Findings> {
  const rows: Row[] = []
  for (const setting of scale.settings) rows.push(await rowOf(context, setting, scale))
  const { clients, cohort, hidden } = scale
  return {
    settings: { data: "mnist", clients, cohort, epochs: 1, hidden: [...hidden], codec: "f32", seed: context.seed },
    columns: [
      { title: "Clients' data", keys: ["partition"] },
      { title: "B", keys: ["batch"], missing: "all" },
      { title: "Rate", keys: ["learningRate"] },
      { title: "Rounds to 97 %", keys: ["rounds97"], digits: 1, missing: "not reached" },
      { title: "Published", keys: ["published97"] },
      { title: "Published / ours", keys: ["speedup"], digits: 1 },
    ],
    rows,
    claims: rows.map(({ partition, batch, rounds97, published97 }) =>
      claim(`rounds to 97 %, ${partition}, B = ${batch ?? "all"}`, rounds97 as number | null, {
        atMost: published97 as number,
      }),
    ),
  }
}

async function rowOf(context: ReproduceContext, setting: Setting, scale: FedavgScale): Promise<Row> {
  const { partition, batch, learningRate, published } = setting
  const { seed } = context
  const { dataset, test } = await openDigits(context, { partition, clients: scale.clients, seed })
  const { curve } = await learn(context, {
    title: `${partition}, B = ${batch ?? "all"}`,
    dataset,
    heldOut: test,
    plan: digitsPlan(dataset, {
      seed,
      rounds: published,
      cohort: scale.cohort,
      codecs: "f32",
      model: { hidden: [...scale.hidden] },
      train: { epochs: 1, batch: batch ?? ALL_ROWS, learningRate },
      stop: { metric: "accuracy", atLeast: TARGET },
    }),
  })
  const rounds97 = roundsTo(curve, TARGET)
  return {
    partition,
    batch,
    learningRate,
    rounds97,
    published97: published,
    speedup: rounds97 === null ? null : published / rounds97,
  }
}
