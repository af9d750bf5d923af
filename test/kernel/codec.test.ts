import { describe, expect, test } from "vitest"
import { CODEC_NAMES, type CodecName } from "../../src/core/codec.ts"
import { gridExponent } from "../../src/core/grid.ts"
import { RandomStream } from "../../src/core/random.ts"
import { createAccumulator } from "../../src/kernel/accumulator.ts"
import { createDecoder, decode } from "../../src/kernel/codec-decode.ts"
import { payloadBytes } from "../../src/kernel/codec.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
import { KernelError } from "../../src/kernel/error.ts"
import type { Accumulator } from "../../src/kernel/types.ts"
import { KINDS, hex, keyOf, sample, squaredError } from "./codec-support.ts"

// Sizes around every block and padding boundary.
const SIZES = [1, 2, 31, 32, 33, 63, 64, 65, 100, 128, 257, 554, 1023, 1024, 1025, 2100]
const COHORT = 8
const WEIGHT_CAP = 100
const LARGEST = 16

/** Largest error allowed of one vector, relative to its squared norm; what the codec's kind makes of small blocks included. */
const TOLERANCE: Record<CodecName, number> = {
  f32: 0,
  int8: 3e-4,
  "int8-nearest": 2e-4,
  int4: 0.1,
  "int4-nearest": 0.05,
  eden1: 1,
  eden2: 0.3,
  eden4: 0.03,
  topk: 1,
}

function accumulator(size: number): Accumulator {
  const g = gridExponent(COHORT, WEIGHT_CAP, LARGEST)
  return createAccumulator({ size, gridExponent: g, cohort: COHORT, weightCap: WEIGHT_CAP })
}

