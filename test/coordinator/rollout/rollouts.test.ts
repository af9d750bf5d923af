import { join } from "node:path"
import { beforeEach, describe, expect, test } from "vitest"
import { openJournal } from "../../../src/coordinator/journal/sqlite-journal.ts"
import { openModuleKeeping } from "../../../src/coordinator/rollout/modules.ts"
import type { AuditEntry } from "../../../src/coordinator/rollout/audit-log.ts"
import { keyIdOf } from "../../../src/net/signature.ts"
import { encode } from "../../../src/wire/codec.ts"
import type { Flash } from "../../../src/wire/message.ts"
import { signed } from "../../device/flash/signed.ts"
import { OPERATOR } from "../../device/flash/signed.ts"
import { ownModule, scalarNamed } from "../../kernel/foreign-modules.ts"
import { TOPICS } from "../world.ts"
import { Rig } from "./fleet.ts"
import type { PlayedGateway } from "./fleet.ts"

const ONE = signed(ownModule("scalar"), { sequence: 1, chunkBytes: 4096 })
const TWO = signed(scalarNamed("two"), { sequence: 2, chunkBytes: 4096 })
const install = (sequence: number): Flash => ({ type: "flash", action: "install", slot: "train", sequence })
const revert = (sequence: number): Flash => ({ type: "flash", action: "revert", slot: "train", sequence })
const events = (entries: readonly AuditEntry[]): string[] => entries.map(({ event }) => event)

let rig: Rig
beforeEach(() => {
  rig = new Rig()
})

/** The gateways in the order in which stages of one device each take them. */
async function inStages(all: readonly PlayedGateway[], sequence: number): Promise<PlayedGateway[]> {
  const stages = all.map((_, i) => Math.floor((100 * (i + 1)) / all.length))
  const { rollout } = await rig.order({ action: "plan", sequence, stages })
  return rollout!.stages.flatMap(({ ids }) => ids!).map((id) => all.find((each) => each.id === id)!)
}

