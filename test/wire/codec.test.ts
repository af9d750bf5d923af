import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { decode, encode } from "../../src/wire/codec.ts"
import { WireError } from "../../src/wire/error.ts"
import type { Message, Notice, Task, Update } from "../../src/wire/message.ts"
import type { Item } from "./cbor.ts"
import { cbor } from "./cbor.ts"
import { Dice, SEED } from "./random.ts"
import { fromHex, INVALID, toHex, VECTORS } from "./vectors.ts"

/** What must hold for any bytes at all: refused with a WireError, or a message that gives the same bytes again. */
function refusedOrSame(bytes: Uint8Array): "refused" | "same" {
  let message: Message
  try {
    message = decode(bytes)
  } catch (error) {
    if (error instanceof WireError) return "refused"
    throw new Error(`${toHex(bytes)}: not a WireError`, { cause: error })
  }
  const again = encode(message)
  if (Buffer.compare(again, bytes) !== 0) throw new Error(`${toHex(bytes)} came back as ${toHex(again)}`)
  return "same"
}

function vector<T extends Message["type"]>(type: T): Extract<Message, { readonly type: T }> {
  return VECTORS.find(({ message }) => message.type === type)!.message as Extract<Message, { readonly type: T }>
}

describe("golden vectors", () => {
  test.each(VECTORS)("$name: decode", ({ bytes, message }) => {
    expect(decode(bytes)).toStrictEqual(message)
  })

  test.each(VECTORS)("$name: encode", ({ hex, message }) => {
    expect(toHex(encode(message))).toBe(hex)
  })

  test.each(INVALID)("$code: $reason", ({ code, hex }) => {
    expect(() => decode(fromHex(hex))).toThrow(expect.objectContaining({ name: "WireError", code }))
  })
})

describe("hostile bytes", () => {
  // Millions of errors are made here; nobody looks at their stacks.
  const limit = Error.stackTraceLimit
  beforeAll(() => void (Error.stackTraceLimit = 0))
  afterAll(() => void (Error.stackTraceLimit = limit))

  test("every prefix of every vector is refused", () => {
    for (const { bytes } of VECTORS)
      for (let end = 0; end < bytes.length; end++) expect(refusedOrSame(bytes.subarray(0, end))).toBe("refused")
  })

  test.each(VECTORS)("$name: each byte changed to each other value is refused or a valid message", ({ bytes }) => {
    const changed = new Uint8Array(bytes)
    const seen = { refused: 0, same: 0 }
    for (let at = 0; at < bytes.length; at++) {
      for (let value = 0; value < 256; value++) {
        if (value === bytes[at]) continue
        changed[at] = value
        seen[refusedOrSame(changed)]++
      }
      changed[at] = bytes[at]!
    }
    expect(seen.refused + seen.same).toBe(bytes.length * 255)
    // The two heads and keys at the front alone refuse more than 1000 changes.
    expect(seen.refused).toBeGreaterThan(1000)
  })

  test(`vectors cut, spliced and changed at random (seed ${SEED})`, () => {
    const dice = new Dice(SEED)
    for (let i = 0; i < 50_000; i++) {
      const a = dice.pick(VECTORS).bytes
      const b = dice.pick(VECTORS).bytes
      const spliced = [...a.subarray(0, dice.below(a.length + 1)), ...b.subarray(dice.below(b.length + 1))]
      for (let n = dice.below(4); n > 0; n--) spliced[dice.below(spliced.length + 1)] = dice.below(256)
      refusedOrSame(Uint8Array.from(spliced))
    }
  })

  test(`random bytes and random items (seed ${SEED})`, () => {
    const dice = new Dice(SEED)
    for (let i = 0; i < 20_000; i++) {
      refusedOrSame(dice.bytes(dice.below(40)))
      refusedOrSame(cbor(randomItem(dice, 5)))
      const message = new Map<number, Item>([
        [0, 1],
        [1, dice.below(10)],
      ])
      for (let key = 2; key < 24; key++) if (dice.below(3) > 0) message.set(key, randomItem(dice, 4))
      refusedOrSame(cbor(message))
    }
  })
})

