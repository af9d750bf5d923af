import { expect, test } from "vitest"
import { FloodWatch } from "../../src/coordinator/flood-watch.ts"
import { Complaints } from "../../src/coordinator/log.ts"

function setUp(most: number) {
  const warnings: string[] = []
  const warn = (fields: object, message: string): void => void warnings.push(`${message} ${JSON.stringify(fields)}`)
  return { watch: new FloodWatch(new Complaints({ info() {}, debug() {}, warn }), most), warnings }
}

test("a device is named once, when so many of its messages in a minute have led to nothing", () => {
  const { watch, warnings } = setUp(100)
  for (let i = 0; i < 99; i++) watch.note("a", 10 * i)
  expect(warnings).toEqual([])
  for (let i = 0; i < 500; i++) watch.note("a", 1000)
  expect(warnings).toEqual(['device sends far more than it has to {"device":"a","messages":100,"seconds":60}'])
  for (let i = 0; i < 500; i++) watch.note("a", 100_000)
  expect(warnings).toHaveLength(1)
})

test("the same messages over some minutes are none too many", () => {
  const { watch, warnings } = setUp(100)
  for (let i = 0; i < 1000; i++) watch.note("a", 1000 * i)
  expect(warnings).toEqual([])
})

test("each device has a count of its own, and any number of made-up names leaves the flood of one to be seen", () => {
  const { watch, warnings } = setUp(100)
  for (let i = 0; i < 30_000; i++) watch.note(`made-up-${i}`, i / 1000)
  for (let i = 0; i < 100; i++) watch.note("a", 40)
  expect(warnings).toEqual([expect.stringContaining('"device":"a"')])
})