describe("a rollout in stages", () => {
  test("each stage is told when the one before has confirmed; then everybody is to have it", async () => {
    await rig.start()
    const all = await rig.gateways(3)
    const [first, second, third] = (await inStages(all, 1)) as [PlayedGateway, PlayedGateway, PlayedGateway]
    const { accepted, rollout } = await rig.roll(ONE, { stages: [33, 66, 100] })
    expect([accepted, rollout?.stages.map(({ ids }) => ids)]).toEqual([true, [[first.id], [second.id], [third.id]]])
    await rig.until(() => expect(first.told).toEqual([install(1)]))
    expect([second.told, third.told]).toEqual([[], []])
    await first.confirm(1)
    await rig.until(() => expect(second.told).toEqual([install(1)]))
    await second.confirm(1)
    await rig.until(() => expect(third.told).toEqual([install(1)]))
    await third.confirm(1)
    await rig.until(() => expect(rig.status).toMatchObject({ settled: 1, rounds: 1, versions: { 1: 3 } }))
    expect(rig.notice!.module).toEqual({ slot: "train", sequence: 1, least: 1 })
    const late = await rig.gateway("late")
    await rig.until(() => expect(late.told).toEqual([install(1)]))
    const keyId = Buffer.from(keyIdOf(OPERATOR.publicKey)).toString("hex")
    expect(rig.audit()[0]).toMatchObject({ event: "order", action: "start", sequence: 1, keyId, signedBy: keyId })
    expect(events(rig.audit())).toEqual([
      "order",
      "stage",
      "confirmed",
      "stage",
      "confirmed",
      "stage",
      "confirmed",
      "complete",
    ])
  })

  test("a canary that fails halts it: who has it goes back, the module is taken away, its sequence is used up", async () => {
    await rig.start()
    const all = await rig.gateways(2)
    const [canary, other] = (await inStages(all, 1)) as [PlayedGateway, PlayedGateway]
    await rig.roll(ONE, { stages: [50, 100] })
    await rig.until(() => expect(canary.told).toEqual([install(1)]))
    await canary.rollBack(1)
    await rig.until(() => expect(rig.status?.rollout).toMatchObject({ phase: "halted" }))
    expect(rig.status).toMatchObject({ failures: { trap: 1 }, settled: 0, highest: 1 })
    expect(other.told).toEqual([])
    await rig.until(async () => expect(await rig.retained()).toEqual(["fm1/test/module/train/rollout"]))
    // Somebody says all the same that he has it.
    await canary.confirm(1)
    await rig.until(() => expect(canary.told).toEqual([install(1), revert(1)]))
    // Nor does it forget why.
    await rig.stop()
    rig.status = undefined
    await rig.start()
    await rig.until(() => expect(rig.status).toMatchObject({ failures: { trap: 1 }, settled: 0, highest: 1 }))
    expect(await rig.roll(ONE)).toMatchObject({
      accepted: false,
      reason: expect.stringMatching(/^sequence: /) as string,
    })
    await rig.until(() => expect(events(rig.audit())).toEqual(["order", "stage", "failed", "halted", "order-refused"]))
  })

  test("a module for a tag goes to nobody else, nor when it is settled", async () => {
    const tags = { plant: ["p-*"] }
    await rig.start({ tags })
    const [inside, outside] = [await rig.gateway("p-1"), await rig.gateway("q-1")]
    await rig.roll(ONE, { tag: "plant" })
    await inside.confirm(1)
    await rig.until(() => expect(rig.status).toMatchObject({ settled: 1 }))
    // Nor after a restart; who comes later with the tag gets it.
    await rig.stop()
    await rig.start({ tags })
    await outside.greet()
    const late = await rig.gateway("p-2")
    await rig.until(() => expect(late.told).toEqual([install(1)]))
    // Nor in a federation whose plan does not know the tag.
    await rig.stop()
    rig.status = undefined
    await rig.start({ seed: 2 })
    await rig.until(() => expect(rig.status).toMatchObject({ versions: { 0: 2, 1: 1 } }))
    expect([inside.told, outside.told, late.told]).toEqual([[install(1)], [], [install(1)]])
  })

  test("a trial whose loss is worse than that of the program before halts it", async () => {
    await rig.start()
    const [canary] = await inStages(await rig.gateways(2), 1)
    await rig.roll(ONE, { stages: [50, 100], tolerance: 5 })
    await canary!.confirm(1, [10, 20, 11, 20])
    await rig.until(() => expect(rig.status?.rollout).toMatchObject({ phase: "halted" }))
    expect(rig.status!.rollout!.reason).toBe(
      "stage 1: the trials' mean loss is 0.5500, with the program before 0.5000: at most 5 % more is wanted",
    )
    await rig.until(() => expect(canary!.told).toEqual([install(1), revert(1)]))
  })

  test("pause, resume and abort are obeyed", async () => {
    await rig.start()
    const [first, second] = (await inStages(await rig.gateways(2), 1)) as [PlayedGateway, PlayedGateway]
    await rig.roll(ONE, { stages: [50, 100] })
    expect((await rig.order({ action: "pause" })).rollout?.phase).toBe("paused")
    await first.confirm(1)
    expect((await rig.order({ action: "pause" })).reason).toMatch(/cannot pause the rollout of module 1: it is paused/)
    expect(second.told).toEqual([])
    expect((await rig.order({ action: "resume" })).rollout?.phase).toBe("running")
    await rig.until(() => expect(second.told).toEqual([install(1)]))
    expect((await rig.order({ action: "abort" })).rollout?.phase).toBe("aborted")
    await second.say({ target: 1, state: "loading" })
    await rig.until(() => expect([first.told.at(-1), second.told.at(-1)]).toEqual([revert(1), revert(1)]))
    expect(
      rig
        .audit()
        .filter(({ event }) => event === "order")
        .map(({ action }) => action),
    ).toEqual(["start", "pause", "resume", "abort"])
  })

  test("a device that was away when it was halted goes back when it returns", async () => {
    await rig.start()
    const [first, second] = (await inStages(await rig.gateways(4), 1)) as [PlayedGateway, PlayedGateway]
    await rig.roll(ONE, { stages: [50, 100], failures: 0 })
    await first.confirm(1)
    await first.link.close({ abrupt: true })
    await second.rollBack(1)
    await rig.until(() => expect(rig.status?.rollout).toMatchObject({ phase: "halted" }))
    const back = await rig.gateway(first.id, 1)
    await rig.until(() => expect(back.told).toEqual([revert(1)]))
  })

  test("a device that was away meanwhile does not come back with a module of a rollout before the last", async () => {
    await rig.start()
    const [first, second] = (await inStages(await rig.gateways(4), 1)) as [PlayedGateway, PlayedGateway]
    await rig.roll(ONE, { stages: [50, 100] })
    await first.confirm(1)
    await first.link.close({ abrupt: true })
    await rig.order({ action: "abort" })
    await rig.roll(TWO)
    await rig.stop()
    await rig.start()
    // While module 2 is on its way it takes the place of 1.
    const back = await rig.gateway(first.id, 1)
    await rig.until(() => expect(back.told).toEqual([install(2)]))
    await second.rollBack(2)
    await rig.until(() => expect(back.told.at(-1)).toEqual(revert(1)))
  })
})