describe("who owns what", () => {
  test("the payload is a view into the input, everything else is not", () => {
    const bytes = encode(vector("update"))
    const update = decode(bytes) as Update
    const before = { id: toHex(update.updateId), metrics: [...update.metrics] }
    bytes.fill(0xee)
    expect(update.payload.buffer).toBe(bytes.buffer)
    expect(toHex(update.payload)).toBe("ee".repeat(update.payload.length))
    expect({ id: toHex(update.updateId), metrics: [...update.metrics] }).toEqual(before)
  })

  test("encode gives arrays of its own", () => {
    for (const { message, hex } of VECTORS) {
      const first = encode(message)
      expect(first.byteOffset).toBe(0)
      expect(first.buffer.byteLength).toBe(first.length)
      encode(vector("notice"))
      expect(toHex(first)).toBe(hex)
    }
  })

  test("a Node Buffer in the middle of its slab is read like any bytes, and left as it was", () => {
    for (const { bytes, message } of VECTORS) {
      const slab = Buffer.alloc(bytes.length + 9, 0xaa)
      slab.set(bytes, 5)
      const buffer = slab.subarray(5, 5 + bytes.length)
      expect(decode(buffer)).toStrictEqual(message)
      expect(Object.keys(buffer)).toEqual(Object.keys(Buffer.alloc(bytes.length)))
    }
  })

  test("payloads with heads of every length", () => {
    // RFC 8949, section 3: lengths to 23 in the head's byte, then in 1, 2 and 4 bytes.
    const heads = [
      [23, "57"],
      [24, "5818"],
      [255, "58ff"],
      [256, "590100"],
      [65535, "59ffff"],
      [65536, "5a00010000"],
      [1048576, "5a00100000"],
    ] as const
    for (const [length, head] of heads) {
      const payload = new Uint8Array(length).fill(7)
      const bytes = encode({ type: "model", version: 1, index: 0, count: 1, payload })
      expect(toHex(bytes.subarray(0, bytes.length - length))).toBe(`a60001010802010300040117${head}`)
      const decoded = decode(bytes)
      expect(decoded.type === "model" && Buffer.compare(decoded.payload, payload)).toBe(0)
    }
  })
})

describe("encode refuses what decode would", () => {
  const notice = vector("notice")
  const cases: readonly (readonly [string, string, unknown])[] = [
    ["type", "no such type", { type: "goodbye" }],
    ["type", "a type of Object's", { type: "toString" }],
    ["missing", "a field that is not there", { type: "gone" }],
    ["kind", "a number that is text", { type: "gone", session: "5" }],
    ["kind", "half a number", { type: "gone", session: 0.5 }],
    ["kind", "a bigint", { type: "gone", session: 5n }],
    ["bound", "2^32", { type: "gone", session: 2 ** 32 }],
    ["bound", "-1", { type: "gone", session: -1 }],
    ["kind", "not a number", { type: "gone", session: NaN }],
    ["bound", "a rate that is not a number", train({ learningRate: NaN })],
    ["bound", "an infinite rate", train({ learningRate: Infinity })],
    ["bound", "a rate beyond float32", train({ learningRate: 1e39 })],
    ["bound", "a negative rate", train({ learningRate: -0.1 })],
    ["bound", "minus zero", train({ learningRate: -0 })],
    ["bound", "a class weight that float32 makes zero", train({ positiveWeight: 1e-50 })],
    ["bound", "momentum above 1", train({ momentum: 1.5 })],
    ["kind", "a loss that does not exist", train({ loss: "hinge" })],
    ["kind", "a loss of Object's", train({ loss: "constructor" })],
    ["kind", "a layer that does not exist", train({ layers: [{ kind: "lstm", units: 3 }] })],
    ["kind", "a layer of Object's", train({ layers: [{ kind: "__proto__" }] })],
    ["bound", "a layer 1e9 wide", train({ layers: [{ kind: "dense", units: 1e9, activation: "relu" }] })],
    ["bound", "no layers", train({ layers: [] })],
    ["bound", "chunk classes that descend", { ...notice, chunkClasses: [2048, 1024] }],
    ["bound", "a codec of 256", { ...notice, codecs: [256] }],
    ["bound", "a codec twice", { ...notice, codecs: [1, 1] }],
    ["kind", "codecs by name", { ...notice, codecs: "int8" }],
    ["bound", "a short digest", { ...notice, digest: new Uint8Array(31) }],
    ["kind", "a digest in hex", { ...notice, digest: "00".repeat(16) }],
    ["bound", "an infinite metric", { ...vector("update"), metrics: new Float32Array([Infinity]) }],
    ["kind", "metrics in an array", { ...vector("update"), metrics: [1] }],
    ["bound", "no payload", { ...vector("update"), payload: new Uint8Array(0) }],
    ["bound", "a payload above 1 MiB", { ...vector("update"), payload: new Uint8Array(1048577) }],
    ["bound", "an index at the count", { ...vector("update"), index: 1, count: 1 }],
    ["bound", "a delta against itself", { ...vector("model"), version: 3, base: 3 }],
    ["text", "a line break", { ...vector("task"), reason: "a\nb" }],
    ["text", "half a surrogate pair", { ...vector("task"), reason: "\ud83d" }],
    ["bound", "201 bytes of text", { ...vector("task"), reason: "é".repeat(100) + "x" }],
  ]

  test.each(cases)("%s: %s", (code, _name, message) => {
    expect(() => encode(message as Message)).toThrow(expect.objectContaining({ name: "WireError", code }))
  })

  function train(change: object): unknown {
    return { ...notice, training: { ...notice.training, ...change } }
  }
})

