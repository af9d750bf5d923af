import { describe, expect, it } from "vitest"
import {
  modelSpec,
  parametersOf,
  sizeKnown,
  strategySettings,
  trainSettings,
  withData,
} from "../../src/core/plan-model.ts"
import { roundSettings } from "../../src/core/round-settings.ts"
import { parsePlan } from "../../src/core/plan.ts"

describe("the model of a plan", () => {
  it.each([
    [["a", "b"], "logistic", 1],
    [["a", "b", "c"], "softmax", 3],
    [[], "squared", 1],
    [undefined, "squared", 1],
  ])("has the loss that its labels imply: %j", (labels, loss, outputs) => {
    const spec = modelSpec(parsePlan({ model: { features: 5, hidden: [7], ...(labels && { labels }) } }))
    expect(spec).toEqual({
      inputs: 5,
      layers: [
        { kind: "dense", units: 7, activation: "relu" },
        { kind: "dense", units: outputs, activation: "identity" },
      ],
      loss,
      positiveWeight: 1,
    })
  })

  it("takes the channels of a layer from the one before, and the activation from the model", () => {
    const { layers } = modelSpec(
      parsePlan({
        model: {
          features: ["a", "b", "c", "d", "e", "f", "g", "h"],
          activation: "tanh",
          layers: [
            { conv1d: 4, width: 2, channels: 2 },
            { pool: "max", width: 3 },
            { dense: 6, activation: "relu" },
          ],
        },
      }),
    )
    expect(layers).toEqual([
      { kind: "conv1d", filters: 4, width: 2, stride: 1, channels: 2, activation: "tanh" },
      { kind: "pool", mode: "max", width: 3, channels: 4 },
      { kind: "dense", units: 6, activation: "relu" },
      { kind: "dense", units: 1, activation: "identity" },
    ])
  })

  it("counts its parameters", () => {
    expect(
      parametersOf(parsePlan({ model: { features: 66, hidden: 32, labels: ["a", "b", "c", "d", "e", "f"] } })),
    ).toBe(66 * 32 + 32 + 32 * 6 + 6)
    expect(parametersOf(parsePlan({ model: { loss: "custom", parameters: 77 } }))).toBe(77)
  })

  it.each([
    [{}, "plan: model.features: expected the number of features: add it, or use a data source that says it"],
    [
      { features: 3, loss: "softmax" },
      "plan: model.labels: expected the class names for loss softmax: add them, or use a data source that says them",
    ],
    [
      { loss: "custom", parameters: 3 },
      "plan: model.loss: expected a loss of the built-in trainer, got custom: give a trainer of your own",
    ],
  ])("is unknown for %j", (model, message) => {
    const plan = parsePlan({ model })
    expect(() => modelSpec(plan)).toThrow(message)
    expect(sizeKnown(plan)).toBe("parameters" in model)
  })

  it.each([
    [
      { features: 3, loss: "logistic", labels: ["a", "b", "c"] },
      "plan: model.loss: expected two labels for loss logistic, got 3: use softmax",
    ],
    [
      { features: 3, loss: "squared", labels: ["a", "b"] },
      "plan: model.loss: expected no labels for loss squared, got 2: use softmax or logistic",
    ],
  ])("refuses a loss that does not fit the labels: %j", (model, message) => {
    expect(() => parsePlan({ model })).toThrow(message)
  })
})

describe("what the data knows", () => {
  const data = { features: ["humidity", "temperature"], classes: ["normal", "event"] }

  it("fills the plan", () => {
    const { model } = withData(parsePlan({}), data)
    expect(model).toMatchObject({ features: ["humidity", "temperature"], labels: ["normal", "event"] })
    expect(withData(parsePlan({ model: { features: 2 } }), data).model.features).toBe(2)
    expect(modelSpec(withData(parsePlan({}), { features: 4, classes: [] })).loss).toBe("squared")
  })

  it.each([
    [{ features: 66 }, "plan: model.features: expected 66 features as the plan says, the data has 2"],
    [
      { features: ["humidity", "light"] },
      'plan: model.features[1]: expected "light" as the plan says, the data has "temperature"',
    ],
    [{ labels: ["a", "b", "c"] }, "plan: model.labels: expected 3 labels as the plan says, the data has 2"],
    [
      { labels: ["event", "normal"] },
      'plan: model.labels[0]: expected "event" as the plan says, the data has "normal"',
    ],
    [{ loss: "squared" }, "plan: model.loss: expected no labels for loss squared, got 2: use softmax or logistic"],
    [{ hidden: [65535, 65535] }, "plan: model.hidden: expected at most 16777216 parameters, got 4295163901"], // 3 x 65535 + 65536 x 65535 + 65536
  ])("must not contradict it: %j", (model, message) => {
    expect(() => withData(parsePlan({ model }), data)).toThrow(message)
  })
})

describe("settings", () => {
  it("of training travel as float32", () => {
    expect(trainSettings(parsePlan({ train: { learningRate: 0.1, momentum: 0.5 } }))).toEqual({
      epochs: 5,
      batch: 32,
      // 0.1 as float32 is 13421773 / 2^27.
      learningRate: 13421773 / 2 ** 27,
      momentum: 0.5,
      l2: 0,
      proximal: 0,
    })
  })

  it("of the strategy are complete", () => {
    expect(strategySettings(parsePlan({ strategy: { name: "fedavgm" } }))).toEqual({
      name: "fedavgm",
      serverLearningRate: 1,
      momentum: 0.9,
      beta1: 0,
      beta2: 0,
      tau: 0,
    })
  })

  it("of rounds turn fractions of the cohort into counts", () => {
    expect(roundSettings(parsePlan({ cohort: 9 }))).toMatchObject({
      cohort: 9,
      overSelect: 1.3,
      minimumToStart: 8,
      minimumToCommit: 5,
    })
    expect(roundSettings(parsePlan({}), 8)).toMatchObject({
      cohort: 8,
      overSelect: 1,
      minimumToStart: 7,
      minimumToCommit: 4,
    })
    expect(roundSettings(parsePlan({}))).toMatchObject({ cohort: Infinity, minimumToStart: 1, minimumToCommit: 1 })
    expect(
      roundSettings(parsePlan({ selection: { minimumToStart: 3 }, report: { minimumToCommit: 2 } })),
    ).toMatchObject({
      minimumToStart: 3,
      minimumToCommit: 2,
    })
  })

  it("of rounds ask for statistics where features are standardised", () => {
    expect(roundSettings(parsePlan({})).statistics).toBe(true)
    expect(roundSettings(parsePlan({ model: { standardize: false } })).statistics).toBe(false)
    expect(roundSettings(parsePlan({ report: { timeoutSeconds: 30, finishSeconds: 2.5 } }))).toMatchObject({
      reportTimeoutMs: 30000,
      finishMs: 2500,
    })
  })
})