/** What every codec must do; one suite for all. */
function codecSuite(codec: CodecName): void {
  describe(codec, () => {
    const key = keyOf(4)

    test("gives a vector of the same size back, nearly, with the announced length", () => {
      for (const size of SIZES) {
        const delta = sample("normal", size, size, 0.1)
        const payload = createEncoder(size).encode(codec, delta, key)
        if (codec === "topk") expect(payload.length).toBeLessThanOrEqual(payloadBytes(codec, size))
        else expect(payload.length, `size ${size}`).toBe(payloadBytes(codec, size))
        const back = decode(codec, payload, size, key)
        expect(back.length).toBe(size)
        expect(squaredError(back, delta), `size ${size}`).toBeLessThanOrEqual(TOLERANCE[codec])
      }
    })

    test("gives the same bytes and sums on every runtime, twice, and for other keys others where it is random", () => {
      for (const size of SIZES) {
        const delta = sample("laplace", size, size + 1, 0.3)
        const seen = new Set<string>()
        for (const kind of KINDS) {
          const encoder = createEncoder(size, kind)
          const first = hex(encoder.encode(codec, delta, key))
          encoder.encode(codec, sample("normal", size, 3), keyOf(9))
          const payload = encoder.encode(codec, delta, key)
          expect(hex(payload)).toBe(first)
          const g = gridExponent(COHORT, WEIGHT_CAP, LARGEST)
          const sums = createAccumulator({ size, gridExponent: g, cohort: COHORT, weightCap: WEIGHT_CAP, kind })
          sums.fold(codec, payload, 12.5, key)
          seen.add(first + hex(sums.sum))
        }
        expect(seen.size, `size ${size}`).toBe(1)
      }
      const random = !["f32", "int8-nearest", "int4-nearest", "topk"].includes(codec)
      const delta = sample("normal", 500, 1)
      const other = [keyOf(5), keyOf(4, 2), { ...key, seed: 21 }, { ...key, device: [1, 10] as const }]
      const encoder = createEncoder(500)
      const payloads = new Set([key, ...other].map((k) => hex(encoder.encode(codec, delta, k))))
      expect(payloads.size).toBe(random ? 5 : 1)
    })

    test("a vector of zeros is sent and stays zeros", () => {
      for (const size of [1, 70, 1100]) {
        for (const zero of [0, -0]) {
          const payload = createEncoder(size).encode(codec, new Float32Array(size).fill(zero), key)
          // All bytes are 0; of f32, -0 travels.
          if (codec !== "f32") expect(payload.every((byte) => byte === 0)).toBe(true)
          const sums = accumulator(size)
          sums.fold(codec, payload, 3, key)
          expect(hex(sums.sum)).toBe(hex(new Float64Array(size)))
        }
      }
    })

    test.each([1e-20, 1e-30, 1e-33, 1e30, 1e35])("values of about %d keep their relative error", (size) => {
      const delta = sample("normal", 600, 8, size)
      const payload = createEncoder(600).encode(codec, delta, key)
      const back = decode(codec, payload, 600, key)
      const unit = (values: Float32Array) => Float64Array.from(values, (v) => v / size)
      expect(squaredError(unit(back), unit(delta))).toBeLessThanOrEqual(TOLERANCE[codec])
    })

    test("subnormal values decode to something finite and small", () => {
      const delta = sample("normal", 600, 8, 1e-40)
      const back = decode(codec, createEncoder(600).encode(codec, delta, key), 600, key)
      expect(back.every((v) => Math.abs(v) < 1e-36)).toBe(true)
    })

    test("refuses a delta of another length or with a value that is not finite, and goes on working", () => {
      const encoder = createEncoder(300)
      const delta = sample("normal", 300, 1)
      const good = hex(encoder.encode(codec, delta, key))
      expect(() => encoder.encode(codec, delta.subarray(1), key)).toThrow("expected a delta of 300 parameters, got 299")
      for (const value of [Number.NaN, Infinity, -Infinity])
        for (const at of [0, 63, 150, 299]) {
          const bad = delta.slice()
          bad[at] = value
          expect(() => encoder.encode(codec, bad, key)).toThrow(`got ${value} at parameter ${at}`)
        }
      expect(hex(encoder.encode(codec, delta, key))).toBe(good)
    })

    test("refuses every truncation and extension, and leaves the sums as they were", () => {
      for (const size of [1, 33, 100, 1030]) {
        const sums = accumulator(size)
        const delta = sample("normal", size, 2)
        const payload = createEncoder(size).encode(codec, delta, key).slice()
        sums.fold(codec, payload, 2, key)
        const before = hex(sums.sum)
        const longer = Uint8Array.from([...payload, 0, 0, 0, 0])
        for (let length = 0; length <= longer.length; length++) {
          if (length === payload.length) continue
          expectRefusal(sums, before, () => sums.fold(codec, longer.subarray(0, length), 1, key), "payload")
        }
      }
    })

    test("a payload of random bytes is folded exactly or refused without a trace (seed 77)", () => {
      const random = new RandomStream({ seed: 77, round: CODEC_NAMES.indexOf(codec), device: [0, 0] }, 8)
      const size = 200
      const sums = accumulator(size)
      const good = createEncoder(size)
        .encode(codec, sample("normal", size, 2), key)
        .slice()
      let refused = 0
      for (let i = 0; i < 400; i++) {
        const payload = good.slice()
        for (let flips = random.below(6); flips >= 0; flips--) payload[random.below(payload.length)] = random.next()
        const copy = sums.sum.slice()
        const { count, weight } = sums
        try {
          sums.fold(codec, payload, 3, key)
        } catch (error) {
          expect(error).toBeInstanceOf(KernelError)
          refused++
          expect([hex(sums.sum), sums.count, sums.weight]).toEqual([hex(copy), count, weight])
          continue
        }
        expect(sums.sum.every(Number.isFinite)).toBe(true)
        if (sums.count === COHORT) sums.reset(sums.gridExponent)
      }
      expect(refused).toBeGreaterThan(5)
    })

    test("refuses what is beyond the grid's bound, wherever it is, and leaves the sums as they were", () => {
      const size = 1700
      const sums = accumulator(size)
      const encoder = createEncoder(size)
      const delta = sample("normal", size, 2, 0.01)
      sums.fold(codec, encoder.encode(codec, delta, key), 50, key)
      const before = hex(sums.sum)
      for (const at of [0, 700, 1023, 1024, 1650, 1699]) {
        const large = delta.slice()
        large[at] = 1000
        const payload = encoder.encode(codec, large, key)
        expectRefusal(sums, before, () => sums.fold(codec, payload, WEIGHT_CAP, key), "bound")
      }
      sums.fold(codec, encoder.encode(codec, delta, key), 50, key)
      expect(sums.count).toBe(2)
    })

    test("the fold does not depend on the order, nor on who adds up which part", () => {
      const size = 700
      const whole = accumulator(size)
      const parts = [accumulator(size), accumulator(size), accumulator(size)]
      const encoder = createEncoder(size)
      const updates = Array.from({ length: COHORT }, (_, i) => ({
        payload: encoder.encode(codec, sample("laplace", size, i, 2 ** (i % 5) / 20), keyOf(1, i)).slice(),
        weight: [1, 99, 2 ** -16, 50.5, 7, 100, 33.25, 12][i]!,
        key: keyOf(1, i),
      }))
      for (const update of updates) whole.fold(codec, update.payload, update.weight, update.key)
      const forwards = hex(whole.sum)
      whole.reset(whole.gridExponent)
      for (const update of updates.toReversed()) whole.fold(codec, update.payload, update.weight, update.key)
      expect(hex(whole.sum)).toBe(forwards)
      for (const [i, update] of updates.entries()) parts[i % 3]!.fold(codec, update.payload, update.weight, update.key)
      for (const order of [
        [0, 1, 2],
        [2, 0, 1],
      ]) {
        const root = accumulator(size)
        for (const i of order) root.merge(parts[i]!.sum, parts[i]!.weight, parts[i]!.count)
        expect(hex(root.sum)).toBe(forwards)
        expect([root.weight, root.count]).toEqual([whole.weight, COHORT])
      }
    })

    test("the decoder refuses as the accumulator does, and then decodes the next", () => {
      const decoder = createDecoder(90)
      const payload = createEncoder(90).encode(codec, sample("normal", 90, 5), key)
      const good = hex(decoder.decode(codec, payload, key))
      expect(() => decoder.decode(codec, payload.subarray(1), key)).toThrow(KernelError)
      expect(hex(decoder.decode(codec, payload, key))).toBe(good)
    })
  })
}

function expectRefusal(sums: Accumulator, before: string, act: () => void, code: string): void {
  const { count, weight } = sums
  expect(act).toThrow(expect.objectContaining({ name: "KernelError", code }))
  expect(hex(sums.sum)).toBe(before)
  expect([sums.count, sums.weight]).toEqual([count, weight])
}

for (const codec of CODEC_NAMES) codecSuite(codec)

test("the limit holds to the last step", () => {
  // g = -52 and a cohort of 4: |weight x value| may be 1/4.
  const sums = createAccumulator({ size: 1, gridExponent: -52, cohort: 4, weightCap: 4 })
  const key = keyOf(1)
  const encoder = createEncoder(1)
  sums.fold("f32", encoder.encode("f32", Float32Array.of(0.125), key), 2, key)
  const above = encoder.encode("f32", Float32Array.of(0.125 + 2 ** -26), key)
  expect(() => sums.fold("f32", above, 2, key)).toThrow(expect.objectContaining({ code: "bound" }))
  expect(sums.sum[0]).toBe(0.25)
})
