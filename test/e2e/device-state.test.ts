import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { parseResult } from "../../src/core/result.ts"
import { parseState } from "../../src/device/keeping-bytes.ts"
import { fedmote, start } from "./fedmote.ts"
import type { Running } from "./fedmote.ts"

// Rounds of about a second, so that a device is killed before it has sent its next update.
const PLAN = `
fleet: motes
seed: 5
rounds: 4
cohort: 2
codecs: eden2
model: { features: 8, labels: [normal, introduced event], hidden: [64, 64], positiveWeight: 20, private: { last: 1 } }
train: { epochs: 60, batch: 8, learningRate: 0.01, schedule: { kind: cosine }, clipNorm: 1 }
selection: { overSelect: 1, minimumToStart: 2, timeoutSeconds: 30, settleSeconds: 0 }
report: { timeoutSeconds: 20, finishSeconds: 4, minimumToCommit: 1 }
evaluate: { every: 4, timeoutSeconds: 5 }
upload: { errorFeedback: true }
`
const IDS = ["single-hop-mote4", "single-hop-mote2"]

let folder = ""
let running: Running[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-state-"))
  running = []
})
afterEach(async () => {
  await Promise.all(running.map((each) => each.stop()))
  await rm(folder, { recursive: true, force: true })
})

function begin(...args: readonly string[]): Running {
  const each = start(args, { cwd: folder })
  running.push(each)
  return each
}

test("private layers and codec errors outlive kill -9 of their device, and a replay ends in the same model", async () => {
  await writeFile(join(folder, "plan.yaml"), PLAN)
  const coordinator = begin(
    "coordinator",
    "--plan",
    "plan.yaml",
    "--listen",
    "127.0.0.1:0",
    "--json",
    "live.json",
    "--record-cohorts",
  )
  const url = (await coordinator.saw(/broker at (\S+)/))[1]!
  const device = (id: string, state = `${id}.state`): Running =>
    begin(
      ...["--log-level", "debug", "device", "--broker", url, "--fleet", "motes"],
      ...["--id", id, "--data", `telosb#${id}`, "--state", state],
    )
  const [first, second] = [device(IDS[0]!), device(IDS[1]!)]
  await second.saw(/committed .*round=2\b/)
  second.child.kill("SIGKILL")
  await second.ended
  const kept = parseState(await readFile(join(folder, `${IDS[1]}.state`)))
  // 64 weights and a bias that stay, and the error of 8 x 64 + 64 + 64 x 64 + 64 that travel.
  expect(kept).toMatchObject({ device: IDS[1], own: 65, residual: 4736 })
  const again = device(IDS[1]!)

  const ended = await coordinator.ended
  expect(ended.code, ended.stderr).toBe(0)
  for (const each of [first, again]) expect((await each.ended).code).toBe(0)
  const live = parseResult(JSON.parse(await readFile(join(folder, "live.json"), "utf8")))
  expect(live.rounds.map(({ cohort }) => cohort!.length)).toEqual([2, 2, 2, 2])

  const replay = ["simulate", "--data", "telosb", "--replay", "live.json", "--json", "replay.json"]
  const replayed = await fedmote([...replay, "--export", "model.safetensors"], { cwd: folder })
  expect(replayed.code, replayed.stderr).toBe(0)
  expect(replayed.stderr).toMatch(/layer 2 is private: the file has what every device began with/)
  const result = parseResult(JSON.parse(await readFile(join(folder, "replay.json"), "utf8")))
  expect(result.model.digest).toBe(live.model.digest)
})

test("another device's state is refused, with the file's name", async () => {
  await writeFile(join(folder, "odd.state"), "not a state")
  const { code, stderr } = await fedmote(
    [
      ...["device", "--broker", "mqtt://127.0.0.1:9", "--fleet", "motes", "--id", IDS[0]!],
      ...["--data", `telosb#${IDS[0]}`, "--state", "odd.state"],
    ],
    { cwd: folder },
  )
  expect(code, stderr).toBe(2)
  expect(stderr).toMatch(/odd\.state: not a device's state, or damaged/)
})
