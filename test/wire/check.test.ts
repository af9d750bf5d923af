import { existsSync, readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { check } from "../../src/wire/check.ts"
import { BOUNDS, STRUCTURE } from "../../src/wire/keys.ts"
import type { Item } from "./cbor.ts"
import { cbor } from "./cbor.ts"
import { fromHex } from "./vectors.ts"

const APPENDIX_A = new URL("../../../shared/vectors/cbor/appendix_a.json", import.meta.url)

// The examples of RFC 8949, appendix A, that keep to the profile: integers of 32 bits, byte strings, text, definite arrays, maps with
// small ascending keys, true and false. All others must be refused: 64-bit numbers, bignums, floats, null, undefined, simple values, tags,
// text keys, indefinite lengths.
const WITHIN_PROFILE = [
  "00 01 0a 17 1818 1819 1864 1903e8 1a000f4240 20 29 3863 3903e7 f4 f5",
  "40 4401020304 60 6161 6449455446 62225c 62c3bc 63e6b0b4 64f0908591",
  "80 83010203 8301820203820405 98190102030405060708090a0b0c0d0e0f101112131415161718181819 a0 a201020304",
].flatMap((line) => line.split(" "))

const code = (expected: string): unknown => expect.objectContaining({ name: "WireError", code: expected })

describe("RFC 8949, appendix A", () => {
  const absent = !existsSync(APPENDIX_A)
  const examples = absent
    ? []
    : (JSON.parse(readFileSync(APPENDIX_A, "utf8")) as { hex: string }[]).map(({ hex }) => hex)

  test.skipIf(absent)(
    `${absent ? "skipped, ../shared/vectors/cbor is not there: " : ""}what the profile has passes, all else is refused`,
    () => {
      const passed = examples.filter((hex) => {
        try {
          check(fromHex(hex))
          return true
        } catch (error) {
          expect(error).toHaveProperty("name", "WireError")
          return false
        }
      })
      expect(passed.toSorted()).toEqual(WITHIN_PROFILE.toSorted())
      expect(examples.length).toBeGreaterThan(80)
    },
  )

  test.each(WITHIN_PROFILE)("%s passes", (hex) => {
    expect(() => check(fromHex(hex))).not.toThrow()
  })
})

describe("limits", () => {
  const nest = (depth: number): Item => (depth === 0 ? 0 : [nest(depth - 1)])

  test("depth", () => {
    expect(() => check(cbor(nest(STRUCTURE.depth)))).not.toThrow()
    expect(() => check(cbor(nest(STRUCTURE.depth + 1)))).toThrow(code("depth"))
  })

  test("items, heads counted", () => {
    const array = (items: number): Uint8Array => cbor(Array.from({ length: items - 1 }, () => 0))
    expect(() => check(array(STRUCTURE.items))).not.toThrow()
    expect(() => check(array(STRUCTURE.items + 1))).toThrow(code("items"))
  })

  test("text", () => {
    expect(() => check(cbor("x".repeat(BOUNDS.reasonText.max)))).not.toThrow()
    expect(() => check(cbor("x".repeat(BOUNDS.reasonText.max + 1)))).toThrow(code("text"))
  })

  test("numbers", () => {
    for (const [value, passes] of [
      [2 ** 32 - 1, true],
      [2 ** 32, false],
      [-(2 ** 31), true],
      [-(2 ** 31) - 1, false],
    ] as const)
      if (passes) expect(() => check(cbor(value))).not.toThrow()
      else expect(() => check(cbor(value))).toThrow(code("too-wide"))
  })

  test("the offset is that of the item which is wrong", () => {
    expect(() => check(fromHex("83014101f6"))).toThrow(expect.objectContaining({ code: "unsupported", offset: 4 }))
    expect(() => check(fromHex("a200010001"))).toThrow(expect.objectContaining({ code: "key", offset: 3 }))
  })
})
