import { describe, expect, it } from "vitest"
import { openDataset } from "../../src/data/open.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"

const telosb = await openDataset("telosb")
const [a, b, c] = [0, 3, 5].map((client) => telosb.id(client)) as [string, string, string]
const options = { plan: planFor(telosb, { seed: 3 }), dataset: telosb, baselines: false, recordCohorts: true }

describe("a schedule", () => {
  it("says who takes part in each round with how many steps, and when it ends", async () => {
    const schedule = [[{ device: a, steps: 5 }], [b, c].map((device) => ({ device, steps: 2 }))]
    const { result } = await simulate({ ...options, schedule })
    const cohorts = result.rounds.map(({ cohort }) => cohort!.map(({ device, steps }) => ({ device, steps })))
    expect(cohorts[0]).toEqual(schedule[0])
    expect(cohorts[1]).toHaveLength(2)
    expect(cohorts[1]).toEqual(expect.arrayContaining(schedule[1]!))
    expect(cohorts).toHaveLength(2)
    expect(result.rounds[0]!.samples).toBe(5 * 32)
    expect(result.rounds[0]!.metrics.averagePrecision).toBeGreaterThan(0)
  })

  it("of devices that are not there, or of none, is refused", async () => {
    const run = (device: string): Promise<unknown> => simulate({ ...options, schedule: [[{ device, steps: 1 }]] })
    await expect(run("nobody")).rejects.toThrow("round 1: expected devices of telosb with training samples, got nobody")
    await expect(simulate({ ...options, schedule: [[]] })).rejects.toThrow("got none")
  })
})
