import { beforeEach, describe, expect, test } from "vitest"
import { FedmoteError } from "../../../src/core/error.ts"
import type { StoredModule } from "../../../src/coordinator/rollout/module-store.ts"
import { openModuleKeeping } from "../../../src/coordinator/rollout/modules.ts"
import { publishModule } from "../../../src/net/module-publish.ts"
import { encode } from "../../../src/wire/codec.ts"
import { encodeManifest } from "../../../src/wire/manifest.ts"
import type { Order } from "../../../src/wire/order.ts"
import { OPERATOR, STRANGER, signed } from "../../device/flash/signed.ts"
import type { Signed } from "../../device/flash/signed.ts"
import { assemble, moduleWith, ownModule } from "../../kernel/foreign-modules.ts"
import { TOPICS } from "../world.ts"
import { Rig } from "./fleet.ts"

const ONE = signed(ownModule("scalar"), { sequence: 1, chunkBytes: 4096 })
const now = (): number => Math.floor(Date.now() / 1000)

let rig: Rig
beforeEach(async () => {
  rig = new Rig()
})

/** It was refused for this reason, nobody was told anything, and a good order is obeyed afterwards. */
async function refused(
  answer: Promise<{ accepted: boolean; reason?: string | undefined }>,
  reason: RegExp,
): Promise<void> {
  const { accepted, reason: why } = await answer
  expect(accepted).toBe(false)
  expect(why).toMatch(reason)
  expect(rig.status?.rollout).toBeUndefined()
  await rig.publish(ONE)
  expect(await rig.order({ sequence: 1 })).toMatchObject({ accepted: true })
}

describe("orders that are not obeyed", () => {
  beforeEach(async () => {
    await rig.start({ tags: { plant: ["g-*"], roof: ["r-*"] } })
    await rig.gateways(2)
  })

  test("signed by somebody else", () =>
    refused(rig.order({}, STRANGER), /^unknown-key: expected a manifest signed with [0-9a-f]{16}/))

  test("a byte changed on the way", () => {
    const envelope = rig.sealed({})
    envelope[30]! ^= 1
    return refused(rig.send(envelope), /^signature: /)
  })

  test("no envelope at all", () => refused(rig.send(new Uint8Array(150)), /^envelope: /))

  test("a manifest in an order's place", () => refused(rig.send(ONE.envelope), /^missing: order.action/))

  test.each([
    ["for another slot", { slot: "other" }, /^slot: expected an order for slot train, got one for other/],
    ["signed long ago", { issued: now() - 700 }, /^issued: expected an order that was signed within 600 s/],
    ["signed in the future", { issued: now() + 700 }, /^issued: /],
    ["for a tag that the plan does not know", { tag: "cellar" }, /^tag: expected a tag .*\(plant, roof\), got cellar/],
    ["for a tag that no device has", { tag: "roof" }, /^rollout: expected devices of tag roof that can be flashed/],
    ["in stages that do not end with all", { stages: [5, 25] }, /^stages: expected stages that end with 100 percent/],
    ["about a rollout that is not there", { action: "abort" }, /^rollout: expected an order about nothing/],
    ["about a module that is not published", { sequence: 9 }, /^timeout: manifest 9 did not come/],
  ] as const satisfies readonly (readonly [string, Partial<Order>, RegExp])[])("%s", (_, order, reason) =>
    refused(rig.order(order), reason),
  )

  test("the same order twice", async () => {
    await rig.publish(ONE)
    const envelope = rig.sealed({ sequence: 1 })
    expect(await rig.send(envelope)).toMatchObject({ accepted: true })
    expect((await rig.send(envelope)).reason).toMatch(/^replayed: /)
    // Nor after a restart.
    await rig.stop()
    await rig.start()
    expect((await rig.send(envelope)).reason).toMatch(/^replayed: /)
  })

  test("while another module is being rolled out", async () => {
    await rig.publish(ONE)
    await rig.order({ sequence: 1 })
    await rig.publish(signed(ownModule("scalar"), { sequence: 2 }))
    expect((await rig.order({ sequence: 2 })).reason).toMatch(/^rollout: module 1 is being rolled out/)
  })

  test("that a broker kept is of another time", async () => {
    const envelope = rig.sealed({ sequence: 1, action: "plan" })
    await rig.stop()
    const link = await rig.network.connect({ clientId: "somebody" })
    await link.publish(TOPICS.order("train"), envelope, { retain: true })
    await rig.start()
    expect(await rig.order({ action: "plan" })).toMatchObject({ accepted: true })
    expect(rig.answers).toHaveLength(1)
  })
})

