import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { describe, expect, test } from "vitest"
import { CODEC_NAMES } from "../../src/core/codec.ts"
import { gridExponent } from "../../src/core/grid.ts"
import { createAccumulator } from "../../src/kernel/accumulator.ts"
import { decode } from "../../src/kernel/codec-decode.ts"
import { createEncoder } from "../../src/kernel/encoder.ts"
import { KernelError } from "../../src/kernel/error.ts"
import { hex, keyOf, sample } from "./codec-support.ts"

const key = keyOf(1)
const base = { size: 10, gridExponent: -30, cohort: 4, weightCap: 100 } as const

function payloadOf(values: Float32Array): Uint8Array {
  return createEncoder(values.length).encode("f32", values, key)
}

describe("what an accumulator is made for", () => {
  test.each([
    [{ size: 0 }, "expected a size of 1 to 16777216 parameters, got 0"],
    [{ size: 2.5 }, "got 2.5"],
    [{ size: 2 ** 24 + 1 }, "got 16777217"],
    [{ gridExponent: 0.5 }, "expected a grid exponent from -900 to 900, got 0.5"],
    [{ gridExponent: -901 }, "got -901"],
    [{ cohort: 0 }, "expected a cohort of 1 to 2^32, got 0"],
    [{ weightCap: 0 }, "expected a weight cap above 0"],
    [{ weightCap: 2 ** -17 }, "a multiple of 1/65536"],
    [{ weightCap: 2 ** 24 + 1 }, "at most 2^24"],
    [{ cohort: 2 ** 20, weightCap: 2 ** 18 }, "cohort x weight cap of at most 2^37"],
  ])("%o is refused", (change, text) => {
    const make = () => createAccumulator({ ...base, ...change })
    expect(make).toThrow(KernelError)
    expect(make).toThrow(text)
    expect(make).toThrow(expect.objectContaining({ code: "settings" }))
  })

  test("a new one is empty, and so is one after reset, which keeps or takes new bounds", () => {
    const sums = createAccumulator(base)
    expect([sums.size, sums.gridExponent, sums.cohort, sums.weightCap, sums.weight, sums.count]).toEqual([
      10, -30, 4, 100, 0, 0,
    ])
    sums.fold("f32", payloadOf(new Float32Array(10).fill(1)), 3, key)
    expect(Array.from(sums.sum)).toEqual(Array.from({ length: 10 }, () => 3))
    sums.reset(-20)
    expect([sums.gridExponent, sums.cohort, sums.weightCap, sums.weight, sums.count]).toEqual([-20, 4, 100, 0, 0])
    expect(Array.from(sums.sum)).toEqual(Array.from({ length: 10 }, () => 0))
    sums.reset(-20, 7, 9)
    expect([sums.cohort, sums.weightCap]).toEqual([7, 9])
    expect(() => sums.reset(-20, 0)).toThrow("expected a cohort")
  })

  test("the mean is the sum by the weight", () => {
    const sums = createAccumulator({ ...base, size: 2 })
    sums.fold("f32", payloadOf(Float32Array.of(1, -2)), 1, key)
    sums.fold("f32", payloadOf(Float32Array.of(4, 2)), 2.5, key)
    expect([sums.weight, sums.count]).toEqual([3.5, 2])
    expect(Array.from(sums.sum, (v) => v / sums.weight)).toEqual([11 / 3.5, 3 / 3.5])
  })
})

describe("refusals", () => {
  test.each([0, -1, 101, 1 / 3, 2 ** -17, Number.NaN, Infinity])("a weight of %d", (weight) => {
    const sums = createAccumulator(base)
    const payload = payloadOf(new Float32Array(10).fill(1))
    const fold = () => sums.fold("f32", payload, weight, key)
    expect(fold).toThrow(expect.objectContaining({ code: "weight" }))
    expect(fold).toThrow(`got ${weight}`)
    expect([sums.count, sums.weight, sums.sum[0]]).toEqual([0, 0, 0])
  })

  test("more updates than the cohort", () => {
    const sums = createAccumulator({ ...base, cohort: 2 })
    const payload = payloadOf(new Float32Array(10).fill(1))
    sums.fold("f32", payload, 1, key)
    sums.fold("f32", payload, 1, key)
    const fold = () => sums.fold("f32", payload, 1, key)
    expect(fold).toThrow(expect.objectContaining({ code: "bound" }))
    expect(fold).toThrow("expected at most 2 updates")
    expect([sums.count, sums.sum[0]]).toEqual([2, 2])
  })

  const grid = 2 ** -30
  const good = new Float64Array(10).fill(5 * grid)
  const at = (value: number) => good.with(4, value)
  test.each<readonly [string, Float64Array, number, number]>([
    ["another size", good.subarray(1), 5, 2],
    ["off the grid", at(grid / 2), 5, 2],
    ["larger than two updates can be", at(2 ** 21 * 1.01), 5, 2],
    ["NaN", at(Number.NaN), 5, 2],
    ["infinite", at(-Infinity), 5, 2],
    ["a negative count", good, 5, -1],
    ["a count that is not whole", good, 5, 1.5],
    ["more updates than the cohort", good, 5, 4],
    ["more weight than its updates may have", good, 201, 2],
    ["a weight off its grid", good, 0.3, 2],
    ["a negative weight", good, -1, 2],
    ["something from nobody", good, 0, 0],
  ])("a partial sum: %s", (_, sum, weight, count) => {
    const sums = createAccumulator(base)
    sums.fold("f32", payloadOf(new Float32Array(10).fill(0.7)), 3, key)
    const before = hex(sums.sum)
    expect(() => sums.merge(sum, weight, count)).toThrow(expect.objectContaining({ code: "merge" }))
    expect([hex(sums.sum), sums.weight, sums.count]).toEqual([before, 3, 1])
    sums.merge(good, 5, 2)
    expect([sums.weight, sums.count]).toEqual([8, 3])
  })
})