describe("a device that does not do what it is told", () => {
  test("is told once more when it says so, and then left alone", async () => {
    await rig.start()
    const [only] = (await rig.gateways(1)) as [PlayedGateway]
    await rig.roll(ONE)
    await only.confirm(1)
    await rig.until(() => expect(rig.status).toMatchObject({ settled: 1 }))
    await rig.roll(TWO)
    await only.say({ active: 2, target: 2, state: "loading" })
    await rig.order({ action: "abort", sequence: 2 })
    await rig.until(() => expect(only.told).toEqual([install(1), install(2), revert(2)]))
    // As a gateway does that has nothing to go back to.
    for (let i = 0; i < 5; i++) await only.say({ active: 2, target: 2, state: "loading" })
    await only.say({ active: 0, target: 0, state: "idle" })
    await rig.until(() => expect(only.told.at(-1)).toEqual(install(1)))
    expect(only.told.slice(2)).toEqual([revert(2), revert(2), install(1)])
  })

  test("is not believed once it runs without modules", async () => {
    await rig.start()
    const [first, second] = (await rig.gateways(2, 1)) as [PlayedGateway, PlayedGateway]
    await rig.until(() => expect(rig.status).toMatchObject({ versions: { 1: 2 } }))
    const hello = { session: 2, maxPacket: 65536, ramKiB: 0, codecs: [0], abis: [1], features: 2 }
    await second.link.publish(TOPICS.hello(second.id), encode({ type: "hello", ...hello }), { retain: true })
    await rig.until(() => expect(rig.status).toMatchObject({ versions: { 1: 1 } }))
    const { rollout } = await rig.order({ action: "plan", sequence: 2 })
    expect(rollout!.stages.flatMap(({ ids }) => ids)).toEqual([first.id])
  })
})

