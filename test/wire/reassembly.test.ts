import { createHash } from "node:crypto"
import { describe, expect, test } from "vitest"
import { chunkUpdate } from "../../src/wire/chunk.ts"
import type { Update } from "../../src/wire/message.ts"
import { ENTRIES_PER_DEVICE, ENTRY_BYTES, Reassembler } from "../../src/wire/reassembly.ts"
import { Dice, SEED } from "./random.ts"

const sha256 = (payload: Uint8Array): Uint8Array => createHash("sha256").update(payload).digest()

function reassembler(budgetBytes: number, maxPayloadBytes: number): Reassembler {
  return new Reassembler({ budgetBytes, maxPayloadBytes, sha256 })
}

/** An update of `lengthBytes` in chunks whose packets have at most `packet` bytes. */
function chunksOf(payload: Uint8Array, packet = 200, change: Partial<Update> = {}): Update[] {
  const header = {
    round: 1,
    epoch: 2,
    updateId: new Uint8Array(sha256(payload).subarray(0, 8)),
    baseVersion: 1,
    codec: 1,
    samples: 10,
    steps: 4,
    metrics: new Float32Array([0.5, -0]),
    ...change,
  }
  return chunkUpdate(header, payload, "fm1/f/up/0/d", packet)
}

const bytes = (length: number, seed = 1): Uint8Array => new Dice(seed).bytes(length)

describe("joining", () => {
  test("an update of one chunk is passed on without a copy", () => {
    const whole = reassembler(100_000, 10_000)
    const payload = bytes(50)
    const [chunk] = chunksOf(payload)
    expect(chunk!.count).toBe(1)
    const offer = whole.offer("a", chunk!)
    expect(offer).toStrictEqual({
      status: "complete",
      update: {
        device: "a",
        round: 1,
        epoch: 2,
        updateId: chunk!.updateId,
        baseVersion: 1,
        codec: 1,
        samples: 10,
        steps: 4,
        metrics: new Float32Array([0.5, -0]),
        payload,
      },
    })
    expect(offer.status === "complete" && offer.update.payload.buffer).toBe(payload.buffer)
    expect(whole.heldBytes).toBe(0)
  })

  test("every order of four chunks", () => {
    const payload = bytes(430)
    const chunks = chunksOf(payload)
    expect(chunks.length).toBe(4)
    for (const order of permutations([0, 1, 2, 3])) {
      const whole = reassembler(100_000, 10_000)
      const offers = order.map((index) => whole.offer("a", chunks[index]!))
      expect(offers.slice(0, 3)).toEqual([3, 2, 1].map((missing) => ({ status: "partial", missing })))
      const last = offers[3]!
      expect(last.status === "complete" && last.update.payload).toEqual(payload)
      expect([whole.size, whole.heldBytes]).toEqual([0, 0])
    }
  })

  test(`many devices, mixed and doubled, complete with their own bytes; the budget always holds (seed ${SEED})`, () => {
    const dice = new Dice(SEED)
    for (let run = 0; run < 30; run++) {
      const budget = 40_000
      const whole = reassembler(budget, 4000)
      const payloads = Array.from({ length: 30 }, () => dice.bytes(1 + dice.below(4000)))
      const stream = payloads.flatMap((payload, device) => {
        const chunks = chunksOf(payload, dice.between(150, 900))
        return [...chunks, ...chunks.filter(() => dice.below(3) === 0)].map((chunk) => ({
          device: `d-${device}`,
          chunk,
        }))
      })
      let waiting = dice.shuffled(stream)
      const done = new Map<string, Uint8Array>()
      let busy = 0
      // What was answered "busy" comes again, as the devices do it, until all is there.
      for (let pass = 0; waiting.length > 0; pass++) {
        expect(pass).toBeLessThan(payloads.length + 1)
        const again: typeof stream = []
        for (const each of waiting) {
          if (done.has(each.device)) continue
          const held = whole.heldBytes
          const offer = whole.offer(each.device, each.chunk)
          expect(whole.heldBytes).toBeLessThanOrEqual(budget)
          if (offer.status === "complete") done.set(each.device, offer.update.payload)
          else if (offer.status === "busy") {
            again.push(each)
            expect(whole.heldBytes).toBe(held)
            busy++
          } else expect(["partial", "duplicate"]).toContain(offer.status)
        }
        waiting = again
      }
      expect(done).toEqual(new Map(payloads.map((payload, device) => [`d-${device}`, payload])))
      expect([whole.size, whole.heldBytes]).toEqual([0, 0])
      expect(busy).toBeGreaterThan(0)
    }
  })

  test("what is kept is a copy", () => {
    const payload = bytes(430)
    const whole = reassembler(100_000, 10_000)
    let result: Uint8Array | undefined
    for (const chunk of chunksOf(payload).toReversed()) {
      const borrowed = { ...chunk, payload: new Uint8Array(chunk.payload) }
      const offer = whole.offer("a", borrowed)
      borrowed.payload.fill(0)
      if (offer.status === "complete") result = offer.update.payload
    }
    expect(result).toEqual(payload)
  })

  test("two updates of a device that was born again are kept apart", () => {
    const whole = reassembler(100_000, 10_000)
    const old = chunksOf(bytes(430, 1))
    const young = chunksOf(bytes(430, 2))
    for (const i of [0, 1, 2]) {
      expect(whole.offer("a", old[i]!).status).toBe("partial")
      expect(whole.offer("a", young[i]!).status).toBe("partial")
    }
    const offer = whole.offer("a", young[3]!)
    expect(offer.status === "complete" && offer.update.payload).toEqual(bytes(430, 2))
    expect(whole.size).toBe(1)
  })

  test("the same bytes in another round, epoch or from another device are another update", () => {
    const whole = reassembler(100_000, 10_000)
    const payload = bytes(430)
    const parts = [chunksOf(payload), chunksOf(payload, 200, { round: 2 }), chunksOf(payload, 200, { epoch: 3 })]
    expect(whole.offer("a", parts[0]![0]!)).toEqual({ status: "partial", missing: 3 })
    expect(whole.offer("a", parts[1]![1]!)).toEqual({ status: "partial", missing: 3 })
    expect(whole.offer("b", parts[2]![2]!)).toEqual({ status: "partial", missing: 3 })
    expect(whole.offer("b", parts[0]![3]!)).toEqual({ status: "partial", missing: 3 })
  })
})

