import { expect, test, vi } from "vitest"
import { FedmoteError } from "../../../src/core/error.ts"
import { MemorySlotStore } from "../../../src/device/flash/slot-store.ts"
import type { Side } from "../../../src/device/flash/slot-store.ts"
import type { LoopbackNetwork } from "../../../src/net/loopback.ts"
import { hangsOnRealData, moduleWith, scalarNamed } from "../../kernel/foreign-modules.ts"
import { LINE } from "../fake-coordinator.ts"
import { settle } from "../virtual-clock.ts"
import { ID, eachFleet, names } from "./gateway.ts"
import { signed } from "./signed.ts"

const each = eachFleet()
const ONE = signed(scalarNamed("one"), { sequence: 1 })
const TWO = signed(scalarNamed("two"), { sequence: 2 })

test("what does not come is asked for again, and given up after five attempts", async () => {
  const { fleet } = each
  await fleet.start()
  await fleet.tell("install", 1)
  // Five times 5 s, and what lies between.
  await fleet.clock.advance(25_000)
  expect(fleet.last.state).toBe("idle")
  await fleet.clock.advance(30_000)
  expect(fleet.last).toMatchObject({
    target: 1,
    state: "refused",
    reason: "timeout: manifest 1 did not come in 5000 ms",
  })
  // It can be told again.
  await fleet.install(ONE)
})

test("as long as chunks come it is not given up", async () => {
  const { fleet } = each
  await fleet.retain(names.manifest("train", 1), ONE.envelope)
  await fleet.start()
  await fleet.tell("install", 1)
  await fleet.reported({ state: "loading" })
  const all = fleet.chunks(ONE)
  for (const [topic, bytes] of all) {
    await fleet.clock.advance(15_000)
    await fleet.retain(topic, bytes)
    await fleet.clock.advance(5000)
  }
  await fleet.reported({ active: 1, state: "confirmed" })
  expect(all.length * 20).toBeGreaterThan(60)
})

