import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { select } from "../../src/core/select.ts"
import type { Candidate, Draw, Sampling } from "../../src/core/select.ts"
import { deviceKey } from "../../src/net/digest.ts"
import { Play } from "./round-notation.ts"

interface Case extends Omit<Draw, "weightCap"> {
  readonly cap: number
  readonly cohort: readonly string[]
}
// By select_reference.py.
const reference = JSON.parse(readFileSync(new URL("select.json", import.meta.url), "utf8")) as {
  readonly devices: { readonly [id: string]: number }
  readonly cases: readonly Case[]
}

const candidates = (samples: { readonly [id: string]: number }): Candidate[] =>
  Object.entries(samples).map(([id, samples]) => ({ id, key: deviceKey(id), samples }))

const DRAW: Draw = { sampling: "uniform", seed: 1, round: 0, attempt: 0, count: 2, rate: 0.5, weightCap: 65536 }

/** How often each device is drawn in so many rounds. */
function counts(samples: { readonly [id: string]: number }, rounds: number, draw: Partial<Draw>): Map<string, number> {
  const found = new Map<string, number>()
  const among = candidates(samples)
  for (let round = 0; round < rounds; round++)
    for (const id of select(among, { ...DRAW, ...draw, round })) found.set(id, (found.get(id) ?? 0) + 1)
  return found
}

/** Within four deviations of a binomial. */
function expectShare(count: number, rounds: number, p: number): void {
  expect(Math.abs(count - rounds * p)).toBeLessThan(4 * Math.sqrt(rounds * p * (1 - p)))
}

describe("a draw", () => {
  test.each(reference.cases)("$sampling, seed $seed, round $round, attempt $attempt: as in Python", (draw) => {
    const among = candidates(reference.devices)
    expect(select(among, { ...draw, weightCap: draw.cap })).toEqual(draw.cohort)
    expect(select(among.reverse(), { ...draw, weightCap: draw.cap })).toEqual(draw.cohort)
  })

  test.each<Sampling>(["uniform", "weighted"])(
    "%s of many: those that would win among any part of them",
    (sampling) => {
      const among = candidates(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`d${i}`, 1 + (i % 7)])))
      for (const count of [0, 1, 7, 40, 2999]) {
        const all = new Set(select(among, { ...DRAW, sampling, count }))
        expect(all.size).toBe(count)
        // Whoever wins among all wins among those with whom it is left.
        const part = among.filter(({ id }, i) => i % 3 === 0 || all.has(id))
        expect(new Set(select(part, { ...DRAW, sampling, count }))).toEqual(all)
      }
    },
  )

  test.each<Sampling>(["uniform", "weighted"])("%s takes all where no more are there than wanted", (sampling) => {
    expect(select(candidates({ b: 1, a: 9 }), { ...DRAW, sampling })).toEqual(["a", "b"])
  })

  test("weighted with equal weights is uniform", () => {
    const among = candidates(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`d${i}`, 7])))
    for (let round = 0; round < 50; round++) {
      const draw = { ...DRAW, round, count: 10 }
      expect(select(among, { ...draw, sampling: "weighted" })).toEqual(select(among, draw))
    }
  })

  test("weighted: probabilities of drawing one after the other in proportion to the samples", () => {
    const samples = { a: 10, b: 20, c: 30, d: 40 }
    const p = Object.fromEntries(Object.entries(samples).map(([id, n]) => [id, n / 100]))
    const rounds = 20_000
    const first = counts(samples, rounds, { sampling: "weighted", count: 1 })
    const both = counts(samples, rounds, { sampling: "weighted", count: 2, seed: 2 })
    for (const id of Object.keys(samples)) {
      expectShare(first.get(id)!, rounds, p[id]!)
      let either = p[id]!
      for (const other of Object.keys(samples)) if (other !== id) either += (p[other]! * p[id]!) / (1 - p[other]!)
      expectShare(both.get(id)!, rounds, either)
    }
  })

  test("weighted: a device that claims any number of samples counts as the weight cap", () => {
    const rounds = 5000
    const found = counts({ a: 0xffff_ffff, b: 100 }, rounds, { sampling: "weighted", count: 1, weightCap: 300 })
    expectShare(found.get("a")!, rounds, 0.75)
  })

  test("poisson: each by itself, so that the number varies as a binomial", () => {
    const samples = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`d${i}`, 1]))
    const rounds = 5000
    const found = counts(samples, rounds, { sampling: "poisson", rate: 0.3 })
    for (const id of Object.keys(samples)) expectShare(found.get(id)!, rounds, 0.3)
    let squares = 0
    for (let round = 0; round < rounds; round++)
      squares += (select(candidates(samples), { ...DRAW, sampling: "poisson", rate: 0.3, round }).length - 6) ** 2
    // 20 x 0.3 x 0.7.
    expect(squares / rounds).toBeCloseTo(4.2, 0)
    // Who else is there makes no difference.
    const alone = select(candidates({ d3: 1 }), { ...DRAW, sampling: "poisson", rate: 0.3, round: 4 })
    const among = select(candidates(samples), { ...DRAW, sampling: "poisson", rate: 0.3, round: 4 })
    expect(alone.includes("d3")).toBe(among.includes("d3"))
  })

  test("poisson with rate 1 takes everybody, with rate 0 nobody", () => {
    const among = candidates({ a: 1, b: 1 })
    expect(select(among, { ...DRAW, sampling: "poisson", rate: 1 })).toEqual(["a", "b"])
    expect(select(among, { ...DRAW, sampling: "poisson", rate: 0 })).toEqual([])
  })
})

