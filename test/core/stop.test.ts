import { describe, expect, it } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import type { PlanInput } from "../../src/core/plan.ts"
import { stopReason } from "../../src/core/stop.ts"
import type { MetricName } from "../../src/core/metrics.ts"

/** The reason after evaluations of one metric, one a training round. */
const after = (stop: PlanInput["stop"], metric: MetricName, ...values: number[]): string | undefined =>
  stopReason(
    parsePlan(stop === undefined ? {} : { stop }).stop,
    values.map((value, i) => ({ trained: i + 1, metrics: { [metric]: value } })),
  )

describe("the stop rule", () => {
  it("ends at a target", () => {
    expect(after({ metric: "f1", atLeast: 0.9 }, "f1", 0.5, 0.89)).toBeUndefined()
    expect(after({ metric: "f1", atLeast: 0.9 }, "f1", 0.5, 0.9)).toBe("f1 0.9 reached 0.9")
    expect(after({ metric: "mae", atMost: 2 }, "mae", 3, 2.5)).toBeUndefined()
    expect(after({ metric: "mae", atMost: 2 }, "mae", 3, 1.5)).toBe("mae 1.5 reached 2")
  })

  it("looks at the newest evaluation only for the target", () => {
    expect(after({ metric: "f1", atLeast: 0.9 }, "f1", 0.95, 0.8)).toBeUndefined()
  })

  it("ends without progress: too little is none", () => {
    const stop = { metric: "f1", noProgress: { rounds: 3, delta: 0.01 } } as const
    expect(after(stop, "f1", 0.5, 0.505, 0.506)).toBeUndefined()
    expect(after(stop, "f1", 0.5, 0.505, 0.506, 0.507)).toBe("f1 has not improved by more than 0.01 since round 1")
    expect(after(stop, "f1", 0.5, 0.505, 0.506, 0.52)).toBeUndefined()
  })

  it("knows that a smaller loss is the better one", () => {
    const stop = { noProgress: { rounds: 2, delta: 0 } }
    expect(after(stop, "loss", 3, 2, 1)).toBeUndefined()
    expect(after(stop, "loss", 1, 2, 3)).toBe("loss has not improved by more than 0 since round 1")
  })

  it("counts training rounds, not evaluations", () => {
    const { stop } = parsePlan({ stop: { metric: "f1", noProgress: { rounds: 10, delta: 0 } } })
    const history = [5, 10, 15].map((trained) => ({ trained, metrics: { f1: 0.5 } }))
    expect(stopReason(stop, history.slice(0, 2))).toBeUndefined()
    expect(stopReason(stop, history)).toBe("f1 has not improved by more than 0 since round 5")
  })

  it("does nothing without a rule, an evaluation, or the metric", () => {
    expect(after(undefined, "f1", 1)).toBeUndefined()
    expect(after({ metric: "f1", atLeast: 0.9 }, "f1")).toBeUndefined()
    expect(after({ metric: "f1", atLeast: 0.9 }, "accuracy", 1)).toBeUndefined()
    expect(after({ metric: "f1", atLeast: 0.9 }, "f1", NaN)).toBeUndefined()
  })
})
