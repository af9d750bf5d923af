import { expect, test } from "vitest"
import { ModuleGate } from "../../../src/coordinator/rollout/gate.ts"

/** Devices a, b, c ... train with these modules. */
function gateOf(asked: number, active: readonly number[]): { gate: ModuleGate; all: string[] } {
  const gate = new ModuleGate("train", asked, 0)
  const all = active.map((sequence, i) => {
    const device = String.fromCharCode(97 + i)
    gate.runs(device, sequence)
    return device
  })
  return { gate, all }
}

test.each([
  // [asked for, what devices have, the rounds' module]
  [0, [], 0],
  [0, [0, 0, 0], 0],
  [0, [0, 0, 1], 0],
  [0, [0, 1, 1], 1],
  [0, [0, 1], 1],
  [1, [0, 0, 0], 1],
  [1, [0, 0, 0, 2], 2],
  [1, [1, 1, 1, 2], 1],
  [1, [1, 1, 2, 2], 2],
  [1, [2, 1, 3, 1, 3, 2], 3],
  [2, [1, 1, 1, 2], 2],
])("of %i or above, with %j: %i", (asked, active, expected) => {
  const { gate, all } = gateOf(asked, active)
  expect(gate.choose(all)).toBe(expected !== asked)
  expect(gate.sequence).toBe(expected)
  expect(all.filter((device) => gate.admits(device))).toEqual(all.filter((_, i) => active[i] === expected))
})

test("only those who are ready have a say", () => {
  const { gate } = gateOf(1, [1, 2, 2, 2])
  expect(gate.choose(["a", "b"])).toBe(true)
  expect(gate.choose(["a"])).toBe(true)
  expect(gate.sequence).toBe(1)
})

test("what is settled counts from the next choice: the round that is going on is not changed", () => {
  const { gate, all } = gateOf(1, [1, 2, 2])
  gate.settle(2)
  expect([gate.sequence, gate.least]).toEqual([1, 1])
  expect(gate.choose(["a"])).toBe(false)
  gate.choose(all)
  expect([gate.sequence, gate.least]).toEqual([2, 2])
  gate.runs("b", 1)
  gate.runs("c", 0)
  expect(gate.choose(all)).toBe(false)
  expect(gate.sequence).toBe(2)
})

test("what a plan asks for is no reason not to go back: it may turn out to be bad", () => {
  const gate = new ModuleGate("train", 3, 2)
  expect([gate.sequence, gate.asked, gate.least]).toEqual([3, 3, 2])
  gate.settle(3)
  expect(gate.least).toBe(3)
})
