import { describe, expect, test } from "vitest"
import type { PlanOverrides } from "../../src/core/plan.ts"
import { parseResult } from "../../src/core/result.ts"
import type { Result } from "../../src/core/result.ts"
import { openDataset } from "../../src/data/open.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"

const telosb = await openDataset("telosb")
const simulated = async (plan: PlanOverrides, options: Partial<Parameters<typeof simulate>[0]> = {}): Promise<Result> =>
  (
    await simulate({
      plan: planFor(telosb, { rounds: 8, cohort: 2, seed: 3, evaluate: { every: 4 }, ...plan }),
      dataset: telosb,
      baselines: false,
      recordCohorts: true,
      ...options,
    })
  ).result

const BUFFER: PlanOverrides = { late: { policy: "buffer", maxStaleness: 4 }, selection: { overSelect: 2 } }
const ASYNC: PlanOverrides = { mode: "async", late: { maxStaleness: 6 }, selection: { overSelect: 3 } }

const stalenesses = ({ rounds }: Result): number[] =>
  rounds.flatMap(({ cohort }) => cohort!.map(({ staleness = 0 }) => staleness))

describe.each([
  ["late updates buffered", BUFFER],
  ["asynchronous rounds", ASYNC],
])("%s", (_, plan) => {
  test("simulated: some are stale, none more than the plan says; one digest for any number of workers", async () => {
    const one = await simulated(plan)
    expect(Math.max(...stalenesses(one))).toBeGreaterThan(0)
    expect(Math.max(...stalenesses(one))).toBeLessThanOrEqual(plan.late!.maxStaleness!)
    expect((await simulated(plan, { workers: 3 })).model.digest).toBe(one.model.digest)
    expect((await simulated({ ...plan, seed: 4 })).model.digest).not.toBe(one.model.digest)
  })

  test("replayed: the same digest, and the same record", async () => {
    const one = await simulated(plan)
    const read = parseResult(JSON.parse(JSON.stringify(one)))
    const again = await simulated({}, { replay: read, workers: 2 })
    expect(again.model.digest).toBe(one.model.digest)
    // Who evaluates is not recorded.
    const trained = ({ rounds }: Result): unknown =>
      rounds.map(({ round, folded, samples, trainLoss, bound, cohort }) => ({
        round,
        folded,
        samples,
        trainLoss,
        bound,
        cohort,
      }))
    expect(trained(again)).toEqual(trained(one))
  })

  test("live: a real coordinator and devices; the replay has the same digest", async () => {
    const live = await simulated(plan, { path: "loopback" })
    expect(live.rounds).toHaveLength(8)
    expect((await simulated({}, { replay: live })).model.digest).toBe(live.model.digest)
  })
})

test("asynchronous: a commit of as many updates as the cohort says, with a device's updates from two models in one of them", async () => {
  const result = await simulated({ ...ASYNC, rounds: 30, evaluate: { every: 0 } })
  for (const { folded, cohort } of result.rounds) expect([folded, cohort!.length]).toEqual([2, 2])
  const few = await simulated({
    ...ASYNC,
    rounds: 30,
    cohort: 6,
    selection: { overSelect: 1.3 },
    evaluate: { every: 0 },
  })
  const twice = few.rounds.filter(({ cohort }) => new Set(cohort!.map(({ device }) => device)).size < cohort!.length)
  expect(twice.length).toBeGreaterThan(0)
  expect((await simulated({}, { replay: few })).model.digest).toBe(few.model.digest)
})

test("what staleness leaves of an update decides the model", async () => {
  const digests = new Set<string>()
  for (const exponent of [0, 0.5, 1] as const)
    digests.add((await simulated({ ...ASYNC, late: { maxStaleness: 6, exponent } })).model.digest)
  expect(digests.size).toBe(3)
})

test("a replay of an update that is older than the federation is refused", async () => {
  const one = await simulated(ASYNC)
  const wrong = structuredClone(one) as Result & { rounds: { cohort: { staleness?: number }[] }[] }
  wrong.rounds[0]!.cohort[0]!.staleness = 3
  await expect(simulated({}, { replay: wrong })).rejects.toThrow(/round 1: expected at most 0 commits before it/)
})
