import { expect, test } from "vitest"
import { Intake } from "../../src/coordinator/intake.ts"
import { parsePlan } from "../../src/core/plan.ts"
import { createRounds } from "../../src/core/round.ts"
import type { RoundState } from "../../src/core/round.ts"
import { SETTINGS } from "../core/round-notation.ts"
import type { Update } from "../../src/wire/message.ts"
import { PLAN } from "./world.ts"

const DEVICES = ["a", "b", "c", "d", "e"]
const PARAMETERS = 1 << 24

function working(): RoundState {
  const rounds = createRounds(SETTINGS, 65536)
  rounds.phase = "working"
  rounds.cohort = new Set(DEVICES)
  return rounds
}

function chunk(index: number, count: number, bytes = 1024): Update {
  const payload = new Uint8Array(bytes)
  const updateId = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const rest = { baseVersion: 0, codec: 0, samples: 1, steps: 1, metrics: new Float32Array(0) }
  return { type: "update", round: 0, epoch: 65536, updateId, index, count, payload, ...rest }
}

test("who meets a full house is told when to come back, once an update", () => {
  const intake = new Intake(parsePlan(PLAN), working(), PARAMETERS, 16)
  // A last chunk does not tell the size of the whole: room for the largest is taken, 64 MiB each.
  for (const device of DEVICES.slice(0, 4))
    expect(intake.take(device, chunk(99, 100), 1100)).toEqual({ type: "partial", begun: 1 })
  expect(intake.take("e", chunk(0, 1000, 65536), 66000)).toMatchObject({
    type: "receipt",
    receipt: { status: "busy", retrySeconds: 5, round: 0, epoch: 65536 },
  })
  expect(intake.take("e", chunk(1, 1000, 65536), 66000)).toEqual({ type: "nothing" })
  // Sent again from its beginning: perhaps it has not got the answer.
  expect(intake.take("e", chunk(0, 1000, 65536), 66000)).toMatchObject({ receipt: { status: "busy" } })
  intake.begin()
  expect(intake.heldBytes).toBe(0)
  expect(intake.take("e", chunk(1, 2, 1024), 1100)).toEqual({ type: "partial", begun: 1 })
  expect(intake.heldBytes).toBeGreaterThan(0)
})

test("a payload larger than any codec makes is refused with the size that is allowed", () => {
  const intake = new Intake(parsePlan(PLAN), working(), 100, 16)
  expect(intake.take("a", chunk(0, 1, 401), 500)).toMatchObject({
    receipt: { status: "refused", allowedBytes: 400, reason: expect.stringContaining("at most 400 bytes") as string },
  })
})

test("a payload that is not what its id says is refused, and may come again", () => {
  const intake = new Intake(parsePlan(PLAN), working(), 100, 16)
  expect(intake.take("a", chunk(0, 1, 400), 500)).toMatchObject({ receipt: { status: "refused", allowedBytes: 0 } })
})

test("chunks that the round does not want are not joined, and asked about once an update", () => {
  const rounds = working()
  const intake = new Intake(parsePlan(PLAN), rounds, PARAMETERS, 16)
  expect(intake.take("zz", chunk(0, 9), 1100)).toEqual({ type: "unwanted" })
  expect(intake.take("zz", chunk(1, 9), 1100)).toEqual({ type: "nothing" })
  rounds.seen.add("a")
  expect(intake.take("a", chunk(3, 9), 1100)).toEqual({ type: "unwanted" })
  rounds.phase = "selecting"
  expect(intake.take("b", chunk(3, 9), 1100)).toEqual({ type: "unwanted" })
  expect(intake.heldBytes).toBe(0)
})

test("a device that dies in the middle of its update keeps its room for half a minute, where others need it", () => {
  const intake = new Intake(parsePlan(PLAN), working(), PARAMETERS, 16)
  for (const [i, device] of DEVICES.slice(0, 4).entries()) intake.take(device, chunk(99, 100), 1100, 1000 * i)
  expect(intake.take("e", chunk(99, 100), 1100, 29_000)).toMatchObject({ receipt: { status: "busy" } })
  expect(intake.take("e", chunk(99, 100), 1100, 30_000)).toEqual({ type: "partial", begun: 1 })
})

test("updates that a device begins in a round are counted", () => {
  const intake = new Intake(parsePlan(PLAN), working(), PARAMETERS, 16)
  const begin = (n: number): unknown => intake.take("a", { ...chunk(0, 9), updateId: new Uint8Array(8).fill(n) }, 1100)
  expect([1, 2, 3].map(begin)).toEqual([1, 2, 3].map((begun) => ({ type: "partial", begun })))
  expect(intake.take("a", { ...chunk(1, 9), updateId: new Uint8Array(8).fill(3) }, 1100)).toMatchObject({ begun: 3 })
  const two = intake.heldBytes
  begin(4)
  expect(intake.heldBytes).toBe(two)
  intake.begin()
  expect(begin(5)).toMatchObject({ begun: 1 })
})
