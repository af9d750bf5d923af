import { describe, expect, test } from "vitest"
import { gridExponent } from "../../src/core/grid.ts"
import { createAccumulator } from "../../src/kernel/accumulator.ts"
import { createDecoder } from "../../src/kernel/codec-decode.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
import { type CodecVectors, type FoldVectors, KINDS, bytes, floats, hex, vectors } from "./codec-support.ts"

const codecs = vectors<CodecVectors>("codecs.json")
const fold = vectors<FoldVectors>("fold.json")

describe.each(KINDS)("golden vectors, %s", (kind) => {
  test.each(Object.entries(codecs.inputs))("%s", (name, text) => {
    const input = floats(text)
    const encoder = createEncoder(input.length, kind)
    const decoder = createDecoder(input.length, kind)
    const cases = codecs.cases.filter((entry) => entry.input === name)
    expect(cases.length).toBeGreaterThan(10)
    for (const { codec, key, payload, decoded, ...options } of cases) {
      const label = `${codec} ${JSON.stringify(options)}`
      const got = encoder.encode(codec, input, codecs.keys[key]!, options)
      expect(hex(got), label).toBe(payload)
      expect(hex(decoder.decode(codec, got, codecs.keys[key]!)), label).toBe(decoded)
    }
  })

  test.each(fold.cases)("fold of $codec, n = $n, cohort $cohort", (entry) => {
    expect(gridExponent(entry.cohort, entry.weightCap, entry.largestDelta)).toBe(entry.g)
    const { cohort, weightCap, seed, round } = entry
    const accumulator = createAccumulator({ size: entry.n, gridExponent: entry.g, cohort, weightCap, kind })
    for (const updates of [entry.updates, entry.updates.toReversed()]) {
      accumulator.reset(entry.g)
      for (const { device, weight, payload } of updates)
        accumulator.fold(entry.codec, bytes(payload), weight, { seed, round, device })
      expect(hex(accumulator.sum)).toBe(entry.sum)
      expect(accumulator.weight).toBe(entry.weight)
      expect(accumulator.count).toBe(updates.length)
    }
  })

  test("the transform of [1, 2, ..., 8] is [36, -4, -8, 0, -16, 0, 0, 0]", () => {
    const { key, codec, n, g, updates, sum } = fold.transform
    const accumulator = createAccumulator({ size: n, gridExponent: g, cohort: 8, weightCap: 8, kind })
    for (const { weight, payload } of updates) accumulator.fold(codec, bytes(payload), weight, key)
    expect(hex(accumulator.sum)).toBe(sum)
    // Four times over, and each with the sign of its position.
    expect(Array.from(accumulator.sum.subarray(0, 8), (v) => Math.abs(v) / 4)).toEqual([36, 4, 8, 0, 16, 0, 0, 0])
  })
})
