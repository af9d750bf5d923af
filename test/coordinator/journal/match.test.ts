import { expect, test } from "vitest"
import { checkSame } from "../../../src/coordinator/journal/match.ts"
import { mergePlan } from "../../../src/core/plan.ts"
import type { PlanOverrides } from "../../../src/core/plan.ts"
import { IDENTITY, PLAN } from "./federation-life.ts"

function difference(change: PlanOverrides | Partial<typeof IDENTITY>): string {
  const wanted =
    "initial" in change || "recordCohorts" in change
      ? { ...IDENTITY, ...change }
      : { ...IDENTITY, plan: mergePlan(PLAN, change as PlanOverrides) }
  try {
    checkSame(IDENTITY, wanted, "x.sqlite")
    return "none"
  } catch (error) {
    expect(error).toMatchObject({ code: "journal-plan" })
    return (error as Error).message
  }
}

test("the first difference is named, with both values and what to do", () => {
  expect(difference({})).toBe("none")
  expect(difference({ seed: 1 })).toBe("none")
  expect(difference({ seed: 2 })).toBe(
    "x.sqlite is of another plan: seed is 1 there, and 2 here. Take the plan and options that the run was begun with, or another --data-dir, or discard the run with --fresh",
  )
  expect(difference({ rounds: 5, seed: 2 })).toMatch(/: seed is 1 there, and 2 here/)
  expect(difference({ fleet: "others" })).toMatch(/: fleet is motes there, and others here/)
  expect(difference({ model: { hidden: [8, 4] } })).toMatch(/: model\.hidden\.0 is absent there, and 8 here/)
  expect(difference({ model: { features: ["a", "b"] } })).toMatch(/: model\.features is 2 there, and \["a","b"\] here/)
  expect(difference({ strategy: { name: "fedavg" } })).toMatch(/: strategy\.name is fedadam there, and fedavg here/)
  expect(difference({ stop: { metric: "rmse", atMost: 1 } })).toMatch(
    /: stop is absent there, and \{"metric":"rmse","atMost":1\} here/,
  )
  expect(difference({ initial: "ab" })).toMatch(/: the initial model is the plan's own there, and ab here/)
  expect(difference({ recordCohorts: false })).toMatch(/: recording of cohorts is true there, and false here/)
})
