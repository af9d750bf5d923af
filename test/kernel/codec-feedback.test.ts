import { describe, expect, test } from "vitest"
import { createFeedbackEncoder } from "../../src/kernel/codec-feedback.ts"
import { decode } from "../../src/kernel/codec-decode.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
import { hex, keyOf, sample } from "./codec-support.ts"

describe("error feedback", () => {
  test.each(["topk", "eden1", "int4-nearest"] as const)(
    "%s: what is sent over many rounds is what was asked for",
    (codec) => {
      const size = 200
      const encoder = createFeedbackEncoder(size)
      const residual = new Float32Array(size)
      const delta = sample("laplace", size, 4, 0.01)
      const sent = new Float64Array(size)
      const rounds = 300
      for (let round = 0; round < rounds; round++) {
        const payload = encoder.encode(codec, delta, residual, keyOf(round), { fraction: 0.05 })
        const back = decode(codec, payload, size, keyOf(round))
        for (let i = 0; i < size; i++) sent[i]! += back[i]!
      }
      // sent + residual = rounds x delta, but for float32's rounding.
      for (let i = 0; i < size; i++) expect(sent[i]! + residual[i]!).toBeCloseTo(rounds * delta[i]!, 3)
      // The residual does not grow: without feedback top-5 % would miss 95 % of the entries of every round.
      const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values))
      expect(norm(residual)).toBeLessThan(25 * norm(delta))
    },
  )

  test("a refused delta leaves the residual as it was", () => {
    const encoder = createFeedbackEncoder(3)
    const residual = Float32Array.of(1, 2, 3)
    expect(() => encoder.encode("int8", Float32Array.of(0, Number.NaN, 0), residual, keyOf(1))).toThrow("finite")
    expect(() => encoder.encode("int8", new Float32Array(2), residual, keyOf(1))).toThrow("got 2 and 3")
    expect(Array.from(residual)).toEqual([1, 2, 3])
  })

  test("the first payload is the encoder's own, with the biased scale", () => {
    const delta = sample("normal", 64, 1)
    const first = createFeedbackEncoder(64).encode("eden2", delta, new Float32Array(64), keyOf(2))
    expect(hex(first)).toBe(hex(createEncoder(64).encode("eden2", delta, keyOf(2), { biased: true })))
  })
})