describe("what survives", () => {
  test("a coordinator that ends in the middle of a stage goes on with it", async () => {
    await rig.start()
    const [first, second] = (await inStages(await rig.gateways(2), 1)) as [PlayedGateway, PlayedGateway]
    await rig.roll(ONE, { stages: [50, 100] })
    await rig.until(() => expect(first.told).toEqual([install(1)]))
    await rig.stop()
    await first.confirm(1)
    await rig.start()
    await rig.until(() => expect(second.told).toEqual([install(1)]))
    await rig.stop()
    await rig.start()
    await second.confirm(1)
    await rig.until(() => expect(rig.status).toMatchObject({ settled: 1 }))
    const kinds = events(rig.audit())
    expect(kinds.filter((kind) => kind !== "confirmed")).toEqual(["order", "stage", "stage", "complete"])
    expect((await rig.roll(ONE)).reason).toMatch(/^sequence: expected a sequence above 1/)
  })

  test("what is settled outlives the federation, and its module is with the broker again", async () => {
    await rig.start()
    const [only] = await rig.gateways(1)
    await rig.roll(ONE)
    await only!.confirm(1)
    await rig.until(() => expect(rig.status).toMatchObject({ settled: 1 }))
    const there = await rig.retained()
    await rig.stop()
    rig.network.stop()
    rig.network.start()
    expect(await rig.retained()).toEqual([])
    await rig.start({ seed: 2 })
    await rig.until(async () => expect(await rig.retained()).toEqual(there))
    expect(there).toEqual([
      ...[0, 1, 2].map((chunk) => TOPICS.module("train", 1, chunk)),
      TOPICS.manifest("train", 1),
      TOPICS.rollout("train"),
    ])
  })

  test("a broker that comes back empty has the modules again", async () => {
    await rig.start()
    const [only] = await rig.gateways(1)
    await rig.roll(ONE, {})
    await only!.say({ target: 1, state: "loading" })
    rig.network.stop()
    rig.network.start()
    await rig.until(async () => expect(await rig.retained()).toContain(TOPICS.manifest("train", 1)))
  })

  test("a module that is over is taken away, though the broker was lost when that should have happened", async () => {
    await rig.start()
    await rig.gateways(1)
    await rig.roll(ONE)
    await rig.order({ action: "abort" })
    await rig.until(async () => expect(await rig.retained()).toEqual([TOPICS.rollout("train")]))
    // As it is when the connection is lost, or the process killed, before the broker has heard of it.
    await rig.stop()
    const { store } = openModuleKeeping(rig.folder)
    expect(store.kept()).toEqual([])
    store.keep({ sequence: 1, ...ONE })
    await rig.publish(ONE)
    expect(await rig.retained()).toContain(TOPICS.manifest("train", 1))
    await rig.start()
    await rig.until(async () => expect(await rig.retained()).toEqual([TOPICS.rollout("train")]))
    await rig.until(() => expect(store.kept()).toEqual([]))
  })

  test("the module before is taken away when another has taken its place", async () => {
    await rig.start()
    const [only] = await rig.gateways(1)
    await rig.roll(ONE)
    await only!.confirm(1)
    await rig.until(() => expect(rig.status).toMatchObject({ settled: 1 }))
    await rig.roll(TWO)
    await only!.confirm(2)
    await rig.until(() => expect(rig.status).toMatchObject({ settled: 2 }))
    await rig.until(async () => expect(await rig.retained()).not.toContain(TOPICS.manifest("train", 1)))
    expect(await rig.retained()).toContain(TOPICS.manifest("train", 2))
  })
})

describe("rounds", () => {
  test("a device without the plan's module gets it before it may join", async () => {
    await rig.start({ module: { sequence: 1 }, cohort: 2 })
    const [one, two] = (await rig.gateways(2)) as [PlayedGateway, PlayedGateway]
    expect(rig.warnings[0]).toMatch(/^the plan asks for a module that has not been published yet/)
    await rig.roll(ONE)
    await one.confirm(1)
    await two.say({ target: 1, state: "loading" })
    await two.ready()
    expect(two.tasks.filter(({ action }) => action === "join")).toEqual([])
    await two.confirm(1)
    await rig.until(() => expect(rig.notice).toMatchObject({ phase: "working", module: { sequence: 1, least: 1 } }))
    await rig.until(() => {
      for (const { tasks } of [one, two]) expect(tasks.map(({ action }) => action)).toContain("join")
    })
  })

  test("an update of another module is refused", async () => {
    await rig.start({ cohort: 2 })
    const [one] = (await rig.gateways(2)) as [PlayedGateway]
    await rig.until(() => expect(one.tasks.at(-1)).toMatchObject({ action: "join" }))
    const { round, epoch, version } = rig.notice!
    const facts = {
      updateId: new Uint8Array(8),
      index: 0,
      count: 1,
      baseVersion: version,
      codec: 0,
      samples: 4,
      steps: 1,
    }
    const update = {
      type: "update",
      round,
      epoch,
      ...facts,
      metrics: Float32Array.of(1),
      payload: new Uint8Array(12),
    } as const
    await one.link.publish(TOPICS.update(one.id, 1), encode({ ...update, module: 7 }))
    await rig.until(() =>
      expect(one.receipts).toMatchObject([
        { status: "refused", reason: "expected an update of the built-in kernels, got one of module 7" },
      ]),
    )
  })

  test("a journal goes on beside it", async () => {
    const journal = openJournal(join(rig.folder, "journal"))
    await rig.start({}, { journal })
    const [only] = await rig.gateways(1)
    await rig.roll(ONE)
    await only!.confirm(1)
    await rig.until(() => expect(rig.status).toMatchObject({ settled: 1 }))
    await rig.stop()
    journal.close()
  })
})