describe("details", () => {
  test("real settings arrive as float32", () => {
    const notice = vector("notice")
    const sent: Notice = { ...notice, training: { ...notice.training, learningRate: 0.1, l2: 1e-45 } }
    const got = decode(encode(sent)) as Notice
    expect(got.training.learningRate).toBe(Math.fround(0.1))
    expect(got.training.l2).toBe(2 ** -149)
  })

  test("an optional field may be given as undefined", () => {
    const bytes = encode({ ...vector("model"), base: undefined } as unknown as Message)
    expect(decode(bytes)).not.toHaveProperty("base")
  })

  test("errors say what was expected, what came, and where", () => {
    expect(() => encode({ type: "gone", session: -1 })).toThrow("gone.session: expected 0 to 4294967295, got -1")
    expect(() => decode(fromHex("a300010103021805"))).toThrow("expected the shortest form of 5 (byte 6)")
    expect(() => decode(fromHex("a20001010302"))).toThrow("expected the end, got 1 more bytes (byte 5)")
    const task: Task = { ...vector("task"), retrySeconds: 2147484 }
    expect(() => encode(task)).toThrow("task.retrySeconds: expected 0 to 2147483, got 2147484")
  })

  test("a bomb of 100,000 levels and one of 2^31 items end at once", () => {
    const arrays = new Uint8Array(100_000).fill(0x81)
    expect(() => decode(arrays)).toThrow(expect.objectContaining({ code: "depth", offset: 4 }))
    const maps = Uint8Array.from({ length: 100_000 }, (_, i) => (i % 2 === 0 ? 0xa1 : 0))
    expect(() => decode(maps)).toThrow(expect.objectContaining({ code: "depth", offset: 8 }))
    expect(() => decode(fromHex("9a80000000" + "00".repeat(99)))).toThrow(
      expect.objectContaining({ code: "truncated" }),
    )
    const many = new Uint8Array(1_000_000)
    many.set(fromHex("9a000f4200"))
    expect(() => decode(many)).toThrow(expect.objectContaining({ code: "items" }))
  })
})

function randomItem(dice: Dice, depth: number): Item {
  switch (dice.below(depth > 0 ? 7 : 5)) {
    case 0:
      return dice.between(0, 2 ** 32 - 1)
    case 1:
      return -1 - dice.between(0, 2 ** 32 - 1)
    case 2:
      return dice.below(2) === 0
    case 3:
      return dice.bytes(dice.below(40))
    case 4:
      return dice.pick(["", "a", "ü", "\u0000", "x".repeat(30)])
    case 5:
      return Array.from({ length: dice.below(4) }, () => randomItem(dice, depth - 1))
    default:
      return new Map(Array.from({ length: dice.below(5) }, (_, key) => [key * 2, randomItem(dice, depth - 1)]))
  }
}
