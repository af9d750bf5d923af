import { describe, expect, it } from "vitest"
import type { ModelSpec } from "../../src/core/model.ts"
import { parameterParts } from "../../src/core/parameter-parts.ts"
import { partsOf, privateLayers, sharedParameters, trainSettings } from "../../src/core/plan-model.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { PlanInput } from "../../src/core/plan.ts"

// By hand: a window of 6 steps of 2 channels, 3 filters of 2 steps: 2 x 2 x 3 + 3 = 15 parameters, 5 positions; pools of 2: 2
// positions of 3 channels; dense 4: 6 x 4 + 4 = 28; dense 2: 4 x 2 + 2 = 10.
const window: ModelSpec = {
  inputs: 12,
  layers: [
    { kind: "conv1d", channels: 2, filters: 3, width: 2, stride: 1, activation: "relu" },
    { kind: "pool", mode: "max", channels: 3, width: 2 },
    { kind: "dense", units: 4, activation: "relu" },
    { kind: "dense", units: 2, activation: "identity" },
  ],
  loss: "softmax",
  positiveWeight: 1,
}

describe("the parts of a model's parameters", () => {
  it.each([
    ["all is shared", {}, { from: 0, to: 53 }, []],
    ["a private head", { shared: { from: 0, to: 3 } }, { from: 0, to: 43 }, [{ from: 43, to: 53 }]],
    ["a private filter bank", { shared: { from: 2, to: 4 } }, { from: 15, to: 53 }, [{ from: 0, to: 15 }]],
    ["a private pool, which has none", { shared: { from: 1, to: 4 } }, { from: 15, to: 53 }, [{ from: 0, to: 15 }]],
    [
      "frozen filters, a private head",
      { trained: { from: 1, to: 4 }, shared: { from: 1, to: 3 } },
      { from: 15, to: 43 },
      [{ from: 43, to: 53 }],
    ],
    ["a frozen head", { trained: { from: 0, to: 3 }, shared: { from: 0, to: 3 } }, { from: 0, to: 43 }, []],
    [
      "private at both ends",
      { shared: { from: 2, to: 3 } },
      { from: 15, to: 43 },
      [
        { from: 0, to: 15 },
        { from: 43, to: 53 },
      ],
    ],
  ])("%s", (_, ranges, shared, own) => {
    const ownSize = own.reduce((size, { from, to }) => size + to - from, 0)
    expect(parameterParts(window, ranges)).toEqual({ shared, own, ownSize })
  })
})

describe("frozen and private layers of a plan", () => {
  // 2 x 5 + 5, 5 x 4 + 4, 4 x 3 + 3 parameters.
  const plan = (model: PlanInput["model"], rest: PlanInput = {}) =>
    parsePlan({ ...rest, model: { features: 2, labels: ["a", "b", "c"], hidden: [5, 4], ...model } })

  it("say what learns, what travels and what stays", () => {
    const roles = plan({ frozen: { first: 1 }, private: { last: 1 } })
    expect(sharedParameters(roles)).toEqual({ from: 15, to: 39 })
    expect(partsOf(roles).own).toEqual([{ from: 39, to: 54 }])
    expect(privateLayers(roles)).toEqual([2])
    expect(trainSettings(roles).trained).toEqual({ from: 1, to: 3 })
    expect(privateLayers(plan({ private: { first: 1, last: 1 } }))).toEqual([0, 2])
    expect(privateLayers(plan({}))).toEqual([])
    expect(trainSettings(plan({}))).not.toHaveProperty("trained")
  })

  it("leave a custom model whole", () => {
    const custom = parsePlan({ model: { features: 1, loss: "custom", parameters: 7 } })
    expect(partsOf(custom)).toEqual({ shared: { from: 0, to: 7 }, own: [], ownSize: 0 })
    expect(privateLayers(custom)).toEqual([])
  })

  it.each<[string, PlanInput["model"], string]>([
    ["nothing left to share", { private: { first: 2, last: 1 } }, "model.private: expected some of the 3 layers"],
    [
      "more layers than there are",
      { frozen: { first: 3 }, private: { last: 2 } },
      "model.frozen: expected some of the 3 layers",
    ],
    ["all frozen", { frozen: { last: 3 } }, "model.frozen: expected some of the 3 layers"],
    ["no layers at all", { private: { first: -1 } }, "model.private.first"],
  ])("are refused where they make no sense: %s", (_, model, message) => {
    expect(() => plan(model)).toThrow(message)
  })

  it("are refused for a model without layers", () => {
    const custom = { features: 1, loss: "custom", parameters: 7 } as const
    expect(() => parsePlan({ model: { ...custom, private: { last: 1 } } })).toThrow(
      "model.private: expected a model with layers, got a custom one",
    )
  })
})
