import { describe, expect, it } from "vitest"
import { parsePlan, planSchema } from "../../src/core/plan.ts"
import { firstData, parseSweptPlan, setText, sweepRuns } from "../../src/core/sweep.ts"

/** The settings of all runs, one line each. */
const runs = (value: unknown): string[] => {
  const { plan, axes } = parseSweptPlan(value)
  return sweepRuns(plan, axes).map(setText)
}
const refusal = (value: unknown): string => {
  try {
    parseSweptPlan(value)
  } catch (error) {
    return (error as Error).message
  }
  return "accepted"
}

describe("a sweep", () => {
  it("is every combination, seeds innermost wherever they are written", () =>
    expect(runs({ sweep: { seeds: [1, 7], "train.epochs": [1, 5], "strategy.name": ["fedavg", "fedadam"] } })).toEqual([
      "train.epochs 1, strategy.name fedavg, seed 1",
      "train.epochs 1, strategy.name fedavg, seed 7",
      "train.epochs 1, strategy.name fedadam, seed 1",
      "train.epochs 1, strategy.name fedadam, seed 7",
      "train.epochs 5, strategy.name fedavg, seed 1",
      "train.epochs 5, strategy.name fedavg, seed 7",
      "train.epochs 5, strategy.name fedadam, seed 1",
      "train.epochs 5, strategy.name fedadam, seed 7",
    ]))

  it("lays values over the plan; without one there is the plan alone", () => {
    const { plan, axes } = parseSweptPlan({ rounds: 3, sweep: { "train.learningRate": [0.5], "tags.a": [["x"]] } })
    const [run] = sweepRuns(plan, axes)
    expect(run!.plan).toEqual(parsePlan({ rounds: 3, train: { learningRate: 0.5 }, tags: { a: ["x"] } }))
    expect(parseSweptPlan({ rounds: 3 })).toEqual({ plan: parsePlan({ rounds: 3 }), axes: [] })
    expect(sweepRuns(plan, [])).toEqual([{ set: {}, plan, data: {} }])
  })

  it("takes lists, maps and whole sections as values", () =>
    expect(runs({ sweep: { "model.hidden": [[64, 32], "none"], train: [{ epochs: 2 }] } })).toEqual([
      'model.hidden [64,32], train {"epochs":2}',
      'model.hidden none, train {"epochs":2}',
    ]))

  it("takes seeds of parts, too, and has them last", () =>
    expect(runs({ sweep: { "seeds.partition": [1, 2], rounds: [3], seeds: [8] } }).at(-1)).toBe(
      "rounds 3, seeds.partition 2, seed 8",
    ))

  it("takes how the data is dealt", () => {
    const { plan, axes } = parseSweptPlan({ sweep: { "data.partition": ["iid", "shards:2"], "data.clients": [10] } })
    const found = sweepRuns(plan, axes)
    expect(found.map(({ data }) => data)).toEqual([
      { partition: "iid", clients: 10 },
      { partition: "shards:2", clients: 10 },
    ])
    expect(found[0]!.plan).toEqual(plan)
    expect(firstData(axes)).toEqual({ partition: "iid", clients: 10 })
    expect(firstData([])).toEqual({})
  })

  it.each([
    [{ partition: ["iid"] }, "sweep: partition: unknown key; did you mean data.partition?"],
    [{ "data.partition": ["iid", 3] }, "sweep: data.partition: expected a partition such as dirichlet:0.3, got 3"],
    [{ "data.clients": ["ten"] }, "sweep: data.clients: expected a number of clients, got ten"],
    [{ "train.learningRat": [1] }, "sweep: train.learningRat: unknown key; did you mean train.learningRate?"],
    [{ learningrate: [1] }, "sweep: learningrate: unknown key; did you mean train.learningRate?"],
    [{ "trian.epochs": [1] }, "sweep: trian.epochs: unknown key; did you mean train.epochs?"],
    [{ seedz: [1] }, "sweep: seedz: unknown key; did you mean seed?"],
    [{ "train.learningRate": [1, -1] }, "sweep: train.learningRate: expected a number above 0, got -1"],
    [{ "train.learningRate": 0.1 }, "sweep: train.learningRate: expected a list of values, one at least"],
    [{ rounds: [3, 3] }, "sweep: rounds: expected different values, got 3 twice"],
    [{ "model.hidden": ["none", []] }, "got the same one twice: model.hidden none; model.hidden []"],
    [
      { train: [{ epochs: 1 }], "train.epochs": [1] },
      "sweep: expected one list for a value, got train and train.epochs",
    ],
    [{ seed: [1], seeds: [2] }, "sweep: expected one list for a value, got seed and seed"],
    [
      { "report.finishSeconds": [3], "report.timeoutSeconds": [9, 2] },
      "sweep: report.finishSeconds: expected less than timeoutSeconds (2), got 3",
    ],
    [{}, "sweep: expected a map from keys of the plan to lists of values"],
    [
      { rounds: Array.from({ length: 400 }, (_, i) => i + 1), seeds: Array.from({ length: 400 }, (_, i) => i) },
      "sweep: expected at most 100000 combinations of values, got 160000",
    ],
  ])("that is wrong says what and where: %j", (sweep, message) => expect(refusal({ sweep })).toContain(message))

  it("is no part of a single plan", () =>
    expect(() => parsePlan({ sweep: { seeds: [1] } })).toThrow("sweep: unknown key; one plan is wanted here"))

  it("is in the schema: each list refers to what the plan has there", () => {
    const schema = planSchema() as { properties: { sweep: { properties: { [key: string]: { items: object } } } } }
    const lists = schema.properties.sweep.properties
    const at = (pointer: string): unknown =>
      pointer
        .slice(2)
        .split("/")
        .reduce<unknown>((node, part) => (node as { [key: string]: unknown })[part], schema)
    for (const { items } of Object.values(lists).filter(({ items }) => !("type" in items)))
      for (const { $ref } of "anyOf" in items ? (items.anyOf as { $ref: string }[]) : [items as { $ref: string }])
        expect(at($ref), $ref).toBeDefined()
    expect(lists["train.learningRate"]!.items).toEqual({ $ref: "#/properties/train/properties/learningRate" })
    expect(Object.keys(lists)).toEqual(expect.arrayContaining(["seeds", "strategy.momentum", "downlink.codec"]))
  })
})
