import { describe, expect, test } from "vitest"
import type { PlanInput } from "../../src/core/plan.ts"
import { quiet, world } from "./world.ts"
import type { FakeDevice } from "./world.ts"

const BUFFER: PlanInput = {
  cohort: 2,
  rounds: 2,
  weightCap: 100,
  selection: { overSelect: 1.5, settleSeconds: 1, timeoutSeconds: 60 },
  late: { policy: "buffer", maxStaleness: 3, exponent: 1 },
}

async function threeDevices(plan: PlanInput = BUFFER): Promise<{
  self: ReturnType<typeof world>
  outcome: Promise<{ readonly parameters: Float32Array }>
  devices: Record<string, FakeDevice>
}> {
  const self = world()
  const { outcome } = await self.start(plan, { recordCohorts: true })
  const devices: Record<string, FakeDevice> = {}
  for (const id of ["a", "b", "c"]) devices[id] = await self.device(id)
  await self.clock.advance(1000)
  return { self, outcome, devices }
}

describe("a buffer for late updates", () => {
  test("folds one into the round that is open, and its receipt names that round", async () => {
    const { outcome, devices } = await threeDevices()
    const { a, b, c } = devices as Record<"a" | "b" | "c", FakeDevice>
    expect(a.notice.training.maxStaleness).toBe(3)
    expect(c.tasks.map(({ action }) => action)).toEqual(["join"])
    const old = c.chunks([8, 0, 0], { samples: 30 }, 1 << 16)
    await a.update([1, 0, 0], { samples: 10 })
    await b.update([1, 0, 0], { samples: 10 })
    // The next round is of a and b alone: c is at work.
    await quiet()
    expect(a.notice).toMatchObject({ round: 1, version: 1, committed: { round: 0, epoch: 65536 } })
    expect(c.tasks).toHaveLength(1)
    for (const chunk of [...old, ...old]) await c.sendChunk(chunk)
    expect(c.receipts.map(({ status, round, epoch }) => ({ status, round, epoch }))).toEqual([
      { status: "folded", round: 1, epoch: 65536 },
      { status: "duplicate", round: 1, epoch: 65536 },
    ])
    await a.update([1, 0, 0], { samples: 10 })
    await b.update([1, 0, 0], { samples: 10 })
    const { parameters, report } = (await outcome) as Awaited<typeof outcome> & {
      report: { rounds: { cohort: unknown }[] }
    }
    // Of one commit ago, it counts half: 1 + (10 + 10 + 8 x 15) / (10 + 10 + 15).
    expect([...parameters]).toEqual([Math.fround(1 + 140 / 35), 0, 0])
    expect(report.rounds[1]!.cohort).toEqual([
      { device: "a", steps: 1, samples: 10 },
      { device: "b", steps: 1, samples: 10 },
      { device: "c", steps: 1, samples: 30, staleness: 1 },
    ])
  })

  test("refuses one that is not what its round had: another model, or too large", async () => {
    const { devices } = await threeDevices()
    const { a, b, c } = devices as Record<"a" | "b" | "c", FakeDevice>
    const old = c.chunks([1, 0, 0], { baseVersion: 1 }, 1 << 16)
    for (const each of [a, b]) await each.update([1, 0, 0])
    await quiet()
    for (const chunk of old) await c.sendChunk(chunk)
    expect(c.receipts).toMatchObject([
      { status: "refused", round: 0, reason: "expected an update of model version 0, got one of version 1" },
    ])
  })

  test("joins chunks that began before the next round", async () => {
    const { devices } = await threeDevices()
    const { a, b, c } = devices as Record<"a" | "b" | "c", FakeDevice>
    const [first, second] = c.chunks([1, 0, 0], {}, 74)
    await c.sendChunk(first!)
    for (const each of [a, b]) await each.update([1, 0, 0])
    await quiet()
    await c.sendChunk(second!)
    expect(c.statuses).toEqual(["folded"])
  })

  test("says when to come again while no training round is open", async () => {
    const { devices } = await threeDevices({ ...BUFFER, evaluate: { every: 1 } })
    const { a, b, c } = devices as Record<"a" | "b" | "c", FakeDevice>
    const old = c.chunks([1, 0, 0], {}, 1 << 16)
    for (const each of [a, b]) await each.update([1, 0, 0])
    await quiet()
    expect(a.notice.kind).toBe("evaluate")
    expect(c.tasks).toHaveLength(1)
    for (const chunk of old) await c.sendChunk(chunk)
    expect(c.receipts).toMatchObject([{ status: "busy", round: 0, epoch: 65536 }])
    expect(c.receipts[0]!.retrySeconds).toBeGreaterThanOrEqual(1)
    expect(c.receipts[0]!.retrySeconds).toBeLessThanOrEqual(3)
  })
})

test("asynchronous: a commit for every so many updates, and who is folded joins again from the newest model", async () => {
  const { outcome, devices } = await threeDevices({
    mode: "async",
    cohort: 2,
    rounds: 3,
    weightCap: 100,
    selection: { overSelect: 1.5, settleSeconds: 1, timeoutSeconds: 60 },
    late: { exponent: 0 },
  })
  const { a, b, c } = devices as Record<"a" | "b" | "c", FakeDevice>
  const old = c.chunks([5, 0, 0], {}, 1 << 16)
  for (const each of [a, b]) await each.update([1, 0, 0])
  await quiet()
  // Version 1; a and b train from it, c is folded of version 0, and asked again.
  expect(a.tasks).toHaveLength(2)
  for (const chunk of old) await c.sendChunk(chunk)
  await quiet()
  expect(c.tasks.map(({ action, round }) => ({ action, round }))).toEqual([
    { action: "join", round: 0 },
    { action: "join", round: 1 },
  ])
  await c.update([3, 0, 0])
  await quiet()
  // Version 2 = 1 + (5 + 3) / 2.
  expect(a.notice.version).toBe(2)
  await c.update([1, 0, 0])
  await b.update([1, 0, 0], { round: 1, baseVersion: 1 })
  const { parameters } = await outcome
  expect([...parameters]).toEqual([6, 0, 0])
})
