import { describe, expect, test } from "vitest"
import { Play, play } from "./round-notation.ts"

describe("selection", () => {
  test("begins at once when all that are wanted are ready", () => {
    expect(play({}, "0 start; 5 ready a b; 9 ready c")).toEqual(["0 notice", "9 begin train a,b,c; notice"])
  })

  test("counts devices that were ready before the start", () => {
    expect(play({}, "0 ready a b c; 3 start")).toEqual(["3 begin train a,b,c; notice"])
  })

  test("waits for over-selected devices only as long as it takes to settle", () => {
    const play = new Play({ cohort: 2, overSelect: 2 })
    expect(play.run("0 start; 5 ready a b")).toEqual(["0 notice"])
    expect(play.state.wakeAtMs).toBe(55)
    expect(play.run("54 tick; 55 tick")).toEqual(["55 begin train a,b; notice"])
  })

  test("does not wait again for a fleet that has settled long ago", () => {
    const play = new Play({ cohort: Infinity })
    play.run("0 start; 5 ready a b c; 55 tick; 60 update a b c")
    expect(play.run("61 committed")).toEqual(["61 begin train a,b,c; notice"])
  })

  test("stops settling when a device leaves, and asks for no wake-up in the past", () => {
    const play = new Play({ cohort: 2, overSelect: 2 })
    play.run("0 start; 5 ready a b; 20 unready b")
    expect(play.state.wakeAtMs).toBe(1000)
    expect(play.run("60 tick; 70 ready b; 119 tick; 120 tick")).toEqual(["120 begin train a,b; notice"])
  })

  test("begins with the minimum at the end of the selection time", () => {
    expect(play({}, "0 start; 5 ready a b; 999 tick; 1000 tick")).toEqual(["0 notice", "1000 begin train a,b; notice"])
  })

  test("says who is missing, and goes on waiting", () => {
    const play = new Play()
    expect(play.run("0 start; 5 ready a; 1000 tick")).toEqual(["0 notice", "1000 waiting 1<2"])
    expect(play.state.wakeAtMs).toBe(2000)
  })

  test("never begins a round that could not be committed", () => {
    expect(play({ cohort: 3, minimumToStart: 1, minimumToCommit: 3 }, "0 start; 0 ready a b; 1000 tick")).toEqual([
      "0 notice",
      "1000 waiting 2<3",
    ])
  })

  test("takes the goal times the over-selection, without a rounding error's device", () => {
    const names = Array.from({ length: 111 }, (_, i) => `d${i}`).join(" ")
    const play = new Play({ cohort: 100, overSelect: 1.1 })
    play.run(`0 ready ${names}; 0 start`)
    // 100 x 1.1 is 110.00000000000001 in float64.
    expect(play.state.cohort.size).toBe(110)
  })

  test("asks who was silent until a deadline only where others are too few, until it is heard again", () => {
    const play = new Play({ cohort: 2, minimumToStart: 2, minimumToCommit: 2, settleMs: 0, seed: 3 })
    play.run("0 ready a b c d; 0 start")
    const [first, second] = [...play.state.cohort]
    play.run(`10 update ${first}; 400 tick; 500 tick`)
    expect([...play.state.silent]).toEqual([second])
    // Two others are there, whatever the draw.
    for (let draw = 0; draw < 8; draw++) {
      expect(play.state.phase).toBe("working")
      expect(play.state.cohort.has(second!)).toBe(false)
      const two = [...play.state.cohort].join(" ")
      play.run(`510 refuse ${two}; 510 update ${two}`)
    }
    // Of the others one is left.
    const gone = ["a", "b", "c", "d"].filter((id) => id !== second && id !== first).join(" ")
    play.run(`520 unready ${gone}; 1100 tick`)
    expect([...play.state.cohort].sort()).toEqual([first, second].sort())
    play.run(`1110 ready ${second}`)
    expect([...play.state.silent]).not.toContain(second)
  })

  test("chooses by seed and round, not by arrival", () => {
    const cohort = (order: string): string[] => {
      const play = new Play({ cohort: 2 })
      play.run(`0 ready ${order}; 0 start`)
      return [...play.state.cohort]
    }
    expect(cohort("e c a d b")).toEqual(cohort("a b c d e"))
    const later = new Play({ cohort: 2, rounds: 40 })
    later.run("0 ready a b c d e; 0 start")
    const cohorts = new Set<string>()
    for (let i = 0; i < 40; i++) {
      const names = [...later.state.cohort]
      cohorts.add(names.join())
      later.run(`${i} update ${names.join(" ")}; ${i} committed`)
    }
    expect(cohorts.size).toBeGreaterThan(3)
  })

  test("asks nobody to train who has no samples, and nobody at all without any", () => {
    expect(play({ cohort: 2 }, "0 start; 1 ready a:0/9 b:0/0; 2 ready c d")).toEqual([
      "0 notice",
      "2 begin train c,d; notice; wait a 1",
    ])
    const play2 = new Play({ cohort: 2 })
    play2.run("0 start; 1 ready a; 2 ready a:0/0")
    expect(play2.state.ready.size).toBe(0)
    expect(play2.state.trainable).toBe(0)
  })

  test("asks nobody to train who has fewer samples than the plan wants, and everybody to evaluate", () => {
    const play = new Play({ cohort: 2, minimumSamples: 10, evaluateEvery: 1, fleet: 3 })
    expect(play.run("0 start; 1 ready a:9/9; 2 ready b:10/9 c:99/9")).toEqual([
      "0 notice",
      "2 begin train b,c; notice; wait a 1",
    ])
    expect(play.run("3 update b c; 4 committed")[1]).toBe("4 begin evaluate a,b,c; notice")
  })
})

