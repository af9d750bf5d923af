import { describe, expect, test } from "vitest"
import { evaluationSize } from "../../src/core/evaluation.ts"
import { Federation } from "../../src/core/federation.ts"
import type { RoundSums } from "../../src/core/federation.ts"
import { LIMBS } from "../../src/core/limbs.ts"
import { momentsSize } from "../../src/core/moments.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { Plan, PlanInput } from "../../src/core/plan.ts"
import type { RoundEffect } from "../../src/core/round.ts"
import type { FederationSnapshot } from "../../src/core/snapshot.ts"

/** Three features and two labels: four parameters, statistics, a threshold; an evaluation after every second round. */
const PLAN: PlanInput = {
  model: { features: 3, hidden: "none", labels: ["no", "yes"] },
  rounds: 5,
  cohort: 2,
  evaluate: { every: 2 },
  selection: { overSelect: 1, settleSeconds: 0 },
}
const INIT = [0.1, -0.2, 0.3, 0.4]

function federation(plan: Plan, from?: FederationSnapshot, epoch = 65536): Federation {
  return new Federation({ plan, init: INIT, epoch, clients: 2, from })
}

/** Runs a new process's federation to its next commit, and gives its sums: a function of the round alone. */
function runToCommit(fed: Federation): RoundSums {
  const effects: RoundEffect[] = []
  for (const [i, id] of ["a", "b"].entries())
    fed.step({ type: "ready", nowMs: 0, device: { id, key: [i, i], samples: 1, testSamples: 1 } }, effects)
  fed.step({ type: "start", nowMs: 0 }, effects)
  const { round, epoch, cohort } = fed.rounds
  for (const device of cohort) {
    fed.step({ type: "update", nowMs: 0, device, round, epoch }, effects)
    fed.step({ type: "folded", nowMs: 0, device, ok: true }, effects)
  }
  return sumsOf(fed)
}

function sumsOf({ rounds: { kind, round } }: Federation): RoundSums {
  const contributions = [...["b", "a"].entries()].map(([i, device]) => ({ device, steps: i + 1, samples: 2 }))
  const rest = {
    count: 2,
    samples: 4,
    lossSum: 6 + round,
    uplinkBytes: 10,
    downlinkBytes: 20,
    seconds: 0.5,
    contributions,
  }
  if (kind === "train")
    return { sum: Float64Array.from(INIT, (_, i) => (round + 1) * 0.37 - i / 3), weight: 3, ...rest }
  const size = kind === "statistics" ? momentsSize(3) : evaluationSize("logistic", 2)
  // Ten rows; sums of x are 2^-8, those of x^2 larger; histograms that move with the round.
  const sum = new Float64Array(size)
  sum[0] = 10
  if (kind === "statistics") for (let j = 0; j < 6; j++) sum[1 + LIMBS * j + 2] = 256 * (1 + j)
  else for (let bin = 1; bin < size; bin += 7) sum[bin] = 1 + ((bin * (round + 3)) % 5)
  return { sum, weight: 2, ...rest }
}

function end(fed: Federation): unknown {
  const digest = "0".repeat(64)
  return { report: fed.report(digest), bytes: fed.modelBytes(), threshold: fed.threshold, stopped: fed.stopped }
}

/** Goes on to the end; `cut` is given a snapshot of every commit that is being made durable. */
function play(fed: Federation, cut: (snapshot: FederationSnapshot) => void): unknown {
  while (fed.rounds.phase !== "released") {
    const { stop } = fed.commit(runToCommit(fed))
    cut(structuredClone(fed.snapshot()))
    fed.step({ type: "committed", nowMs: 0, stop: stop !== undefined }, [])
  }
  return end(fed)
}

