import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Coordinator } from "../../src/coordinator/coordinator.ts"
import { openModuleKeeping } from "../../src/coordinator/rollout/modules.ts"
import type { RolloutFacts, RolloutStatus } from "../../src/coordinator/rollout/status.ts"
import { parseStatus } from "../../src/coordinator/rollout/status.ts"
import { parsePlan } from "../../src/core/plan.ts"
import { Device } from "../../src/device/device.ts"
import { MemorySlotStore } from "../../src/device/flash/slot-store.ts"
import { startBroker } from "../../src/net/broker.ts"
import type { EmbeddedBroker } from "../../src/net/broker.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { keyIdOf, signerOf } from "../../src/net/signature.ts"
import { topics } from "../../src/wire/topics.ts"
import { fedmote } from "../e2e/fedmote.ts"
import { ownModule } from "../kernel/foreign-modules.ts"
import { SEED } from "./played-coordinator.ts"

/** An operator's commands, a real coordinator, and four gateways of which one is switched off. */

// It waits for more gateways than there are: no round disturbs what is tested.
const PLAN = parsePlan({ fleet: "lab", cohort: 5, model: { features: 2, labels: ["a", "b"] } })
/** The key that is used now, and its successor. */
const SEEDS = { old: SEED, new: new Uint8Array(32).fill(6) }
const TRUSTED = Object.values(SEEDS).map((seed) => signerOf(seed).publicKey)
const IDS = ["g-1", "g-2", "g-3", "g-4"]

let folder = ""
let broker: EmbeddedBroker
const closing: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-operator-"))
  for (const [name, seed] of Object.entries(SEEDS))
    await writeFile(join(folder, `${name}.key`), `fedmote-private-key-1:${Buffer.from(seed).toString("hex")}\n`)
  await writeFile(join(folder, "module.wasm"), ownModule("scalar"))
  broker = await startBroker()
  const network = mqttNetwork(broker.url)
  const keeping = openModuleKeeping(join(folder, "data"))
  const coordinator = new Coordinator({ plan: PLAN, network, trusted: TRUSTED, modules: keeping })
  const run = coordinator.run().catch(() => undefined)
  closing.push(async () => {
    await coordinator.close()
    await run
  })
  for (const id of IDS) closing.push(begin(id))
})
afterAll(async () => {
  for (const close of closing.toReversed()) await close()
  await broker.close()
  await rm(folder, { recursive: true, force: true })
})

function begin(id: string): () => Promise<void> {
  const data = Array.from({ length: 20 }, (_, i) => ({ features: [Math.sin(i), Math.cos(i)], label: i % 2 }))
  const modules = { store: new MemorySlotStore(), trusted: TRUSTED }
  const device = new Device({ network: mqttNetwork(broker.url), fleet: "lab", id, data, modules })
  const run = device.run().catch(() => undefined)
  return async () => {
    await device.close()
    await run
  }
}

/** Resolves with the first status for which it holds. */
async function until(holds: (status: RolloutStatus) => boolean): Promise<RolloutStatus> {
  const link = await mqttNetwork(broker.url).connect({ clientId: "tap" })
  const { promise, resolve } = Promise.withResolvers<RolloutStatus>()
  await link.subscribe(topics("lab").rollout("train"), (_, payload) => {
    const status = parseStatus(payload)
    if (holds(status)) resolve(status)
  })
  return promise.finally(() => link.close())
}

async function run(command: string, ...args: readonly string[]): Promise<string> {
  const at = ["--broker", broker.url, "--fleet", "lab"]
  const { code, stdout, stderr } = await fedmote(["module", command, ...args, ...at], { cwd: folder })
  expect(code, stderr).toBe(0)
  return stdout
}

interface Published {
  readonly sequence: number
  readonly begun: RolloutFacts
}

const publish = ["module.wasm", "--to", "all", "--canary", "50%", "--enough", "100%", "--json", "-"]
const idsOf = ({ begun }: Published): unknown => begun.stages.map(({ ids }) => ids)

test("a rollout is planned, begun, paused, resumed and aborted; the next one has the next number, and a new key", async () => {
  await until(({ versions }) => versions["0"] === 4)
  const planned = JSON.parse(await run("publish", ...publish, "--key", "old.key", "--dry-run")) as Published
  expect(planned.sequence).toBe(1)
  expect(idsOf(planned)).toEqual([expect.any(Array), expect.any(Array)])
  expect(planned.begun.stages.flatMap(({ ids }) => ids).toSorted()).toEqual(IDS)
  // Without one of the second stage the rollout does not come to its end.
  const [absent] = planned.begun.stages[1]!.ids!
  await closing[1 + IDS.indexOf(absent!)]!()

  const begun = JSON.parse(await run("publish", ...publish, "--key", "old.key")) as Published
  expect([begun.sequence, idsOf(begun)]).toEqual([1, idsOf(planned)])
  const stages = [{ confirmed: 2 }, { confirmed: 1, waiting: 1 }]
  const at = await until(({ rollout }) => rollout?.stages[1]!.confirmed === 1)
  expect(at.rollout).toMatchObject({ sequence: 1, phase: "running", stage: 1, stages })
  for (const [action, phase] of [
    ["pause", "paused"],
    ["resume", "running"],
    ["abort", "aborted"],
  ] as const) {
    await run(action, "--key", "old.key")
    await until(({ rollout }) => rollout?.phase === phase)
  }
  expect(await run("status")).toContain("slot train: module 1 to all is aborted")
  expect((await until(({ versions }) => versions["0"] === 4)).settled).toBe(0)

  const next = JSON.parse(await run("publish", ...publish, "--key", "new.key")) as Published
  expect([next.sequence, next.begun.keyId]).toEqual([2, Buffer.from(keyIdOf(TRUSTED[1]!)).toString("hex")])
  await until(({ rollout, versions }) => rollout?.sequence === 2 && versions["2"] === 3)
  const { stdout } = await fedmote(["module", "audit", "data", "--json", "-"], { cwd: folder })
  const { entries } = JSON.parse(stdout) as { readonly entries: readonly { readonly event: string }[] }
  const events = entries.map(({ event }) => event).filter((event) => event !== "confirmed")
  const first = ["order", "stage", "stage", "order", "paused", "order", "resumed", "order", "aborted"]
  expect(events).toEqual([...first, "order", "stage", "stage"])
})
