import { openDataset } from "../../src/data/open.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"
import { measured } from "./result.ts"
import type { Measured } from "./result.ts"

/** What the demo answers, from a simulation with the demo's plan: the same model. */
export async function demo(): Promise<Measured[]> {
  const dataset = await openDataset("telosb")
  const { result } = await simulate({ plan: planFor(dataset), dataset })
  const { pooled, alone } = result.baselines
  const federated = result.final.metrics.averagePrecision ?? 0
  const up = result.rounds.reduce((sum, round) => sum + round.uplinkBytes, 0)
  const updates = result.rounds.reduce((sum, round) => sum + round.folded, 0)
  return [
    measured({
      group: "demo",
      name: "average precision, federated, against pooled",
      value: federated,
      unit: "",
      against: "pooled",
      ratio: federated / (pooled?.metrics.averagePrecision ?? Infinity),
      budget: { atLeast: 0.9 },
    }),
    measured({
      group: "demo",
      name: "average precision, federated, against the best mote",
      value: federated,
      unit: "",
      against: "best mote alone",
      ratio: federated / (alone?.best.averagePrecision ?? Infinity),
      budget: { atLeast: 1 },
    }),
    measured({ group: "demo", name: "sent for each update, evaluation included", value: up / updates, unit: "bytes" }),
    measured({
      group: "demo",
      name: "30 simulated rounds of 8 motes",
      value: result.timing.trainingSeconds ?? 0,
      unit: "s",
      budget: { atMost: 30 },
    }),
  ]
}