test("codecs mix in one sum, in any order", () => {
  const size = 300
  const g = gridExponent(CODEC_NAMES.length, 50, 8)
  const sums = createAccumulator({ size, gridExponent: g, cohort: CODEC_NAMES.length, weightCap: 50 })
  const encoder = createEncoder(size)
  const updates = CODEC_NAMES.map((codec, i) => ({
    codec,
    payload: encoder.encode(codec, sample("normal", size, i), keyOf(2, i)).slice(),
    key: keyOf(2, i),
  }))
  for (const { codec, payload, key } of updates) sums.fold(codec, payload, 50, key)
  const forwards = hex(sums.sum)
  sums.reset(g)
  for (const { codec, payload, key } of updates.toReversed()) sums.fold(codec, payload, 50, key)
  expect(hex(sums.sum)).toBe(forwards)
})

test("the error against exact sums is within what CODECS.md states", () => {
  const size = 400
  const g = gridExponent(20, 1000, 4)
  // Error of one update and parameter, in steps of the grid, from the largest level.
  const steps = { f32: 0.75, int8: 127 / 2, int4: 7 / 2, topk: 0.5 } as const
  for (const codec of ["f32", "int8", "int4", "topk"] as const) {
    const sums = createAccumulator({ size, gridExponent: g, cohort: 20, weightCap: 1000 })
    const exact = Array.from({ length: size }, () => 0n)
    // Weights are multiples of 2^-16 and decoded values here of 2^-149: whole numbers in units of 2^-165.
    const whole = (value: number, unit: number) => BigInt(value * 2 ** (unit / 2) * 2 ** (unit / 2))
    for (let i = 0; i < 20; i++) {
      const weight = 1000 / 2 ** (i % 7)
      const payload = createEncoder(size).encode(codec, sample("normal", size, i, 2 ** -i), keyOf(3, i))
      const values = decode(codec, payload, size, keyOf(3, i))
      for (let j = 0; j < size; j++) exact[j]! += whole(weight, 16) * whole(values[j]!, 150)
      sums.fold(codec, payload, weight, keyOf(3, i))
    }
    for (let j = 0; j < size; j++) {
      const difference = Number(whole(sums.sum[j]!, 166) - exact[j]!) / 2 ** 166
      expect(Math.abs(difference)).toBeLessThanOrEqual(20 * steps[codec] * 2 ** g)
    }
  }
})

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

test.each(["simd", "scalar"] as const)("%s: folding takes no memory", (kind) => {
  const size = 256
  const sums = createAccumulator({ size, gridExponent: -20, cohort: 2 ** 16, weightCap: 64, kind })
  const encoder = createEncoder(size)
  const updates = CODEC_NAMES.map((codec) => ({
    codec,
    payload: encoder.encode(codec, sample("normal", size, 1), key).slice(),
  }))
  const fold = (times: number) => {
    for (let i = 0; i < times; i++) {
      for (let c = 0; c < updates.length; c++) sums.fold(updates[c]!.codec, updates[c]!.payload, 1.5, key)
    }
  }
  fold(3000)
  collect()
  const before = process.memoryUsage()
  fold(3000)
  const after = process.memoryUsage()
  // The smallest object has 12 bytes: one a fold would be seen, the engine's own bookkeeping is less.
  expect(after.heapUsed - before.heapUsed).toBeLessThan(6 * 3000 * CODEC_NAMES.length)
  expect(after.arrayBuffers).toBeLessThanOrEqual(before.arrayBuffers)
})
