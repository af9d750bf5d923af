import { describe, expect, test } from "vitest"
import { Rollout } from "../../src/core/rollout.ts"
import type { RolloutEvent, RolloutSettings, Standing } from "../../src/core/rollout.ts"
import { Dice, SEED } from "../wire/random.ts"

const SETTINGS: RolloutSettings = {
  slot: "train",
  sequence: 2,
  stages: [5, 25, 100],
  enough: 90,
  failures: 10,
  tolerance: 20,
}
const CONFIRMED: Standing = { state: "confirmed", losses: [] }
const TRAPPED: Standing = { state: "failed", code: "trap" }

function candidates(count: number): { id: string; key: [number, number] }[] {
  const dice = new Dice(7)
  return Array.from({ length: count }, (_, i) => ({
    id: `g-${i}`,
    key: [dice.below(2 ** 32), dice.below(2 ** 32)],
  }))
}

function begun(count: number, change: Partial<RolloutSettings> = {}): { rollout: Rollout; events: RolloutEvent[] } {
  const events: RolloutEvent[] = []
  return { rollout: Rollout.begin({ ...SETTINGS, ...change }, candidates(count), events), events }
}

/** So many devices of a stage report this. */
function report(rollout: Rollout, stage: number, standings: readonly Standing[]): RolloutEvent[] {
  const events: RolloutEvent[] = []
  for (const [i, standing] of standings.entries()) rollout.report(rollout.lists[stage]![i]!, standing, events)
  return events
}

const times = (count: number, standing: Standing): Standing[] => Array.from({ length: count }, () => standing)
const types = (events: readonly RolloutEvent[]): string[] => events.map(({ type }) => type)

describe("stages", () => {
  // After a stage of p percent p percent of all have it, rounded up.
  test.each([
    [20, [5, 25, 100], [1, 4, 15]],
    [1000, [5, 25, 100], [50, 200, 750]],
    [3, [5, 25, 100], [1, 0, 2]],
    [1, [5, 100], [1, 0]],
    [7, [100], [7]],
    [7, [1, 2, 3, 50, 100], [1, 0, 0, 3, 3]],
  ])("of %i devices by %j percent add %j", (count, stages, expected) => {
    const { rollout } = begun(count, { stages })
    expect(rollout.lists.map((list) => list.length)).toEqual(expected)
    expect(rollout.lists.flat().toSorted()).toEqual(
      candidates(count)
        .map(({ id }) => id)
        .toSorted(),
    )
  })

  test("depend on the sequence and the ids, not on their order; other modules have other canaries", () => {
    const first = (sequence: number, reversed = false): string => {
      const all = reversed ? candidates(100).toReversed() : candidates(100)
      return Rollout.begin({ ...SETTINGS, sequence, stages: [1, 100] }, all, []).lists[0]![0]!
    }
    expect(first(2, true)).toBe(first(2))
    expect(new Set(Array.from({ length: 20 }, (_, i) => first(i + 1))).size).toBeGreaterThan(10)
  })

  test("there is no rollout to nobody", () => {
    expect(() => Rollout.begin({ ...SETTINGS, tag: "plant" }, [], [])).toThrow(
      "expected devices of tag plant that can be flashed, there is none",
    )
  })
})

