import { expect, test, vi } from "vitest"
import { optOut } from "../../../src/device/opt-out.ts"
import { hangsOnRealData, moduleWith, scalarNamed, setup, trapsOnRealData } from "../../kernel/foreign-modules.ts"
import { FLEET } from "../fake-coordinator.ts"
import { settle } from "../virtual-clock.ts"
import { ID, SAMPLES, eachFleet, names } from "./gateway.ts"
import { signed } from "./signed.ts"

const each = eachFleet()
const ONE = signed(scalarNamed("one"), { sequence: 1 })
const TWO = signed(scalarNamed("two"), { sequence: 2 })
const TRAPS = signed(trapsOnRealData(), { sequence: 3 })

test("a gateway says where it is before it says Hello, and trains with the built-in kernels", async () => {
  const { fleet } = each
  await fleet.start()
  await fleet.reported({ active: 0, target: 0, state: "idle", reason: "", slot: "train" })
  expect(fleet.last.session).toBe(fleet.coordinator.all("hello")[0]!.session)
  await fleet.round(2, 0)
})

test("takes a module in all stages, tries it, and trains with it", async () => {
  const { fleet } = each
  await fleet.start()
  await fleet.install(ONE)
  expect(fleet.said.map(({ state }) => state)).toEqual(["idle", "loading", "installed", "confirmed"])
  const stages = fleet.events.flatMap((event) => (event.type === "flash" ? [event.stage] : []))
  expect(stages.filter((stage) => stage !== "chunk")).toEqual([
    ...["manifest", "begun", "verified", "self-tested", "switched", "trial"],
  ])
  expect(stages.filter((stage) => stage === "chunk")).toHaveLength(Math.ceil(ONE.bytes.length / 1024))
  // The module is the built-in kernels under another name: a trial of either ends in the same loss.
  const [before, rows, after, rowsAfter] = fleet.last.losses
  expect([after, rowsAfter]).toEqual([before, 40])
  expect(rows).toBe(40)
  expect(before).toBeGreaterThan(0)
  await fleet.round(2, 1)
  await fleet.tell("revert", 1)
  await fleet.reported({ active: 0, target: 1, state: "reverted", reason: "told: by the coordinator" })
  await fleet.round(3, 0)
})

test("takes part in rounds of the module that trains alone", async () => {
  const { fleet } = each
  await fleet.start()
  await fleet.install(ONE)
  for (const module of [
    { slot: "train", sequence: 0, least: 0 },
    { slot: "train", sequence: 2, least: 0 },
    { slot: "score", sequence: 1, least: 0 },
  ]) {
    const { coordinator } = fleet
    const round = 10 + module.sequence
    await coordinator.notice({ round, module })
    await coordinator.join(ID, round)
    await settle()
  }
  expect(fleet.types).not.toContain("joined")
  await fleet.round(20, 1)
})

test("what is told again changes nothing", async () => {
  const { fleet } = each
  await fleet.start()
  await fleet.install(ONE)
  const before = fleet.said.length
  await fleet.tell("install", 1)
  await vi.waitFor(() => expect(fleet.said).toHaveLength(before + 1))
  expect(fleet.last).toEqual(fleet.said[before - 1])
})

test.each([
  ["traps", TRAPS, /^trap: the module trapped: unreachable/],
  ["does not come to an end", signed(hangsOnRealData(), { sequence: 3 }), /^timeout: expected the module to be done/],
  [
    "trains another model",
    signed(moduleWith({ setup: setup({ 88: 5 }) }), { sequence: 3 }),
    /^output: the module trains 5 parameters, the federation's model has 3/,
  ],
])("a module that %s with real data is rolled back by itself, and never taken again", async (_, module, reason) => {
  const { fleet } = each
  await fleet.start({ limits: { stepMs: 2000 } })
  await fleet.install(ONE)
  await fleet.publish(module)
  await fleet.tell("install", 3)
  await fleet.reported({ active: 1, target: 3, state: "rolledBack", reason: expect.stringMatching(reason) as string })
  await fleet.round(2, 1)
  await fleet.tell("install", 3)
  await settle()
  expect(fleet.last).toMatchObject({ active: 1, target: 3, state: "rolledBack" })
  await fleet.restart()
  await fleet.reported({ active: 1, target: 3, state: "rolledBack" })
  await fleet.round(3, 1)
})