describe("reports", () => {
  const begun = "0 ready a b c; 0 start"

  test("fold each device once, and commit at the goal", () => {
    expect(play({}, `${begun}; 10 update a; 11 update a; 12 update b; 13 update c`)).toEqual([
      "0 begin train a,b,c; notice",
      "10 fold a",
      "11 duplicate a 0/65536",
      "12 fold b",
      "13 fold c; commit train",
    ])
  })

  test("commit without the over-selected stragglers, whose updates are late", () => {
    const settings = { cohort: 2, overSelect: 1.5, rounds: 1 }
    expect(
      play(settings, `${begun}; 10 update a b; 11 update c; 12 update a; 13 committed; 14 update c@0/65536`),
    ).toEqual([
      "0 begin train a,b,c; notice",
      "10 fold a; fold b; commit train",
      "11 late c",
      "12 duplicate a 0/65536",
      "13 released; notice",
      "14 late c",
    ])
  })

  test("of another round, another epoch or an uninvited device are not folded", () => {
    expect(play({}, `${begun}; 1 ready d; 2 update a@1/65536 a@0/65535 a@0/65537; 3 update d; 4 update zz`)).toEqual([
      "0 begin train a,b,c; notice",
      "1 wait d 1",
      "2 late a; late a; late a",
      "3 uninvited d",
      "4 uninvited zz",
    ])
  })

  test("are awaited of a device that has left the fleet: radios sleep while they train", () => {
    expect(play({}, `${begun}; 5 unready a; 10 update b c a`)).toEqual([
      "0 begin train a,b,c; notice",
      "10 fold b; fold c; fold a; commit train",
    ])
  })

  test("of a device that has withdrawn are not folded any more, and not waited for", () => {
    const play = new Play()
    expect(play.run(`${begun}; 10 update a; 11 withdraw b; 12 update b; 13 update c`)).toEqual([
      "0 begin train a,b,c; notice",
      "10 fold a",
      "12 uninvited b",
      "13 fold c; commit train",
    ])
    expect(play.state.ready.has("b")).toBe(false)
  })

  test("that are folded stay where their device withdraws", () => {
    expect(play({}, `0 hold b; ${begun}; 10 update a b; 11 withdraw a b; 12 release b; 13 update c`)).toEqual([
      "0 begin train a,b,c; notice",
      "10 fold a; fold b",
      "13 fold c; commit train",
    ])
  })

  test("where all others withdraw: the round commits with what it has, or is tried again", () => {
    expect(play({}, `${begun}; 10 update a b; 11 withdraw c`).slice(1)).toEqual([
      "10 fold a; fold b",
      "11 commit train",
    ])
    expect(play({}, `${begun}; 10 update a; 11 withdraw b; 12 withdraw c`).slice(1)).toEqual([
      "10 fold a",
      "12 abandoned 1<2; notice",
    ])
  })

  test("get the word to finish, then the deadline commits what is there", () => {
    const play = new Play()
    play.run(`${begun}; 10 update a b`)
    expect(play.state.wakeAtMs).toBe(400)
    expect(play.run("399 tick; 400 tick")).toEqual(["400 notice"])
    expect(play.state.phase).toBe("finishing")
    expect(play.run("450 tick; 500 tick")).toEqual(["500 commit train"])
  })

  test("are still taken after the word to finish", () => {
    expect(play({}, `${begun}; 400 tick; 410 update a b c`).slice(1)).toEqual([
      "400 notice",
      "410 fold a; fold b; fold c; commit train",
    ])
  })

  test("too few at the deadline: the round is abandoned and tried again under a higher epoch", () => {
    const play = new Play()
    play.run(`${begun}; 10 update a`)
    expect(play.run("500 tick")).toEqual(["500 notice; abandoned 1<2; notice"])
    expect([play.state.round, play.state.epoch]).toEqual([0, 65537])
    // A pause comes first; what was for the old epoch is late.
    expect(play.run("510 update b@0/65536; 549 tick; 550 tick")).toEqual([
      "510 late b",
      "550 begin train a,b,c; notice",
    ])
    expect(play.run("560 update a b c")).toEqual(["560 fold a; fold b; fold c; commit train"])
  })

  test("all refused: the pause doubles with every try, so that nothing spins", () => {
    const play = new Play({ selectTimeoutMs: 150 })
    play.run(`0 refuse a b c; ${begun}`)
    const pauses: number[] = []
    let now = 0
    for (let i = 0; i < 4; i++) {
      play.run(`${now} update a b c`)
      pauses.push(play.state.wakeAtMs - now)
      now = play.state.wakeAtMs
      play.run(`${now} tick`)
    }
    expect(pauses).toEqual([50, 100, 150, 150])
  })

  test("with a refusal among them commit as soon as everybody is accounted for", () => {
    expect(play({}, `0 refuse b; ${begun}; 10 update a b c`)).toEqual([
      "0 begin train a,b,c; notice",
      "10 fold a; fold b; fold c; commit train",
    ])
  })

  test("that are being folded at the deadline count, and nothing asks for wake-ups meanwhile", () => {
    const play = new Play()
    play.run(`0 hold b; ${begun}; 10 update a b; 400 tick`)
    expect(play.run("500 tick")).toEqual([])
    expect(play.state.wakeAtMs).toBe(Infinity)
    expect(play.run("520 release b")).toEqual(["520 commit train"])
  })

  test("wait for what is being folded before the goal commits", () => {
    expect(play({ cohort: 2 }, `0 hold a; 0 ready a b; 0 start; 10 update a b; 20 release a`)).toEqual([
      "0 begin train a,b; notice",
      "10 fold a; fold b",
      "20 commit train",
    ])
  })

  test("fewer than the minimum never commit, though they reach a smaller goal", () => {
    expect(play({ cohort: 2, overSelect: 1.5, minimumToCommit: 3 }, `${begun}; 10 update a b; 11 update c`)).toEqual([
      "0 begin train a,b,c; notice",
      "10 fold a; fold b",
      "11 fold c; commit train",
    ])
  })
})