describe("modules that are not rolled out", () => {
  beforeEach(async () => {
    await rig.start({ tags: { plant: ["g-*"] } })
    await rig.gateways(1)
  })

  const imports = assemble(`(module (import "env" "f" (func)) (memory (export "memory") 1))`)
  const grows = moduleWith({ begin: `(func (export "begin") (drop (memory.grow (i32.const 1))))` })
  const traps = moduleWith({ begin: `(func (export "begin") unreachable)` })

  test.each([
    ["whose manifest somebody else has signed", signed(ONE.bytes, {}, STRANGER), /^unknown-key: /],
    ["that has expired", signed(ONE.bytes, { expires: 1_000_000 }), /^expired: /],
    [
      "for another slot",
      signed(ONE.bytes, { slot: "other" }),
      /^slot: expected slot train|^slot: manifest: expected slot/,
    ],
    ["of another ABI", signed(ONE.bytes, { abi: 2 }), /^abi: /],
    ["for other devices", signed(ONE.bytes, { tags: ["roof"] }), /^target: /],
    ["with another digest", signed(ONE.bytes, { digest: new Uint8Array(32) }), /^digest: /],
    ["with imports", signed(imports), /^module: .*import/],
    ["that grows its memory", signed(grows), /^module: .*grow/],
    ["that traps in the self-test", signed(traps), /^trap: /],
    ["with other answers", signed(ONE.bytes, { selfTest: new Uint8Array(32) }), /^self-test: /],
    ["with SIMD that its manifest does not say", signed(ownModule("simd")), /^features: /],
  ] as readonly (readonly [string, Signed, RegExp])[])("%s", async (_, { bytes, manifest, envelope }, reason) => {
    // Where the coordinator looks for it, whatever its manifest says.
    const { chunkBytes } = manifest
    const link = await rig.network.connect({ clientId: "somebody" })
    await publishModule({ slot: "train", sequence: 1, chunkBytes }, { envelope, bytes }, { link, topics: TOPICS })
    await refused(rig.order({ sequence: 1 }), reason)
  })

  test("with the manifest of another sequence", async () => {
    await rig.publish(ONE)
    const link = await rig.network.connect({ clientId: "somebody" })
    await link.publish(TOPICS.manifest("train", 2), ONE.envelope, { retain: true })
    expect((await rig.order({ sequence: 2 })).reason).toMatch(/^sequence: .*expected sequence 2, got 1/)
  })

  test("with chunks that have changed places", async () => {
    await rig.publish(ONE)
    const link = await rig.network.connect({ clientId: "somebody" })
    const chunk = { type: "module", sequence: 1, index: 1, count: 3, payload: ONE.bytes.subarray(0, 4096) } as const
    await link.publish(TOPICS.module("train", 1, 1), encode(chunk), { retain: true })
    await refused(rig.order({ sequence: 1 }), /^digest: /)
  })

  test("a manifest that is no manifest", async () => {
    await rig.publish(ONE)
    const link = await rig.network.connect({ clientId: "somebody" })
    const payload = encodeManifest(ONE.manifest)
    await link.publish(TOPICS.manifest("train", 1), OPERATOR.seal(payload.subarray(0, payload.length - 1)), {
      retain: true,
    })
    await refused(rig.order({ sequence: 1 }), /^truncated: /)
  })
})

describe("coordinators that roll nothing out", () => {
  test("without a key that they trust", async () => {
    const { publicKey } = STRANGER
    await rig.start({}, { trusted: [publicKey] })
    expect((await rig.order({})).reason).toMatch(/^unknown-key: /)
  })

  test("without a data folder", async () => {
    const trusted = [OPERATOR.publicKey]
    await rig.start({}, { trusted, modules: undefined } as object)
    expect((await rig.order({})).reason).toMatch(/^no-journal: a coordinator without --data-dir/)
  })
})

test("a rollout that cannot be written down does not begin", async () => {
  const { store, audit } = openModuleKeeping(rig.folder)
  const full = (): never => {
    throw new FedmoteError("module-store", "cannot write: no space left on device")
  }
  const folder = { load: () => store.load(), kept: () => store.kept(), module: (n: number) => store.module(n) }
  const keep = (module: StoredModule): void => store.keep(module)
  await rig.start({}, { modules: { store: { ...folder, keep, drop: full, save: full }, audit } })
  const [only] = await rig.gateways(1)
  await rig.publish(ONE)
  expect(await rig.order({ sequence: 1 })).toMatchObject({
    accepted: false,
    reason: "journal: what has happened could not be written down: nobody is told, the coordinator ends",
  })
  await expect(rig.ended).rejects.toThrow("no space left on device")
  expect(only!.told).toEqual([])
})

test("a plan says who would get it, and does nothing", async () => {
  await rig.start()
  const all = await rig.gateways(10)
  const first = await rig.order({ action: "plan", stages: [10, 50, 100] })
  expect(first.rollout!.stages.map(({ ids }) => ids!.length)).toEqual([1, 4, 5])
  expect((await rig.order({ action: "plan", stages: [10, 50, 100] })).rollout).toEqual(first.rollout)
  expect(all.flatMap(({ told }) => told)).toEqual([])
  expect(rig.audit()).toEqual([])
})
