import { describe, expect, test } from "vitest"
import type { RoundSettings } from "../../src/core/round.ts"
import { Play } from "./round-notation.ts"

const LATE: Partial<RoundSettings> = {
  cohort: 2,
  overSelect: 1.5,
  minimumToCommit: 1,
  rounds: 99,
  late: { maxStaleness: 2 },
}

/** Three devices are asked, two answer at once, the third is left over. */
function withStraggler(settings: Partial<RoundSettings> = {}): { play: Play; straggler: string; others: string[] } {
  const play = new Play({ ...LATE, ...settings })
  play.run("0 ready a b c; 0 start")
  const [straggler, ...others] = [...play.state.cohort] as [string, ...string[]]
  play.run(`10 update ${others.join(" ")}; 20 committed`)
  return { play, straggler, others }
}

describe("a late update", () => {
  test("is folded into the round that is open, with its staleness, once", () => {
    const { play, straggler, others } = withStraggler()
    // The straggler is at work: it is not asked again.
    expect(play.run("49 tick; 60 tick")).toEqual([`60 begin train ${others.join(",")}; notice`])
    expect(play.run(`80 update ${straggler}@0/65536; 81 update ${straggler}@0/65536`)).toEqual([
      `80 fold ${straggler} -1`,
      `81 duplicate ${straggler} 1/65536`,
    ])
    // What was begun for goes on: the late one is besides.
    expect(play.run(`90 update ${others[0]}`)).toEqual([`90 fold ${others[0]}`])
    expect(play.run(`91 update ${others[1]}`)).toEqual([`91 fold ${others[1]}; commit train`])
    expect([play.state.folded, play.state.late]).toEqual([3, 1])
    // It is told the same after the commit, and can be asked again.
    expect(play.run(`95 committed; 96 update ${straggler}@0/65536`).at(-1)).toBe(`96 duplicate ${straggler} 1/65536`)
    expect([...play.state.cohort]).toHaveLength(3)
  })

  test("counts toward the fewest that a commit needs", () => {
    const { play, straggler } = withStraggler()
    play.run(`70 tick; 80 update ${straggler}@0/65536`)
    expect(play.run(`${play.state.deadlineMs - 100} tick; ${play.state.deadlineMs} tick`).at(-1)).toContain(
      "commit train",
    )
  })

  test("is busy while no training round is open, and late once it is too old", () => {
    const { play, straggler, others } = withStraggler({ evaluateEvery: 1, fleet: 3 })
    expect(play.state.kind).toBe("evaluate")
    expect(play.state.cohort.has(straggler)).toBe(false)
    expect(play.run(`30 update ${straggler}@0/65536`)).toEqual([`30 busy ${straggler}`])
    for (let i = 0; i < 2; i++) {
      const now = play.state.selectUntilMs
      play.run(`${now} update ${others.join(" ")}; ${now} committed; ${now} tick; ${now + 60} tick`)
      play.run(`${now + 70} update ${others.join(" ")}; ${now + 80} committed`)
    }
    // Three commits since its model.
    expect(play.state.trained).toBe(3)
    expect(play.run(`${play.state.selectUntilMs} update ${straggler}@0/65536`)).toEqual([
      `${play.state.selectUntilMs} late ${straggler}`,
    ])
  })

  test("shows that its device is at work no longer: a round that waits for devices begins", () => {
    const { play, straggler } = withStraggler({ minimumToStart: 3 })
    expect(play.state.phase).toBe("selecting")
    expect(play.run(`30 update ${straggler}@0/65536`)).toEqual([`30 busy ${straggler}; begin train a,b,c; notice`])
  })

  test("is left to its device: it is asked for another only where the others are too few", () => {
    const play = new Play({ ...LATE, minimumToStart: 4 })
    play.run("0 ready a b c d; 0 start")
    const [straggler, ...others] = [...play.state.cohort] as [string, ...string[]]
    play.run(`10 update ${others.join(" ")}; 20 committed`)
    const free = ["a", "b", "c", "d"].filter((id) => id !== straggler)
    expect(play.run(`30 update ${straggler}@0/65536`)).toEqual([
      `30 busy ${straggler}; begin train ${free.join(",")}; notice; wait ${straggler} 1`,
    ])
    expect(play.run(`40 update ${straggler}@0/65536`)).toEqual([`40 fold ${straggler} -1`])
  })

  test("that does not come is not waited for longer than its device is taken to be at work", () => {
    const { play } = withStraggler({ minimumToStart: 3, selectTimeoutMs: 5000, reportTimeoutMs: 1000 })
    expect(play.state.wakeAtMs).toBe(1020)
    expect(play.run("1020 tick")).toEqual(["1020 begin train a,b,c; notice"])
  })

  test("is late where the plan drops late ones", () => {
    const { play, straggler } = withStraggler()
    const { late: _, ...drop } = LATE
    const other = new Play(drop)
    other.run("0 ready a b c; 0 start; 10 update a b; 20 committed")
    expect(other.run("30 update c@0/65536")).toEqual(["30 late c"])
    expect(play.state.owing.has(straggler)).toBe(true)
    expect(other.state.owing.size).toBe(0)
  })

  test("is taken of those who were asked alone, of the rounds that were", () => {
    const { play, straggler, others } = withStraggler()
    play.run("70 tick")
    expect(
      play.run(
        `71 update zz@0/65536; 72 update ${others[0]}@0/65536; 73 update ${straggler}@0/65535 ${straggler}@7/65536`,
      ),
    ).toEqual(["71 late zz", `72 late ${others[0]}`, `73 late ${straggler}; late ${straggler}`])
  })

  test("may be for the round that is open, where its device has moved on to the newer model", () => {
    const { play, straggler } = withStraggler()
    play.run("70 tick")
    expect(play.state.cohort.has(straggler)).toBe(false)
    expect(play.run(`80 update ${straggler}; 81 update ${straggler}@0/65536`)).toEqual([
      `80 fold ${straggler}`,
      `81 late ${straggler}`,
    ])
    // It counts like the others.
    expect([play.state.late, play.state.cohort.has(straggler)]).toEqual([0, true])
  })

  test("that was taken by a round that is abandoned can be sent again", () => {
    const { play, straggler } = withStraggler({ minimumToCommit: 2 })
    play.run(`70 tick; 80 update ${straggler}@0/65536; 470 tick`)
    expect(play.run(`${play.state.deadlineMs} tick`)[0]).toContain("abandoned 1<2")
    expect(play.run("700 tick")[0]).toContain("begin train")
    expect(play.run(`710 update ${straggler}@0/65536`)).toEqual([`710 fold ${straggler} -1`])
  })

  test("of a device that withdraws is not taken", () => {
    const { play, straggler } = withStraggler()
    play.run(`30 withdraw ${straggler}; 70 tick`)
    expect(play.run(`80 update ${straggler}@0/65536`)).toEqual([`80 late ${straggler}`])
  })

  test("that is refused is not asked for again", () => {
    const { play, straggler } = withStraggler()
    play.run(`70 tick; 80 refuse ${straggler}; 80 update ${straggler}@0/65536`)
    expect([play.state.folded, play.state.late]).toEqual([0, 0])
    expect(play.run(`81 update ${straggler}@0/65536`)).toEqual([`81 late ${straggler}`])
  })

  test("waits where the sum has no more room", () => {
    const play = new Play({ ...LATE, cohort: 1, overSelect: 4, minimumToStart: 1, late: { maxStaleness: 9 } })
    play.run("0 ready a b c d; 0 start; 1 update a; 2 committed")
    // Room for twice as many as are asked: 8. None are refused here; the bound is part of what the sum is made for.
    expect(play.state.bound).toBe(8)
    play.state.bound = 1
    play.run("60 tick; 70 tick; 80 update b@0/65536")
    expect(play.state.bound).toBe(8)
    play.state.bound = 1
    expect(play.run("81 update c@0/65536")).toEqual(["81 busy c"])
  })

  test("of a device that never answers is given up: it is asked again after the time that a round takes", () => {
    const { play, straggler } = withStraggler()
    const { untilMs } = play.state.owing.get(straggler)!
    expect(untilMs).toBe(20 + 500)
    let now = 70
    for (; play.state.round < 3; now += 100) {
      const cohort = [...play.state.cohort].filter((id) => id !== straggler)
      play.run(`${now} tick; ${now} update ${cohort.join(" ")}`.replace(/; \d+ update $/, ""))
      if (play.state.phase === "committing") play.run(`${now} committed`)
    }
    while (!play.state.cohort.has(straggler)) play.run(`${(now = Math.max(now, play.state.wakeAtMs))} tick`)
    expect(now).toBeGreaterThanOrEqual(untilMs)
    expect(play.state.owing.has(straggler)).toBe(false)
  })
})

