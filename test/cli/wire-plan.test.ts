import { describe, expect, it } from "vitest"
import { planOf } from "../../src/cli/wire-plan.ts"
import { wireTraining } from "../../src/coordinator/notices.ts"
import { layersOf, modelSpec, privateLayers } from "../../src/core/plan-model.ts"
import { parsePlan } from "../../src/core/plan.ts"

describe("the plan of a model that a Notice describes", () => {
  const labels = ["a", "b", "c"]

  it.each([
    [{}, []],
    [{ private: { last: 1 } }, [2]],
    [{ frozen: { first: 1 }, private: { last: 1 } }, [2]],
    [{ frozen: { last: 1 }, private: { first: 1 } }, [0]],
  ])("has the layers of %j, and knows the private ones", (roles, own) => {
    const plan = parsePlan({ model: { features: 6, labels, hidden: [5, 4], activation: "tanh", ...roles } })
    const read = planOf(wireTraining(plan, true), plan.model)
    expect(modelSpec(read)).toEqual(modelSpec(plan))
    expect(layersOf(read)).toEqual(layersOf(plan))
    expect(privateLayers(read)).toEqual(own)
  })
})
