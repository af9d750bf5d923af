import { modelSpec, withData } from "../../core/plan-model.ts"
import { parsePlan } from "../../core/plan.ts"
import type { Plan } from "../../core/plan.ts"
import { NO_DEVICE, PURPOSE, RandomStream } from "../../core/random.ts"
import type { Samples } from "../../core/samples.ts"
import type { Dataset } from "../../data/dataset.ts"
import { gathered } from "../../data/held-out.ts"
import { createTrainer } from "../../kernel/trainer.ts"
import type { ScheduledRound } from "../replay.ts"
import { deviationOf, meanOf } from "./curve.ts"
import { claim } from "./experiment.ts"
import type { Experiment, Findings, ReproduceContext, Row } from "./experiment.ts"
import { learn } from "./learn.ts"
import { score } from "./score.ts"
import { syntheticDataset } from "./synthetic.ts"
import type { Heterogeneity } from "./synthetic.ts"

/** How large the experiment is; tests make it smaller. */
export interface FedproxScale {
  readonly seeds: number
  readonly rounds: number
  readonly cases: readonly Case[]
}

interface Case {
  readonly data: "iid" | `${number}, ${number}`
  /** Share of a cohort that does not get through all epochs. */
  readonly stragglers: number
  readonly methods: readonly Method[]
}

/** Null: FedAvg, which leaves stragglers out. A number: FedProx with this mu, which takes what they have. */
interface Method {
  readonly proximal: number | null
  /** Loss and test accuracy after 200 rounds: means over five data seeds of the same settings in C, where they were noted. */
  readonly reference: readonly [loss?: number, accuracy?: number]
}

const fedavg = (...reference: Method["reference"]): Method => ({ proximal: null, reference })
const fedprox = (proximal: number, ...reference: Method["reference"]): Method => ({ proximal, reference })

const FULL: FedproxScale = {
  seeds: 5,
  rounds: 200,
  cases: [
    { data: "iid", stragglers: 0, methods: [fedavg(0.239, 0.93), fedprox(1, 0.787, 0.735)] },
    { data: "iid", stragglers: 0.5, methods: [fedavg(), fedprox(0), fedprox(1)] },
    {
      data: "iid",
      stragglers: 0.9,
      methods: [fedavg(0.45, 0.852), fedprox(0, 0.307, 0.908), fedprox(1, 0.811, 0.728)],
    },
    { data: "0, 0", stragglers: 0, methods: [fedavg(0.727, 0.836), fedprox(1, 0.356, 0.866)] },
    { data: "0, 0", stragglers: 0.5, methods: [fedavg(), fedprox(0), fedprox(1)] },
    {
      data: "0, 0",
      stragglers: 0.9,
      methods: [fedavg(0.417, 0.848), fedprox(0, 0.6, 0.843), fedprox(1, 0.362, 0.862)],
    },
    { data: "0.5, 0.5", stragglers: 0, methods: [fedavg(0.633, 0.842), fedprox(1, 0.331, 0.878)] },
    {
      data: "0.5, 0.5",
      stragglers: 0.5,
      methods: [fedavg(0.431, 0.859), fedprox(0, 0.578, 0.848), fedprox(1, 0.329, 0.876)],
    },
    {
      data: "0.5, 0.5",
      stragglers: 0.9,
      methods: [fedavg(0.376, 0.853), fedprox(0, 0.554, 0.847), fedprox(1, 0.335, 0.874)],
    },
    { data: "1, 1", stragglers: 0, methods: [fedavg(0.913, 0.803), fedprox(1, 0.364, 0.859)] },
    {
      data: "1, 1",
      stragglers: 0.5,
      methods: [fedavg(0.545, 0.852), fedprox(0, 0.735, 0.831), fedprox(1, 0.358, 0.866)],
    },
    {
      data: "1, 1",
      stragglers: 0.9,
      methods: [fedavg(0.698, 0.794), fedprox(0, 0.72, 0.827), fedprox(1, 0.365, 0.863)],
    },
  ],
}

const COHORT = 10
const TRAIN = { epochs: 20, batch: 10, learningRate: 0.01 }

/** FedProx against FedAvg where devices differ and many are too slow: Li et al. 2020, synthetic data. */
export function fedproxSynthetic(scale: FedproxScale = FULL): Experiment {
  return {
    name: "fedprox-synthetic",
    about: "FedProx and FedAvg on synthetic data, IID to (1, 1), with stragglers (Li et al. 2020); needs no data",
    run: (context) => run(context, scale),
  }
}

