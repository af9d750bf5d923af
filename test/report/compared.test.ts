import { describe, expect, it } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import type { PlanInput } from "../../src/core/plan.ts"
import type { Result } from "../../src/core/result.ts"
import { compareRuns } from "../../src/report/compared.ts"
import { groupRuns, settingText } from "../../src/report/run-groups.ts"
import { statisticOf, statisticText } from "../../src/report/statistic.ts"
import { reach } from "../../src/report/target.ts"
import { formatCompared } from "../../src/cli/compared-table.ts"
import { exampleResult } from "./example.ts"

/** A run with so good a model after each round (null: not evaluated), 100 bytes up and 10 down each. */
function run(plan: PlanInput, accuracies: readonly (number | null)[], data: Partial<Result["data"]> = {}): Result {
  const { model, seed, ...rest } = parsePlan(plan)
  const rounds = accuracies.map((accuracy, i) => ({
    ...exampleResult().rounds[0]!,
    round: i + 1,
    metrics: accuracy === null ? {} : { accuracy },
    uplinkBytes: 100,
    downlinkBytes: 10,
  }))
  return {
    ...exampleResult(),
    seed,
    plan: { ...rest, seed, model: { ...model, labels: ["a", "b", "c"] } },
    data: { ...exampleResult().data, ...data },
    rounds,
    baselines: {},
    final: { metrics: rounds.at(-1)!.metrics },
  }
}
const named = (...results: Result[]) => results.map((result, i) => ({ name: `r${i}`, result }))

describe("a statistic", () => {
  it("is the mean and the sample's deviation", () => {
    // Python: statistics.mean, statistics.stdev of 2, 4, 4, 4, 5, 5, 7, 9.
    const { count, mean, deviation } = statisticOf([2, 4, 4, 4, 5, 5, 7, 9])!
    expect([count, mean]).toEqual([8, 5])
    expect(deviation).toBeCloseTo(2.138089935299395, 14)
    expect(statisticOf([3])).toEqual({ count: 1, mean: 3 })
    expect(statisticOf([])).toBeUndefined()
  })

  it("is written with what there is", () => {
    expect(statisticText(statisticOf([1, 3]), (value) => value.toFixed(2))).toBe("2.00 ± 1.41")
    expect(statisticText(statisticOf([1]), String)).toBe("1")
    expect(statisticText(undefined, String)).toBe("–")
  })
})

describe("the first round at a target", () => {
  it("counts bytes both ways up to it, and passes over rounds that were not evaluated", () => {
    const result = run({}, [0.5, null, 0.8, 0.7, 0.9])
    expect(reach(result, { metric: "accuracy", value: 0.8 })).toEqual({ round: 3, bytes: 330, uplinkBytes: 300 })
    expect(reach(result, { metric: "accuracy", value: 0.91 })).toBeUndefined()
    expect(reach(result, { metric: "f1", value: 0 })).toBeUndefined()
  })

  it("is at most the value where lower is better", () => {
    const { rounds } = run({}, [0.1, 0.1])
    const falling = rounds.map((record, i) => ({ ...record, metrics: { rmse: 3 - i } }))
    expect(reach({ rounds: falling }, { metric: "rmse", value: 2 })?.round).toBe(2)
  })
})

describe("groups", () => {
  it("differ in more than seeds, and say in what", () => {
    const groups = groupRuns(
      named(
        run({ train: { epochs: 1 }, seed: 1 }, [0.5]),
        run({ train: { epochs: 5 }, seed: 1 }, [0.5]),
        run({ train: { epochs: 1 }, seed: 2, seeds: { partition: 9 } }, [0.5]),
        run({ train: { epochs: 1 }, seed: 1 }, [0.5], { partition: "iid" }),
      ),
    )
    expect(groups.map(({ settings, runs }) => [settings, runs.map(({ name }) => name)])).toEqual([
      [{ "data.partition": undefined, "train.epochs": 1 }, ["r0", "r2"]],
      [{ "data.partition": undefined, "train.epochs": 5 }, ["r1"]],
      [{ "data.partition": "iid", "train.epochs": 1 }, ["r3"]],
    ])
    expect([undefined, [64, 32], [], "int8", 0.1].map(settingText)).toEqual(["–", "64 32", "none", "int8", "0.1"])
  })

  it("leave out what only some have, where the rest tells them apart", () => {
    const strategies = [{ name: "fedavg" }, { name: "fedadam" }, { name: "fedadam", beta1: 0.5 }] as const
    const keys = (count: number) =>
      Object.keys(
        groupRuns(named(...strategies.slice(0, count).map((strategy) => run({ strategy }, [0.5]))))[0]!.settings,
      )
    expect(keys(2)).toEqual(["strategy.name", "strategy.serverLearningRate"])
    expect(keys(3)).toContain("strategy.beta1")
  })

  it("have one without anything to tell apart; a run that comes twice counts once", () => {
    const digest = "ab".repeat(32)
    const same = { ...run({}, [0.5]), experiment: { digest, set: {} } }
    const [group, ...more] = groupRuns(named(same, same, run({ seed: 5 }, [0.5])))
    expect(more).toEqual([])
    expect(group).toMatchObject({ settings: {}, runs: [{ name: "r0" }, { name: "r2" }] })
  })
})

describe("a comparison", () => {
  const compared = compareRuns(
    named(
      run({ train: { epochs: 1 }, seed: 1 }, [0.5, 0.8]),
      run({ train: { epochs: 1 }, seed: 2 }, [0.7, 0.6]),
      run({ train: { epochs: 1 }, seed: 3 }, [0.4, 0.4]),
      run({ train: { epochs: 5 }, seed: 1 }, [0.3, 0.3]),
    ),
    { metric: "accuracy", value: 0.65 },
  )

  it("has means over seeds, and who reached the target when", () => {
    expect(compared.groups[0]!.metrics.accuracy).toMatchObject({ count: 3 })
    expect(compared.groups[0]!.metrics.accuracy!.mean).toBeCloseTo(0.6, 14)
    expect(compared.groups[0]!.metrics.accuracy!.deviation).toBeCloseTo(0.2, 14)
    expect(compared.groups[0]!.toTarget).toMatchObject({
      reached: 2,
      rounds: { count: 2, mean: 1.5 },
      bytes: { mean: 165 },
      uplinkBytes: { mean: 150 },
    })
    expect(compared.groups[0]!.runs.map(({ target }) => target?.round ?? null)).toEqual([2, 1, null])
    expect(compared.groups[1]!.toTarget).toEqual({ reached: 0 })
  })

  it("is a table", () => {
    const lines = formatCompared(compared)
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/))
    expect(lines[0]).toEqual([
      "train.epochs",
      "Seeds",
      "Accuracy",
      "Rounds",
      "Bytes up",
      "Bytes down",
      "Rounds to it",
      "Bytes to it",
      "Reached",
    ])
    expect(lines[1]).toEqual(["1", "3", "0.600 ± 0.200", "2", "200 B", "20 B", "1.5 ± 0.7", "165 B ± 78 B", "2 of 3"])
    expect(lines[2]).toEqual(["5", "1", "0.300", "2", "200 B", "20 B", "–", "–", "0 of 1"])
    expect(lines).toContainEqual(["it: accuracy of at least 0.65"])
  })
})
