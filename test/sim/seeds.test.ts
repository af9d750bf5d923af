import { describe, expect, it } from "vitest"
import { mergePlan, parsePlan } from "../../src/core/plan.ts"
import type { PlanOverrides } from "../../src/core/plan.ts"
import { seedsOf } from "../../src/core/seeds.ts"
import { initialModel } from "../../src/coordinator/coordinator.ts"
import { openDataset } from "../../src/data/open.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"

const dataset = await openDataset("telosb")
// Codecs and deltas that round at random, so that their seed is seen too.
const base = planFor(dataset, {
  rounds: 2,
  seed: 7,
  cohort: 3,
  codecs: ["eden2"],
  downlink: { codec: "eden4" },
  selection: { overSelect: 1 },
})

async function run(overrides: PlanOverrides, path: "fast" | "loopback" = "fast") {
  const plan = mergePlan(base, overrides)
  const { result } = await simulate({ plan, dataset, recordCohorts: true, baselines: false, path })
  return {
    digest: result.model.digest,
    cohorts: result.rounds.map(({ cohort }) => cohort!.map(({ device }) => device)),
  }
}

describe("the seeds of a plan", () => {
  it("are its seed where it names no other", () => {
    expect(seedsOf(parsePlan({ seed: 5 }))).toEqual({ partition: 5, init: 5, sampling: 5, training: 5 })
    expect(seedsOf(parsePlan({ seed: 5, seeds: { init: 6, partition: 0 } }))).toEqual({
      partition: 0,
      init: 6,
      sampling: 5,
      training: 5,
    })
    expect(() => parsePlan({ seeds: { inits: 1 } })).toThrow("plan: seeds.inits: unknown key; did you mean init?")
  })

  it("together do what the seed does", async () => {
    const all = { init: 7, sampling: 7, training: 7 }
    expect(await run({ seed: 99, seeds: all })).toEqual(await run({}))
  })

  it("vary one thing each", async () => {
    const [as, init, sampling, training] = await Promise.all([
      run({}),
      run({ seeds: { init: 8 } }),
      run({ seeds: { sampling: 8 } }),
      run({ seeds: { training: 8 } }),
    ])
    expect(init.cohorts).toEqual(as.cohorts)
    expect(training.cohorts).toEqual(as.cohorts)
    expect(sampling.cohorts).not.toEqual(as.cohorts)
    expect(new Set([as, init, sampling, training].map(({ digest }) => digest)).size).toBe(4)
    expect(initialModel(mergePlan(base, { seeds: { sampling: 8, training: 8 } }))).toEqual(initialModel(base))
    expect(initialModel(mergePlan(base, { seeds: { init: 8 } }))).not.toEqual(initialModel(base))
    expect((await run({ seeds: { partition: 8 } })).digest).toBe(as.digest)
  })

  it("of a coordinator with devices are those of the simulation", async () => {
    const seeds = { init: 1, sampling: 2, training: 3 }
    expect(await run({ seeds }, "loopback")).toEqual(await run({ seeds }))
  })
})