describe("budget", () => {
  const payload = bytes(1000)
  const chunks = chunksOf(payload, 300)
  const room = ENTRY_BYTES + chunks.length + chunks.length * chunks[0]!.payload.length

  test("room for the whole is taken with the first chunk", () => {
    const whole = reassembler(100_000, 10_000)
    whole.offer("a", chunks[0]!)
    expect(whole.heldBytes).toBe(room)
    whole.offer("a", chunks[1]!)
    expect(whole.heldBytes).toBe(room)
  })

  test("the last chunk does not tell how long the others are: it takes the most, and gives back", () => {
    const whole = reassembler(100_000, 10_000)
    whole.offer("a", chunks.at(-1)!)
    expect(whole.heldBytes).toBe(ENTRY_BYTES + chunks.length + 10_000)
    whole.offer("a", chunks[0]!)
    expect(whole.heldBytes).toBe(room)
  })

  test("what has stood still makes room where it is needed, and only then", () => {
    const [first, second, third] = [1, 2, 3].map((seed) => chunksOf(bytes(1000, seed)))
    const room = 2 * (ENTRY_BYTES + 1000 + first!.length + first![0]!.payload.length)
    const whole = new Reassembler({ budgetBytes: room, maxPayloadBytes: 1000, sha256, idleMs: 30_000 })
    whole.offer("slow", first![0]!, 0)
    whole.offer("dead", second![0]!, 10_000)
    expect(whole.offer("new", third![0]!, 20_000)).toEqual({ status: "busy" })
    whole.offer("slow", first![1]!, 25_000)
    // No chunk of "dead" for 30 s.
    expect(whole.offer("new", third![0]!, 39_999)).toEqual({ status: "busy" })
    expect(whole.offer("new", third![0]!, 41_000)).toMatchObject({ status: "partial" })
    for (const chunk of first!.slice(2, -1)) whole.offer("slow", chunk, 41_000)
    expect(whole.offer("slow", first!.at(-1)!, 41_000)).toMatchObject({ status: "complete" })
    // Its chunks count for nothing now, but it may begin anew.
    expect(whole.offer("dead", second![1]!, 42_000)).toMatchObject({ missing: second!.length - 1 })
    expect(whole.heldBytes).toBeLessThanOrEqual(room)
  })

  test("busy changes nothing, and ends when there is room", () => {
    const whole = reassembler(2 * room, 1200)
    const other = chunksOf(bytes(1000, 2), 300)
    const third = chunksOf(bytes(1000, 3), 300)
    whole.offer("a", chunks[0]!)
    whole.offer("b", other[0]!)
    expect(whole.offer("c", third[0]!)).toEqual({ status: "busy" })
    expect([whole.size, whole.heldBytes]).toEqual([2, 2 * room])
    for (const chunk of chunks.slice(1, -1)) expect(whole.offer("a", chunk).status).toBe("partial")
    expect(whole.offer("a", chunks.at(-1)!).status).toBe("complete")
    expect(whole.offer("c", third[0]!).status).toBe("partial")
    for (const chunk of other.slice(1, -1)) whole.offer("b", chunk)
    expect(whole.offer("b", other.at(-1)!).status).toBe("complete")
  })

  test(`a device has at most ${ENTRIES_PER_DEVICE} unfinished updates; the oldest goes`, () => {
    const whole = reassembler(100_000, 10_000)
    const updates = [1, 2, 3].map((seed) => chunksOf(bytes(430, seed)))
    for (const update of updates) whole.offer("a", update[0]!)
    expect(whole.size).toBe(ENTRIES_PER_DEVICE)
    expect(whole.offer("a", updates[1]![1]!)).toEqual({ status: "partial", missing: 2 })
    expect(whole.offer("a", updates[2]![1]!)).toEqual({ status: "partial", missing: 2 })
    expect(whole.offer("a", updates[0]![1]!)).toEqual({ status: "partial", missing: 3 })
  })

  test("dropping by device and by round gives the room back", () => {
    const whole = reassembler(100_000, 10_000)
    whole.offer("a", chunks[0]!)
    whole.offer("b", chunks[0]!)
    whole.offer("b", { ...chunks[0]!, epoch: 3 })
    whole.offer("c", { ...chunks[0]!, round: 2 })
    whole.drop("a")
    expect([whole.size, whole.heldBytes]).toEqual([3, 3 * room])
    whole.dropRound(1, 2)
    expect([whole.size, whole.heldBytes]).toEqual([2, 2 * room])
    whole.dropRound(1, 3)
    whole.dropRound(2, 2)
    whole.drop("nobody")
    expect([whole.size, whole.heldBytes]).toEqual([0, 0])
  })

  test("a budget that could never hold the largest update is a mistake", () => {
    expect(() => reassembler(10_000, 10_000)).toThrow("expected a budget of at least 21024 bytes, got 10000")
    expect(() => reassembler(NaN, 10_000)).toThrow("expected a budget")
  })
})

