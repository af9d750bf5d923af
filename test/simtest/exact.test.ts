import { expect, test } from "vitest"
import { bytes, doubles, vectors } from "../kernel/codec-support.ts"
import type { FoldVectors } from "../kernel/golden.ts"
import { contribution, sumOf } from "./exact.ts"

const known = new Set(["f32", "int8", "int8-nearest"])
const cases = vectors<FoldVectors>("fold.json").cases.filter(({ codec }) => known.has(codec))

test("the second opinion on sums is that of the golden vectors", () => {
  expect(new Set(cases.map(({ codec }) => codec))).toEqual(known)
  for (const { codec, n, g, updates, sum } of cases) {
    const all = updates.map(({ weight, payload }) => contribution(codec, bytes(payload), weight, g))
    expect([...sumOf(all, n, g)], codec).toEqual([...doubles(sum)].map((value) => value + 0))
  }
})