test("a download goes on after a restart where it was", async () => {
  const { fleet } = each
  await fleet.publish(ONE)
  await fleet.retain(names.module("train", 1, 5), new Uint8Array(0))
  await fleet.start()
  await fleet.tell("install", 1)
  await vi.waitFor(() => expect(fleet.types.filter((type) => type === "flash").length).toBeGreaterThan(8))
  await settle()
  await fleet.device!.close()
  fleet.events.length = 0
  await fleet.publish(ONE)
  await fleet.start()
  await fleet.reported({ active: 1, state: "confirmed" })
  const chunks = fleet.events.flatMap((event) =>
    event.type === "flash" && event.stage === "chunk" ? [event.chunk] : [],
  )
  expect(chunks).toEqual([5])
})

test("a module that failed in a later round says so, and that it goes well again", async () => {
  const { fleet } = each
  // The trial has too few samples to trap.
  await fleet.start({}, { data: SAMPLES.slice(0, 10) })
  await fleet.install(TRAPS)
  await fleet.restart()
  const { coordinator } = fleet
  await coordinator.notice({ round: 2, module: { slot: "train", sequence: 3, least: 0 } })
  await coordinator.join(ID, 2)
  await fleet.reported({ active: 3, target: 3, state: "failing", reason: expect.stringMatching(/^trap/) as string })
  // An evaluation does not train.
  await coordinator.notice({ round: 3, kind: "evaluate" })
  await coordinator.join(ID, 3)
  await fleet.reported({ active: 3, target: 3, state: "confirmed", reason: "" })
})

test("nobody goes back below what is settled", async () => {
  const { fleet } = each
  await fleet.start()
  await fleet.install(ONE)
  await fleet.install(TWO)
  await fleet.coordinator.notice({ module: { slot: "train", sequence: 2, least: 2 } })
  await settle()
  await fleet.tell("revert", 2)
  await settle()
  expect(fleet.last).toMatchObject({ active: 2, target: 2, state: "confirmed" })
  await fleet.coordinator.notice({ module: { slot: "train", sequence: 2, least: 1 } })
  await settle()
  await fleet.tell("revert", 2)
  await fleet.reported({ active: 1, target: 2, state: "reverted" })
  await fleet.tell("install", 2)
  await settle()
  expect(fleet.last).toMatchObject({ active: 1, target: 2, state: "reverted" })
})

test("a download is given up as told, and for a newer one", async () => {
  const { fleet } = each
  await fleet.start()
  await fleet.retain(names.manifest("train", 1), ONE.envelope)
  await fleet.tell("install", 1)
  await fleet.reported({ target: 1, state: "loading" })
  await fleet.tell("revert", 1)
  await fleet.reported({ active: 0, target: 1, state: "reverted" })
  await fleet.tell("install", 1)
  await settle()
  expect(fleet.last).toMatchObject({ target: 1, state: "reverted" })
  await fleet.retain(names.manifest("train", 2), TWO.envelope)
  await fleet.tell("install", 2)
  await fleet.reported({ target: 2, state: "loading" })
  await fleet.install(signed(scalarNamed("four"), { sequence: 4 }))
  await fleet.round(2, 4)
})

test("a trial that the end of the process cuts off is repeated once", async () => {
  const { fleet } = each
  const saved: Uint8Array[] = []
  const { store } = fleet
  const save = store.save.bind(store)
  store.save = (bytes) => {
    saved.push(bytes.slice())
    save(bytes)
  }
  await fleet.start()
  await fleet.install(ONE)
  // The state in the trial: the last but the one that says it is confirmed.
  await fleet.device!.close()
  save(saved.at(-2)!)
  await fleet.start()
  await fleet.reported({ active: 1, state: "confirmed" })
  await fleet.device!.close()
  save(saved.at(-2)!)
  await fleet.start()
  await fleet.reported({
    active: 0,
    target: 1,
    state: "rolledBack",
    reason: "timeout: the process ended in its trial 2 times: it is not tried again",
  })
})

test("a device that opts out takes what it said back", async () => {
  const { fleet } = each
  await fleet.start()
  await fleet.device!.optOut()
  expect(await fleet.retained(names.flashed(ID))).toBeUndefined()
})

test("so does one that is opted out without running", async () => {
  const { fleet } = each
  await fleet.start()
  await fleet.device!.close()
  expect(await fleet.retained(names.flashed(ID))).toBeDefined()
  await optOut(fleet.coordinator.network, FLEET, ID)
  expect(await fleet.retained(names.flashed(ID))).toBeUndefined()
})