describe("health", () => {
  test("goes on from stage to stage as enough devices confirm", () => {
    const { rollout, events } = begun(20)
    expect(events).toEqual([{ type: "stage", stage: 0, percent: 5, devices: rollout.lists[0] }])
    expect(types(report(rollout, 0, [CONFIRMED]))).toEqual(["confirmed", "stage"])
    // 90 % of 4 is 3.6.
    expect(types(report(rollout, 1, times(3, CONFIRMED)))).toEqual(times(3, CONFIRMED).map(() => "confirmed"))
    expect(types(report(rollout, 1, times(4, CONFIRMED)))).toEqual(["confirmed", "stage"])
    // 90 % of 15 is 13.5.
    expect(types(report(rollout, 2, times(13, CONFIRMED)))).not.toContain("complete")
    expect(types(report(rollout, 2, times(14, CONFIRMED)))).toEqual(["confirmed", "complete"])
    expect(rollout.counts()).toEqual([
      { percent: 5, devices: 1, confirmed: 1, failed: 0, waiting: 0 },
      { percent: 25, devices: 4, confirmed: 4, failed: 0, waiting: 0 },
      { percent: 100, devices: 15, confirmed: 14, failed: 0, waiting: 1 },
    ])
  })

  test.each([
    // [devices of the only stage, failures %, how many may fail]
    [20, 10, 2],
    [19, 10, 1],
    [9, 10, 0],
    [10, 100, 10],
    [3, 0, 0],
  ])("of %i devices with %i %% failures %i may fail", (count, failures, may) => {
    const { rollout } = begun(count, { stages: [100], failures })
    expect(report(rollout, 0, times(may, TRAPPED)).filter(({ type }) => type === "halted")).toEqual([])
    if (may === count) return
    const last = report(rollout, 0, times(may + 1, TRAPPED)).at(-1)
    expect(last).toMatchObject({ type: "halted" })
    expect(rollout.reason).toBe(`stage 1: ${may + 1} of ${count} devices failed, at most ${failures} % may`)
    expect(rollout.phase).toBe("halted")
  })

  test("a device that fails after its stage was done counts", () => {
    const { rollout } = begun(20)
    report(rollout, 0, [CONFIRMED])
    expect(rollout.stage).toBe(1)
    expect(types(report(rollout, 0, [TRAPPED]))).toEqual(["failed", "halted"])
  })

  // Mean losses: sums by rows over the stage, 10 / 100 before.
  test.each([
    [11.9, "confirmed"],
    [12.1, "halted"],
    [9, "confirmed"],
  ])("trials with a loss of %d per 100 rows, 10 before: %s", (loss, expected) => {
    const { rollout } = begun(10, { stages: [100] })
    const standings = [4, 6].map((part): Standing => ({
      state: "confirmed",
      losses: [10 * (part / 10), 10 * part, loss * (part / 10), 10 * part],
    }))
    expect(report(rollout, 0, standings).at(-1)!.type).toBe(expected)
  })

  test("a device that fails later takes the losses of its trial back, whatever they were", () => {
    const { rollout } = begun(10, { stages: [100] })
    // So large a loss before hides that of the others.
    report(rollout, 0, [{ state: "confirmed", losses: [1e30, 10, 0, 10] }])
    const [, ...others] = rollout.lists[0]!
    for (const device of others.slice(0, 3))
      rollout.report(device, { state: "confirmed", losses: [10, 100, 13, 100] }, [])
    expect(rollout.phase).toBe("running")
    expect(report(rollout, 0, [TRAPPED]).at(-1)).toEqual({
      type: "halted",
      reason: "stage 1: the trials' mean loss is 0.1300, with the program before 0.1000: at most 20 % more is wanted",
    })
    expect(rollout.counts()).toEqual([{ percent: 100, devices: 10, confirmed: 3, failed: 1, waiting: 6 }])
  })

  test("trials that evaluated nothing say nothing", () => {
    const { rollout } = begun(1, { stages: [100] })
    expect(types(report(rollout, 0, [{ state: "confirmed", losses: [0, 0, 0, 0] }]))).toEqual(["confirmed", "complete"])
  })
})

