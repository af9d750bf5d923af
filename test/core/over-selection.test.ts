import { describe, expect, test } from "vitest"
import { devicesAsked, mostDevicesAsked, observeDropout } from "../../src/core/over-selection.ts"
import { Play } from "./round-notation.ts"

const adaptive = (cohort: number, asked: number, lost: number): number =>
  devicesAsked({ cohort, overSelect: "adaptive" }, { asked, lost })

describe("devices asked", () => {
  test("a factor is rounded up, without a rounding error's device", () => {
    const none = { asked: 0, lost: 0 }
    expect(devicesAsked({ cohort: 100, overSelect: 1.1 }, none)).toBe(110)
    expect(devicesAsked({ cohort: 3, overSelect: 1.3 }, none)).toBe(4)
    expect(devicesAsked({ cohort: Infinity, overSelect: 1.3 }, none)).toBe(Infinity)
  })

  // By hand: ceil(K / (1 - p)) + 2 sqrt(K p), rounded up.
  test.each([
    [100, 100, 10, 112 + 7], // 111.1..., 2 sqrt(10) = 6.32
    [100, 130, 26, 125 + 9], // p = 0.2: 125, 2 sqrt(20) = 8.94
    [10, 20, 10, 20 + 5], // p = 0.5: 20, 2 sqrt(5) = 4.47
    [10, 20, 0, 10],
    [10, 20, 20, 30], // nobody answers: three for each wanted
    [10, 20, 19, 30],
    [Infinity, 20, 5, Infinity],
  ])("adaptive, %d wanted, %d asked so far, %d of them lost: %d", (cohort, asked, lost, expected) => {
    expect(adaptive(cohort, asked, lost)).toBe(expected)
  })

  test("adaptive begins with 1.3 and never asks more than three for each wanted", () => {
    expect(adaptive(100, 0, 0)).toBe(130)
    expect(mostDevicesAsked({ cohort: 100, overSelect: "adaptive" })).toBe(300)
    expect(mostDevicesAsked({ cohort: 100, overSelect: 1.3 })).toBe(130)
  })

  test("older rounds count three quarters of the next", () => {
    const dropout = { asked: 0, lost: 0 }
    observeDropout(dropout, 40, 8)
    observeDropout(dropout, 20, 0)
    expect(dropout).toEqual({ asked: 50, lost: 6 })
  })
})

describe("in the round machine", () => {
  const names = Array.from({ length: 40 }, (_, i) => `d${i}`)
  const machine = (): Play => {
    const play = new Play({ cohort: 10, overSelect: "adaptive", minimumToStart: 1, minimumToCommit: 1, rounds: 99 })
    play.run(`0 ready ${names.join(" ")}; 0 start`)
    return play
  }
  const answer = (play: Play, now: number, count: number): void => {
    const [...cohort] = play.state.cohort
    play.run(`${now} update ${cohort.slice(0, count).join(" ")}`)
  }

  test("who has not answered at the deadline is lost", () => {
    const play = machine()
    expect(play.state.cohort.size).toBe(13)
    answer(play, 10, 9)
    play.run("500 tick; 500 committed")
    // p = 4/13: ceil(14.44) = 15, 2 sqrt(3.08) = 3.51.
    expect([play.state.dropout, play.state.cohort.size]).toEqual([{ asked: 13, lost: 4 }, 19])
  })

  test("who was merely slower than the goal is not, unless it has left", () => {
    const play = machine()
    const slow = [...play.state.cohort].slice(10)
    play.run(`5 unready ${slow[0]}`)
    answer(play, 10, 10)
    play.run("10 committed")
    expect(play.state.dropout).toEqual({ asked: 13, lost: 1 })
  })

  test("who withdraws is lost", () => {
    const play = machine()
    play.run(`5 withdraw ${[...play.state.cohort].slice(10).join(" ")}`)
    answer(play, 10, 10)
    play.run("10 committed")
    expect(play.state.dropout).toEqual({ asked: 13, lost: 3 })
  })

  test("an abandoned round counts too", () => {
    const play = machine()
    play.run("500 tick")
    expect(play.state.dropout).toEqual({ asked: 13, lost: 13 })
    play.run("550 tick")
    expect(play.state.cohort.size).toBe(30)
  })

  test("a fleet that answers reliably is asked no more than is wanted", () => {
    const play = machine()
    for (let now = 1; now < 30; now++) {
      answer(play, now, 10)
      play.run(`${now} committed`)
    }
    expect(play.state.cohort.size).toBe(10)
  })
})