async function run(context: ReproduceContext, scale: FedproxScale): Promise<Findings> {
  const rows: Row[] = []
  for (const each of scale.cases) rows.push(...(await rowsOf(context, each, scale)))
  return {
    settings: {
      data: "synthetic",
      devices: 30,
      cohort: COHORT,
      ...TRAIN,
      rounds: scale.rounds,
      codec: "f32",
      seeds: Array.from({ length: scale.seeds }, (_, i) => context.seed + i),
    },
    columns: [
      { title: "Data", keys: ["data"] },
      { title: "Stragglers", keys: ["stragglers"] },
      { title: "Method", keys: ["method"] },
      { title: "Loss", keys: ["loss"], digits: 3 },
      { title: "Deviation", keys: ["lossDeviation"], digits: 3 },
      { title: "Reference", keys: ["referenceLoss"], digits: 3 },
      { title: "Test accuracy", keys: ["accuracy"], digits: 3 },
      { title: "Deviation", keys: ["accuracyDeviation"], digits: 3 },
      { title: "Reference", keys: ["referenceAccuracy"], digits: 3 },
    ],
    rows,
    claims: scale.cases.filter(({ data }) => data !== "iid").map((each) => claimOf(rows, each)),
  }
}

function claimOf(rows: readonly Row[], { data, stragglers }: Case): Findings["claims"][number] {
  const own = rows.filter((row) => row["data"] === data && row["stragglers"] === stragglers)
  const loss = (method: string): number => own.find((row) => row["method"] === method)?.["loss"] as number
  const text = `(${data}), ${stragglers * 100} % stragglers: loss of FedProx with mu = 1, in that of FedAvg`
  return claim(text, loss(nameOf(1)) / loss(nameOf(null)), { atMost: 1 })
}

async function rowsOf(
  context: ReproduceContext,
  { data, stragglers, methods }: Case,
  scale: FedproxScale,
): Promise<Row[]> {
  const scores = methods.map((): { loss: number; accuracy: number }[] => [])
  for (let seed = context.seed; seed < context.seed + scale.seeds; seed++) {
    const dataset = syntheticDataset({ heterogeneity: heterogeneityOf(data), seed })
    const train = gathered(dataset, "train")
    const test = gathered(dataset, "test")
    for (const [i, { proximal }] of methods.entries()) {
      const plan = planOf(dataset, seed, scale.rounds, proximal ?? 0)
      const schedule = scheduleOf(dataset, stragglers, proximal === null, seed, scale.rounds)
      const title = `${data}, ${stragglers * 100} % stragglers, ${nameOf(proximal)}, seed ${seed}`
      const { parameters } = await learn(context, { title, dataset, plan, schedule })
      scores[i]!.push(judge(plan, parameters, train, test))
    }
  }
  return methods.map(({ proximal, reference: [referenceLoss = null, referenceAccuracy = null] }, i) => {
    const losses = scores[i]!.map(({ loss }) => loss)
    const accuracies = scores[i]!.map(({ accuracy }) => accuracy)
    return {
      data,
      stragglers,
      method: nameOf(proximal),
      loss: meanOf(losses),
      lossDeviation: deviationOf(losses),
      referenceLoss,
      accuracy: meanOf(accuracies),
      accuracyDeviation: deviationOf(accuracies),
      referenceAccuracy,
    }
  })
}

function nameOf(proximal: number | null): string {
  return proximal === null ? "FedAvg" : `FedProx, mu = ${proximal}`
}

function heterogeneityOf(data: Case["data"]): Heterogeneity {
  if (data === "iid") return data
  const [alpha, beta] = data.split(", ").map(Number) as [number, number]
  return { alpha, beta }
}

function planOf(dataset: Dataset, seed: number, rounds: number, proximal: number): Plan {
  const plan = parsePlan({
    seed,
    rounds,
    codecs: "f32",
    // Every sample that was processed counts, however many a device has.
    weightCap: 2 ** 24,
    model: { hidden: "none", standardize: false },
    train: { ...TRAIN, proximal },
    evaluate: { every: 0 },
  })
  return withData(plan, dataset)
}

/**
 * Ten devices a round at random, the same for every method. A share of them are stragglers, which get through 1 to 19 of the 20 epochs; they are left
 * out, or take part with what they have.
 */
export function scheduleOf(
  dataset: Dataset,
  stragglers: number,
  leaveOut: boolean,
  seed: number,
  rounds: number,
): ScheduledRound[] {
  const { epochs, batch } = TRAIN
  const fast = Math.round((1 - stragglers) * COHORT)
  return Array.from({ length: rounds }, (_, round) => {
    const stream = new RandomStream({ seed, round, device: NO_DEVICE }, PURPOSE.selection)
    const left = Array.from({ length: dataset.clients }, (_, client) => client)
    const chosen = Array.from({ length: COHORT }, () => left.splice(stream.below(left.length), 1)[0]!)
    return chosen.flatMap((client, i) => {
      const done = i < fast ? epochs : 1 + stream.below(epochs - 1)
      if (i >= fast && leaveOut) return []
      return [{ device: dataset.id(client), steps: done * Math.ceil(dataset.trainRows(client) / batch) }]
    })
  })
}

/** Loss over all training samples, as the paper's curves have it, and accuracy over all test samples. */
function judge(
  plan: Plan,
  parameters: Float32Array,
  train: Samples,
  test: Samples,
): { loss: number; accuracy: number } {
  const spec = modelSpec(plan)
  const trainer = createTrainer(spec, { batch: 64, rows: 4096 })
  return {
    loss: score(trainer, spec, parameters, train).loss!,
    accuracy: score(trainer, spec, parameters, test).accuracy!,
  }
}