describe("what a device should do", () => {
  test("only stages that were reached", () => {
    const { rollout } = begun(20)
    const wants = (stage: number): string => rollout.wants(rollout.lists[stage]![0]!)
    expect([wants(0), wants(1), wants(2)]).toEqual(["install", "nothing", "nothing"])
    report(rollout, 0, [CONFIRMED])
    expect([wants(0), wants(1), wants(2)]).toEqual(["install", "install", "nothing"])
    expect(rollout.wants("stranger")).toBe("nothing")
  })

  test("paused: who was at it goes on, nobody begins; resumed: the next stage comes if it is due", () => {
    const { rollout } = begun(20, { enough: 50 })
    report(rollout, 0, [CONFIRMED])
    const [one, two, three] = rollout.lists[1]!
    rollout.report(one!, { state: "loading" }, [])
    rollout.pause([])
    expect([one, two].map((device) => rollout.wants(device!))).toEqual(["install", "nothing"])
    rollout.report(one!, CONFIRMED, [])
    rollout.report(three!, CONFIRMED, [])
    expect(rollout.stage).toBe(1)
    const events: RolloutEvent[] = []
    rollout.resume(events)
    expect(types(events)).toEqual(["resumed", "stage"])
    expect(() => rollout.resume([])).toThrow("cannot resume the rollout of module 2: it is running")
  })

  test("halted or aborted: everybody who was told goes back, for good", () => {
    for (const end of ["halt", "abort"] as const) {
      const { rollout } = begun(20)
      if (end === "halt") report(rollout, 0, [TRAPPED])
      else rollout.abort([])
      expect(rollout.wants(rollout.lists[0]![0]!)).toBe("revert")
      expect(rollout.wants(rollout.lists[1]![0]!)).toBe("nothing")
      expect(report(rollout, 0, [CONFIRMED])).toEqual([])
      expect(() => rollout.abort([])).toThrow(/cannot abort the rollout of module 2: it is/)
      expect(() => rollout.pause([])).toThrow(/cannot pause/)
    }
  })
})

/** What happens to a rollout, drawn at random. */
function happen(dice: Dice, rollout: Rollout, devices: readonly string[], events: RolloutEvent[]): void {
  const device = dice.pick(devices)
  const standing = dice.pick<Standing>([
    { state: "loading" },
    { state: "installed" },
    CONFIRMED,
    CONFIRMED,
    CONFIRMED,
    { state: "confirmed", losses: [10, 10, dice.between(5, 13), 10] },
    ...(dice.below(20) === 0 ? [TRAPPED] : []),
  ])
  try {
    switch (dice.below(60)) {
      case 0:
        return rollout.pause(events)
      case 1:
      case 2:
      case 3:
        return rollout.resume(events)
      case 4:
        return dice.below(20) === 0 ? rollout.abort(events) : undefined
      default:
        return rollout.report(device, standing, events)
    }
  } catch (error) {
    expect(error).toMatchObject({ code: "rollout" })
  }
}

test(`whatever happens, and restarted after every step (seed ${SEED})`, () => {
  const dice = new Dice(SEED)
  const ends = new Set<string>()
  for (let run = 0; run < 300; run++) {
    const count = dice.between(1, 30)
    const settings = { ...SETTINGS, enough: dice.between(0, 100), failures: dice.pick([0, 10, 50]) }
    const all = [...candidates(count).map(({ id }) => id), "stranger"]
    const events: RolloutEvent[] = []
    let rollout = Rollout.begin(settings, candidates(count), events)
    for (let step = 0; step < 60; step++) {
      const before = rollout
      const { stage, phase } = before
      const again = Rollout.from(JSON.parse(JSON.stringify(rollout.snapshot())) as ReturnType<Rollout["snapshot"]>)
      const seed = dice.below(2 ** 31)
      const [here, there]: RolloutEvent[][] = [[], []]
      happen(new Dice(seed), before, all, here!)
      happen(new Dice(seed), again, all, there!)
      // A restart changes nothing.
      expect(there).toEqual(here)
      expect(again.snapshot()).toEqual(before.snapshot())
      rollout = again
      events.push(...here!)
      // It never goes back a stage, and nothing happens after its end.
      expect(rollout.stage).toBeGreaterThanOrEqual(stage)
      if (phase !== "running" && phase !== "paused") expect(here).toEqual([])
      for (const device of all) {
        const told = rollout.lists.findIndex((list) => list.includes(device))
        const wants = rollout.wants(device)
        if (told < 0 || told > rollout.stage) expect(wants).toBe("nothing")
        else if (rollout.isUndone) expect(wants).toBe("revert")
        else expect(wants).not.toBe("revert")
      }
    }
    // Each stage was announced once, in order, and the devices of none twice.
    const stages = events.filter((event) => event.type === "stage")
    expect(stages.map(({ stage }) => stage)).toEqual(Array.from({ length: rollout.stage + 1 }, (_, i) => i))
    expect(stages.map(({ devices }) => devices)).toEqual(rollout.lists.slice(0, rollout.stage + 1))
    ends.add(rollout.phase)
  }
  expect(ends).toEqual(new Set(["running", "paused", "halted", "aborted", "complete"]))
})
