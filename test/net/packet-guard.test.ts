import { describe, expect, test } from "vitest"
import { PacketGuard } from "../../src/net/packet-guard.ts"

// MQTT 3.1.1, table 2.4: the limits of each number of length bytes.
const lengths: readonly [lengthBytes: number, encoded: readonly number[]][] = [
  [0, [0x00]],
  [127, [0x7f]],
  [128, [0x80, 0x01]],
  [16383, [0xff, 0x7f]],
  [16384, [0x80, 0x80, 0x01]],
  [2097151, [0xff, 0xff, 0x7f]],
  [2097152, [0x80, 0x80, 0x80, 0x01]],
  [268435455, [0xff, 0xff, 0xff, 0x7f]],
]

describe("PacketGuard", () => {
  test.each(lengths)("reads a remaining length of %d", (length, encoded) => {
    const seen: number[] = []
    const guard = new PacketGuard(268435455, (type, bytes) => {
      seen.push(type, bytes)
      return undefined
    })
    expect(guard.scan(Uint8Array.of(0x30, ...encoded))).toBeUndefined()
    expect(seen).toEqual([3, length])
    expect(guard.partial).toBe(length > 0)
  })

  test.each(lengths.slice(1))(
    "refuses %d where one byte less is allowed, before the packet itself has come",
    (length, encoded) => {
      const guard = new PacketGuard(length - 1)
      expect(guard.scan(Uint8Array.of(0x30, ...encoded))).toBe(
        `expected a packet of at most ${length - 1} bytes, got ${length}`,
      )
    },
  )

  test("refuses a length of five bytes", () => {
    expect(new PacketGuard(1e9).scan(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, 0x01))).toMatch(/at most four bytes/)
  })

  test("finds the packets however the stream is cut", () => {
    const packets = [0, 1, 127, 128, 300, 2].map((length, i) => [
      (i + 1) << 4,
      ...lengthOf(length),
      ...Array.from({ length }, () => 0xff),
    ])
    const stream = Uint8Array.from(packets.flat())
    for (const size of [1, 2, 3, 7, 128, 129, 130, stream.length]) {
      const seen: string[] = []
      const guard = new PacketGuard(300, (type, length, index) => {
        seen.push(`${index}: ${type} ${length}`)
        return undefined
      })
      for (let at = 0; at < stream.length; at += size)
        expect(guard.scan(stream.subarray(at, at + size))).toBeUndefined()
      expect(seen).toEqual(["0: 1 0", "1: 2 1", "2: 3 127", "3: 4 128", "4: 5 300", "5: 6 2"])
      expect(guard.partial).toBe(false)
      expect(guard.packets).toBe(6)
    }
  })

  test("passes on what the additional rule says", () => {
    const guard = new PacketGuard(100, (type, _length, index) =>
      index === 0 && type !== 1 ? "expected CONNECT" : undefined,
    )
    expect(guard.scan(Uint8Array.of(0x30, 0x00))).toBe("expected CONNECT")
  })
})

function lengthOf(length: number): number[] {
  return length < 128 ? [length] : [(length % 128) | 0x80, length >> 7]
}
