import { describe, expect, it } from "vitest"
import { checkPlan } from "../../src/core/plan-check.ts"
import type { FleetFacts } from "../../src/core/plan-check.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { PlanInput } from "../../src/core/plan.ts"

const paths = (value: PlanInput, facts?: FleetFacts): string[] =>
  checkPlan(parsePlan(value), facts).map(({ path }) => path)

const SENSIBLE: PlanInput = {
  cohort: 10,
  model: { features: 12, labels: ["normal", "event"] },
  stop: { metric: "averagePrecision", atLeast: 0.9 },
}

describe("checking a plan", () => {
  it("says nothing about a sensible one", () => {
    expect(checkPlan(parsePlan(SENSIBLE), { clients: 40, samples: 500 })).toEqual([])
    expect(checkPlan(parsePlan({}), { clients: 8, samples: 2000 })).toEqual([])
    const layers = { hidden: [8, 8], frozen: { first: 1 }, private: { last: 1 } }
    const train = { schedule: { kind: "cosine", warmup: 79 } as const, clipNorm: 1 }
    const personal = { ...SENSIBLE, model: { ...SENSIBLE.model, ...layers }, train, upload: { errorFeedback: true } }
    expect(checkPlan(parsePlan(personal), { clients: 20, samples: 500, init: true })).toEqual([])
  })

  it.each<[string, PlanInput, FleetFacts?]>([
    ["train.learningRate", { train: { learningRate: 2 } }],
    ["train.learningRate", { train: { learningRate: 0.3, momentum: 0.9 } }],
    ["train.learningRate", { train: { batch: 1 } }],
    [
      "train.learningRate",
      { model: { features: 12, loss: "squared", labels: [] }, stop: { noProgress: {} }, train: { learningRate: 0.2 } },
    ],
    ["train.learningRate", { train: { learningRate: 1e-5 } }],
    ["train.l2", { train: { l2: 10 } }],
    ["train.proximal", { train: { proximal: 10 } }],
    ["train.epochs", { train: { epochs: 50 } }],
    ["train.batch", {}, { samples: 10 }],
    ["strategy.serverLearningRate", { strategy: { name: "fedadam", serverLearningRate: 1 } }],
    ["strategy.name", { cohort: 3, strategy: { name: "fedavgm" } }],
    ["cohort", { cohort: 1 }],
    ["evaluate.every", { cohort: 10, mode: "async" }],
    ["weightCap", { cohort: 10, selection: { sampling: "weighted" } }],
    ["selection.rate", { cohort: 10, selection: { sampling: "poisson" } }],
    ["cohort", {}, { clients: 4 }],
    ["report.minimumToCommit", { report: { minimumToCommit: 1 } }],
    ["selection.minimumToStart", { cohort: "all", report: { minimumToCommit: 3 } }],
    [
      "report.timeoutSeconds",
      { report: { timeoutSeconds: 5, finishSeconds: 1 }, model: { features: 561, hidden: 64, labels: ["a", "b"] } },
    ],
    ["evaluate.every", { evaluate: { every: 0 } }],
    ["stop.metric", { stop: { metric: "rmse", atMost: 1 } }],
    ["rounds", { rounds: 2, stop: undefined } as unknown as PlanInput],
    ["model.standardize", { model: { features: 12, labels: ["a", "b"], standardize: false } }],
    [
      "model.positiveWeight",
      { model: { features: 12, labels: ["a", "b", "c"], positiveWeight: 3 }, stop: { metric: "f1", atLeast: 1 } },
    ],
    ["codecs", { codecs: ["int4", "int8"] }],
    ["codecs", { codecs: ["int8-nearest"] }],
    ["weightCap", { weightCap: 100 }, { samples: 500 }],
    ["train.schedule.warmup", { train: { schedule: { warmup: 80 } } }, { samples: 500 }],
    ["upload.errorFeedback", { codecs: "f32", upload: { errorFeedback: true } }],
    ["upload.errorFeedback", { upload: { errorFeedback: true } }, { clients: 21 }],
    ["model.private", { model: { ...SENSIBLE.model, private: { last: 1 } }, rounds: 3 }, { clients: 11 }],
    ["model.frozen", { model: { ...SENSIBLE.model, frozen: { first: 1 } } }],
  ])("warns of %s in %j %j", (path, change, facts) => {
    expect(paths({ ...SENSIBLE, ...change }, facts)).toEqual([path])
  })

  it("says what, and what to do", () => {
    const [warning] = checkPlan(parsePlan({ ...SENSIBLE, train: { learningRate: 0.3, momentum: 0.9 } }))
    expect(warning).toEqual({
      path: "train.learningRate",
      message: "0.3 with momentum 0.9 acts like 3, which is high for batches of 32: training may diverge",
      advice: "try 0.064 or less",
    })
  })
})