describe("refused", () => {
  const chunks = chunksOf(bytes(430))

  test.each([
    ["count", { count: 5 }],
    ["baseVersion", { baseVersion: 2 }],
    ["codec", { codec: 2 }],
    ["samples", { samples: 11 }],
    ["steps", { steps: 5 }],
    ["metrics", { metrics: new Float32Array([0.5]) }],
    ["chunks of", { payload: new Uint8Array(chunks[0]!.payload.length - 1) }],
  ])("another %s than the chunk before", (what, change) => {
    const whole = reassembler(100_000, 10_000)
    whole.offer("a", chunks[0]!)
    const held = whole.heldBytes
    const offer = whole.offer("a", { ...chunks[1]!, ...change })
    expect(offer).toMatchObject({ status: "refused", allowedBytes: 0 })
    expect(offer.status === "refused" && offer.reason).toContain(what)
    expect(whole.heldBytes).toBe(held)
    // The right chunks still complete it.
    expect(chunks.slice(1).map((chunk) => whole.offer("a", chunk).status)).toEqual(["partial", "partial", "complete"])
  })

  test("a last chunk longer than the others, whichever comes first", () => {
    const long = { ...chunks[3]!, payload: new Uint8Array(chunks[0]!.payload.length + 1) }
    const first = reassembler(100_000, 10_000)
    first.offer("a", chunks[0]!)
    expect(first.offer("a", long).status).toBe("refused")
    const last = reassembler(100_000, 10_000)
    last.offer("a", long)
    expect(last.offer("a", chunks[0]!).status).toBe("refused")
    expect(last.offer("a", { ...long, payload: new Uint8Array(5) }).status).toBe("refused")
  })

  test("payloads above the limit, known as early as can be", () => {
    const limit = (max: number): Reassembler => reassembler(100_000, max)
    const size = chunks[0]!.payload.length
    const refusal = { status: "refused", allowedBytes: 429 }
    expect(limit(429).offer("a", { ...chunks[0]!, count: 1, payload: new Uint8Array(430) })).toMatchObject(refusal)
    expect(limit(3 * size).offer("a", chunks[0]!).status).toBe("refused")
    expect(limit(3 * size + 1).offer("a", chunks[0]!).status).toBe("partial")
    // Too long by the last chunk alone, which comes last, or first.
    const late = limit(429)
    expect(chunks.map((chunk) => late.offer("a", chunk).status)).toEqual(["partial", "partial", "partial", "refused"])
    const early = limit(429)
    expect(early.offer("a", chunks[3]!).status).toBe("partial")
    expect(early.offer("a", chunks[0]!)).toMatchObject(refusal)
    expect(limit(430).offer("a", chunks[3]!).status).toBe("partial")
    expect(limit(1000).offer("a", { ...chunks[3]!, index: 65_533, count: 65_534 }).status).toBe("refused")
  })

  test("bytes that are not those of the update id, in one chunk or in many; the update may come again", () => {
    const whole = reassembler(100_000, 10_000)
    const [single] = chunksOf(bytes(20))
    expect(whole.offer("a", { ...single!, payload: bytes(20, 2) }).status).toBe("refused")
    const bent = { ...chunks[2]!, payload: bytes(chunks[2]!.payload.length, 9) }
    const offers = [chunks[0]!, chunks[1]!, bent, chunks[3]!].map((chunk) => whole.offer("a", chunk))
    expect(offers[3]).toEqual({
      status: "refused",
      reason: "the payload's digest does not begin with the update id",
      allowedBytes: 0,
    })
    expect([whole.size, whole.heldBytes]).toEqual([0, 0])
    expect(chunks.map((chunk) => whole.offer("a", chunk).status).at(-1)).toBe("complete")
  })

  test("an update cut anew into one chunk completes, and its old chunks go", () => {
    const whole = reassembler(100_000, 10_000)
    whole.offer("a", chunks[0]!)
    expect(whole.offer("a", chunksOf(bytes(430), 1000)[0]!).status).toBe("complete")
    expect([whole.size, whole.heldBytes]).toEqual([0, 0])
  })
})

