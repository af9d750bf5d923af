import { describe, expect, test } from "vitest"
import type { PlanOverrides } from "../../src/core/plan.ts"
import type { Result } from "../../src/core/result.ts"
import type { Dataset } from "../../src/data/dataset.ts"
import { DrawnDataset } from "../../src/data/drawn.ts"
import { openDataset } from "../../src/data/open.ts"
import { demo } from "../../src/sim/demo.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { MOST_LISTED } from "../../src/sim/roster.ts"
import { simulate } from "../../src/sim/simulate.ts"

const LARGE = 10 * MOST_LISTED

const drawn = (clients: number, partition = "hash:20"): Promise<Dataset> =>
  openDataset("telosb", { partition, clients, seed: 4 })

async function run(
  dataset: Dataset,
  overrides: PlanOverrides,
  options: Partial<Parameters<typeof simulate>[0]> = {},
): Promise<Result> {
  const plan = planFor(dataset, { rounds: 4, seed: 7, ...overrides })
  return (await simulate({ plan, dataset, recordCohorts: true, baselines: false, ...options })).result
}

const devicesOf = ({ rounds }: Result): string[][] => rounds.map(({ cohort }) => cohort!.map(({ device }) => device))
const untimed = ({ rounds, model, final }: Result): unknown => ({
  rounds: rounds.map((round) => ({ ...round, seconds: 0 })),
  model,
  final,
})

describe("a small population whose clients draw their rows", () => {
  test("ends in the same model on the fast path, in memory and over MQTT", async () => {
    const dataset = await drawn(9, "hash:5-60")
    const plan = planFor(dataset, { rounds: 3, seed: 7, cohort: 4, selection: { overSelect: 1 } })
    const options = { plan, dataset, recordCohorts: true, baselines: false }
    const { result: fast } = await simulate(options)
    const { result: loopback } = await simulate({ ...options, path: "loopback" })
    const { result: live } = await demo(options)
    expect(untimed(loopback)).toEqual(untimed(fast))
    expect(untimed(live)).toEqual(untimed(fast))
    expect((await simulate({ ...options, workers: 2 })).result.model.digest).toBe(fast.model.digest)
  })

  test("more of them than are there cannot be asked", async () => {
    await expect(run(await drawn(9), { cohort: 10 })).rejects.toThrow(
      "expected a population of at least 10 clients, as many as the plan's cohort, got 9 of telosb",
    )
  })
})

test("of pictures learns from the pixels as they are, unless told otherwise", async () => {
  const pool = { values: Uint8Array.of(0, 51, 255, 102), stride: 2, y: Float32Array.of(0, 1) }
  const both = { pool, rows: Uint32Array.of(0, 1) }
  const named = { name: "pictures", task: "binary", features: ["p", "q"], classes: ["dark", "light"] } as const
  const each = { least: 2, most: 2 }
  const dataset = new DrawnDataset({ ...named, train: both, test: both, clients: 10, each, seed: 1 })
  expect(planFor(dataset).model.standardize).toBe(false)
  expect(planFor(dataset, { model: { standardize: true } }).model.standardize).toBe(true)
  expect(planFor(await drawn(9)).model.standardize).toBe(true)
})

describe("a population that is not listed", () => {
  const few = { cohort: 20, selection: { overSelect: 1 }, evaluate: { every: 2 } } as const

  test("gives the same model whatever the number of workers, with standardised features and evaluations", async () => {
    const dataset = await drawn(LARGE)
    const one = await run(dataset, few)
    expect(untimed(await run(dataset, few, { workers: 3 }))).toEqual(untimed(one))
    expect(one.rounds.every(({ folded }) => folded === 20)).toBe(true)
    expect(one.data).toMatchObject({ clients: LARGE, trainSamples: 20 * LARGE })
    expect((await run(dataset, { ...few, seed: 8 })).model.digest).not.toBe(one.model.digest)
    // Everybody who stands ready evaluates, as many as the plan's pool holds.
    expect(one.final.metrics.loss).toBeGreaterThan(0)
  })

  test("is replayed from its record", async () => {
    const dataset = await drawn(LARGE, "hash:4-30")
    const result = await run(dataset, few)
    const again = await run(dataset, few, { replay: result, workers: 2 })
    expect(again.model).toEqual(result.model)
    // The same evaluate as before.
    expect(again.final).toEqual(result.final)
  })

  test("trains each client once before any is trained again", async () => {
    const dataset = await drawn(MOST_LISTED + 464)
    const plan = { cohort: 6000, rounds: 13, selection: { overSelect: 1 }, evaluate: { every: 0 } } as const
    const cohorts = devicesOf(await run(dataset, { ...plan, model: { standardize: false } }))
    const all = cohorts.flat()
    expect(all.length).toBe(78_000)
    // 66,000 clients: eleven rounds.
    expect(new Set(all.slice(0, 66_000)).size).toBe(66_000)
    for (const cohort of cohorts) expect(new Set(cohort).size).toBe(6000)
  })

  test("takes late updates, asynchronously, too", async () => {
    const dataset = await drawn(LARGE, "hash:4-30")
    const plan = { cohort: 10, mode: "async", rounds: 6, evaluate: { every: 3 } } as const
    const one = await run(dataset, plan)
    expect(one.rounds.some(({ cohort }) => cohort!.some(({ staleness = 0 }) => staleness > 0))).toBe(true)
    expect((await run(dataset, plan, { workers: 2 })).model).toEqual(one.model)
    expect((await run(dataset, plan, { replay: one })).model).toEqual(one.model)
  })

  test("of those with a tag only", async () => {
    const dataset = await drawn(LARGE)
    const tags = { odd: ["client-*1", "client-*3", "client-*5", "client-*7", "client-*9"] }
    const result = await run(dataset, { ...few, tags, selection: { overSelect: 1, tags: ["odd"] } })
    for (const device of devicesOf(result).flat()) expect(device).toMatch(/[13579]$/)
  })

  test("does not take part as a whole", async () => {
    await expect(run(await drawn(LARGE), {})).rejects.toThrow(
      `expected a number as the plan's cohort, at most ${MOST_LISTED} clients take part as "all"`,
    )
  })

  test("of a generator is made alike in every thread", async () => {
    const dataset = await openDataset("synthetic:0.5,0.5", { clients: LARGE, seed: 1 })
    const plan = { cohort: 10, rounds: 3, train: { epochs: 1, batch: 10 }, evaluate: { every: 0 } } as const
    const one = await run(dataset, { ...plan, model: { standardize: false } })
    expect(one.rounds.every(({ trainLoss }) => trainLoss! > 0)).toBe(true)
    const two = await run(dataset, { ...plan, model: { standardize: false } }, { workers: 2 })
    expect(untimed(two)).toEqual(untimed(one))
  })
})
