import { describe, expect, it } from "vitest"
import { PlanError } from "../../src/core/plan-error.ts"
import { mergePlan, parsePlan, planSchema } from "../../src/core/plan.ts"

const refusal = (value: unknown): string => {
  try {
    parsePlan(value)
  } catch (error) {
    expect(error).toBeInstanceOf(PlanError)
    return (error as PlanError).message
  }
  return "accepted"
}

describe("a plan", () => {
  it("may be empty: everything has a default", () => {
    expect(parsePlan({})).toMatchObject({
      fleet: "fedmote",
      seed: 1,
      rounds: 30,
      cohort: "all",
      model: { hidden: [32], activation: "relu", standardize: true },
      train: { epochs: 5, batch: 32, learningRate: 0.1, momentum: 0 },
      strategy: { name: "fedavg", serverLearningRate: 1 },
      codecs: ["int8", "f32"],
      weightCap: 65536,
      largestDelta: 16,
    })
    expect(parsePlan(undefined)).toEqual(parsePlan({}))
  })

  it("is frozen, and parses to itself", () => {
    const plan = parsePlan({
      model: { labels: ["a", "b"] },
      strategy: { name: "fedyogi" },
      stop: { metric: "f1", atLeast: 0.9 },
    })
    expect(parsePlan(plan)).toEqual(plan)
    expect(() => Object.assign(plan.model, { hidden: [1] })).toThrow(TypeError)
  })

  it.each([
    ["none", []],
    [64, [64]],
    [
      [64, 32],
      [64, 32],
    ],
  ])("takes hidden: %j", (hidden, units) => {
    expect(parsePlan({ model: { hidden } }).model.hidden).toEqual(units)
  })

  it("takes numbers as names, and one codec without a list", () => {
    const plan = parsePlan({ model: { labels: [0, 1, "two"], features: ["t", 2] }, codecs: "f32" })
    expect(plan.model.labels).toEqual(["0", "1", "two"])
    expect(plan.model.features).toEqual(["t", "2"])
    expect(plan.codecs).toEqual(["f32"])
  })

  it("gives each strategy the defaults of its own", () => {
    expect(parsePlan({ strategy: { name: "fedavgm" } }).strategy).toEqual({
      name: "fedavgm",
      serverLearningRate: 1,
      momentum: 0.9,
    })
    expect(parsePlan({ strategy: { name: "fedadam" } }).strategy).toEqual({
      name: "fedadam",
      serverLearningRate: 0.1,
      beta1: 0.9,
      beta2: 0.99,
      tau: 0.001,
    })
  })

  it.each([
    [{ trian: {} }, "plan: trian: unknown key; did you mean train?"],
    [{ train: { learningrate: 1 } }, "plan: train.learningrate: unknown key; did you mean learningRate?"],
    [{ learningRate: 0.1 }, "plan: learningRate: unknown key; did you mean train.learningRate?"],
    [{ lerningRate: 0.1 }, "plan: lerningRate: unknown key; did you mean train.learningRate?"],
    [
      { train: { colour: 1 } },
      "plan: train.colour: unknown key; known here: epochs, batch, learningRate, momentum, l2, proximal, clipNorm, exampleClipNorm, schedule",
    ],
    [
      { model: { layers: [{ dense: 3 }, { denze: 3 }] } },
      "plan: model.layers[1].denze: unknown key; did you mean dense?",
    ],
    [
      { strategy: { name: "fedavg", momentum: 0.9 } },
      "plan: strategy.momentum: unknown key; it does not go with the other keys here",
    ],
  ])("suggests a key for the unknown one of %j", (value, message) => expect(refusal(value)).toBe(message))

  it.each([
    [{ train: { learningRate: -0.1 } }, "plan: train.learningRate: expected a number above 0, got -0.1"],
    [{ train: { batch: "8" } }, 'plan: train.batch: expected a number, got "8"'],
    [{ train: { momentum: 1 } }, "plan: train.momentum: expected a number below 1, got 1"],
    [{ train: { learningRate: NaN } }, "plan: train.learningRate: expected a number, got NaN"],
    [{ rounds: 1.5 }, "plan: rounds: expected a whole number, got 1.5"],
    [{ rounds: 0, seed: -1 }, "plan: seed: expected at least 0, got -1 (and 1 more error)"],
    [{ cohort: "some" }, 'plan: cohort: expected a number of devices or "all", got "some"'],
    [{ model: { hidden: [1e9] } }, "plan: model.hidden[0]: expected at most 65535, got 1000000000"],
    [{ model: { features: 1e9 } }, "plan: model.features: expected at most 65535, got 1000000000"],
    [{ model: { standardize: "yes" } }, 'plan: model.standardize: expected true or false, got "yes"'],
    [{ model: null }, "plan: model: expected a map, got null"],
    [["a"], "plan: expected a map, got a list"],
    [{ model: { layers: [{ conv1d: 4 }] } }, "plan: model.layers[0].width: expected a number, got nothing"],
    [
      { model: { layers: [{ pool: "min", width: 2 }] } },
      'plan: model.layers[0].pool: expected one of average, max, got "min"',
    ],
    [{ fleet: "My Fleet" }, 'plan: fleet: expected 1 to 32 of a-z, 0-9 and -, got "My Fleet"'],
    [
      { strategy: { name: "fedprox" } },
      'plan: strategy.name: expected one of fedavg, fedavgm, fedadagrad, fedadam, fedyogi, got "fedprox"',
    ],
    [
      { report: { minimumToCommit: 1.5 } },
      "plan: report.minimumToCommit: expected a count (1 or more) or a fraction of the cohort (between 0 and 1), got 1.5",
    ],
    [{ late: { exponent: 2 } }, "plan: late.exponent: expected 0, 0.5 or 1, got 2"],
    [
      { selection: { overSelect: 0.5 } },
      'plan: selection.overSelect: expected a number from 1 to 10 or "adaptive", got 0.5',
    ],
  ])("refuses %j", (value, message) => expect(refusal(value)).toBe(message))

  it.each([
    [{ model: { hidden: [4], layers: [] } }, "plan: model.layers: expected either hidden or layers, got both"],
    [{ model: { labels: ["a"] } }, "plan: model.labels: expected two labels or more, or none for regression, got one"],
    [{ model: { labels: ["a", "b", "a"] } }, 'plan: model.labels: expected different labels, got "a" twice'],
    [
      { model: { loss: "custom" } },
      "plan: model.parameters: expected the number of parameters exactly when loss is custom, got loss custom",
    ],
    [
      { codecs: ["int8", "topk"] },
      "plan: codecs: expected all biased or all unbiased, since they would be averaged, got int8 with topk",
    ],
    [
      { report: { finishSeconds: 120 } },
      "plan: report.finishSeconds: expected less than timeoutSeconds (120), got 120",
    ],
    [
      { cohort: 4, report: { minimumToCommit: 7 } },
      "plan: report.minimumToCommit: expected no more than the 6 devices of a cohort, got 7",
    ],
    [
      { cohort: 4, selection: { overSelect: "adaptive" }, report: { minimumToCommit: 5 } },
      "plan: report.minimumToCommit: expected no more than the 4 devices of a cohort, got 5",
    ],
    [{ mode: "async" }, "plan: cohort: expected a number of updates to a commit in async mode, got all"],
    [
      { mode: "async", cohort: 3, selection: { sampling: "poisson" } },
      "plan: selection.sampling: expected uniform or weighted in async mode, got poisson",
    ],
    [
      { mode: "async", cohort: 3, selection: { overSelect: "adaptive" } },
      "plan: selection.overSelect: expected a number in async mode: devices at work for each update wanted, got adaptive",
    ],
    [
      { late: { policy: "buffer" }, upload: { errorFeedback: true } },
      "plan: late.policy: expected no late updates where devices have errorFeedback, got buffer",
    ],
    [
      { mode: "async", cohort: 3, model: { hidden: [4], private: { last: 1 } } },
      "plan: mode: expected no late updates where devices have private layers, got async",
    ],
    [
      { selection: { rate: 0.5 } },
      "plan: selection.rate: expected sampling: poisson where there is a rate, got uniform",
    ],
    [{ stop: {} }, "plan: stop: expected atLeast, atMost or noProgress, got none of them"],
    [
      { stop: { atLeast: 1 } },
      "plan: stop.metric: expected one of accuracy, f1, averagePrecision, rmse, mae, loss, got nothing",
    ],
    [{ stop: { metric: "mae", atLeast: 1 } }, "plan: stop.atLeast: expected atMost for mae, got atLeast"],
    [{ stop: { metric: "f1", atMost: 1 } }, "plan: stop.atMost: expected atLeast for f1, got atMost"],
    [
      { model: { features: 4, hidden: [60000, 60000] } },
      // (4 + 1) * 60000 + (60000 + 1) * 60000 + 60001
      "plan: model.hidden: expected at most 16777216 parameters, got 3600420001",
    ],
    [
      { model: { features: 4, layers: [{ conv1d: 2, width: 9 }] } },
      "plan: model.layers: layer 0: a width of 9 needs as many steps, got 4",
    ],
  ])("refuses what does not fit together: %j", (value, message) => expect(refusal(value)).toBe(message))

  it("says where the value at fault was written", () => {
    const path = (value: unknown): unknown => {
      try {
        return parsePlan(value)
      } catch (error) {
        return (error as PlanError).path
      }
    }
    expect(path({ model: { layers: [{ dense: 3 }, { dense: 0 }] } })).toEqual(["model", "layers", 1, "dense"])
    expect(path({ train: { rate: 3 } })).toEqual(["train", "rate"])
    expect(path({ stop: { atLeast: 1 } })).toEqual(["stop"])
  })
})

