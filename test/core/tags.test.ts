import { expect, test } from "vitest"
import { parsePlan } from "../../src/core/plan.ts"
import { deviceFilter } from "../../src/core/tags.ts"

const tags = {
  gateway: ["gw-*", "old-gateway"],
  north: ["*-north", "gw-7"],
  odd: ["a*b*a", "*x*"],
}
const all = [
  "gw-1",
  "gw-7",
  "gw-1-north",
  "old-gateway",
  "my-gw-1",
  "mote-north",
  "aba",
  "aa",
  "ab",
  "axb",
  "a-b-c-a",
  "x",
]
const having = (...selected: string[]): string[] =>
  all.filter(deviceFilter(parsePlan({ tags, selection: { tags: selected } })))

test.each([
  [["gateway"], ["gw-1", "gw-7", "gw-1-north", "old-gateway"]],
  [
    ["gateway", "north"],
    ["gw-7", "gw-1-north"],
  ],
  // The ends of a pattern do not overlap: "aa" is no "a*b*a".
  [["odd"], ["aba", "axb", "a-b-c-a", "x"]],
  [[], all],
])("devices with the tags %j", (selected, expected) => {
  expect(having(...selected)).toEqual(expected)
})

test("a plan without tags takes every device", () => {
  expect(all.filter(deviceFilter(parsePlan({})))).toEqual(all)
})

test.each([
  [
    { selection: { tags: ["north"] } },
    'plan: selection.tags.0: expected a tag that the plan gives to devices under tags, got "north"',
  ],
  [
    { tags, selection: { tags: ["gateway", "south"] } },
    'plan: selection.tags.1: expected one of gateway, north, odd, got "south"',
  ],
  [
    { tags: { north: ["Gw 1"] } },
    'plan: tags.north[0]: expected a device id, in which * stands for any characters, got "Gw 1"',
  ],
  [{ tags: { north: [] } }, "plan: tags.north: expected at least 1 in the list, got an empty list"],
])("a plan with %j is refused", (plan, message) => {
  expect(() => parsePlan(plan)).toThrow(message)
})
