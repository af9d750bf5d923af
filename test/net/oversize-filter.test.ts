import { describe, expect, test } from "vitest"
import { OversizeFilter } from "../../src/net/oversize-filter.ts"
import type { Oversize } from "../../src/net/oversize-filter.ts"
import { header, packet } from "./raw-client.ts"

/** A stream cut into pieces: what is left of it, and what was passed over. */
function filtered(stream: Buffer, cuts: readonly number[], maxBytes: number): { left: string; skipped: Oversize[] } {
  const skipped: Oversize[] = []
  const filter = new OversizeFilter(maxBytes, (message) => skipped.push(message))
  const pieces: Buffer[] = []
  const ends = [...cuts, stream.length]
  for (const [i, end] of ends.entries()) pieces.push(filter.pass(stream.subarray(i === 0 ? 0 : ends[i - 1]!, end)))
  return { left: Buffer.concat(pieces).toString("hex"), skipped }
}

const small = packet.publish("a/b", Buffer.alloc(20, 1), { id: 258 })
const large = packet.publish("a/large", Buffer.alloc(300, 2), { id: 772 })
const unacknowledged = packet.publish("c", Buffer.alloc(200, 3), { qos: 0 })
const tail = [packet.pingreq, packet.puback(7), small]

const STREAM = Buffer.concat([small, large, packet.pingreq, unacknowledged, large, ...tail])
const LEFT = Buffer.concat([small, packet.pingreq, ...tail]).toString("hex")
const SKIPPED: Oversize[] = [
  { topic: "a/large", bytes: 2 + 7 + 2 + 300, messageId: 772 },
  { topic: "c", bytes: 2 + 1 + 200, messageId: undefined },
  { topic: "a/large", bytes: 2 + 7 + 2 + 300, messageId: 772 },
]

describe("messages that are too large are taken out of a stream", () => {
  test("in one piece, and cut anywhere once or twice", () => {
    const want = { left: LEFT, skipped: SKIPPED }
    expect(filtered(STREAM, [], 100)).toEqual(want)
    for (let cut = 1; cut < STREAM.length; cut++) {
      expect(filtered(STREAM, [cut], 100), `cut at ${cut}`).toEqual(want)
      const second = Math.min(STREAM.length, cut + 1 + (cut % 5))
      expect(filtered(STREAM, [cut, second], 100), `cut at ${cut} and ${second}`).toEqual(want)
    }
    expect(
      filtered(
        STREAM,
        Array.from({ length: STREAM.length - 1 }, (_, i) => i + 1),
        100,
      ),
    ).toEqual(want)
  })

  test("where nothing is taken out the bytes are the very same, uncopied", () => {
    const filter = new OversizeFilter(1000, () => {})
    expect(filter.pass(STREAM)).toBe(STREAM)
  })

  test("at the limit it passes, one byte more does not", () => {
    const bytes = 2 + 7 + 2 + 300
    expect(filtered(large, [], bytes).skipped).toEqual([])
    expect(filtered(large, [], bytes - 1).skipped).toHaveLength(1)
  })

  test("what is no MQTT, and other packets that are too large, are errors", () => {
    const filter = (): OversizeFilter => new OversizeFilter(100, () => {})
    expect(() => filter().pass(header(0x90, 101))).toThrow("expected a packet of at most 100 bytes, got 101")
    expect(() => filter().pass(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff]))).toThrow("at most four bytes")
  })

  test("a topic longer than its packet gives no more than there is", () => {
    const lie = Buffer.concat([header(0x32, 200), Buffer.from([0xff, 0xff]), Buffer.alloc(198, 0x61)])
    expect(filtered(lie, [50], 100).skipped).toEqual([{ topic: "a".repeat(198), bytes: 200, messageId: undefined }])
  })
})
