/**
 * `node simulation-process.ts SCENARIO CLIENTS COHORT ROUNDS WORKERS`: one simulation in a process of its own, and what it took, as a line of JSON. Scenarios: `population`
 * (simulation-data.ts, softmax), `mnist-2nn` (IID, the network of McMahan et al. 2017), `har` (the 561 features of UCI-HAR, one hidden layer).
 */
import { fileURLToPath } from "node:url"
import type { PlanInput } from "../../src/core/plan.ts"
import type { Dataset } from "../../src/data/dataset.ts"
import { openDataset } from "../../src/data/open.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"
import { sharedData } from "../data/shared.ts"
import { population } from "./simulation-data.ts"

export interface Taken {
  readonly updates: number
  /** Of the rounds alone. */
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMb: number
  readonly digest: string
  readonly accuracy: number | null
}

interface Scenario {
  readonly dataset: Dataset
  readonly plan: Parameters<typeof planFor>[1]
}

const SOFTMAX = { batch: 10, epochs: 1, learningRate: 0.05 }

async function scenario(name: string, clients: number): Promise<Scenario> {
  switch (name) {
    case "population":
      return {
        dataset: population(clients),
        plan: { model: { hidden: "none", standardize: false }, train: SOFTMAX, codecs: "int8", evaluate: { every: 0 } },
      }
    case "mnist-2nn":
      return {
        dataset: await openDataset(sharedData("mnist"), { partition: "iid", clients }),
        plan: {
          model: { hidden: [200, 200], standardize: false },
          train: { batch: 10, epochs: 1, learningRate: 0.1 },
          codecs: "int8",
          evaluate: { every: 0 },
        },
      }
    case "har":
      return {
        dataset: await openDataset(sharedData("uci-har"), { partition: "iid", clients }),
        plan: { model: { hidden: [64] }, train: { batch: 10, epochs: 5, learningRate: 0.05 }, evaluate: { every: 10 } },
      }
    default:
      throw new Error(`no scenario ${name}`)
  }
}

async function run(name: string, clients: number, cohort: number, rounds: number, workers: number): Promise<Taken> {
  const { dataset, plan } = await scenario(name, clients)
  const cpu = process.cpuUsage()
  const { result } = await simulate({
    plan: planFor(dataset, { ...plan, cohort, rounds, selection: { overSelect: 1 } } as PlanInput),
    dataset,
    workers,
    baselines: false,
  })
  const { user, system } = process.cpuUsage(cpu)
  return {
    updates: result.rounds.reduce((sum, { folded }) => sum + folded, 0),
    seconds: result.timing.trainingSeconds ?? NaN,
    cpuSeconds: (user + system) / 1e6,
    peakMb: process.resourceUsage().maxRSS / 1024,
    digest: result.model.digest,
    accuracy: result.final.metrics.accuracy ?? null,
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, ...numbers] = process.argv.slice(2)
  const [clients = 0, cohort = 0, rounds = 0, workers = 0] = numbers.map(Number)
  console.log(JSON.stringify(await run(name!, clients, cohort, rounds, workers)))
}
