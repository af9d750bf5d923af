import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { mqttNetwork, openClient, parsePlan, startBroker } from "../../src/index.ts"
import type { Plan } from "../../src/index.ts"
import { createCertificate } from "../net/certificate.ts"
import type { Certificate } from "../net/certificate.ts"
import { freePort, startMosquitto } from "../net/mosquitto.ts"
import { build } from "./build.ts"
import type { Build } from "./build.ts"
import { federate, writeSamples } from "./federation.ts"
import type { CDevice, Member, Outcome } from "./federation.ts"
import type { BoardBuild } from "./qemu.ts"
import { buildDevice, startBoard, stopBoards } from "./qemu.ts"
import { memoryFloats } from "./sizes-image.ts"

const ROUNDS = 5
const MOTES = [1, 2, 3, 4, 5]

/** Five motes of the built-in data: a board, two programs on this machine, two of Node's; a model of several packets. */
const PLAN: Plan = parsePlan({
  fleet: "motes",
  seed: 7,
  rounds: ROUNDS,
  cohort: MOTES.length,
  selection: { overSelect: 1, minimumToStart: MOTES.length, timeoutSeconds: 60, settleSeconds: 0 },
  model: { features: 8, labels: ["0", "1"], hidden: [32], positiveWeight: 20 },
  train: { epochs: 1, batch: 16, learningRate: 0.02, momentum: 0.9 },
  codecs: ["int8"],
  evaluate: { every: ROUNDS },
})

let folder: string
let built: BoardBuild
let programs: Build
let certificate: Certificate
const members: Member[] = []
let node: Outcome

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-board-"))
  certificate = await createCertificate()
  programs = build("gcc", ["all"], true)
  for (const mote of MOTES) members.push({ id: `mote-${mote}`, data: await shard(mote), packetBytes: 512 })
  built = buildDevice("an385", members[0]!.data, { MEMORY_FLOATS: 2048, MOST_ROWS: 1024, KEEP_ALIVE_SECONDS: 3 })
  node = await run(PLAN, members)
})
afterAll(async () => {
  stopBoards()
  built?.remove()
  programs?.remove()
  await certificate?.remove()
  await rm(folder, { recursive: true, force: true })
})

/** A mote's training rows, every fourth of them, as a CSV file. */
async function shard(mote: number): Promise<string> {
  const { train } = await openClient(`telosb:mote-${mote}`)
  const lines = [[...Array.from({ length: train.features }, (_, j) => `f${j}`), "label"].join()]
  for (let row = 0; row < train.rows; row += 4)
    lines.push([...train.x.subarray(row * train.features, (row + 1) * train.features), train.y[row]].join())
  const path = join(folder, `mote-${mote}.csv`)
  await writeFile(path, `${lines.join("\n")}\n`)
  return path
}

interface Broker {
  readonly url: string
  readonly port: number
  /** Where it speaks TLS. */
  readonly securePort?: number
  stop(): Promise<void>
}

const brokers = {
  async embedded(port?: number): Promise<Broker> {
    const broker = await startBroker(port === undefined ? {} : { port })
    return { url: broker.url, port: broker.port, stop: () => broker.close() }
  },
  async Mosquitto(port?: number, securePort?: number): Promise<Broker> {
    const secure = securePort ?? (await freePort())
    const { certFile, keyFile } = certificate
    const config = [`listener ${secure} 127.0.0.1`, `certfile ${certFile}`, `keyfile ${keyFile}`]
    const broker = await startMosquitto({ config, ...(port !== undefined && { port }) })
    return { ...broker, securePort: secure }
  },
} as const

/** A federation at a broker; `started` gets a way to end the broker and start another one in its place. */
async function run(
  plan: Plan,
  who: readonly Member[],
  kind: keyof typeof brokers = "embedded",
  started?: (restart: () => Promise<void>) => void,
): Promise<Outcome> {
  let broker = await brokers[kind]()
  const { port, securePort, url } = broker
  started?.(async () => {
    await broker.stop()
    broker = await brokers[kind](port, securePort)
  })
  try {
    return await federate(
      plan,
      who.map((member) => overTls(member, securePort)),
      mqttNetwork(url),
      url,
    )
  } finally {
    await broker.stop()
  }
}

/** One of the programs goes over TLS, where the broker has it. */
function overTls(member: Member, port: number | undefined): Member {
  if (member.id !== "mote-2" || member.program === undefined || port === undefined) return member
  return { ...member, options: ["--broker", `mqtts://127.0.0.1:${port}`, "--ca", certificate.certFile] }
}

