import { beforeAll, expect, test } from "vitest"
import { IMAGES } from "./sizes-image.ts"
import type { Measured } from "./sizes.ts"
import { committedRows, measure } from "./sizes.ts"

/** A compiler of another day may differ by this much. */
const TOLERANCE = 0.02

let measured: Measured
beforeAll(() => {
  measured = measure()
}, 180_000)

test("the README's table of sizes is what its images measure (`node test/firmware/sizes.ts` writes it anew)", () => {
  const committed = committedRows()
  expect([...committed.keys()]).toEqual(measured.rows.map(({ name }) => name))
  const stale = measured.rows.flatMap(({ name, bytes }) => {
    const fresh = IMAGES.map((image) => bytes[image])
    const stated = committed.get(name)!
    return fresh.every((value, i) => Math.abs(value - stated[i]!) <= TOLERANCE * value) ? [] : [{ name, fresh, stated }]
  })
  expect(stale).toEqual([])
})

test("nothing takes more than its budget", () => {
  const limited = measured.rows.filter(({ budget }) => budget !== undefined)
  expect(limited).toHaveLength(8)
  const over = limited.filter(({ bytes, budget }) => bytes.least > budget!)
  expect(over.map(({ name, bytes, budget }) => `${name}: ${bytes.least} of ${budget}`)).toEqual([])
})
