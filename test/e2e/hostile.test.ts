import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { parseResult } from "../../src/core/result.ts"
import { updateIdOf } from "../../src/net/digest.ts"
import { encode } from "../../src/wire/codec.ts"
import { topics } from "../../src/wire/topics.ts"
import { RawClient, header, packet } from "../net/raw-client.ts"
import { start } from "./fedmote.ts"
import type { Running } from "./fedmote.ts"

// As processes: what the log of an operator says. `test/coordinator/hostile.test.ts` has more kinds of clients.

const PLAN = `
fleet: motes
seed: 5
rounds: 5
cohort: 2
model: { features: 8, labels: [normal, introduced event], hidden: [16], positiveWeight: 20 }
train: { epochs: 5, batch: 8, learningRate: 0.01 }
selection: { overSelect: 1, minimumToStart: 2, timeoutSeconds: 60, settleSeconds: 0 }
report: { timeoutSeconds: 120, finishSeconds: 4, minimumToCommit: 2 }
evaluate: { timeoutSeconds: 60 }
`
const NAMES = topics("motes")
const DEVICES = ["single-hop-mote4", "multi-hop-mote1"]

let folder = ""
let running: Running[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-hostile-"))
  await writeFile(join(folder, "plan.yaml"), PLAN)
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

interface Fleet {
  readonly url: string
  readonly coordinator: Running
  /** Whose log names the clients that its broker refuses. */
  readonly broker: Running
}

const COORDINATOR = ["coordinator", "--plan", "plan.yaml", "--json", "live.json", "--no-probe"]

const fleets: { readonly [name: string]: () => Promise<Fleet> } = {
  async "the broker inside of the coordinator"() {
    const coordinator = begin(...COORDINATOR, "--listen", "127.0.0.1:0")
    const [, url] = await coordinator.saw(/broker at (\S+)/)
    return { url: url!, coordinator, broker: coordinator }
  },
  async "fedmote broker"() {
    const broker = begin("broker", "--listen", "127.0.0.1:0")
    const url = await new Promise<string>((resolve) =>
      broker.child.stdout!.once("data", (text: Buffer) => resolve(text.toString().trim())),
    )
    return { url, coordinator: begin(...COORDINATOR, "--broker", url), broker }
  },
}

test.each(Object.entries(fleets))(
  "over %s, amid noise and floods: all rounds commit, and each offender is one line of a log",
  async (_, open) => {
    const { url, coordinator, broker } = await open()
    await coordinator.saw(/coordinator is up/)
    const port = Number(new URL(url).port)
    const clients: RawClient[] = []
    const client = async (id: string): Promise<RawClient> => {
      const each = await RawClient.connect(port, id)
      clients.push(each)
      return each
    }
    let over = false
    const flood = async (id: string, message: Buffer): Promise<void> => {
      const { socket } = await client(id)
      const many = Buffer.concat(Array.from({ length: 50 }, () => message))
      socket.setMaxListeners(0)
      while (!over && !socket.destroyed) {
        if (!socket.write(many)) await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    try {
      // Twice each: whoever comes back is not named again.
      for (let i = 0; i < 2; i++) {
        const large = await client("too-large")
        large.write(header(0x32, 3_000_000 + i))
        const noise = await client("noise")
        noise.write(Buffer.from([0xf0, 4, 1, 2, 3, 4]))
        await Promise.all([large.closed, noise.closed])
      }
      const payload = Uint8Array.of(1, 2, 3)
      const place = { round: 1, epoch: 65536, index: 0, count: 1, updateId: updateIdOf(payload) }
      const facts = { baseVersion: 1, codec: 1, samples: 1, steps: 1, metrics: Float32Array.of(1) }
      const update = encode({ type: "update", ...place, ...facts, payload })
      const floods = [
        flood("flood", packet.publish(NAMES.update("flood", 1), update)),
        flood("malformed", packet.publish(NAMES.update("malformed", 1), update.subarray(1), { qos: 0 })),
      ]
      await coordinator.saw(/malformed message/)
      await coordinator.saw(/far more than it has to/)
      for (const id of DEVICES)
        begin("device", "--broker", url, "--fleet", "motes", "--id", id, "--data", `telosb#${id}`)
      await coordinator.saw(/federation has ended/)
      const peakMiB = peakOf(coordinator.child.pid!)
      over = true
      const ended = await coordinator.ended
      expect(ended.code, ended.stderr).toBe(0)
      await Promise.all(floods)
      const result = parseResult(JSON.parse(await readFile(join(folder, "live.json"), "utf8")))
      expect(result.rounds.map(({ folded }) => folded)).toEqual([2, 2, 2, 2, 2])
      if (broker !== coordinator) broker.child.kill("SIGINT")
      const refusals = (await broker.ended).stderr
      const named = (log: string, pattern: RegExp): string[] => log.split("\n").filter((line) => pattern.test(line))
      expect(named(refusals, /too-large/)).toEqual([expect.stringMatching(/at most 2097152 bytes, got 3000000 /)])
      expect(named(refusals, /noise/)).toHaveLength(1)
      expect(named(ended.stderr, /device=flood/)).toEqual([expect.stringMatching(/far more than it has to/)])
      expect(named(ended.stderr, /device=malformed/)).toEqual([expect.stringMatching(/malformed message/)])
      expect(peakMiB).toBeLessThan(600)
    } finally {
      over = true
      for (const each of clients) each.destroy()
    }
  },
  180_000,
)

/** The most memory that a process has had, in MiB (proc(5), VmHWM). */
function peakOf(pid: number): number {
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024
}
