import { describe, expect, test } from "vitest"
import { withData } from "../../../src/core/plan-model.ts"
import type { PlanOverrides } from "../../../src/core/plan.ts"
import type { Result } from "../../../src/core/result.ts"
import { openDataset } from "../../../src/data/open.ts"
import { deviceKey } from "../../../src/net/digest.ts"
import type { Client, Task } from "../../../src/sim/fleet-world.ts"
import { planFor } from "../../../src/sim/plan-for.ts"
import { simulate } from "../../../src/sim/simulate.ts"
import { SimulatedWorld } from "../../../src/sim/world/simulated-world.ts"
import { parseWorld } from "../../../src/sim/world/spec.ts"

const telosb = await openDataset("telosb")
const HOUR = 3_600_000

const planWith = (overrides: PlanOverrides = {}) =>
  withData(planFor(telosb, { rounds: 3, seed: 7, model: { hidden: "none", standardize: false }, ...overrides }), telosb)

function world(classes: object, plan = planWith()): SimulatedWorld {
  return new SimulatedWorld(parseWorld({ classes }), plan)
}

function client(index: number): Client {
  const id = `client-${index}`
  return { index, id, key: deviceKey(id) }
}

function task(change: Partial<Task> = {}): Task {
  const facts = { kind: "train", round: 1, epoch: 65536, askedAtMs: 0, rows: 100, samples: 1000, steps: 100 } as const
  return { client: client(0), ...facts, downlinkBytes: 10_000, uplinkBytes: 5000, ...change }
}

// Without chance: 8 features and a bias, of which 8 are multiplied: 48 operations a sample.
const STEADY = { like: "gateway", spread: 0, dropout: 0, link: "wifi", flopsPerSecond: 48_000, activeWatts: 2 }

describe("a task", () => {
  test("takes the model's way, the work, and the update's way", () => {
    // 20 ms, 10 kB at 10 Mbit/s and 5 % more, 1000 samples at 1000 a second, 5 kB, 20 ms.
    expect(world({ one: STEADY }).arrival(task())).toBeCloseTo(20 + 8.4 + 1000 + 4.2 + 20, 9)
    expect(world({ one: STEADY }).arrival(task({ askedAtMs: 5000 }))).toBeCloseTo(6052.6, 9)
    // A third of the operations where it is an evaluation.
    expect(world({ one: STEADY }).arrival(task({ kind: "evaluate" }))).toBeCloseTo(52.6 + 1000 / 3, 9)
  })

  test("is cut short by the word to finish", () => {
    const one = world({ one: STEADY })
    // At 500 ms the word is sent, and 20 ms later 491.6 of 1000 ms of work are done: 49 of 100 steps.
    expect(one.partial(task(), 500)).toEqual({ steps: 49, atMs: expect.closeTo(544.2, 9) as number })
    expect(one.partial(task(), 0)).toBeUndefined()
  })

  test("comes to nothing where its client's hours are over before", () => {
    const nightly = world({ one: { ...STEADY, available: { from: 0, hours: 1 } } })
    expect(nightly.isReady(client(0), HOUR - 1)).toBe(true)
    expect(nightly.isReady(client(0), HOUR)).toBe(false)
    expect(nightly.arrival(task({ askedAtMs: HOUR - 1053 }))).toBeLessThan(HOUR)
    expect(nightly.arrival(task({ askedAtMs: HOUR - 1052 }))).toBe(Infinity)
    expect(nightly.partial(task({ askedAtMs: HOUR - 1052 }), HOUR - 10)).toBeUndefined()
  })

  test("costs what was done of it, and a battery that is empty ends it", () => {
    // 2 W for a second, 0.33 W for 8.4 ms, 0.594 W for 4.2 ms.
    const joules = 2 + 0.33 * 0.0084 + 0.594 * 0.0042
    const one = world({ one: { ...STEADY, battery: { joules: 3, reserve: 0.5 } } })
    const first = task()
    one.ended({ kind: "train", nowMs: 2000, committed: true, tasks: [{ task: first, outcome: "folded", steps: 100 }] })
    expect(one.records[0]!.simulatedSeconds).toBe(2)
    expect(one.records[0]!.energy.computeJoules).toBeCloseTo(2, 12)
    expect(one.records[0]!.energy.radioJoules).toBeCloseTo(joules - 2, 12)
    expect(one.isReady(client(0), 2000)).toBe(false)
    expect(one.isReady(client(1), 2000)).toBe(true)
    expect(one.arrival(task({ askedAtMs: 2000 }))).toBe(Infinity)
    // Lost at its round's deadline: half of the work was done.
    const other = task({ client: client(1), askedAtMs: 3000 })
    one.ended({ kind: "train", nowMs: 3528.4, committed: true, tasks: [{ task: other, outcome: "lost", steps: 0 }] })
    expect(one.records[1]!.energy.computeJoules).toBeCloseTo(1, 9)
    const { energy, co2Grams, classes, simulatedSeconds } = one.summary()
    expect(simulatedSeconds).toBeCloseTo(3.5284, 12)
    expect(energy.computeJoules).toBeCloseTo(3, 9)
    expect(co2Grams).toBeCloseTo((475 * (energy.computeJoules + energy.radioJoules)) / 3.6e6, 15)
    expect(classes["one"]).toMatchObject({ asked: 2, folded: 1 })
  })

  test("of an abandoned round counts for the one that comes of it, and an evaluation for the round before it", () => {
    const one = world({ one: STEADY })
    const lost = [{ task: task(), outcome: "lost", steps: 0 }] as const
    one.ended({ kind: "train", nowMs: 1028.4, committed: false, tasks: lost })
    one.ended({ kind: "train", nowMs: 2000, committed: true, tasks: [] })
    one.ended({ kind: "evaluate", nowMs: 2500, committed: true, tasks: [] })
    expect(one.records).toHaveLength(1)
    expect(one.records[0]!.simulatedSeconds).toBe(2.5)
    expect(one.records[0]!.energy.computeJoules).toBeCloseTo(2, 9)
  })
})

