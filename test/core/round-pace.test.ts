import { describe, expect, test } from "vitest"
import { createRounds, step } from "../../src/core/round.ts"
import type { RoundEffect, RoundState } from "../../src/core/round.ts"
import { deviceKey } from "../../src/net/digest.ts"
import { Play, SETTINGS } from "./round-notation.ts"

describe("a small fleet", () => {
  const settings = { cohort: 2, rounds: 9, reportTimeoutMs: 100_000, finishMs: 0 }

  test("is told about the end of the round, and stands ready all the same", () => {
    const play = new Play(settings)
    const [line] = play.run("0 ready a b c d; 0 start")
    const waits = [...line!.matchAll(/wait (\w) (\d+)/g)].map(
      ([, device, seconds]) => [device, Number(seconds)] as const,
    )
    expect(waits.map(([device]) => device)).toEqual([..."abcd"].filter((id) => !play.state.cohort.has(id)))
    // The second half of what is left of 100 seconds.
    for (const [, seconds] of waits) expect(seconds >= 50 && seconds <= 100).toBe(true)
    expect(play.state.ready.size).toBe(4)
  })

  test("hears one answer to every Ready, a join or a wait", () => {
    const play = new Play(settings)
    play.run("0 ready a b c d; 0 start")
    let answers = 4
    for (let now = 1000; now < 9000; now += 1000) {
      const cohort = [...play.state.cohort]
      const lines = play.run(`${now} update ${cohort.join(" ")}; ${now} committed`)
      answers += lines.join().split("wait ").length - 1
    }
    // Nobody has said anything but those who were asked in between: a wait each time they are not asked again.
    expect(answers).toBeLessThanOrEqual(4 + 8 * 2)
    expect(play.run("9000 ready a b c d").join().split("wait ").length - 1).toBe(4 - play.state.cohort.size)
    // While devices are selected, the round itself is the answer.
    const selecting = new Play({ ...settings, minimumToStart: 5 })
    expect(selecting.run("0 start; 1 ready a b c d")).toEqual(["0 notice"])
  })

  test("of whom one that is asked says Ready again, that one is not told to wait", () => {
    const play = new Play(settings)
    play.run("0 ready a b; 0 start")
    expect(play.run("1 ready a b")).toEqual([])
  })
})

describe("a large fleet", () => {
  const POOL = 50
  const settings = { ...SETTINGS, cohort: 5, pool: POOL, rounds: 1e9, reportTimeoutMs: 20_000, minimumToStart: 1 }

  const comes = (state: RoundState, nowMs: number, id: string): number | undefined => {
    const effects: RoundEffect[] = []
    step(state, { type: "ready", nowMs, device: { id, key: deviceKey(id), samples: 5, testSamples: 1 } }, effects)
    const waits = effects.flatMap((effect) => (effect.type === "wait" ? effect.devices : []))
    return waits.find(({ device }) => device === id)?.seconds
  }

  test("of any size that comes at once comes back at the rate of one pool a round", () => {
    const state = createRounds(settings, 1)
    step(state, { type: "start", nowMs: 0 }, [])
    const size = 20_000
    const seconds: number[] = []
    for (let i = 0; i < size; i++) seconds.push(comes(state, 0, `d${i}`) ?? 0)
    expect(state.ready.size).toBe(POOL)
    const away = seconds.filter((each) => each > 20)
    expect(away.length).toBeGreaterThan(size - 3 * POOL)
    // N / (pool / round): 20,000 x 20 s / 50 on the whole, so half of that on average.
    const mean = away.reduce((sum, each) => sum + each, 0) / away.length
    expect(mean / 4000).toBeGreaterThan(0.95)
    expect(mean / 4000).toBeLessThan(1.05)
    // Any round's time: ln 3 pools at most on average, and four deviations.
    const perRound = new Map<number, number>()
    for (const each of away) perRound.set(Math.floor(each / 20), (perRound.get(Math.floor(each / 20)) ?? 0) + 1)
    expect(Math.max(...perRound.values())).toBeLessThan(1.1 * POOL + 4 * Math.sqrt(1.1 * POOL))
  })

  test("is not told to stay away for more than a day", () => {
    const state = createRounds({ ...settings, pool: 1 }, 1)
    step(state, { type: "start", nowMs: 0 }, [])
    let most = 0
    for (let i = 0; i < 10_000; i++) most = Math.max(most, comes(state, 0, `d${i}`) ?? 0)
    expect(most).toBe(86_400)
  })

  test("has its turn: a pool that was full makes room when a round begins", () => {
    const play = new Play({ ...settings, minimumToStart: 4, cohort: 2, pool: 4 })
    expect(play.run("0 start; 1 ready a b c")).toEqual(["0 notice"])
    const [line] = play.run("2 ready d")
    expect(line).toMatch(/^2 begin train/)
    expect(line!.split("wait ")).toHaveLength(3)
    expect([...play.state.ready.keys()]).toEqual([...play.state.cohort].sort())
    // Now there is room for two more, who stand ready.
    play.run("3 ready e f")
    expect(play.state.ready.size).toBe(4)
    const before = play.state.ready.size
    expect(play.run("4 ready g")[0]).toMatch(/wait g \d+/)
    expect(play.state.ready.size).toBe(before)
  })

  test("finds the same pace whatever came before: places that pass are not made up for", () => {
    const state = createRounds({ ...settings, pool: 1 }, 1)
    step(state, { type: "start", nowMs: 0 }, [])
    for (let i = 0; i < 100; i++) comes(state, 0, `d${i}`)
    // 100 places of 20 s; an hour later they are all gone.
    expect(comes(state, 3_600_000, "late")).toBeLessThanOrEqual(30)
  })
})
