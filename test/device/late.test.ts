import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { LINE, valuesOf } from "./fake-coordinator.ts"
import { settle } from "./virtual-clock.ts"
import { MOVED, many, World } from "./world.ts"

const LATE = { ...LINE, maxStaleness: 2 }
let world: World
beforeEach(async () => {
  world = await World.create()
})
afterEach(() => world.end())

/** A device whose job for round 1 goes on until "finish now", or is done at once. */
async function working(epochs = 10_000): Promise<void> {
  await world.coordinator.model([0, 0, 0])
  world.device({ data: many(epochs === 1 ? 1 : 100) })
  await settle()
  await world.coordinator.notice({ training: { ...LATE, epochs } })
  await world.coordinator.join("d-1")
  await settle()
}

describe("where late updates are taken", () => {
  test("work goes on when another round begins, and is sent as what it is", async () => {
    await working(1000)
    await world.coordinator.model([9, 9, 9], 2)
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } })
    while (!world.types.includes("sent")) await settle()
    expect(world.coordinator.updates[0]).toMatchObject({ round: 1, epoch: 1, baseVersion: 1, samples: 100_000 })
  })

  test("work ends when its model is too old, its round was abandoned, or the coordinator is a new one", async () => {
    for (const change of [{ round: 2, version: 4 }, { epoch: 2 }, { round: 2, epoch: 9, session: 9 }]) {
      await working()
      await world.coordinator.notice(change)
      await settle()
      await world.coordinator.notice({ round: 50, epoch: 50, session: 7, phase: "finishing" })
      await settle(50)
      expect(world.coordinator.updates).toEqual([])
      await world.end()
      world = await World.create()
    }
  })

  test("the word to finish is for those whose round it is", async () => {
    await working()
    await world.coordinator.notice({ round: 2 })
    await world.coordinator.notice({ phase: "finishing" })
    await settle(50)
    expect(world.types).not.toContain("trained")
    expect(world.coordinator.updates).toEqual([])
  })

  test("an update is kept until the commit that contains it, as its receipt says", async () => {
    await working(1)
    expect(world.coordinator.updates).toHaveLength(1)
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 }, version: 2 })
    // Not folded: it is sent again, though its round is over.
    await world.clock.advance(11_250)
    expect(world.coordinator.updates).toHaveLength(2)
    await world.coordinator.receipt("d-1", "folded", { round: 2 })
    await settle()
    expect(world.types.at(-1)).toBe("folded")
    await world.coordinator.notice({ round: 3, committed: { round: 2, epoch: 1 }, version: 3 })
    await world.clock.advance(600_000)
    expect(world.events.at(-1)).toEqual({ type: "committed", round: 1, epoch: 1 })
    expect(world.coordinator.updates).toHaveLength(2)
  })

  test("an update whose sum is abandoned is sent again, where the newer one that took its place is gone", async () => {
    await working(1)
    await world.coordinator.model([1, 1, 1], 2)
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } })
    await world.coordinator.receipt("d-1", "folded", { round: 2 })
    await world.coordinator.join("d-1", 2)
    await settle()
    expect(world.coordinator.updates.map(({ round }) => round)).toEqual([1, 2])
    await world.coordinator.receipt("d-1", "late", { round: 2, epoch: 2 })
    await settle()
    expect(world.types.at(-1)).toBe("late")
    await world.coordinator.notice({ epoch: 2 })
    await settle()
    expect(world.types).not.toContain("dropped")
    expect(world.coordinator.updates.map(({ round }) => round)).toEqual([1, 2, 1])
    expect(world.coordinator.updates.at(-1)).toEqual(world.coordinator.updates[0])
  })

  test("an update is kept when the receipt is faster than the Notice of the round that has it", async () => {
    await working(1)
    await world.coordinator.receipt("d-1", "folded", { round: 2 })
    await settle()
    expect(world.types.at(-1)).toBe("folded")
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 }, version: 2 })
    await settle()
    expect(world.types.at(-1)).toBe("folded")
    await world.coordinator.notice({ round: 3, committed: { round: 2, epoch: 1 }, version: 3 })
    await settle()
    expect(world.events.at(-1)).toEqual({ type: "committed", round: 1, epoch: 1 })
  })

  test("an update is sent again when the round that had it is abandoned", async () => {
    await working(1)
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 }, version: 2 })
    await world.coordinator.receipt("d-1", "folded", { round: 2 })
    await settle()
    await world.coordinator.notice({ epoch: 2 })
    await settle()
    expect(world.coordinator.updates).toHaveLength(2)
    await world.coordinator.receipt("d-1", "folded", { round: 2, epoch: 2 })
    await settle()
    await world.coordinator.notice({ round: 3, committed: { round: 2, epoch: 2 }, version: 3 })
    await settle()
    expect(world.events.at(-1)).toEqual({ type: "committed", round: 1, epoch: 1 })
  })

  test("an update is sent again where the commit came of another try than the one that had it", async () => {
    await working(1)
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 }, version: 2 })
    await world.coordinator.receipt("d-1", "folded", { round: 2 })
    await settle()
    await world.coordinator.notice({ round: 3, epoch: 2, committed: { round: 2, epoch: 2 }, version: 3 })
    await settle()
    expect(world.coordinator.updates).toHaveLength(2)
    // Now it is too old.
    await world.coordinator.notice({ round: 4, version: 4 })
    await settle()
    expect(world.types.at(-1)).toBe("dropped")
  })

  test("a receipt that comes after the Notice of its commit frees the update", async () => {
    await working(1)
    await world.coordinator.notice({ round: 3, committed: { round: 2, epoch: 1 }, version: 3 })
    await settle()
    expect(world.types).not.toContain("committed")
    await world.coordinator.receipt("d-1", "duplicate", { round: 2 })
    await settle()
    expect(world.types.slice(-2)).toEqual(["folded", "committed"])
  })

  test("a busy coordinator is asked again", async () => {
    await working(1)
    await world.coordinator.notice({ round: 2, kind: "evaluate", committed: { round: 1, epoch: 1 }, version: 2 })
    await world.coordinator.receipt("d-1", "busy", { retrySeconds: 3 })
    await world.clock.advance(3000)
    expect(world.coordinator.updates).toHaveLength(2)
  })

  test("a device that is asked again before the commit of its last update keeps both", async () => {
    await working(1)
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 }, version: 2 })
    await world.coordinator.receipt("d-1", "folded", { round: 2 })
    await world.coordinator.model([1, 0, 0], 2)
    await world.coordinator.notice()
    await world.coordinator.join("d-1", 2)
    await settle()
    expect(world.coordinator.updates[1]).toMatchObject({ round: 2, baseVersion: 2 })
    await world.coordinator.receipt("d-1", "folded")
    await settle()
    await world.coordinator.notice({ round: 3, committed: { round: 2, epoch: 1 }, version: 3 })
    await settle()
    expect(world.events.filter(({ type }) => type === "committed")).toEqual([
      { type: "committed", round: 1, epoch: 1 },
      { type: "committed", round: 2, epoch: 1 },
    ])
  })

  test("a model that was replaced before it was here makes room for the newest", async () => {
    await world.coordinator.model([0, 0, 0], 1, true)
    world.device()
    await settle()
    await world.coordinator.notice({ training: LATE })
    await world.coordinator.join("d-1")
    await settle()
    expect(world.types).not.toContain("pulled")
    await world.coordinator.model([0, 0, 0], 2)
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } })
    await world.clock.advance(60_000)
    expect(world.coordinator.updates[0]).toMatchObject({ round: 2, baseVersion: 2 })
    expect(valuesOf(world.coordinator.updates.slice(0, 1))).toEqual(MOVED)
  })
})
