import { expect, test } from "vitest"
import { Pulls, longestChain } from "../../src/wire/pulls.ts"
import type { ModelOffer } from "../../src/wire/pulls.ts"

// A message of a model in one chunk: a map of 6 or, with a base, 7 keys of one byte; protocol, type, index and count take one byte each,
// version and base one byte below 24 and two up to 255; the payload's head takes two.
const WHOLE = 1 + 6 + 5 + 2 + 100
const DELTA = 1 + 7 + 6 + 2 + 30
const offer = (version: number, deltas: number): ModelOffer => ({ version, modelBytes: 100, deltaBytes: 30, deltas })

test("a device receives a version once, deltas where it holds one that they lead from, else the whole", () => {
  const pulls = new Pulls(1024, 3)
  expect(pulls.take(["a", "b"], offer(1, 0))).toBe(2 * WHOLE)
  expect(pulls.take(["a", "b", "c"], offer(1, 0))).toBe(WHOLE)
  expect(pulls.take(["a"], offer(2, 1))).toBe(DELTA)
  // a holds 2, b and c 1.
  expect(pulls.take(["a", "b", "d"], offer(4, 3))).toBe(2 * DELTA + 3 * DELTA + WHOLE)
  expect(pulls.take(["c"], offer(4, 2))).toBe(WHOLE)
  expect(pulls.take(["a", "b", "c", "d"], offer(5, 1))).toBe(4 * DELTA)
})

test("version numbers and chunks count as they are encoded", () => {
  expect(new Pulls(1024).take(["a"], offer(24, 0))).toBe(WHOLE + 1)
  expect(new Pulls(64).take(["a"], offer(1, 0))).toBe(2 * (1 + 6 + 5 + 2) + 100)
  const pulls = new Pulls(1024, 1)
  pulls.take(["a"], offer(23, 0))
  expect(pulls.take(["a"], offer(24, 1))).toBe(DELTA + 1)
})

test("only devices of the last versions are remembered, or without history those that hold the current one", () => {
  for (const [history, remembered] of [
    [0, 2],
    [4, 10],
  ] as const) {
    const pulls = new Pulls(1024, history)
    for (let version = 1; version <= 100; version++)
      pulls.take([`a${version}`, `b${version}`], { ...offer(version, 0), deltas: Math.min(history, version - 1) })
    expect(pulls.size).toBe(remembered)
    // Version and base are above 23: a byte more each.
    expect(pulls.take(["a100", `a${100 - history}`], offer(100, history))).toBe(history * (DELTA + 2))
  }
})

test("deltas in a row are as many as the plan keeps, and shorter than the model together", () => {
  expect(longestChain(4, 25, 1000)).toBe(4)
  expect(longestChain(9, 105, 404)).toBe(3)
  // Three would be as long.
  expect(longestChain(9, 100, 300)).toBe(2)
  expect(longestChain(9, 300, 300)).toBe(0)
  expect(longestChain(9, 301, 300)).toBe(0)
})
