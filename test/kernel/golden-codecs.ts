import { describe, expect, test } from "vitest"
import { gridExponent } from "../../src/core/grid.ts"
import { createAccumulator } from "../../src/kernel/accumulator.ts"
import { createDecoder } from "../../src/kernel/codec-decode.ts"
import { createFeedbackEncoder } from "../../src/kernel/codec-feedback.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
import type { KernelKind } from "../../src/kernel/types.ts"
import { bytes, doubles, floats, hex, keyOf, vectors } from "./codec-support.ts"
import type { CodecVectors, FeedbackVectors, FoldVectors } from "./golden.ts"

const codecs = vectors<CodecVectors>("codecs.json")
const fold = vectors<FoldVectors>("fold.json")
const feedback = vectors<FeedbackVectors>("feedback.json")

/** Encoding, decoding, folding and error feedback against the golden bytes. */
export function codecSuite(kind: KernelKind): void {
  test.each(Object.entries(codecs.inputs))("codecs: %s", (name, text) => {
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

  test("codecs: the reference's eight values", () => {
    const { codec, key, input, cases } = codecs.toy
    for (const { biased, payload, decoded, published } of cases) {
      expect(hex(createEncoder(8, kind).encode(codec, floats(input), key, { biased }))).toBe(payload)
      const back = createDecoder(8, kind).decode(codec, bytes(payload), key)
      expect(hex(back)).toBe(decoded)
      // The published ones have no rounded scale.
      published.forEach((value, i) => expect(back[i]! / value).toBeCloseTo(1, 2))
    }
  })

  test.each(codecs.far)(
    "codecs: topk with positions far apart, n = $n",
    ({ n, positions, values, payload, decoded }) => {
      const vector = (entries: string): Float32Array => {
        const out = new Float32Array(n)
        floats(entries).forEach((value, i) => (out[positions[i]!] = value))
        return out
      }
      const sent = createEncoder(n, kind).encode("topk", vector(values), keyOf(1), { fraction: 0.001 })
      expect(hex(sent)).toBe(payload)
      const back = createDecoder(n, kind).decode("topk", bytes(payload), keyOf(1))
      expect(Buffer.compare(Buffer.from(back.buffer), Buffer.from(vector(decoded).buffer))).toBe(0)
    },
  )

  test.each(feedback.cases)("error feedback: $codec, n = $n", ({ codec, n, steps, ...options }) => {
    const encoder = createFeedbackEncoder(n, kind)
    const residual = new Float32Array(n)
    for (const [i, step] of steps.entries()) {
      const payload = encoder.encode(codec, floats(step.delta), residual, step.key, options)
      expect(hex(payload), `step ${i}`).toBe(step.payload)
      expect(hex(residual), `step ${i}`).toBe(step.residual)
    }
  })

  describe("fold", () => {
    test.each(fold.cases)("$codec, n = $n, cohort $cohort", (entry) => {
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

    test("the reference's weighted mean", () => {
      const { start, cohort, weightCap, largestDelta, g, updates, sum, mean, published } = fold.mean
      expect(gridExponent(cohort, weightCap, largestDelta)).toBe(g)
      const accumulator = createAccumulator({ size: 3, gridExponent: g, cohort, weightCap, kind })
      for (const { weight, payload } of updates) accumulator.fold("f32", bytes(payload), weight, keyOf(1))
      expect(hex(accumulator.sum)).toBe(sum)
      const means = accumulator.sum.map((value) => value / accumulator.weight)
      expect(means).toEqual(doubles(mean))
      published.forEach((value, i) => expect(floats(start)[i]! + means[i]!).toBeCloseTo(value, 6))
    })
  })
}
