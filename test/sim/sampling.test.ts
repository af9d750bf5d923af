import { expect, test } from "vitest"
import type { PlanOverrides } from "../../src/core/plan.ts"
import { openDataset } from "../../src/data/open.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"

const telosb = await openDataset("telosb")

test.each<[string, PlanOverrides]>([
  ["weighted", { cohort: 3, weightCap: 1, selection: { sampling: "weighted", overSelect: 1 } }],
  ["poisson", { cohort: 4, selection: { sampling: "poisson" }, report: { minimumToCommit: 1 } }],
  ["poisson by rate", { selection: { sampling: "poisson", rate: 0.3 }, report: { minimumToCommit: 2 } }],
])("%s sampling: who is drawn, and so the model, is the same live as simulated", async (_, plan) => {
  const options = {
    plan: planFor(telosb, { rounds: 5, seed: 11, evaluate: { every: 0 }, ...plan }),
    dataset: telosb,
    baselines: false,
    recordCohorts: true,
  }
  const { result } = await simulate(options)
  const { result: live } = await simulate({ ...options, path: "loopback" })
  const drawn = ({ rounds }: typeof result): unknown => rounds.map(({ cohort }) => cohort!.map(({ device }) => device))
  expect(drawn(live)).toEqual(drawn(result))
  expect(live.model.digest).toBe(result.model.digest)
  expect(new Set(result.rounds.map(({ cohort }) => cohort!.map(({ device }) => device).join())).size).toBeGreaterThan(1)
  expect((await simulate({ ...options, replay: live })).result.model.digest).toBe(result.model.digest)
})