test("a connection that goes down interrupts a download, and costs nothing of it", async () => {
  const { fleet } = each
  const network = fleet.coordinator.network as LoopbackNetwork
  await fleet.publish(ONE)
  await fleet.retain(names.module("train", 1, 10), new Uint8Array(0))
  await fleet.start()
  await fleet.tell("install", 1)
  await fleet.reported({ state: "loading" })
  await settle()
  network.drop(ID)
  await fleet.clock.advance(600_000)
  await fleet.publish(ONE)
  network.restore(ID)
  await fleet.clock.advance(10_000)
  await fleet.reported({ active: 1, state: "confirmed" })
  const chunks = fleet.events.flatMap((event) =>
    event.type === "flash" && event.stage === "chunk" ? [event.chunk] : [],
  )
  expect(chunks.toSorted((a, b) => a! - b!)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

/** Has room for so many chunks and no more. */
class FullStore extends MemorySlotStore {
  left: number
  constructor(left: number) {
    super()
    this.left = left
  }
  override write(side: Side, at: number, bytes: Uint8Array): void {
    if (this.left-- <= 0) throw new FedmoteError("store", "no space left on device")
    super.write(side, at, bytes)
  }
}

test("a disk that is full refuses a module, and leaves the old one running", async () => {
  const { fleet } = each
  const store = new FullStore(15)
  await fleet.start({ store })
  await fleet.install(ONE)
  await fleet.publish(TWO)
  await fleet.tell("install", 2)
  await fleet.reported({ active: 1, target: 2, state: "refused", reason: "space: no space left on device" })
  await fleet.round(2, 1)
  store.left = 100
  await fleet.tell("install", 2)
  await fleet.reported({ active: 2, state: "confirmed" })
})

test("a state that cannot be saved does not end the device either", async () => {
  const { fleet } = each
  await fleet.start()
  const save = fleet.store.save.bind(fleet.store)
  fleet.store.save = () => {
    throw new FedmoteError("store", "input/output error")
  }
  await fleet.publish(ONE)
  await fleet.tell("install", 1)
  await fleet.reported({ active: 0, target: 1, state: "refused", reason: "space: input/output error" })
  await fleet.round(2, 0)
  fleet.store.save = save
  await fleet.install(ONE)
})

test("a module expires by the gateway's clock", async () => {
  const { fleet } = each
  await fleet.start({ now: () => 1000 })
  await fleet.install(signed(scalarNamed("one"), { sequence: 1, expires: 1001 }))
  await fleet.publish(signed(scalarNamed("two"), { sequence: 2, expires: 1000 }))
  await fleet.tell("install", 2)
  await fleet.reported({ active: 1, target: 2, state: "refused", reason: expect.stringMatching(/^expired/) as string })
  // What runs goes on, however old it is.
  await fleet.restart({ now: () => 9999 })
  expect(fleet.last).toMatchObject({ active: 1 })
})

test("a trial waits for a Notice that has a model", async () => {
  const { fleet } = each
  await fleet.coordinator.notice({ phase: "offline" })
  await fleet.start()
  await fleet.publish(ONE)
  await fleet.tell("install", 1)
  await fleet.reported({ active: 1, target: 1, state: "installed" })
  // No round before the trial is over.
  expect(fleet.types).not.toContain("joined")
  await fleet.coordinator.model([0, 0, 0])
  await fleet.coordinator.notice({ kind: "train", phase: "selecting" })
  await fleet.reported({ active: 1, target: 1, state: "confirmed" })
})

test("before the statistics are known a trial standardises by its own samples", async () => {
  const { fleet } = each
  // Not standardised, training would diverge.
  const far = Array.from({ length: 40 }, (_, i) => ({ features: [1e6 + i, 1e6 - i * 2], label: i % 3 }))
  await fleet.coordinator.notice({ kind: "statistics" })
  await fleet.start({}, { data: far })
  await fleet.install(ONE)
  expect(fleet.last.losses).toHaveLength(4)
  await fleet.coordinator.notice({ round: 2, kind: "train" })
  await fleet.publish(TWO)
  await fleet.tell("install", 2)
  await fleet.reported({
    active: 1,
    target: 2,
    state: "rolledBack",
    reason: expect.stringMatching(/^diverged/) as string,
  })
})

test("a custom federation is waited for until its module is here", async () => {
  const { fleet } = each
  const training = { ...LINE, layers: [], loss: "custom" } as const
  const module = { slot: "train", sequence: 1, least: 1 }
  await fleet.coordinator.notice({ training, module })
  await fleet.start()
  await fleet.install(signed(moduleWith(), { sequence: 1 }))
  // There is nothing to compare it with.
  expect(fleet.last.losses).toHaveLength(0)
  await fleet.coordinator.notice({ round: 2 })
  await fleet.coordinator.join(ID, 2)
  await vi.waitFor(() => expect(fleet.coordinator.updates.at(-1)).toMatchObject({ round: 2, module: 1 }))
})

test("a module is not switched to while a round is worked on", async () => {
  const { fleet } = each
  await fleet.start()
  await fleet.publish(ONE)
  // A round whose model does not come.
  await fleet.coordinator.notice({ round: 2, version: 2 })
  await fleet.coordinator.join(ID, 2)
  await fleet.tell("install", 1)
  await vi.waitFor(() => expect(JSON.stringify(fleet.events)).toContain("self-tested"))
  await settle()
  expect(fleet.last).toMatchObject({ active: 0, target: 1, state: "loading" })
  await fleet.coordinator.model([0, 0, 0], 2)
  await fleet.clock.advance(6000)
  await fleet.reported({ active: 1, state: "confirmed" })
  const last = fleet.coordinator.updates.at(-1)
  expect([last?.round, last?.module]).toEqual([2, undefined])
})

test("a trial that waits is given up as told; what is to be taken meanwhile comes after it", async () => {
  const { fleet } = each
  await fleet.coordinator.notice({ phase: "offline" })
  await fleet.start()
  await fleet.publish(ONE)
  await fleet.tell("install", 1)
  await fleet.reported({ active: 1, target: 1, state: "installed" })
  await fleet.publish(TWO)
  await fleet.tell("install", 2)
  await settle()
  expect(fleet.last).toMatchObject({ active: 1, target: 1, state: "installed" })
  await fleet.tell("revert", 1)
  await fleet.reported({ active: 2, target: 2, state: "installed" })
  const said = fleet.said.map(({ active, target, state }) => `${active} ${target} ${state}`)
  expect(said.slice(said.indexOf("0 1 reverted"))).toEqual(["0 1 reverted", "0 2 loading", "2 2 installed"])
})

test("a gateway that is closed in the middle of a trial has not used one up", async () => {
  const { fleet } = each
  await fleet.publish(ONE)
  await fleet.start()
  for (let i = 0; i < 4; i++) {
    await fleet.tell("install", 1)
    await vi.waitFor(() => expect(JSON.stringify(fleet.events)).toContain('"trial"'))
    await fleet.device!.close()
    fleet.events.length = 0
    await fleet.start()
  }
  await fleet.reported({ active: 1, target: 1, state: "confirmed" })
})

test.each([
  [
    "self-test",
    moduleWith({ advance: `(func (export "advance") (param i32) (result i32) (loop $on (br $on)) i32.const 1)` }),
    "verified",
  ],
  ["trial", hangsOnRealData(), "trial"],
])("a gateway does not wait for a %s that hangs before it ends", async (_, bytes, stage) => {
  const { fleet } = each
  await fleet.start({ limits: { stepMs: 1_000_000 } })
  await fleet.publish(signed(bytes, { sequence: 1, ...(stage === "verified" && { selfTest: new Uint8Array(32) }) }))
  await fleet.tell("install", 1)
  await vi.waitFor(() => expect(JSON.stringify(fleet.events)).toContain(`"${stage}"`))
  await fleet.device!.close()
})
