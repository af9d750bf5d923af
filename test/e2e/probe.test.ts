import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { startMosquitto } from "../net/mosquitto.ts"
import { start } from "./fedmote.ts"
import type { Running } from "./fedmote.ts"

const PLAN = `
fleet: motes
cohort: 2
model: { features: 8, labels: [normal, introduced event], hidden: none }
`

let folder = ""
let running: { stop(): Promise<void> }[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-probe-"))
  await writeFile(join(folder, "plan.yaml"), PLAN)
})
afterEach(async () => {
  await Promise.all(running.map((each) => each.stop()))
  running = []
  await rm(folder, { recursive: true, force: true })
})

/** A coordinator at a Mosquitto with these settings, waiting for devices that never come. */
async function coordinatorAt(config: readonly string[], ...args: readonly string[]): Promise<Running> {
  const broker = await startMosquitto({ config })
  const command = ["--log-level", "debug", "coordinator", "--plan", "plan.yaml", "--broker", broker.url, ...args]
  const coordinator = start(command, { cwd: folder })
  running.push(coordinator, broker)
  return coordinator
}

test("a coordinator measures its broker's queue, and its warning says which settings to raise", async () => {
  const coordinator = await coordinatorAt(["max_queued_messages 1000"])
  const [line] = await coordinator.saw(/.*drops messages.*/)
  expect(line).toMatch(/warn .*it kept 1020 of 2000/)
  for (const setting of ["max_queued_messages", "max_queued_bytes", "max_inflight_messages"])
    expect(line).toContain(setting)
  expect(line).toMatch(/sent=2000 inFlight=20 arrived=1020/)
})

test("nothing is said where the queue is long enough", async () => {
  const coordinator = await coordinatorAt(["max_queued_messages 100000"])
  await coordinator.saw(/debug the broker keeps .* sent=2000 inFlight=20 arrived=2000/)
  coordinator.child.kill("SIGINT")
  expect((await coordinator.ended).stderr).not.toMatch(/drops/)
})

test("--no-probe leaves it alone", async () => {
  const coordinator = await coordinatorAt(["max_queued_messages 1000"], "--no-probe")
  await coordinator.saw(/waiting for devices/)
  coordinator.child.kill("SIGINT")
  expect((await coordinator.ended).stderr).not.toMatch(/drops|keeps|measure/)
})