describe.each(["fedavg", "fedavgm", "fedadagrad", "fedadam", "fedyogi"] as const)("%s", (name) => {
  test("whoever goes on from a snapshot of any commit ends as one that was never cut", () => {
    const plan = parsePlan({ ...PLAN, strategy: { name } })
    const snapshots: FederationSnapshot[] = []
    const whole = play(federation(plan), (snapshot) => snapshots.push(snapshot))
    // Statistics, five training rounds, evaluations after rounds 2, 4 and 5.
    expect(snapshots.map(({ position }) => position.committed?.round)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    for (const snapshot of snapshots) {
      const next = federation(plan, snapshot, 131072)
      expect(next.rounds).toMatchObject({ epoch: 131072, committed: { epoch: 65536 } })
      expect(play(next, () => {})).toEqual(whole)
    }
  })
})

test("what a federation that goes on says first: a selection under the new epoch, or that it has ended", () => {
  const plan = parsePlan({ ...PLAN, rounds: 1, evaluate: { every: 0 }, model: { ...PLAN.model, standardize: false } })
  const snapshots: FederationSnapshot[] = [structuredClone(federation(plan).snapshot())]
  play(federation(plan), (snapshot) => snapshots.push(snapshot))
  const starts = snapshots.map((snapshot) => {
    const fed = federation(plan, snapshot, 131072)
    const effects: RoundEffect[] = []
    fed.step({ type: "start", nowMs: 7 }, effects)
    return [fed.rounds.phase, fed.rounds.round, effects.map(({ type }) => type).join()]
  })
  expect(starts).toEqual([
    ["selecting", 0, "notice"],
    ["released", 1, "released,notice"],
  ])
})

test("a federation that a stop rule ended stays so", () => {
  const plan = parsePlan({ ...PLAN, stop: { metric: "loss", atMost: 1e9 } })
  let last: FederationSnapshot | undefined
  const whole = play(federation(plan), (snapshot) => (last = snapshot))
  expect(last?.position).toMatchObject({ released: true, trained: 2 })
  const next = federation(plan, last, 131072)
  expect(end(next)).toEqual(whole)
  expect(next.stopped).toMatch(/^loss .* reached/)
})

test("the devices' model is taken as it was, not made of the exact one", () => {
  const plan = parsePlan(PLAN)
  let middle: FederationSnapshot | undefined
  play(federation(plan), (snapshot) => (middle ??= snapshot))
  const devices = Float32Array.of(7, 8, 9, 10)
  const next = federation(plan, { ...middle!, model: { ...middle!.model, devices } }, 131072)
  expect([...next.model.devices]).toEqual([7, 8, 9, 10])
  expect([...next.model.exact]).toEqual([...Float64Array.from(INIT)])
})

test("a snapshot that contradicts itself or the plan is refused", () => {
  const plan = parsePlan({ ...PLAN, strategy: { name: "fedavgm" } })
  const all: FederationSnapshot[] = []
  play(federation(plan), (snapshot) => all.push(snapshot))
  const good = all[4]!
  const { model, position } = good
  const refused = (change: Partial<FederationSnapshot>): unknown => {
    try {
      federation(plan, { ...good, ...change }, 131072)
      return "accepted"
    } catch (error) {
      return (error as Error).message
    }
  }
  expect(refused({})).toBe("accepted")
  expect(refused({ model: { ...model, exact: new Float64Array(3) } })).toBe(
    "length of the exact model: expected 4, got 3",
  )
  expect(refused({ model: { ...model, devices: new Float32Array(5) } })).toMatch(/devices' model: expected 4, got 5/)
  expect(refused({ model: { ...model, strategy: [] } })).toBe("arrays of the strategy: expected 1, got 0")
  expect(refused({ model: { ...model, strategy: [new Float64Array(1)] } })).toMatch(
    /strategy's state: expected 4, got 1/,
  )
  expect(refused({ model: { ...model, version: 9 } })).toBe("version of the model: expected 3, got 9")
  expect(refused({ standardizer: undefined })).toMatch(/means and deviations: expected true, got false/)
  expect(refused({ standardizer: { mean: new Float32Array(2), inverse: new Float32Array(3) } })).toMatch(
    /means: expected 3/,
  )
  expect(refused({ records: good.records.slice(1) })).toBe("records: expected 3, got 2")
  expect(refused({ records: [...good.records.slice(1), good.records[0]!] })).toBe(
    "number of a record: expected 1, got 2",
  )
  expect(refused({ history: [{ trained: 9, metrics: {} }] })).toMatch(/evaluations: expected rounds from 1 to 3, got 9/)
  expect(refused({ position: { ...position, committed: undefined } })).toMatch(/last committed round: expected 4/)
})