describe("program", () => {
  const all = (play: Play, now: number, word = "committed"): string[] =>
    play.run(`${now} update ${[...play.state.cohort].join(" ")}; ${now} ${word}`)

  test("statistics, training, evaluation after every second round and after the last", () => {
    const play = new Play({ statistics: true, evaluateEvery: 2, rounds: 3, fleet: 3 })
    play.run("0 ready a b c; 0 start")
    const kinds: string[] = []
    for (let i = 0; play.state.phase !== "released"; i++) {
      kinds.push(play.state.kind)
      all(play, i)
    }
    expect(kinds).toEqual(["statistics", "train", "train", "evaluate", "train", "evaluate"])
    expect([play.state.round, play.state.trained, play.state.epoch]).toEqual([6, 3, 65536])
    expect(play.state.committed).toEqual({ round: 5, epoch: 65536 })
  })

  test("statistics and evaluation ask everybody, a training round its cohort", () => {
    const play = new Play({ statistics: true, evaluateEvery: 1, cohort: 2, fleet: 4 })
    play.run("0 ready a b c d; 0 start")
    const sizes: number[] = []
    for (let i = 0; i < 3; i++) {
      sizes.push(play.state.cohort.size)
      all(play, i)
    }
    expect(sizes).toEqual([4, 2, 4])
  })

  test("statistics wait for those who are still coming", () => {
    expect(play({ statistics: true, cohort: 2 }, "0 start; 1 ready a b; 20 ready c; 51 tick")).toEqual([
      "0 notice",
      "51 begin statistics a,b,c; notice",
    ])
  })

  test("an evaluation commits at its own deadline with whoever answered", () => {
    const play = new Play({ evaluateEvery: 1, fleet: 3 })
    play.run("0 ready a b c; 0 start")
    all(play, 10)
    expect(play.state.kind).toBe("evaluate")
    expect(play.run("20 update b; 310 tick")).toEqual(["20 fold b", "310 notice; commit evaluate"])
  })

  test("an evaluation from which all withdraw is tried again", () => {
    const play = new Play({ evaluateEvery: 1, fleet: 3 })
    play.run("0 ready a b c; 0 start")
    all(play, 10)
    expect(play.run("20 withdraw a b c")).toEqual(["20 abandoned 0<1; notice"])
  })

  test("an evaluation that nobody answers is given up after three tries", () => {
    const play = new Play({ evaluateEvery: 1, fleet: 3, rounds: 1, settleMs: 0 })
    play.run("0 ready a b c; 0 start")
    all(play, 0)
    expect(play.run("300 tick; 600 tick; 900 tick; 900 committed")).toEqual([
      "300 notice; abandoned 0<1; begin evaluate a,b,c; notice",
      "600 notice; abandoned 0<1; begin evaluate a,b,c; notice",
      "900 notice; commit evaluate",
      "900 released; notice",
    ])
  })

  test("a stop after an evaluation releases at once", () => {
    const play = new Play({ evaluateEvery: 1, fleet: 3, rounds: 9 })
    play.run("0 ready a b c; 0 start")
    all(play, 1)
    all(play, 2, "stop")
    expect(play.state.phase).toBe("released")
    expect(play.state.wakeAtMs).toBe(Infinity)
    expect(play.run("3 ready d; 4 tick; 5 update a")).toEqual(["5 late a"])
  })

  test("devices of the round before are no duplicates in the next", () => {
    const play = new Play()
    play.run("0 ready a b c; 0 start")
    all(play, 1)
    expect(play.run("2 update a")).toEqual(["2 fold a"])
  })

  test("a second start and a second commit change nothing", () => {
    const play = new Play()
    play.run("0 ready a b c; 0 start; 1 update a b c; 2 committed")
    const { round, cohort } = play.state
    expect(play.run("3 committed; 4 start")).toEqual([])
    expect([play.state.round, play.state.cohort]).toEqual([round, cohort])
  })
})
