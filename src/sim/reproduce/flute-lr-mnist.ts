import { claim } from "./experiment.ts"
import type { Experiment, Findings, ReproduceContext, Row } from "./experiment.ts"
import { learn } from "./learn.ts"
import { digitsPlan, openDigits } from "./mnist.ts"

/** How large the experiment is; tests make it smaller. */
export interface FluteScale {
  readonly clients: number
  readonly cohort: number
  readonly rounds: number
}

const FULL: FluteScale = { clients: 1000, cohort: 10, rounds: 100 }
const TRAIN = { epochs: 1, batch: 10, learningRate: 0.03 }
/** Two digits a client, as in the data that the others used. */
const PARTITION = "shards:2"
const TEST_EVERY = 20

/** Seconds and accuracy, from the README of Microsoft FLUTE (FLUTE against Flower 1.0.0 and FedML 0.7.303). */
const PUBLISHED: readonly Row[] = [
  { system: "FLUTE, CPU", seconds: 200, accuracy: 0.8 },
  { system: "FLUTE, GPU", seconds: 95, accuracy: 0.81 },
  { system: "FedML, GPU", seconds: 189, accuracy: 0.81 },
  { system: "Flower, CPU", seconds: 1814, accuracy: 0.8 },
  { system: "Flower, 2 GPUs", seconds: 4904, accuracy: 0.8 },
]

/** Logistic regression on MNIST at 1,000 clients: the task that simulators compare their speed with. */
export function fluteLrMnist(scale: FluteScale = FULL): Experiment {
  return {
    name: "flute-lr-mnist",
    about: "logistic regression on MNIST, 1000 clients, 100 rounds: how long it takes beside FLUTE, FedML and Flower",
    run: (context) => run(context, scale),
  }
}

async function run(context: ReproduceContext, scale: FluteScale): Promise<Findings> {
  const { seed } = context
  const { clients, cohort, rounds } = scale
  const { dataset, test } = await openDigits(context, { partition: PARTITION, clients, seed })
  const { result } = await learn(context, {
    title: "logistic regression",
    dataset,
    heldOut: test,
    plan: digitsPlan(dataset, {
      seed,
      rounds,
      cohort,
      codecs: "f32",
      model: { hidden: "none" },
      train: TRAIN,
      evaluate: { every: TEST_EVERY },
    }),
  })
  const accuracy = result.final.metrics.accuracy ?? null
  // What a person waits: since the process began.
  const seconds = process.uptime()
  const rows = [{ system: "Fedmote", seconds, accuracy }, ...PUBLISHED]
  return {
    settings: {
      data: "mnist",
      partition: PARTITION,
      clients,
      cohort,
      ...TRAIN,
      rounds,
      testEvery: TEST_EVERY,
      codec: "f32",
      workers: context.workers,
      roundSeconds: result.timing.trainingSeconds ?? null,
      seed,
    },
    columns: [
      { title: "System", keys: ["system"] },
      { title: "Seconds", keys: ["seconds"], digits: 2 },
      { title: "In ours", keys: ["ratio"], digits: 0 },
      { title: "Accuracy", keys: ["accuracy"], digits: 3 },
    ],
    rows: rows.map((row) => ({ ...row, ratio: Number(row["seconds"]) / seconds })),
    claims: [claim("accuracy after the last round", accuracy, { atLeast: 0.8 })],
  }
}