describe("a population", () => {
  test("has its classes by their shares, its speeds within their spread, and drops out as often as it is said to", () => {
    const all = world({
      slow: { ...STEADY, share: 1, flopsPerSecond: 4800, spread: 0.2 },
      fast: { ...STEADY, share: 3, spread: 0, dropout: 0.1 },
    })
    let slow = 0
    let dropped = 0
    const least = 52.6 + 10_000 / 1.2
    const most = 52.6 + 10_000 / 0.8
    for (let index = 0; index < 4000; index++) {
      const atMs = all.arrival(task({ client: client(index) }))
      if (atMs === Infinity) dropped++
      else if (atMs > 2000) {
        slow++
        expect(atMs).toBeGreaterThanOrEqual(least)
        expect(atMs).toBeLessThanOrEqual(most)
      }
    }
    // Four standard deviations.
    expect(Math.abs(slow - 1000)).toBeLessThan(4 * Math.sqrt(4000 * 0.25 * 0.75))
    expect(Math.abs(dropped - 300)).toBeLessThan(4 * Math.sqrt(3000 * 0.1 * 0.9))
  })

  test("is another with another seed, and every task has a fate of its own", () => {
    const classes = { one: { ...STEADY, dropout: 0.5 } }
    const fates = (seed: number, round: number): boolean[] => {
      const one = world(classes, planWith({ seed }))
      return Array.from({ length: 64 }, (_, i) => one.arrival(task({ client: client(i), round })) === Infinity)
    }
    expect(fates(1, 1)).toEqual(fates(1, 1))
    expect(fates(1, 1)).not.toEqual(fates(2, 1))
    expect(fates(1, 1)).not.toEqual(fates(1, 2))
  })
})