/** The first member on a board, the next two as programs in C, the others Node's. */
function mixed(start: NonNullable<Member["start"]>): Member[] {
  const program = programs.path("fedmote-c-device")
  return members.map((member, i) => (i === 0 ? { ...member, start } : i < 3 ? { ...member, program } : member))
}

function board(fleet: string, broker: string): CDevice {
  return startBoard("an385", built.path("device.elf"), fleet, "mote-1", broker)
}

/** Nothing was sent that Node's devices would not have sent, and the end is the same. Doubts make messages come again; a restart hides some from the tap. */
function expectSame(outcome: Outcome): void {
  for (const [id, messages] of outcome.updates)
    expect(messages.filter((message) => !node.updates.get(id)!.includes(message))).toEqual([])
  expect(outcome.rounds.map(({ folded }) => folded)).toEqual(Array.from({ length: ROUNDS }, () => MOTES.length))
  expect(outcome.digest).toBe(node.digest)
  expect(outcome.digests).toEqual([node.digest, node.digest, node.digest])
}

test.each(["embedded", "Mosquitto"] as const)(
  "a Cortex-M3, two programs in C and two devices of Node learn together: every byte is that of Node's devices (%s broker)",
  async (kind) => {
    const outcome = await run(PLAN, mixed(board), kind)
    expectSame(outcome)
    expect(outcome.updates).toEqual(node.updates)
    expect(outcome.updates.get("mote-1")!.length).toBeGreaterThan(ROUNDS)
  },
)

/** A board that is killed when it has said `pattern`, and started again. */
function killedAt(pattern: RegExp, fleet: string, broker: string): CDevice {
  const first = board(fleet, broker)
  let current = first
  const second = first.saw(pattern).then(() => {
    first.child.kill("SIGKILL")
    current = board(fleet, broker)
    return current
  })
  return {
    get child() {
      return current.child
    },
    log: () => current.log(),
    saw: async (what) => (await second).saw(what),
    ended: second.then(({ ended }) => ended),
  }
}

const inThirdRound = (event: string): RegExp => new RegExp(`^${event} round=3 `, "m")

test.each(["trained", "sent"])("killed when it has %s in the third round, the board comes back", async (event) => {
  expectSame(
    await run(
      PLAN,
      mixed((fleet, broker) => killedAt(inThirdRound(event), fleet, broker)),
    ),
  )
})

test.each([
  ["embedded", "joined"],
  ["Mosquitto", "joined"],
  ["Mosquitto", "sent"],
] as const)("the %s broker ends when the board has %s in the third round", async (kind, event) => {
  let restart: () => Promise<void>
  const start: Member["start"] = (fleet, broker) => {
    const device = board(fleet, broker)
    void device.saw(inThirdRound(event)).then(() => restart())
    return device
  }
  const outcome = await run(PLAN, mixed(start), kind, (given) => {
    restart = given
  })
  expectSame(outcome)
})

/** 1 KiB, and what interrupts and this port's own functions take. */
const STACK_BYTES = 1408

test("a part with 24 KiB of RAM trains a 64-32-4 model with 512-byte packets", async () => {
  const label = (x: readonly number[]): number => Math.min(3, Math.max(0, Math.floor(x[0]! + x[1]! + 2)))
  const who: Member[] = []
  for (const [i, rows] of [130, 40].entries())
    who.push({ id: `d-${i}`, data: await writeSamples(folder, `d-${i}`, i, 64, rows, label), packetBytes: 512 })
  const sizes = { PARTS: "fm_parts_small", MEMORY_FLOATS: memoryFloats(), PACKET_BYTES: 512, MOST_ROWS: 128 }
  const small = buildDevice("an385", who[0]!.data, sizes, { bytes: 24 * 1024, stackBytes: STACK_BYTES })
  try {
    const plan = parsePlan({
      fleet: "motes",
      seed: 3,
      rounds: 2,
      cohort: 2,
      selection: { overSelect: 1, minimumToStart: 2, timeoutSeconds: 60, settleSeconds: 0 },
      model: { features: 64, labels: ["0", "1", "2", "3"], hidden: [32] },
      train: { epochs: 1, batch: 8, learningRate: 0.1 },
      codecs: ["int8"],
    })
    const expected = await run(plan, who)
    const start: Member["start"] = (fleet, broker) =>
      startBoard("an385", small.path("device.elf"), fleet, "d-0", broker)
    const outcome = await run(plan, [{ ...who[0]!, start }, who[1]!])
    expect(outcome.updates).toEqual(expected.updates)
    expect(outcome.digests).toEqual([expected.digest])
    expect(Number(/^stack=(\d+)$/m.exec(outcome.logs[0]!)?.[1])).toBeLessThan(STACK_BYTES)
  } finally {
    small.remove()
  }
})
