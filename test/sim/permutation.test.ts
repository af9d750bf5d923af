import { describe, expect, test } from "vitest"
import { Permutation } from "../../src/sim/permutation.ts"

const first = (count: number, of: Permutation): number[] => Array.from({ length: count }, (_, place) => of.at(place))

describe("a keyed order", () => {
  test.each([1, 2, 3, 5, 16, 17, 1000, 4099, 65537])("of %i numbers has each once", (count) => {
    for (const seed of [1, 2, 4294967295]) {
      const seen = first(count, new Permutation(count, seed, 0, 0)).sort((a, b) => a - b)
      expect(seen).toEqual(Array.from({ length: count }, (_, i) => i))
    }
  })

  test("is another for another seed, walk or pass, and the same for the same", () => {
    const of = (seed: number, walk: number, pass: number) => first(50, new Permutation(1_000_000, seed, walk, pass))
    expect(of(1, 0, 0)).toEqual(of(1, 0, 0))
    const orders = [of(1, 0, 0), of(2, 0, 0), of(1, 1, 0), of(1, 0, 1)]
    expect(new Set(orders.map(String)).size).toBe(4)
  })

  test("spreads its beginning evenly over a thousand million, and neighbours far apart", () => {
    const count = 1_000_000_000
    const numbers = first(40_000, new Permutation(count, 7, 0, 0))
    const cells = new Float64Array(100)
    for (const number of numbers) cells[Math.floor((number / count) * 100)]!++
    const chi = cells.reduce((sum, seen) => sum + (seen - 400) ** 2 / 400, 0)
    // 99 degrees of freedom: mean 99, deviation 14.1; within five.
    expect(Math.abs(chi - 99)).toBeLessThan(70)
    const steps = numbers.slice(1).map((number, i) => Math.abs(number - numbers[i]!) / count)
    // Two uniform numbers are a third apart on average, with a deviation of .2357.
    const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length
    expect(Math.abs(mean - 1 / 3)).toBeLessThan((5 * 0.2357) / Math.sqrt(steps.length))
  })

  test("the first of all clients is any client, over many seeds", () => {
    const seen = new Float64Array(10)
    for (let seed = 0; seed < 5000; seed++) seen[new Permutation(10, seed, 0, 0).at(0)]!++
    const chi = seen.reduce((sum, each) => sum + (each - 500) ** 2 / 500, 0)
    // 9 degrees of freedom: mean 9, deviation 4.24; within five.
    expect(chi).toBeLessThan(9 + 5 * 4.24)
  })
})
