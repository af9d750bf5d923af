import { describe, expect, test } from "vitest"
import { Census } from "../../src/coordinator/census.ts"
import type { KnownDevice } from "../../src/coordinator/journal/journal.ts"
import { Roll } from "../../src/coordinator/roll.ts"
import type { Hello } from "../../src/wire/message.ts"

const HELLO: Hello = { type: "hello", session: 1, maxPacket: 1024, ramKiB: 0, codecs: [0], abis: [], features: 2 }

/** What a journal would have. */
function written(): {
  devices: Map<string, KnownDevice>
  remember(device: KnownDevice): void
  forget(id: string): void
} {
  const devices = new Map<string, KnownDevice>()
  return {
    devices,
    remember: (device) => void devices.set(device.id, device),
    forget: (id) => void devices.delete(id),
  }
}

describe("who is known", () => {
  test("is written with its Hello, and whether it is there", () => {
    const journal = written()
    const roll = new Roll(journal, [])
    roll.introduced("a", HELLO)
    roll.introduced("b", HELLO)
    roll.gone("a", { type: "gone", session: 1 })
    roll.gone("b", { type: "gone", session: 7 })
    expect(roll.present).toBe(1)
    expect([...journal.devices.values()].map(({ id, present }) => [id, present])).toEqual([
      ["a", false],
      ["b", true],
    ])
    roll.forgotten("b")
    expect(roll.present).toBe(0)
    expect([...journal.devices.keys()]).toEqual(["a"])
  })

  test("is not more than the limit: who introduced itself first is forgotten, in the journal too", () => {
    const journal = written()
    const roll = new Roll(journal, [], 3)
    for (const id of ["a", "b", "c"]) roll.introduced(id, HELLO)
    roll.introduced("a", { ...HELLO, session: 2 })
    for (let i = 0; i < 100; i++) roll.introduced(`invented-${i}`, HELLO)
    expect(roll.present).toBe(3)
    expect([...journal.devices.keys()]).toEqual(["invented-97", "invented-98", "invented-99"])
    const other = written()
    const kept = new Roll(other, [], 3)
    for (const id of ["a", "b", "c"]) kept.introduced(id, HELLO)
    kept.introduced("a", { ...HELLO, session: 2 })
    kept.introduced("d", HELLO)
    expect([...other.devices.keys()].sort()).toEqual(["a", "c", "d"])
  })
})

describe("the count of a fleet", () => {
  const device = (
    id: string,
    samples: number,
  ): { id: string; key: [number, number]; samples: number; testSamples: number } => ({
    id,
    key: [0, 0],
    samples,
    testSamples: 1,
  })

  test("has each device once, with what it said last", () => {
    const census = new Census()
    census.take(device("a", 5))
    census.take(device("b", 7))
    census.take(device("a", 6))
    expect(census.count()).toEqual({ devices: 2, trainSamples: 13, testSamples: 2 })
  })

  test("is not below what an earlier process counted", () => {
    const census = new Census({ devices: 9, trainSamples: 3, testSamples: 3 })
    census.take(device("a", 5))
    expect(census.count()).toEqual({ devices: 9, trainSamples: 5, testSamples: 3 })
  })

  test("ends at the limit, and goes on for those that it has", () => {
    const census = new Census(undefined, 2)
    for (const id of ["a", "b", "c", "d"]) census.take(device(id, 5))
    census.take(device("b", 6))
    expect(census.count()).toEqual({ devices: 2, trainSamples: 11, testSamples: 2 })
  })
})