describe("in the round machine", () => {
  const names = Array.from({ length: 30 }, (_, i) => `d${i}`)

  test("poisson waits for all that were drawn, not for the goal", () => {
    const play = new Play({ cohort: 10, sampling: "poisson", fleet: 30, minimumToStart: 1, minimumToCommit: 1 })
    play.run(`0 ready ${names.join(" ")}; 0 start`)
    const [...drawn] = play.state.cohort
    expect(drawn.length).toBeGreaterThan(1)
    expect(play.run(`1 update ${drawn.slice(1).join(" ")}`)[0]).not.toContain("commit")
    expect(play.run(`2 update ${drawn[0]}`)[0]).toContain("commit train")
  })

  test("poisson begins only when the whole fleet is there, or has settled", () => {
    const play = new Play({ cohort: 2, sampling: "poisson", fleet: 4, minimumToStart: 1, minimumToCommit: 1 })
    expect(play.run("0 start; 1 ready a b; 2 ready c")).toEqual(["0 notice"])
    expect(play.run("51 tick")[0]).toMatch(/^51 begin train/)
  })

  test("a draw of too few is made again; where none can be enough, the machine waits", () => {
    const again = new Play({ cohort: 3, sampling: "poisson", rate: 0.1, minimumToStart: 1, minimumToCommit: 3 })
    again.run("0 ready a b c d; 0 start; 1000 tick")
    expect(again.state.draws).toBeGreaterThan(1)
    const never = new Play({ cohort: 2, sampling: "poisson", rate: 1e-9, minimumToStart: 1, minimumToCommit: 1 })
    expect(never.run("0 ready a b; 0 start; 50 tick; 1000 tick")).toEqual(["0 notice", "1000 waiting 2<1"])
    expect(never.state.wakeAtMs).toBe(2000)
  })

  test("a round that was abandoned asks others", () => {
    const play = new Play({ cohort: 3, selectTimeoutMs: 50 })
    play.run(`0 ready ${names.join(" ")}; 0 start`)
    const cohorts = new Set<string>()
    for (let i = 0; i < 10; i++) {
      cohorts.add([...play.state.cohort].join())
      play.run(`${play.state.deadlineMs} tick`)
      play.run(`${play.state.wakeAtMs} tick`)
      expect(play.state.round).toBe(0)
    }
    expect(cohorts.size).toBe(10)
  })
})
