import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { settle } from "./virtual-clock.ts"
import { names } from "./fake-coordinator.ts"
import { World } from "./world.ts"

let world: World
beforeEach(async () => {
  world = await World.create()
})
afterEach(() => world.end())

describe("the update that is kept", () => {
  test("is sent again when no receipt comes, at longer and longer intervals, until one does", async () => {
    await world.sent()
    // 10 s and an eighth of jitter.
    await world.clock.advance(11_249)
    expect(world.coordinator.updates).toHaveLength(1)
    await world.clock.advance(1)
    expect(world.coordinator.updates).toHaveLength(2)
    await world.clock.advance(22_499)
    expect(world.coordinator.updates).toHaveLength(2)
    await world.clock.advance(1)
    expect(world.coordinator.updates).toHaveLength(3)
    expect(world.coordinator.updates[2]).toEqual(world.coordinator.updates[0])
    await world.coordinator.receipt("d-1", "duplicate")
    await world.clock.advance(600_000)
    expect(world.coordinator.updates).toHaveLength(3)
    expect(world.types.at(-1)).toBe("folded")
  })

  test("is sent again when a busy coordinator said", async () => {
    await world.sent()
    await world.coordinator.receipt("d-1", "busy", { retrySeconds: 30 })
    await world.clock.advance(29_999)
    expect(world.coordinator.updates).toHaveLength(1)
    await world.clock.advance(1)
    expect(world.coordinator.updates).toHaveLength(2)
  })

  test("is sent again after a lost connection", async () => {
    await world.sent()
    world.coordinator.network.drop("d-1")
    await settle()
    world.coordinator.network.restore("d-1")
    await settle()
    expect(world.coordinator.updates).toHaveLength(2)
    expect(world.coordinator.all("hello")).toHaveLength(2)
  })

  test.each([
    ["committed, it is not sent again", { round: 2, committed: { round: 1, epoch: 1 } }, 1, "committed"],
    ["of the same round, it is", {}, 2, "sent"],
  ] as const)(
    "is not sent again to a broker that has lost the Notice, until one comes; where that is %s",
    async (_, notice, updates, last) => {
      await world.sent()
      const { network } = world.coordinator
      network.drop("d-1")
      await settle()
      const broker = await network.connect({ clientId: "broker" })
      await broker.publish(names.round, new Uint8Array(0), { retain: true })
      await broker.close()
      network.restore("d-1")
      await settle()
      expect(world.coordinator.all("hello")).toHaveLength(2)
      expect(world.coordinator.updates).toHaveLength(1)
      await world.coordinator.notice(notice)
      await settle()
      expect(world.coordinator.updates).toHaveLength(updates)
      expect(world.types.at(-1)).toBe(last)
    },
  )

  test("is forgotten only after its commit, not by its receipt", async () => {
    await world.sent()
    await world.coordinator.receipt("d-1", "folded")
    await settle()
    // The same round under a new coordinator: what the old one said it had does not count.
    await world.coordinator.notice({ session: 8 })
    await settle()
    expect(world.coordinator.updates).toHaveLength(2)
    await world.coordinator.notice({ phase: "committed", committed: { round: 1, epoch: 1 } })
    await settle()
    expect(world.types).toContain("committed")
    await world.coordinator.notice({ session: 9 })
    await world.clock.advance(600_000)
    expect(world.coordinator.updates).toHaveLength(2)
  })

  test("is dropped when it came late, or its round is over without it", async () => {
    await world.sent()
    await world.coordinator.receipt("d-1", "late")
    await world.clock.advance(600_000)
    expect(world.coordinator.updates).toHaveLength(1)
    await world.coordinator.notice({ round: 2 })
    await world.coordinator.join("d-1", 2)
    await settle()
    expect(world.coordinator.updates).toHaveLength(2)
    await world.coordinator.notice({ round: 2, epoch: 3 })
    await world.clock.advance(600_000)
    expect(world.types.slice(-1)).toEqual(["dropped"])
    expect(world.coordinator.updates).toHaveLength(2)
  })

  test("is kept when a Notice of before is sent again", async () => {
    await world.sent()
    await world.coordinator.notice({ round: 0 })
    await world.coordinator.notice({ round: 1, epoch: 0 })
    await settle()
    expect(world.types).not.toContain("dropped")
    // Another coordinator's, it would count.
    await world.coordinator.notice({ round: 0, session: 8 })
    await settle()
    expect(world.types).toContain("dropped")
  })

  test("is kept when a receipt is about the same bytes of another epoch", async () => {
    await world.sent()
    await world.coordinator.receipt("d-1", "folded", { epoch: 0 })
    // A copy of what was sent in the epoch before has come; this one is on.
    await world.coordinator.receipt("d-1", "late", { round: 1 })
    // The receipt of that one comes again.
    await world.coordinator.receipt("d-1", "late", { round: 1, epoch: 0 })
    await world.coordinator.receipt("d-1", "refused", { epoch: 0 })
    await settle()
    expect(world.types).not.toContain("folded")
    await world.clock.advance(13_000)
    expect(world.coordinator.updates).toHaveLength(2)
    await world.coordinator.receipt("d-1", "folded")
    await settle()
    expect(world.types.at(-1)).toBe("folded")
  })

  test("is not late before it was sent, whatever is said of the same bytes of another epoch", async () => {
    await world.sent()
    await world.coordinator.notice({ epoch: 2, spreadSeconds: 2_000_000 })
    await world.coordinator.join("d-1", 1, 2)
    await settle()
    expect(world.types.at(-1)).toBe("trained")
    await world.coordinator.receipt("d-1", "late", { round: 2, epoch: 2 })
    await settle()
    expect(world.types).not.toContain("late")
    await world.coordinator.notice({ phase: "finishing" })
    await settle()
    expect(world.coordinator.updates.at(-1)).toMatchObject({ round: 1, epoch: 2 })
  })

  test("has its place in the spread through a lost connection, until the coordinator says finish now", async () => {
    await world.coordinator.model([0, 0, 0])
    world.device()
    await settle()
    await world.coordinator.notice({ spreadSeconds: 2_000_000 })
    await world.coordinator.join("d-1")
    await settle()
    world.coordinator.network.drop("d-1")
    await settle()
    world.coordinator.network.restore("d-1")
    await settle()
    expect(world.coordinator.all("hello")).toHaveLength(2)
    expect(world.coordinator.updates).toEqual([])
    await world.coordinator.notice({ phase: "finishing" })
    await settle()
    expect(world.coordinator.updates).toHaveLength(1)
  })

  test("waits for its place in the spread, and not for a coordinator that is away", async () => {
    await world.coordinator.model([0, 0, 0])
    world.device()
    await settle()
    await world.coordinator.notice({ spreadSeconds: 100 })
    await world.coordinator.join("d-1")
    await settle()
    expect(world.types.at(-1)).toBe("trained")
    await world.clock.advance(100_000)
    const before = world.coordinator.updates.length
    expect(before).toBeGreaterThan(0)
    await world.coordinator.notice({ phase: "offline" })
    await world.clock.advance(600_000)
    expect(world.coordinator.updates).toHaveLength(before)
    await world.coordinator.notice({ phase: "working" })
    await settle()
    expect(world.coordinator.updates).toHaveLength(before + 1)
  })
})
