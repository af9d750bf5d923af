import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { Eligibility } from "../../src/device/eligibility.ts"
import { obstacles } from "../../src/device/eligibility.ts"
import { optOut } from "../../src/device/opt-out.ts"
import { LinkError } from "../../src/net/link.ts"
import { FLEET, names } from "./fake-coordinator.ts"
import { settle } from "./virtual-clock.ts"
import { World, many } from "./world.ts"

let world: World
beforeEach(async () => {
  world = await World.create()
})
afterEach(() => world.end())

const retainedHellos = async (): Promise<number[]> => {
  const link = await world.coordinator.network.connect({ clientId: "look" })
  const found: number[] = []
  await link.subscribe(names.filters.hellos, (_, payload) => void found.push(payload.length))
  await settle()
  await link.close()
  return found
}

test("whatever is absent is no obstacle", () => {
  expect(obstacles({})).toEqual([])
  expect(obstacles({ optedIn: true, power: true })).toEqual([])
  expect(obstacles({ idle: false, unmetered: false, power: true })).toEqual(["busy", "on a metered connection"])
})

describe("a device that is no longer willing", () => {
  const working = async (rows: number): Promise<{ say: Eligibility; reconsider: () => void }> => {
    const state = { say: {} as Eligibility, reconsider: () => {} }
    await world.coordinator.model([0, 0, 0])
    const { device } = world.device({ data: many(rows), eligible: () => state.say })
    state.reconsider = () => device.reconsider()
    await settle()
    return state
  }

  test("ends its work and sends nothing, and says so by itself within half a minute", async () => {
    const state = await working(100_000)
    await world.coordinator.notice({ secondsLeft: 3600 })
    await world.coordinator.join("d-1")
    await settle(3)
    expect(world.types).toContain("joined")
    state.say = { power: false }
    await world.clock.advance(30_000)
    await settle(3000)
    expect(world.coordinator.all("ready").map(({ willing }) => willing)).toEqual([true, false])
    expect(world.events).toContainEqual({ type: "unwilling", reasons: ["not on power"] })
    expect(world.types).not.toContain("trained")
    expect(world.coordinator.updates).toEqual([])
  })

  test("does not begin what it was asked before, whose Notice comes only now", async () => {
    const state = await working(1)
    await world.coordinator.join("d-1")
    await settle()
    state.say = { power: false }
    await world.coordinator.notice()
    await settle()
    expect(world.types).not.toContain("joined")
    expect(world.coordinator.all("ready").map(({ willing }) => willing)).toEqual([true, false])
  })

  test("drops the update that waits for its place in the spread, at once when it is told to look", async () => {
    const state = await working(1)
    await world.coordinator.notice({ spreadSeconds: 1000 })
    await world.coordinator.join("d-1")
    await settle()
    expect(world.types).toContain("trained")
    state.say = { unmetered: false }
    state.reconsider()
    await world.clock.advance(1_000_000)
    expect(world.events).toContainEqual({ type: "dropped", round: 1, epoch: 1 })
    expect(world.coordinator.updates).toEqual([])
  })

  test("keeps an update that is folded until its commit: it cannot be taken back", async () => {
    const state = await working(1)
    await world.coordinator.notice()
    await world.coordinator.join("d-1")
    await settle()
    await world.coordinator.receipt("d-1", "folded")
    await settle()
    state.say = { idle: false }
    state.reconsider()
    await settle()
    expect(world.types).not.toContain("dropped")
    await world.coordinator.notice({ round: 2, committed: { round: 1, epoch: 1 } })
    await settle()
    expect(world.types).toContain("committed")
  })

  test("says it once, and comes back", async () => {
    const state = await working(1)
    state.say = { optedIn: false }
    state.reconsider()
    state.reconsider()
    state.say = {}
    await world.clock.advance(30_000)
    expect(world.coordinator.all("ready").map(({ willing }) => willing)).toEqual([true, false, true])
  })
})

describe("opting out", () => {
  test("deletes what is retained of the device, says that it is not willing, and ends the run", async () => {
    const { device, run } = world.device()
    await settle()
    expect(await retainedHellos()).toHaveLength(1)
    await device.optOut()
    await expect(run).rejects.toMatchObject({ code: "opted-out" })
    expect(await retainedHellos()).toEqual([])
    expect(world.coordinator.all("ready").at(-1)!.willing).toBe(false)
  })

  test("cannot be said without a connection: the device goes on", async () => {
    const { device } = world.device()
    await settle()
    world.coordinator.network.drop("d-1")
    await expect(device.optOut()).rejects.toBeInstanceOf(LinkError)
    world.coordinator.network.restore("d-1")
    await settle()
    expect(world.types.filter((type) => type === "greeted")).toHaveLength(2)
    expect(await retainedHellos()).toHaveLength(1)
  })

  test("of a device that is not running", async () => {
    const { device } = world.device()
    await settle()
    await device.close()
    expect(await retainedHellos()).toHaveLength(1)
    await optOut(world.coordinator.network, FLEET, "d-1")
    expect(await retainedHellos()).toEqual([])
  })
})
