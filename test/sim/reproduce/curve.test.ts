import { describe, expect, it } from "vitest"
import { deviationOf, meanOf, roundsTo } from "../../../src/sim/reproduce/curve.ts"

/** Values after rounds 1, 2, ... */
const curve = (...values: number[]) => values.map((value, i) => ({ round: i + 1, value }))

describe("rounds to a target", () => {
  it.each<[string, number[], number | null]>([
    ["is where the line between two points crosses it", [0.5, 0.75, 0.95], 2.75],
    ["is the round itself where a point lies on it", [0.5, 0.9, 0.95], 2],
    ["starts from the best so far, at the last round before: the curve is made monotone", [0.5, 0.8, 0.2, 1], 3.5],
    ["is the first time, not the last", [0.9, 0.1, 0.95], 1],
    ["is the first point where that is high enough", [0.99], 1],
    ["is null where it is not reached", [0.1, 0.2, 0.89], null],
    ["is null without points", [], null],
  ])("%s", (_, values, expected) => {
    const found = roundsTo(curve(...values), 0.9)
    if (expected === null) expect(found).toBeNull()
    else expect(found).toBeCloseTo(expected, 10)
  })

  it("counts rounds, not points, where only some were evaluated", () => {
    const sparse = [
      { round: 20, value: 0.5 },
      { round: 40, value: 1 },
    ]
    expect(roundsTo(sparse, 0.75)).toBeCloseTo(30, 10)
  })
})

it("a mean is null where one of its values is", () => {
  expect(meanOf([1, 2, 6])).toBe(3)
  expect(meanOf([1, null])).toBeNull()
  expect(meanOf([])).toBeNull()
})

it("a deviation is that of a sample", () => {
  expect(deviationOf([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12)
  expect(deviationOf([3])).toBe(0)
})