test(`hostile chunks: the budget and the count of bytes hold whatever comes (seed ${SEED})`, () => {
  const dice = new Dice(SEED)
  const budget = 30_000
  const whole = reassembler(budget, 5000)
  const seen = new Set<string>()
  for (let i = 0; i < 20_000; i++) {
    const count = dice.between(1, 40)
    const offer = whole.offer(`d-${dice.below(6)}`, {
      ...chunksOf(Uint8Array.of(1))[0]!,
      updateId: new Uint8Array(8).fill(dice.below(3)),
      index: dice.below(count),
      count: dice.below(4) === 0 ? count : 40,
      samples: 10 + Math.floor(dice.below(20) / 19),
      payload: new Uint8Array(dice.pick([1, 100, 100, 100, 127, 1000])),
    })
    seen.add(offer.status)
    expect(whole.heldBytes).toBeLessThanOrEqual(budget)
    if (dice.below(500) === 0) whole.drop(`d-${dice.below(6)}`)
    if (dice.below(2000) === 0) whole.dropRound(1, 2)
  }
  expect([...seen].toSorted()).toEqual(["busy", "duplicate", "partial", "refused"])
  for (let device = 0; device < 6; device++) whole.drop(`d-${device}`)
  expect([whole.size, whole.heldBytes]).toEqual([0, 0])
})

function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item) => permutations(items.filter((each) => each !== item)).map((rest) => [item, ...rest]))
}
