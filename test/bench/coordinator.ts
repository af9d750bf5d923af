import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Folding } from "../../src/coordinator/folding.ts"
import { Intake } from "../../src/coordinator/intake.ts"
import { Federation } from "../../src/core/federation.ts"
import type { RoundEffect } from "../../src/core/round.ts"
import { createAccumulator } from "../../src/kernel/accumulator.ts"
import { decode } from "../../src/wire/codec.ts"
import type { Update } from "../../src/wire/message.ts"
import { PARAMETERS, Rig, planOf, updateMessages } from "./coordinator-rig.ts"
import { leastSecondsOf, measured } from "./result.ts"
import type { Measured } from "./result.ts"

const GROUP = "coordinator"
const DEVICES = 10_000
const ROUNDS = 25
const WANTED = 100_000

/** Updates of 10,000 int8 parameters, 10.3 kB each, one message an update, in rounds of 10,000; how rounds begin and commit is not counted. */
export async function bench(): Promise<Measured[]> {
  const [pure, whole, alone] = [messageToSum(), await wholeCoordinator(), foldAlone()]
  return [
    measured({
      group: GROUP,
      name: "message to sum: strict check, decode, SHA-256, round machine, exact fold",
      value: pure,
      unit: "updates/s of a core",
      against: `${WANTED} a second`,
      ratio: pure / WANTED,
      budget: { atLeast: 1 },
    }),
    measured({
      group: GROUP,
      name: "the whole coordinator but its connection: topics and receipts, too",
      value: whole,
      unit: "updates/s of a core",
      against: "message to sum",
      ratio: whole / pure,
    }),
    measured({
      group: GROUP,
      name: "the fold alone",
      value: alone,
      unit: "updates/s of a core",
      against: "message to sum",
      ratio: alone / pure,
    }),
    ...(await memory()),
  ]
}

/** Different messages of a round: together they fit into a core's cache, where a message is that has just been received. */
const MESSAGES = 16

/** Of one core: processor time, so that other programs on the machine disturb it least; the fastest round of many. */
class Stopwatch {
  leastSeconds = Infinity
  #began = process.cpuUsage()

  start(): void {
    this.#began = process.cpuUsage()
  }

  stop(): void {
    const { user, system } = process.cpuUsage(this.#began)
    this.leastSeconds = Math.min(this.leastSeconds, (user + system) / 1e6)
  }
}

function messageToSum(): number {
  const federation = new Federation({ plan: planOf(DEVICES, ROUNDS), init: new Float32Array(PARAMETERS), epoch: 1 })
  const intake = new Intake(federation.plan, federation.rounds, PARAMETERS, 1)
  const folding = new Folding(federation, false)
  const effects: RoundEffect[] = []
  const ids = Array.from({ length: DEVICES }, (_, i) => `d-${i}`)
  federation.step({ type: "start", nowMs: 0 }, effects)
  for (const [i, id] of ids.entries()) {
    const device = { id, key: [1, i], samples: 10, testSamples: 0 } as const
    federation.step({ type: "ready", nowMs: 0, device }, effects)
  }
  const watch = new Stopwatch()
  for (let n = 0; n < ROUNDS; n++) {
    const { round, epoch } = federation.rounds
    folding.begin("train", DEVICES, 0, 0)
    intake.begin()
    const messages = updateMessages(MESSAGES, { round, epoch, version: federation.version })
    watch.start()
    for (const [i, device] of ids.entries()) {
      const bytes = messages[i % messages.length]!
      const chunk = decode(bytes) as Update
      const arrival = intake.take(device, chunk, bytes.length)
      if (arrival.type !== "whole") throw new Error(`expected a whole update, got ${arrival.type}`)
      effects.length = 0
      federation.step({ type: "update", nowMs: 0, device, round: chunk.round, epoch: chunk.epoch }, effects)
      if (effects[0]?.type !== "fold") throw new Error(`expected to fold, got ${effects[0]?.type}`)
      folding.fold(arrival.update, { seed: 1, round, device: [1, i] }, arrival.bytes)
      federation.step({ type: "folded", nowMs: 0, device, ok: true }, effects)
    }
    watch.stop()
    federation.commit(folding.finish(0))
    federation.step({ type: "committed", nowMs: 0, stop: false }, effects)
  }
  return DEVICES / watch.leastSeconds
}

async function wholeCoordinator(): Promise<number> {
  const rounds = 10
  const rig = new Rig(planOf(DEVICES, rounds))
  await rig.enrol(DEVICES)
  const watch = new Stopwatch()
  for (let n = 0; n < rounds; n++) {
    const { notice, topics } = await rig.open(n, DEVICES)
    const messages = updateMessages(MESSAGES, notice)
    const take = rig.updates
    watch.start()
    for (const [i, topic] of topics.entries()) {
      const pending = take(topic, messages[i % messages.length]!, false)
      if (pending !== undefined) await pending
    }
    watch.stop()
  }
  await rig.end()
  return DEVICES / watch.leastSeconds
}

function foldAlone(): number {
  const options = { size: PARAMETERS, gridExponent: -30, cohort: 1 << 20, weightCap: 1024 }
  const accumulator = createAccumulator(options)
  const [message] = updateMessages(1, { round: 0, epoch: 1, version: 0 })
  const { payload } = decode(message!) as Update
  const key = { seed: 1, round: 0, device: [1, 0] } as const
  const times = 1000
  const work = (): void => {
    for (let i = 0; i < times; i++) accumulator.fold("int8", payload, 10, key)
  }
  return times / leastSecondsOf(work, 500)
}

interface Peaks {
  readonly folded: number
  readonly live: number
  readonly rss: number
}

/** A whole coordinator in a process of its own, with a fleet of 10,000: 1,000 updates in its round, or 10,000. */
async function memory(): Promise<Measured[]> {
  const file = fileURLToPath(new URL("coordinator-process.ts", import.meta.url))
  const peaks = async (updates: number, flags: readonly string[]): Promise<Peaks> => {
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, file, String(updates)])
    const found = JSON.parse(stdout) as Peaks
    if (found.folded !== updates) throw new Error(`expected ${updates} updates, ${found.folded} were folded`)
    return found
  }
  const compare = async (name: string, flags: readonly string[], of: keyof Peaks): Promise<Measured> => {
    const few = (await peaks(1000, flags))[of]
    const many = (await peaks(10_000, flags))[of]
    return measured({
      group: GROUP,
      name,
      value: many / 2 ** 20,
      unit: "MiB",
      against: "1,000 updates in the round",
      ratio: many / few,
      budget: { atMost: 1.2 },
    })
  }
  return [
    await compare("process, 10,000 updates (100 MB) in the round", [], "rss"),
    await compare("what is alive in it", ["--expose-gc"], "live"),
  ]
}
