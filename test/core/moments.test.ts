import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { featureMoments, momentsSize, standardize, standardizer } from "../../src/core/moments.ts"
import type { Samples } from "../../src/core/samples.ts"

interface Case {
  name: string
  features: number
  devices: number[][]
  vectors: number[][]
  mean: number[]
  inverse: number[]
  standardized: number[]
  numpy: { mean: number[]; deviation: number[] }
}
const { moments } = JSON.parse(readFileSync(new URL("statistics.json", import.meta.url), "utf8")) as { moments: Case[] }

const samples = (x: number[], features: number): Samples => ({
  rows: x.length / features,
  features,
  x: Float32Array.from(x),
  y: new Float32Array(x.length / features),
})

const add = (vectors: readonly (readonly number[])[]): Float64Array => {
  const sums = new Float64Array(vectors[0]!.length)
  for (const vector of vectors) vector.forEach((value, i) => (sums[i] = sums[i]! + value))
  return sums
}

describe.each(moments)("moments of $name features", (expected) => {
  const { features, devices, vectors, numpy } = expected

  it("are what exact rationals give on each device", () => {
    expect(devices.map((x) => [...featureMoments(samples(x, features))])).toEqual(vectors)
  })

  it("give the reference's means and inverse deviations, in any order of the devices", () => {
    for (const order of [vectors, [...vectors].reverse()]) {
      const { mean, inverse } = standardizer(add(order), features)
      expect([...mean]).toEqual(expected.mean)
      expect([...inverse]).toEqual(expected.inverse)
    }
  })

  it("are close to numpy's on the pooled data", () => {
    const { mean, inverse } = standardizer(add(vectors), features)
    for (let j = 0; j < features; j++) {
      expect(mean[j]).toBeCloseTo(numpy.mean[j]!, 2)
      if (inverse[j] !== 1) expect(numpy.deviation[j]! * inverse[j]!).toBeCloseTo(1, 5)
    }
  })

  it("standardise in float32 as numpy does", () => {
    const { x } = standardize(samples(devices[0]!, features), standardizer(add(vectors), features))
    expect([...x]).toEqual(expected.standardized)
  })
})

describe("moments", () => {
  it("of a device without rows are zeros", () => {
    expect([...featureMoments(samples([], 2))]).toEqual(Array.from({ length: momentsSize(2) }, () => 0))
  })

  it("say which feature is no number or too large", () => {
    expect(() => featureMoments(samples([1, NaN], 2))).toThrow("expected a sum of feature 1 below 2^55, got NaN")
    expect(() => featureMoments(samples([1e9, 1], 2))).toThrow(
      "expected a sum of squares of feature 0 below 2^55, got 1000000000000000000",
    )
  })

  it("refuse sums of nothing, of another length, and samples of another width", () => {
    expect(() => standardizer(new Float64Array(momentsSize(2)), 2)).toThrow(
      "expected at least one row in the statistics, got 0",
    )
    expect(() => standardizer(new Float64Array(5), 2)).toThrow("expected 21 sums for 2 features, got 5")
    const two = { mean: new Float32Array(2), inverse: new Float32Array(2) }
    expect(() => standardize(samples([1, 2, 3], 3), two)).toThrow("expected 2 features as the model has them, got 3")
  })

  it("pass a constant feature as zero", () => {
    const x = Array.from({ length: 1000 }, () => Math.fround(0.1))
    const fitted = standardizer(featureMoments(samples(x, 1)), 1)
    expect([...fitted.inverse]).toEqual([1])
    expect(new Set(standardize(samples(x, 1), fitted).x)).toEqual(new Set([0]))
  })
})
