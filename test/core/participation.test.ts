import { describe, expect, it } from "vitest"
import { Federation } from "../../src/core/federation.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { RoundEffect, RoundEvent } from "../../src/core/round.ts"

const plan = parsePlan({
  rounds: 2,
  cohort: 3,
  model: { features: 1, labels: [], hidden: "none", standardize: false },
  selection: { overSelect: 2, settleSeconds: 1, minimumSamples: 10 },
  report: { timeoutSeconds: 20, finishSeconds: 10, minimumToCommit: 1 },
  evaluate: { every: 0 },
})

/** Eight devices, one of them with too few samples; six are asked. */
function federation() {
  const made = new Federation({ plan, init: [0, 0], epoch: 1 })
  const effects: RoundEffect[] = []
  const feed = (event: RoundEvent): void => made.step(event, effects)
  for (let i = 0; i < 8; i++) {
    const device = { id: `d${i}`, key: [0, i], samples: i === 0 ? 5 : 20, testSamples: 0 } as const
    feed({ type: "ready", nowMs: 0, device })
  }
  feed({ type: "start", nowMs: 0 })
  feed({ type: "tick", nowMs: made.rounds.wakeAtMs })
  const answer = (device: string, ok = true): void => {
    const { round, epoch } = made.rounds
    const before = effects.length
    feed({ type: "update", nowMs: 1000, device, round, epoch })
    if (effects.slice(before).some(({ type }) => type === "fold")) feed({ type: "folded", nowMs: 1000, device, ok })
  }
  const commit = (): void => {
    const sums = { sum: new Float64Array(2), weight: 1, samples: 1, lossSum: 0, uplinkBytes: 0, downlinkBytes: 0 }
    made.commit({ ...sums, count: made.rounds.folded, seconds: 0 })
    feed({ type: "committed", nowMs: 2000, stop: false })
  }
  return { made, feed, answer, commit, asked: () => [...made.rounds.cohort] }
}

describe("participation in a round", () => {
  it("counts who was ready, asked, refused and late", () => {
    const { made, answer, commit, asked } = federation()
    const devices = asked()
    answer(devices[0]!, false)
    for (const device of devices.slice(1, 4)) answer(device)
    expect(made.rounds.phase).toBe("committing")
    answer(devices[4]!)
    commit()
    expect(made.records[0]).toMatchObject({
      folded: 3,
      participation: { ready: 7, selected: 6, late: 1, refused: 1 },
    })
  })

  it("begins anew in every round", () => {
    const { made, feed, answer, commit, asked } = federation()
    for (const device of asked().slice(0, 3)) answer(device)
    commit()
    feed({ type: "tick", nowMs: made.rounds.wakeAtMs })
    for (const device of asked().slice(0, 3)) answer(device)
    commit()
    expect(made.records.map(({ participation }) => participation)).toEqual([
      { ready: 7, selected: 6, late: 0, refused: 0 },
      { ready: 7, selected: 6, late: 0, refused: 0 },
    ])
  })

  it("has what was asked in tries that were abandoned", () => {
    const { made, feed, answer, commit, asked } = federation()
    // Nobody answers until the round is begun again, with a higher epoch.
    while (made.rounds.epoch === 1 || made.rounds.phase === "selecting")
      feed({ type: "tick", nowMs: made.rounds.wakeAtMs })
    for (const device of asked().slice(0, 3)) answer(device)
    commit()
    expect(made.records[0]).toMatchObject({ folded: 3, participation: { ready: 7, selected: 12 } })
  })
})
