import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { FileSlotStore } from "../../src/device/flash/file-slot-store.ts"
import { Slot } from "../../src/device/flash/slot.ts"
import { startBroker } from "../../src/net/broker.ts"
import type { EmbeddedBroker } from "../../src/net/broker.ts"
import { systemClock } from "../../src/net/clock.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { TrustedKeys } from "../../src/net/signature.ts"
import { Fleet, ID } from "../device/flash/gateway.ts"
import { OPERATOR, signed } from "../device/flash/signed.ts"
import type { Signed } from "../device/flash/signed.ts"
import { FLEET } from "../device/fake-coordinator.ts"
import { scalarNamed } from "../kernel/foreign-modules.ts"
import { start } from "./fedmote.ts"
import type { Running } from "./fedmote.ts"

const KILL_AT = new URL("./kill-at.ts", import.meta.url).href
const KEY = Buffer.from(OPERATOR.publicKey).toString("hex")

let folder = ""
let broker: EmbeddedBroker
let fleet: Fleet
let gateway: Running | undefined
let round = 1
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-flash-"))
  const rows = Array.from({ length: 60 }, (_, i) => `${Math.sin(i)},${Math.cos(2 * i)},${i % 2}`)
  await writeFile(join(folder, "data.csv"), ["a,b,label", ...rows].join("\n"))
  broker = await startBroker()
  fleet = await Fleet.create(mqttNetwork(broker.url), systemClock)
})
afterAll(async () => {
  await gateway?.stop()
  await fleet.end()
  await broker.close()
  await rm(folder, { recursive: true })
})

/** Starts the gateway, which dies as soon as it has logged a line like this. */
async function startUntil(line: string): Promise<void> {
  fleet.said.length = 0
  gateway = start(
    [
      ...["--log-level", "debug", "device", "--broker", broker.url, "--fleet", FLEET, "--id", ID],
      ...["--data", "data.csv", "--label", "label", "--modules", "modules", "--trust", KEY],
    ],
    { cwd: folder, env: { NODE_OPTIONS: `--import ${KILL_AT}`, KILL_AT: line } },
  )
  await gateway.saw(/greeted/)
}

async function killed(): Promise<void> {
  const { code, stderr } = await gateway!.ended
  // By a signal.
  expect(code, stderr).toBeNull()
}

/** What a gateway would start with, looked at from outside. */
function onDisk(): Slot {
  return new Slot("train", new FileSlotStore(join(folder, "modules")), new TrustedKeys([OPERATOR.publicKey]), {
    warn: (message) => expect.unreachable(message),
  })
}

function moduleOf(sequence: number): Signed {
  return signed(scalarNamed(`number ${sequence}`), { sequence })
}

/** As a coordinator does that hears where a gateway is, and wants it elsewhere. */
async function bringTo(module: Signed): Promise<void> {
  const { sequence } = module.manifest
  await fleet.publish(module)
  await fleet.tell("install", sequence)
  await fleet.reported({ active: sequence, target: sequence, state: "confirmed" })
  await fleet.round(++round, sequence)
}

/** A line of the log, and whether the module that was on its way is what runs when that is written. */
const STAGES: readonly (readonly [line: string, switched: boolean])[] = [
  ["flash .*stage=manifest", false],
  ["debug module .*state=loading", false],
  ["flash .*stage=begun", false],
  ["flash .*stage=chunk chunk=0", false],
  ["flash .*stage=chunk chunk=5", false],
  ["flash .*stage=chunk chunk=10", false],
  ["flash .*stage=verified", false],
  ["flash .*stage=self-tested", false],
  ["flash .*stage=switched", true],
  ["debug module .*state=installed", true],
  ["flash .*stage=trial", true],
  ["debug module .*state=confirmed", true],
]

test(
  "a gateway that is killed at any stage of an update starts with a whole module, and ends with the new one",
  { timeout: 120_000 },
  async () => {
    await startUntil(sequenced(STAGES[0]![0], 2))
    await bringTo(moduleOf(1))
    for (const [i, [line, switched]] of STAGES.entries()) {
      const sequence = i + 2
      await fleet.publish(moduleOf(sequence))
      await fleet.tell("install", sequence)
      await killed()
      const { active, running, state } = onDisk()
      expect([line, active]).toEqual([line, switched ? sequence : sequence - 1])
      expect(running?.bytes).toEqual(moduleOf(active).bytes)
      expect(state.report.reason).toBe("")
      // The next life ends at the next stage of the next update.
      await startUntil(sequenced(STAGES[i + 1]?.[0] ?? "never", sequence + 1))
      await bringTo(moduleOf(sequence))
    }
    await gateway!.stop()
  },
)

test("one that is killed in both of its trials is back at the old module", { timeout: 60_000 }, async () => {
  const old = onDisk().active
  const sequence = old + 1
  await startUntil(sequenced("flash .*stage=trial", sequence))
  await fleet.publish(moduleOf(sequence))
  await fleet.tell("install", sequence)
  await killed()
  // It goes on by itself, and dies of it again.
  await startUntil(sequenced("flash .*stage=trial", sequence)).catch(() => undefined)
  await killed()
  expect(onDisk().active).toBe(sequence)
  await startUntil("never")
  await fleet.reported({ active: old, target: sequence, state: "rolledBack" })
  expect(onDisk().running?.bytes).toEqual(moduleOf(old).bytes)
  await fleet.round(++round, old)
})

/** The line about this sequence, as a pattern. */
function sequenced(line: string, sequence: number): string {
  return line.startsWith("flash")
    ? line.replace("flash .*", `flash .*sequence=${sequence} .*`)
    : line.replace(".*state", `.*target=${sequence} .*state`)
}
