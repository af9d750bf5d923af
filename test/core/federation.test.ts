import { describe, expect, test } from "vitest"
import { LIMBS } from "../../src/core/limbs.ts"
import { evaluationSize } from "../../src/core/evaluation.ts"
import { Federation, lossUnits } from "../../src/core/federation.ts"
import type { RoundSums } from "../../src/core/federation.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { PlanInput } from "../../src/core/plan.ts"
import type { RoundEffect } from "../../src/core/round.ts"

/** Two features, linear, squared loss: three parameters. */
const PLAN: PlanInput = {
  model: { features: 2, hidden: "none", labels: [] },
  rounds: 2,
  cohort: 2,
  selection: { overSelect: 1, settleSeconds: 0 },
}

function federation(plan: PlanInput = PLAN, init: number[] = [1, 2, 3]): Federation {
  return new Federation({ plan: parsePlan(plan), init, epoch: 65536, clients: 2 })
}

/** Brings the current round to its commit. */
function begin(federation: Federation): void {
  const effects: RoundEffect[] = []
  for (const [i, id] of ["a", "b"].entries())
    federation.step({ type: "ready", nowMs: 0, device: { id, key: [i, i], samples: 1, testSamples: 1 } }, effects)
  federation.step({ type: "start", nowMs: 0 }, effects)
  finish(federation)
}

function finish(federation: Federation): void {
  const effects: RoundEffect[] = []
  const { round, epoch, cohort } = federation.rounds
  for (const device of cohort) {
    federation.step({ type: "update", nowMs: 0, device, round, epoch }, effects)
    federation.step({ type: "folded", nowMs: 0, device, ok: true }, effects)
  }
  expect(federation.rounds.phase).toBe("committing")
}

function sums(sum: number[], extra: Partial<RoundSums> = {}): RoundSums {
  const base = { weight: 4, count: 2, samples: 4, lossSum: 6, uplinkBytes: 10, downlinkBytes: 20, seconds: 0.5 }
  return { sum: Float64Array.from(sum), ...base, ...extra }
}

function commit(federation: Federation, given: RoundSums): string | undefined {
  const { stop } = federation.commit(given)
  federation.step({ type: "committed", nowMs: 0, stop: stop !== undefined }, [])
  return stop
}

/** Two rows, x = (1, 5) and (3, 5): sums 4 and 10, sums of squares 10 and 50, in limbs of 2^-64 x 2^24^k: 1 is 2^16 in limb 2. */
function statistics(): number[] {
  const limbs = (value: number): number[] => [0, 0, value * 65536, 0, 0]
  return [2, ...limbs(4), ...limbs(10), ...limbs(10), ...limbs(50)]
}

/** Rows, and sums of loss, squared and absolute error. */
function evaluation(rows: number, loss: number, squared: number, absolute: number): number[] {
  const limbs = (value: number): number[] => [0, 0, value * 65536, 0, 0]
  return [rows, ...limbs(loss), ...limbs(squared), ...limbs(absolute)]
}

test("the whole program: statistics, training, evaluation, and what a result says of it", () => {
  const fed = federation()
  begin(fed)
  expect([fed.rounds.kind, fed.version, fed.standardizer]).toEqual(["statistics", 0, undefined])
  commit(
    fed,
    sums(statistics(), {
      weight: 2,
      contributions: [
        { device: "b", steps: 0, samples: 1 },
        { device: "a", steps: 0, samples: 1 },
      ],
    }),
  )
  // Means 2 and 5, deviations 1 and 0 (constant: scale 1).
  expect([...fed.standardizer!.mean, ...fed.standardizer!.inverse]).toEqual([2, 5, 1, 1])
  expect([fed.version, fed.model.version]).toEqual([1, 0])
  expect([...new Float32Array(fed.modelBytes().buffer)]).toEqual([2, 5, 1, 1, 1, 2, 3])

  finish(fed)
  expect(fed.rounds.kind).toBe("train")
  commit(
    fed,
    sums([4, -4, 2], {
      contributions: [
        { device: "b", steps: 3, samples: 3 },
        { device: "a", steps: 1, samples: 1 },
      ],
    }),
  )
  expect([...fed.model.devices]).toEqual([2, 1, 3.5])
  expect(fed.version).toBe(2)

  finish(fed)
  expect(fed.rounds.kind).toBe("evaluate")
  commit(fed, sums(evaluation(4, 2, 16, 6), { uplinkBytes: 1, downlinkBytes: 2, seconds: 0.25 }))
  expect(fed.version).toBe(2)
  finish(fed)
  commit(fed, sums([0, 0, 4], { lossSum: NaN }))
  finish(fed)
  commit(fed, sums(evaluation(4, 1, 4, 2)))
  expect(fed.rounds.phase).toBe("released")

  const report = fed.report("d".repeat(64))
  expect(report).toEqual({
    model: { parameters: 3, bytes: 12, digest: "d".repeat(64) },
    statistics: { cohort: [{ device: "a" }, { device: "b" }] },
    rounds: [
      {
        round: 1,
        folded: 2,
        samples: 4,
        trainLoss: 1.5,
        testLoss: 0.5,
        metrics: { rmse: 2, mae: 1.5, loss: 0.5 },
        uplinkBytes: 11,
        downlinkBytes: 22,
        seconds: 0.75,
        participation: { ready: 2, selected: 2, late: 0, refused: 0 },
        // What the exact sum had room for: the two that the plan asks.
        bound: 2,
        cohort: [
          { device: "a", steps: 1, samples: 1 },
          { device: "b", steps: 3, samples: 3 },
        ],
      },
      {
        round: 2,
        folded: 2,
        samples: 4,
        trainLoss: null,
        testLoss: 0.25,
        metrics: { rmse: 1, mae: 0.5, loss: 0.25 },
        uplinkBytes: 20,
        downlinkBytes: 40,
        seconds: 1,
        participation: { ready: 2, selected: 2, late: 0, refused: 0 },
      },
    ],
    final: { metrics: { rmse: 1, mae: 0.5, loss: 0.25 } },
  })
})