describe("asynchronous rounds", () => {
  const ASYNC: Partial<RoundSettings> = {
    mode: "async",
    cohort: 2,
    overSelect: 2,
    minimumToStart: 1,
    minimumToCommit: 1,
    rounds: 99,
    late: { maxStaleness: 5 },
  }

  test("commit for every so many updates, and keep as many devices at work", () => {
    const play = new Play(ASYNC)
    expect(play.run("0 ready a b c d; 0 start")).toEqual(["0 begin train a,b,c,d; notice"])
    expect(play.run("10 update a; 11 update b")).toEqual(["10 fold a", "11 fold b; commit train"])
    // Two are at work since the round before, the other two begin anew from the new model.
    expect(play.run("20 committed")).toEqual(["20 begin train a,b; notice"])
    // Of c's old model: one commit old. It is asked again at once, for the model has changed.
    expect(play.run("30 update c@0/65536")).toEqual(["30 fold c -1; join c"])
    // d is the second, and the commit comes before it is asked again.
    expect(play.run("31 update d@0/65536")).toEqual(["31 fold d -1; commit train"])
    expect(play.run("40 committed")).toEqual(["40 begin train d; notice"])
    expect(play.run("41 update a@1/65536; 42 update c@1/65536")).toEqual([
      "41 fold a -1; join a",
      "42 fold c -1; commit train",
    ])
  })

  test("take no second update from one version of the model", () => {
    const play = new Play({ ...ASYNC, cohort: 3, overSelect: 1 })
    play.run("0 ready a b c; 0 start")
    expect(play.run("10 update a; 11 update a; 12 update b")).toEqual([
      "10 fold a",
      "11 duplicate a 0/65536",
      "12 fold b",
    ])
    expect(play.state.cohort.size).toBe(3)
  })

  test("ask a device that comes in the middle of one", () => {
    const play = new Play({ ...ASYNC, overSelect: 2 })
    play.run("0 ready a b; 0 start; 50 tick")
    expect(play.run("60 ready c; 61 ready d; 62 ready e").map((line) => line.replace(/wait e \d+/, "wait e"))).toEqual([
      "60 join c",
      "61 join d",
      "62 wait e",
    ])
  })

  test("commit what there is where nobody is at work any more", () => {
    const play = new Play({ ...ASYNC, cohort: 5, overSelect: 1, minimumToCommit: 2 })
    play.run("0 ready a b c; 0 start; 1000 tick")
    expect(play.run("1010 update a b c")).toEqual(["1010 fold a; fold b; fold c; commit train"])
  })

  test("end at their deadline: with the fewest that a commit needs, or tried again", () => {
    const play = new Play({ ...ASYNC, cohort: 3, minimumToCommit: 2 })
    play.run("0 ready a b c d e f; 0 start; 10 update a")
    const [line] = play.run("400 tick; 500 tick").slice(-1)
    expect(line).toContain("abandoned 1<2")
    const again = new Play({ ...ASYNC, cohort: 3, minimumToCommit: 2 })
    again.run("0 ready a b c d e f; 0 start; 10 update a b")
    expect(again.run("400 tick; 500 tick").at(-1)).toContain("commit train")
  })

  test("forget a device that does not answer, so that another has its place", () => {
    const play = new Play({ ...ASYNC, cohort: 1, overSelect: 2, late: { maxStaleness: 2 } })
    play.run("0 ready a b; 0 start; 1 update a; 2 committed")
    // b is silent for ever, a does one round after the other.
    let now = 3
    for (let i = 0; i < 4; i++, now++) play.run(`${now} update a; ${now} committed`)
    expect(play.state.cohort.has("b")).toBe(false)
    play.run(`600 update a; 600 committed`)
    expect(play.state.cohort.has("b")).toBe(true)
  })
})