describe("a federation", () => {
  // Half of the eight motes are four thousand times slower.
  const classes = {
    fast: { ...STEADY, flopsPerSecond: 48e6 },
    slow: { ...STEADY, flopsPerSecond: 12e3 },
  }
  const plan = (timeoutSeconds: number): ReturnType<typeof planWith> =>
    planWith({
      report: { timeoutSeconds, finishSeconds: 1, minimumToCommit: 1 },
      train: { epochs: 1, batch: 8 },
      evaluate: { every: 0 },
    })

  async function run(timeoutSeconds: number, workers = 1): Promise<Result> {
    const settings = plan(timeoutSeconds)
    const { result } = await simulate({
      plan: settings,
      dataset: telosb,
      world: new SimulatedWorld(parseWorld({ classes }), settings),
      recordCohorts: true,
      baselines: false,
      workers,
    })
    return result
  }
  const steps = ({ rounds }: Result): number[] =>
    rounds.map(({ cohort }) => cohort!.reduce((sum, each) => sum + each.steps, 0))

  test("folds more of the slow ones' work the longer its deadline is, and says how long it took", async () => {
    const [short, long, endless] = [await run(2), await run(4), await run(1000)]
    for (const [a, b] of [
      [short, long],
      [long, endless],
    ] as const)
      for (const [i, count] of steps(a).entries()) expect(count).toBeLessThan(steps(b)[i]!)
    expect(new Set([short, long, endless].map(({ model }) => model.digest)).size).toBe(3)
    for (const { simulatedSeconds } of short.rounds) expect(simulatedSeconds).toBeLessThanOrEqual(2)
    for (const { simulatedSeconds } of long.rounds) expect(simulatedSeconds).toBeGreaterThan(3)
    // Nobody was cut short: the epoch of each mote.
    const all = Array.from({ length: telosb.clients }, (_, i) => Math.ceil(telosb.trainRows(i) / 8))
    expect(steps(endless)[0]).toBe(all.reduce((sum, count) => sum + count))
    expect(endless.world!.simulatedSeconds).toBeCloseTo(
      endless.rounds.reduce((sum, round) => sum + round.simulatedSeconds!, 0),
      9,
    )
  })

  test("waits through the day where its clients are there at night", async () => {
    const settings = planWith({ rounds: 3, train: { epochs: 1, batch: 8 }, evaluate: { every: 0 } })
    // Half a sample a second: more than an hour for a mote's 2300.
    const one = { ...STEADY, flopsPerSecond: 24, available: { from: 0, hours: 6 } }
    const { result } = await simulate({
      plan: { ...settings, rounds: 6, report: { ...settings.report, timeoutSeconds: 7200 } },
      dataset: telosb,
      world: new SimulatedWorld(parseWorld({ classes: { one } }), settings),
      baselines: false,
    })
    expect(result.rounds).toHaveLength(6)
    expect(Math.max(...result.rounds.map(({ simulatedSeconds }) => simulatedSeconds!))).toBeGreaterThan(18 * 3600)
    expect(result.world!.simulatedSeconds).toBeGreaterThan(24 * 3600)
    expect(result.world!.simulatedSeconds).toBeLessThan(48 * 3600)
  })

  test("ends with a word where the batteries are empty", async () => {
    const settings = planWith({ rounds: 50, evaluate: { every: 0 } })
    const spec = parseWorld({ classes: { one: { ...STEADY, battery: { joules: 5, reserve: 0.9 } } } })
    await expect(
      simulate({ plan: settings, dataset: telosb, world: new SimulatedWorld(spec, settings), baselines: false }),
    ).rejects.toThrow(/clients ready for a round, got 0 at best in 7 days of this world's time: .* batteries are empty/)
  })

  test("is the same whatever the number of workers, and its replay ends in the same model", async () => {
    const [one, two] = [await run(3), await run(3, 2)]
    const untimed = ({ rounds }: Result): object[] => rounds.map((round) => ({ ...round, seconds: 0 }))
    expect(untimed(two)).toEqual(untimed(one))
    expect(two.world).toEqual(one.world)
    expect(two.model.digest).toBe(one.model.digest)
    const replay = await simulate({ plan: one.plan, dataset: telosb, replay: one, baselines: false })
    expect(replay.result.model.digest).toBe(one.model.digest)
  })
})
