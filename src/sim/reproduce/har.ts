import { withData } from "../../core/plan-model.ts"
import { parsePlan } from "../../core/plan.ts"
import type { Plan, PlanInput } from "../../core/plan.ts"
import { initialModel } from "../../coordinator/coordinator.ts"
import type { Dataset } from "../../data/dataset.ts"
import { openDataset } from "../../data/open.ts"
import { deviationOf, meanOf } from "./curve.ts"
import { claim } from "./experiment.ts"
import type { Experiment, Findings, ReproduceContext, Row } from "./experiment.ts"
import { learn } from "./learn.ts"
import type { Learned } from "./learn.ts"
import { Clients } from "./personal.ts"
import type { Personal } from "./personal.ts"
import { findSet } from "./sets.ts"

/** How large the experiment is; tests make it smaller. */
export interface HarScale {
  readonly seeds: number
  readonly rounds: number
}

const FULL: HarScale = { seeds: 3, rounds: 100 }
const TRAIN = { epochs: 2, batch: 32, learningRate: 0.05 }
const HIDDEN = 32
/** Three in ten clients a round. */
const SHARE = 0.3
const EPOCHS = { alone: 60, central: 40, finetune: 5, head: 10 }

/** Accuracy over all test samples and of the worst tenth of the clients: the same protocol in numpy, three seeds. */
const METHODS = {
  alone: { label: "each alone", reference: [0.889, 0.7644] },
  central: { label: "all in one place", reference: [0.9202, 0.761] },
  fedavg: { label: "FedAvg", reference: [0.8885, 0.6887] },
  fedprox: { label: "FedProx, mu = 0.1", reference: [0.8877, 0.6872] },
  fedadam: { label: "FedAdam", reference: [0.9008, 0.736] },
  finetune: { label: "FedAvg, tuned by each", reference: [0.9519, 0.8391] },
  head: { label: "FedAvg, head tuned by each", reference: [0.9529, 0.8264] },
} as const

type Method = keyof typeof METHODS
type ByMethod = { readonly [method in Method]: Personal }

/** Activities of thirty people from a phone at the waist (UCI HAR, 66 features), one client a person: one model for all, or one for each. */
export function har(scale: HarScale = FULL): Experiment {
  return {
    name: "har",
    about: "activities of 30 people (UCI HAR, 66 features): alone, central, FedAvg, FedProx, FedAdam, tuned by each",
    run: (context) => run(context, scale),
  }
}

async function run(context: ReproduceContext, scale: HarScale): Promise<Findings> {
  const dataset = await openDataset(await findSet(context.data, "uci-har-66"))
  const seeds = Array.from({ length: scale.seeds }, (_, i) => context.seed + i)
  const found: ByMethod[] = []
  for (const seed of seeds) found.push(await withSeed(context, dataset, seed, scale))
  return {
    settings: {
      data: dataset.name,
      clients: dataset.clients,
      cohort: cohortOf(dataset),
      ...TRAIN,
      hidden: HIDDEN,
      rounds: scale.rounds,
      codec: "f32",
      seeds,
    },
    columns: [
      { title: "Model", keys: ["label"] },
      { title: "Accuracy", keys: ["accuracy"], digits: 3 },
      { title: "Deviation", keys: ["deviation"], digits: 3 },
      { title: "Reference", keys: ["referenceAccuracy"], digits: 3 },
      { title: "Mean of clients", keys: ["clientMean"], digits: 3 },
      { title: "Worst tenth", keys: ["worstTenth"], digits: 3 },
      { title: "Reference", keys: ["referenceWorstTenth"], digits: 3 },
    ],
    rows: (Object.keys(METHODS) as Method[]).map((method) => rowOf(method, found)),
    claims: claimsOf((method) => meanOf(found.map((each) => each[method].pooled))!),
  }
}

function claimsOf(accuracy: (method: Method) => number): Findings["claims"] {
  const gain = (what: string, own: Method, than: Method, least: number): Findings["claims"][number] =>
    claim(`accuracy with ${what}`, accuracy(own) - accuracy(than), { atLeast: least })
  return [
    gain("a head tuned by each, less that of FedAvg", "head", "fedavg", 0.05),
    gain("a model tuned by each, less that of FedAvg", "finetune", "fedavg", 0.05),
    gain("a head tuned by each, less that of each alone", "head", "alone", 0),
  ]
}

async function withSeed(
  context: ReproduceContext,
  dataset: Dataset,
  seed: number,
  { rounds }: HarScale,
): Promise<ByMethod> {
  const plan = planOf(dataset, seed, rounds)
  const federated = (title: string, more: PlanInput): Promise<Learned> =>
    learn(context, { title: `${title}, seed ${seed}`, dataset, plan: planOf(dataset, seed, rounds, more) })
  const fedavg = await federated("FedAvg", {})
  const fedprox = await federated("FedProx", { train: { ...TRAIN, proximal: 0.1 } })
  const fedadam = await federated("FedAdam", { strategy: { name: "fedadam", serverLearningRate: 0.01 } })
  const clients = new Clients(plan, dataset, fedavg.standardizer)
  const start = initialModel(plan)
  const one = (parameters: Float32Array): Personal => clients.judge(() => parameters)
  const own = (models: readonly Float32Array[]): Personal => clients.judge((client) => models[client]!)
  return {
    alone: own(clients.each(start, EPOCHS.alone)),
    central: one(clients.together(start, EPOCHS.central)),
    fedavg: one(fedavg.parameters),
    fedprox: one(fedprox.parameters),
    fedadam: one(fedadam.parameters),
    finetune: own(clients.each(fedavg.parameters, EPOCHS.finetune)),
    head: own(clients.each(fedavg.parameters, EPOCHS.head, "head")),
  }
}

function planOf(dataset: Dataset, seed: number, rounds: number, more: PlanInput = {}): Plan {
  const plan = parsePlan({
    seed,
    rounds,
    cohort: cohortOf(dataset),
    codecs: "f32",
    selection: { overSelect: 1 },
    model: { hidden: HIDDEN },
    train: TRAIN,
    evaluate: { every: 10 },
    ...more,
  })
  return withData(plan, dataset)
}

function cohortOf({ clients }: Dataset): number {
  return Math.max(1, Math.round(SHARE * clients))
}

function rowOf(method: Method, found: readonly ByMethod[]): Row {
  const { label, reference } = METHODS[method]
  const own = found.map((each) => each[method])
  const accuracies = own.map(({ pooled }) => pooled)
  return {
    method,
    label,
    accuracy: meanOf(accuracies),
    deviation: deviationOf(accuracies),
    referenceAccuracy: reference[0],
    clientMean: meanOf(own.map(({ mean }) => mean)),
    worstTenth: meanOf(own.map(({ worst }) => worst)),
    referenceWorstTenth: reference[1],
  }
}