test("without evaluation there are no metrics, and without recorded cohorts none", () => {
  const fed = federation({ ...PLAN, evaluate: { every: 0 }, model: { ...PLAN.model, standardize: false } })
  begin(fed)
  commit(fed, sums([0, 0, 0]))
  finish(fed)
  commit(fed, sums([0, 0, 0]))
  expect(fed.rounds.phase).toBe("released")
  const { rounds, final, statistics } = fed.report("")
  expect(rounds.map(({ testLoss, metrics }) => [testLoss, metrics])).toEqual([
    [null, {}],
    [null, {}],
  ])
  expect([final, statistics, "cohort" in rounds[0]!]).toEqual([{ metrics: {} }, undefined, false])
})

test("a stop rule ends it after the evaluation that meets it", () => {
  const fed = federation({ ...PLAN, rounds: 9, stop: { metric: "rmse", atMost: 1 } })
  begin(fed)
  commit(fed, sums(statistics(), { weight: 2 }))
  finish(fed)
  commit(fed, sums([0, 0, 0]))
  finish(fed)
  expect(commit(fed, sums(evaluation(4, 2, 16, 6)))).toBeUndefined()
  finish(fed)
  commit(fed, sums([0, 0, 0]))
  finish(fed)
  expect(commit(fed, sums(evaluation(4, 1, 4, 2)))).toBe("rmse 1 reached 1")
  expect(fed.rounds.phase).toBe("released")
  expect(fed.report("").stopped).toBe("rmse 1 reached 1")
})

test("an evaluation that nobody answered leaves the round without metrics", () => {
  const fed = federation({ ...PLAN, rounds: 1, model: { ...PLAN.model, standardize: false } })
  begin(fed)
  commit(fed, sums([0, 0, 0]))
  finish(fed)
  commit(fed, sums(evaluation(0, 0, 0, 0), { weight: 0, count: 0, samples: 0 }))
  expect(fed.report("").rounds[0]).toMatchObject({ testLoss: null, metrics: {} })
})

test("the threshold of a binary model is the best on the training scores", () => {
  const plan = {
    ...PLAN,
    rounds: 1,
    model: { features: 2, hidden: "none", labels: ["no", "yes"], standardize: false },
  } as const
  const fed = federation(plan)
  begin(fed)
  commit(fed, sums([0, 0, 0]))
  finish(fed)
  expect(fed.threshold).toBeUndefined()
  const vector = Array.from({ length: evaluationSize("logistic", 2) }, () => 0)
  vector[0] = 2
  const trainScores = 1 + LIMBS + 4 + 512
  // Training: negatives in bin 100, positives in bin 104: every threshold from 101 to 104 is perfect, the middle is taken.
  vector[trainScores + 100] = 5
  vector[trainScores + 256 + 104] = 5
  commit(fed, sums(vector))
  expect(fed.threshold).toBe(103)
})

describe("shape", () => {
  test("of counts: grid 0, weight 1", () => {
    const fed = federation()
    // 1 count, and for each of 2 features two sums of 5 limbs; 1 count and three sums of 5 limbs.
    expect(fed.shape("statistics", 9)).toMatchObject({ size: 21, gridExponent: 0, weightCap: 1 })
    expect(fed.shape("evaluate", 9)).toMatchObject({ size: 16, gridExponent: 0, weightCap: 1 })
  })

  test("of training: ceil(log2(cohort x weight cap x largest delta)) - 52, for all that the plan asks", () => {
    const plan = { ...PLAN, cohort: 10, selection: { overSelect: 1.3 }, weightCap: 1024, largestDelta: 2 }
    const fed = federation(plan)
    // 13 x 1024 x 2 = 26624, so 15 - 52; whoever of the 13 was there.
    expect(fed.shape("train", 13)).toEqual({ size: 3, gridExponent: -37, weightCap: 1024, largest: 2, bound: 13 })
    expect(fed.shape("train", 2).gridExponent).toBe(-37)
  })

  test("caps the weight where so many updates would not add up exactly", () => {
    const fed = federation({ ...PLAN, cohort: "all", weightCap: 1 << 20 })
    // 2^18 updates of weight 2^20 would be 2^38.
    expect(fed.shape("train", 1 << 18).weightCap).toBe(1 << 19)
  })

  test("of the round that begins is the Notice's grid", () => {
    const fed = federation({ ...PLAN, weightCap: 1024, largestDelta: 2, model: { ...PLAN.model, standardize: false } })
    begin(fed)
    expect(fed.gridExponent).toBe(12 - 52)
    expect(fed.weightCap).toBe(1024)
  })
})

test("loss sums add up exactly in any order", () => {
  const values = [0.1, 1e6 + 1 / 3, 7e-9, 12345.678, 0.25].map((value) => lossUnits(Math.fround(value)))
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)
  expect(values.every((value) => Number.isInteger(value * 2 ** 20))).toBe(true)
  expect(sum(values.toReversed())).toBe(sum(values))
  expect(lossUnits(0.75)).toBe(0.75)
})

test("an initial model of another size is refused", () => {
  expect(() => federation(PLAN, [1, 2])).toThrow("expected an initial model of 3 parameters, got 2")
})
