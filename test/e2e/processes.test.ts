import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { parseResult } from "../../src/core/result.ts"
import { importModel } from "../../src/sim/model-file.ts"
import { startMosquitto } from "../net/mosquitto.ts"
import { fedmote, start } from "./fedmote.ts"
import type { Running } from "./fedmote.ts"

// Rounds of about a second, so that a device can be killed in the middle of one.
const PLAN = `
fleet: motes
seed: 5
rounds: 4
cohort: 2
model: { features: 8, labels: [normal, introduced event], hidden: [64, 64], positiveWeight: 20 }
train: { epochs: 60, batch: 8, learningRate: 0.01 }
selection: { overSelect: 1.5, minimumToStart: 2, timeoutSeconds: 30, settleSeconds: 0 }
report: { timeoutSeconds: 8, finishSeconds: 4, minimumToCommit: 1 }
evaluate: { timeoutSeconds: 5 }
`

let folder = ""
let running: Running[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-processes-"))
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

const brokers = {
  async Mosquitto() {
    const { url, stop } = await startMosquitto()
    return { url, stop }
  },
  async "fedmote broker"() {
    const broker = begin("broker", "--listen", "127.0.0.1:0")
    const { promise, resolve } = Promise.withResolvers<string>()
    broker.child.stdout!.once("data", (text: string) => resolve(text.trim()))
    return { url: await promise, stop: () => broker.stop() }
  },
}

describe.each(Object.entries(brokers))("one coordinator and three devices as processes, over %s", (_, startBroker) => {
  test("a federation outlives kill -9 of a device in mid-round, takes a late one, and can be replayed", async () => {
    const broker = await startBroker()
    try {
      await writeFile(join(folder, "plan.yaml"), PLAN)
      const watch = begin("watch", "--broker", broker.url, "--fleet", "motes")
      const files = ["--json", "live.json", "--export", "live.safetensors", "--record-cohorts"]
      const coordinator = begin("coordinator", "--plan", "plan.yaml", "--broker", broker.url, ...files)
      await coordinator.saw(/coordinator is up/)
      const device = (id: string): Running =>
        begin(
          "--log-level",
          "debug",
          "device",
          "--broker",
          broker.url,
          "--fleet",
          "motes",
          "--id",
          id,
          "--data",
          `telosb#${id}`,
        )
      const first = device("single-hop-mote4")
      const victim = device("multi-hop-mote1")
      await victim.saw(/joined .*kind=train/)
      victim.child.kill("SIGKILL")
      const late = device("single-hop-mote2")

      const ended = await coordinator.ended
      expect(ended.code, ended.stderr).toBe(0)
      const result = parseResult(JSON.parse(await readFile(join(folder, "live.json"), "utf8")))
      expect(result.rounds).toHaveLength(4)
      const cohorts = result.rounds.map(({ cohort }) => cohort!.map(({ device: id }) => id))
      expect(cohorts[0]).toEqual(["single-hop-mote4"])
      expect(cohorts.slice(1).flat()).toContain("single-hop-mote2")
      expect(cohorts.flat()).not.toContain("multi-hop-mote1")
      // The log says what happened.
      expect(ended.stderr).toMatch(/device=multi-hop-mote1/)
      expect(ended.stderr).toMatch(/kind=train devices=2/)
      expect(ended.stderr).toMatch(/round commits .*kind=train folded=1 of=2/)
      expect(ended.stderr).toMatch(/device is ready .*device=single-hop-mote2/)

      // Every device that is left has the released model.
      for (const each of [first, late]) {
        const { code, stderr } = await each.ended
        expect(code, stderr).toBe(0)
        expect(stderr).toContain(`digest=${result.model.digest}`)
      }
      expect((await importModel(join(folder, "live.safetensors"))).digest).toBe(result.model.digest)
      const pulled = await fedmote(
        ["model", "export", "pulled.safetensors", "--c-header", "pulled.h", "--broker", broker.url, "--fleet", "motes"],
        { cwd: folder },
      )
      expect(pulled.code, pulled.stderr).toBe(0)
      expect(pulled.stdout).toBe("pulled.safetensors\npulled.h\n")
      expect((await importModel(join(folder, "pulled.safetensors"))).digest).toBe(result.model.digest)
      const again = await fedmote(
        ["model", "export", "--c-header", "replayed.h", "--from", "live.json", "--data", "telosb"],
        { cwd: folder },
      )
      expect(again.code, again.stderr).toBe(0)
      const converted = await fedmote(
        ["model", "export", "--c-header", "converted.h", "--from", "pulled.safetensors"],
        { cwd: folder },
      )
      expect(converted.code, converted.stderr).toBe(0)
      const numbers = /^static const float fm_predict_(layer_0|mean|inverse_deviation)[^;]+;/gm
      const [header, replayedHeader, convertedHeader] = await Promise.all(
        ["pulled.h", "replayed.h", "converted.h"].map((name) => readFile(join(folder, name), "utf8")),
      )
      expect(header).toContain(result.model.digest)
      expect(header!.match(numbers)).toHaveLength(3)
      expect(replayedHeader!.match(numbers)).toEqual(header!.match(numbers))
      expect(convertedHeader).toBe(header)

      const replay = await fedmote(["simulate", "--data", "telosb", "--replay", "live.json", "--json", "replay.json"], {
        cwd: folder,
      })
      expect(replay.code, replay.stderr).toBe(0)
      const replayed = parseResult(JSON.parse(await readFile(join(folder, "replay.json"), "utf8")))
      expect(replayed.model.digest).toBe(result.model.digest)

      watch.child.kill("SIGINT")
      const watched = await watch.ended
      expect(watched.code).toBe(0)
      const types = watched.stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { readonly message?: { readonly type: string } }).message?.type)
      for (const type of ["hello", "ready", "gone", "notice", "task", "update", "receipt", "model"])
        expect(types).toContain(type)
    } finally {
      await broker.stop()
    }
  })
})