describe("overrides", () => {
  const plan = parsePlan({
    rounds: 5,
    model: { hidden: [8, 4], labels: ["a", "b"] },
    strategy: { name: "fedavgm", momentum: 0.5 },
  })

  it("change what they name, and nothing where they are undefined", () => {
    const merged = mergePlan(plan, {
      rounds: undefined,
      train: { learningRate: 0.5, batch: undefined },
      codecs: ["f32"],
    })
    expect(merged).toEqual({ ...plan, train: { ...plan.train, learningRate: 0.5 }, codecs: ["f32"] })
    expect(mergePlan(plan, {})).toEqual(plan)
  })

  it("replace a list, another strategy and another kind of layers as a whole", () => {
    expect(mergePlan(plan, { model: { hidden: "none" } }).model.hidden).toEqual([])
    const layers = mergePlan(plan, { model: { layers: [{ dense: 3 }] } })
    expect(layers.model).toMatchObject({ layers: [{ dense: 3 }] })
    expect(layers.model.hidden).toBeUndefined()
    expect(mergePlan(layers, { model: { hidden: 16 } }).model.layers).toBeUndefined()
    expect(mergePlan(plan, { strategy: { name: "fedavgm", serverLearningRate: 0.5 } }).strategy).toEqual({
      name: "fedavgm",
      serverLearningRate: 0.5,
      momentum: 0.5,
    })
    expect(mergePlan(plan, { strategy: { name: "fedadagrad" } }).strategy).toMatchObject({ serverLearningRate: 0.1 })
  })

  it("are checked like a plan", () => {
    expect(() => mergePlan(plan, { rounds: 0 })).toThrow("plan: rounds: expected at least 1, got 0")
  })

  it("leave the plan as it was", () => {
    const before = JSON.stringify(plan)
    mergePlan(plan, { rounds: 9, model: { hidden: [1] } })
    expect(JSON.stringify(plan)).toBe(before)
  })
})

describe("the plan's JSON Schema", () => {
  // To bring the published file up to date: npx vitest run test/core/plan.test.ts -u
  it("is the published one", async () => {
    await expect(`${JSON.stringify(planSchema(), null, 2)}\n`).toMatchFileSnapshot("../../src/core/plan.schema.json")
  })
})
