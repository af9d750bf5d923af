import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { Outbox } from "../../src/net/broker/outbox.ts"

/** An outbox with a window of 2 and room for 1000 bytes, three messages of one publisher among them, and a log of what it does. */
function setUp({ patient, maxBytes = 1000 }: { patient: boolean; maxBytes?: number }) {
  const log: string[] = []
  const written: (() => void)[] = []
  const limits = { window: 2, maxBytes, maxFromOne: 3, stallTimeoutMs: 1000 }
  const outbox = new Outbox(
    limits,
    () => patient,
    (why) => log.push(`cut: ${why}`),
  )
  const push = (name: string, { bytes = 44, acknowledged = true, mayWait = true, publisher = "p" } = {}): void =>
    outbox.push(
      bytes,
      (done) => {
        log.push(`send ${name}`)
        written.push(done)
        return acknowledged
      },
      () => log.push(`release ${name}`),
      mayWait,
      publisher,
    )
  const events = (): string[] => log.splice(0)
  return { outbox, push, events, written }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe("Outbox", () => {
  test("sends up to the window, then one for every acknowledgement, in order; publishers go on at once", () => {
    const { outbox, push, events } = setUp({ patient: true })
    for (const name of ["a", "b", "c", "d"]) push(name)
    expect(events()).toEqual(["send a", "release a", "send b", "release b", "release c", "release d"])
    outbox.acknowledged()
    expect(events()).toEqual(["send c"])
    push("e")
    expect(events()).toEqual(["release e"])
    outbox.acknowledged()
    outbox.acknowledged()
    expect(events()).toEqual(["send d", "send e"])
    expect(outbox.bytes).toBe(0)
  })

  test("a message that is not acknowledged, as at QoS 0, frees its place when it is written", () => {
    const { push, events, written } = setUp({ patient: true })
    push("a", { acknowledged: false })
    push("b")
    push("c")
    events()
    written[1]!()
    expect(events()).toEqual([])
    written[0]!()
    expect(events()).toEqual(["send c"])
  })

  test("publishers of a patient client wait where it is too far behind", () => {
    const { outbox, push, events } = setUp({ patient: true })
    push("a")
    push("b")
    push("c", { bytes: 700 })
    push("d", { bytes: 10 })
    expect(events()).toEqual(["send a", "release a", "send b", "release b", "release c"])
    outbox.acknowledged()
    expect(events()).toEqual(["send c"])
    outbox.acknowledged()
    expect(events()).toEqual(["send d", "release d"])
  })

  test("a publisher waits that has many messages waiting, and others go on", () => {
    const { outbox, push, events } = setUp({ patient: true, maxBytes: 1e6 })
    for (const name of ["a", "b", "c1", "c2", "c3", "c4", "c5"]) push(name, { publisher: "flood" })
    expect(events().slice(-3)).toEqual(["release c1", "release c2", "release c3"])
    push("d")
    expect(events()).toEqual(["release d"])
    // In order, and each lets its publisher go on that held it up.
    for (let i = 0; i < 6; i++) outbox.acknowledged()
    expect(events()).toEqual([
      "send c1",
      "send c2",
      "send c3",
      "send c4",
      "release c4",
      "send c5",
      "release c5",
      "send d",
    ])
    expect(outbox.bytes).toBe(0)
    // What is through does not count any longer; two are on their way.
    for (const name of ["e", "f", "g", "h"]) push(name, { publisher: "flood" })
    expect(events()).toEqual(["release e", "release f", "release g"])
  })

  test("nobody waits for a client that must not hold up others, however many messages wait", () => {
    const { push, events } = setUp({ patient: false, maxBytes: 1e6 })
    for (const name of ["a", "b", "c1", "c2", "c3", "c4"]) push(name)
    expect(events().at(-1)).toBe("release c4")
  })

  test("a client's messages to itself never wait, but have a limit", () => {
    const { push, events } = setUp({ patient: true })
    push("a")
    push("b")
    push("c", { bytes: 2000, mayWait: false })
    expect(events().at(-1)).toBe("release c")
    push("d", { bytes: 2000, mayWait: false })
    expect(events()).toEqual(["release d", "cut: it is 4512 bytes behind"])
  })

  test("a client that must not hold up others is cut off instead", () => {
    const { push, events } = setUp({ patient: false })
    push("a")
    push("b")
    push("c", { bytes: 744 })
    expect(events().at(-1)).toBe("release c")
    push("d", { bytes: 1 })
    expect(events()).toEqual(["release d", "cut: it is 1257 bytes behind"])
  })

  test("a client that acknowledges nothing is cut off; every acknowledgement gives it more time", () => {
    const { outbox, push, events } = setUp({ patient: true })
    for (const name of ["a", "b", "c", "d"]) push(name)
    events()
    vi.advanceTimersByTime(900)
    outbox.acknowledged()
    vi.advanceTimersByTime(900)
    expect(events()).toEqual(["send c"])
    vi.advanceTimersByTime(100)
    expect(events()).toEqual(["cut: it acknowledges nothing"])
  })

  test("with nothing waiting no clock runs", () => {
    const { outbox, push, events } = setUp({ patient: true })
    for (const name of ["a", "b", "c"]) push(name)
    outbox.acknowledged()
    events()
    vi.advanceTimersByTime(5000)
    expect(events()).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test("closing lets all publishers go and sends nothing more", () => {
    const { outbox, push, events, written } = setUp({ patient: true })
    push("a")
    push("b")
    push("c", { bytes: 700 })
    push("d", { bytes: 700 })
    events()
    outbox.close()
    expect(events()).toEqual(["release d"])
    push("e")
    outbox.acknowledged()
    written[0]!()
    expect(events()).toEqual(["release e"])
    expect(vi.getTimerCount()).toBe(0)
  })

  test("a long queue comes out complete and in order", () => {
    const limits = { window: 1, maxBytes: 1e9, maxFromOne: 1e9, stallTimeoutMs: 1000 }
    const outbox = new Outbox(
      limits,
      () => true,
      () => {},
    )
    const sent: number[] = []
    for (let i = 0; i < 5000; i++)
      outbox.push(
        1,
        () => sent.push(i) > 0,
        () => {},
        true,
      )
    for (let i = 0; i < 5000; i++) outbox.acknowledged()
    expect(sent).toEqual(Array.from({ length: 5000 }, (_, i) => i))
  })
})
