import { expect, test } from "vitest"
import { BOUNDS } from "../../src/wire/keys.ts"
import { isTextBytes, textBytes, toText } from "../../src/wire/text.ts"
import { Dice, SEED } from "./random.ts"

/** The platform's strict decoder is the witness; the control characters are ours. */
function expected(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    // eslint-disable-next-line no-control-regex
    return !/[\u0000-\u001f\u007f-\u009f\ufeff]/u.test(text)
  } catch {
    return false
  }
}

test("all sequences of one and two bytes, and every lead with the edges of what may follow", () => {
  const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]
  const cases: number[][] = []
  for (let a = 0; a < 256; a++) {
    cases.push([a])
    for (let b = 0; b < 256; b++) cases.push([a, b])
  }
  for (let a = 0xc0; a < 256; a++)
    for (const b of edges) for (const c of edges) cases.push([a, b, c], ...edges.map((d) => [a, b, c, d]))
  const wrong = cases.filter((each) => {
    const bytes = Uint8Array.from(each)
    return isTextBytes(bytes, 0, bytes.length) !== expected(bytes)
  })
  expect(wrong).toEqual([])
  expect(cases.filter((each) => expected(Uint8Array.from(each))).length).toBeGreaterThan(10_000)
})

test("only the given range is looked at", () => {
  const bytes = Uint8Array.from([0xff, 0x61, 0xc3, 0xbc, 0xff])
  expect(isTextBytes(bytes, 1, 4)).toBe(true)
  expect(isTextBytes(bytes, 1, 3)).toBe(false)
})

test("lengths in UTF-8, and -1 for what may not travel", () => {
  for (const text of ["", "a", "ü€🔋", "plain words"])
    expect(textBytes(text)).toBe(new TextEncoder().encode(text).length)
  for (const text of ["\n", "\u001b[2J", "\u0085", "\ufeff", "\ud800", "x\udc00"]) expect(textBytes(text)).toBe(-1)
})

test(`any text can be made fit (seed ${SEED})`, () => {
  const dice = new Dice(SEED)
  const characters = ["a", "ü", "€", "🔋", "\n", "\u009b", "\ufeff", "\ud83d", "\udd0b"]
  for (let i = 0; i < 2000; i++) {
    const fit = toText(Array.from({ length: dice.below(300) }, () => dice.pick(characters)).join(""))
    expect(textBytes(fit)).toBeGreaterThanOrEqual(0)
    expect(textBytes(fit)).toBeLessThanOrEqual(BOUNDS.reasonText.max)
  }
  expect(toText("no model:\n\tfile missing")).toBe("no model:  file missing")
  expect(toText("€".repeat(100))).toBe("€".repeat(66))
  expect(toText("half \ud83d")).toBe("half \ufffd")
})
