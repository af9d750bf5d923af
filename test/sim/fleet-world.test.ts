import { describe, expect, test } from "vitest"
import type { PlanOverrides } from "../../src/core/plan.ts"
import type { Result } from "../../src/core/result.ts"
import { openDataset } from "../../src/data/open.ts"
import type { Ended, Task, World } from "../../src/sim/fleet-world.ts"
import { planFor } from "../../src/sim/plan-for.ts"
import { simulate } from "../../src/sim/simulate.ts"

const telosb = await openDataset("telosb")

type Round = Parameters<World["ended"]>[0]

/** Client i takes i + 1 minutes for anything; what happens is written down. */
class SlowWorld implements World {
  readonly rounds: Round[] = []

  isReady: World["isReady"] = () => true
  partial: World["partial"] = () => undefined

  arrival({ client, askedAtMs }: Task): number {
    return askedAtMs + 60_000 * (client.index + 1)
  }
  ended(round: Round): void {
    this.rounds.push(round)
  }
}

/** Deadlines in minutes, a whole number and a half, so that nothing comes at the very moment. */
const plan = (minutes: number, overrides: PlanOverrides = {}) =>
  planFor(telosb, {
    rounds: 2,
    seed: 7,
    model: { standardize: false },
    evaluate: { every: 0 },
    report: { timeoutSeconds: 60 * minutes, finishSeconds: 30, minimumToCommit: 1 },
    ...overrides,
  })

async function run(world: World | undefined, settings = plan(3.5), more: object = {}): Promise<Result> {
  const options = { plan: settings, dataset: telosb, world, recordCohorts: true, baselines: false, ...more }
  return (await simulate(options)).result
}

const devices = ({ rounds }: Result): string[][] => rounds.map(({ cohort }) => cohort!.map(({ device }) => device))
const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => telosb.id(i)).sort()
const outcomes = (tasks: readonly Ended[]) => tasks.map(({ outcome }) => outcome).sort()

describe("in a world where things take time", () => {
  test("the deadline decides who is folded; what is folded decides the model, whatever the workers, and again in a replay", async () => {
    const world = new SlowWorld()
    const short = await run(world)
    expect(devices(short)).toEqual([ids(3), ids(3)])
    expect(devices(await run(new SlowWorld(), plan(5.5)))).toEqual([ids(5), ids(5)])
    expect(world.rounds.map(({ kind, nowMs, committed }) => [kind, nowMs / 60_000, committed])).toEqual([
      ["train", 3.5, true],
      ["train", 7, true],
    ])
    expect(outcomes(world.rounds[0]!.tasks)).toEqual([...Array(3).fill("folded"), ...Array(5).fill("lost")])
    expect((await run(new SlowWorld(), plan(3.5), { workers: 2 })).model).toEqual(short.model)
    expect((await run(undefined, plan(3.5), { replay: short })).model).toEqual(short.model)
    expect((await run(undefined)).model.digest).not.toBe(short.model.digest)
  })

  test("every round is drawn from all who are there, not from the first of them", async () => {
    const chosen = new Set<string>()
    for (const world of [new SlowWorld(), undefined]) {
      const few = plan(30, { rounds: 20, cohort: 2, selection: { overSelect: 1, minimumToStart: 2 } })
      const result = await run(world, few)
      for (const device of devices(result).flat()) chosen.add(device)
      expect(result.rounds.map(({ participation }) => participation!.ready)).toEqual(Array<number>(20).fill(8))
      expect(chosen).toEqual(new Set(ids(8)))
      chosen.clear()
    }
  })

  test("a task says what it costs", async () => {
    const world = new SlowWorld()
    const result = await run(world)
    const { task, steps } = world.rounds[0]!.tasks.find(({ outcome }) => outcome === "folded")!
    const folded = result.rounds[0]!.cohort!.find(({ device }) => device === task.client.id)!
    expect([task.samples, task.steps, steps]).toEqual([folded.samples, folded.steps, folded.steps])
    const up = world.rounds[0]!.tasks.filter(({ outcome }) => outcome === "folded")
    expect(up.reduce((sum, each) => sum + each.task.uplinkBytes, 0)).toBe(result.rounds[0]!.uplinkBytes)
    expect(world.rounds[0]!.tasks.reduce((sum, each) => sum + each.task.downlinkBytes, 0)).toBe(
      result.rounds[0]!.downlinkBytes,
    )
  })

  test("who is told to finish sends the steps that it has done", async () => {
    const world = new SlowWorld()
    // Those who need four minutes and more have done 5 steps when the word comes, and send them in 20 s.
    world.partial = (_, nowMs) => ({ atMs: nowMs + 20_000, steps: 5 })
    const result = await run(world)
    for (const { cohort } of result.rounds) {
      expect(cohort!.length).toBe(8)
      const cut = cohort!.filter(({ device }) => !ids(3).includes(device))
      for (const { steps, samples } of cut) expect([steps, samples]).toEqual([5, 160])
    }
    expect((await run(undefined, plan(3.5), { replay: result })).model).toEqual(result.model)
  })

  test("a round that nobody answers is abandoned and tried again", async () => {
    const world = new SlowWorld()
    const arrival = world.arrival.bind(world)
    world.arrival = (task) => (task.askedAtMs < 300_000 ? Infinity : arrival(task))
    const result = await run(world)
    expect(world.rounds.filter(({ committed }) => !committed).length).toBeGreaterThanOrEqual(2)
    expect(devices(result)).toEqual([ids(3), ids(3)])
  })

  test("clients that come later are waited for", async () => {
    const world = new SlowWorld()
    world.isReady = (client, nowMs) => client.index < 2 && nowMs > 3_600_000
    const result = await run(world, plan(3.5, { selection: { minimumToStart: 1 } }))
    expect(devices(result)).toEqual([ids(2), ids(2)])
    expect(world.rounds[0]!.nowMs).toBeGreaterThan(3_600_000)
  })

  test("evaluations and statistics take their time, too", async () => {
    const world = new SlowWorld()
    await run(world, planFor(telosb, { rounds: 1, seed: 7, report: { timeoutSeconds: 1000 } }))
    expect(world.rounds.map(({ kind }) => kind)).toEqual(["statistics", "train", "evaluate"])
    const times = world.rounds.map(({ nowMs }) => nowMs)
    for (const [i, at] of times.entries()) expect(at).toBeGreaterThan(times[i - 1] ?? 0)
  })

  test("one in which nothing ever comes, or nobody is there, is given up with a word", async () => {
    const silent = new SlowWorld()
    silent.arrival = () => Infinity
    await expect(run(silent)).rejects.toThrow("round 1: expected 1 updates in a round, got 0")
    const empty = new SlowWorld()
    empty.isReady = () => false
    await expect(run(empty)).rejects.toThrow(/^expected \d+ clients ready for a round, got 0 at best in 7 days/)
  })
})
