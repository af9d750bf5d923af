import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { mqttNetwork, openClient, parsePlan, startBroker } from "../../src/index.ts"
import type { Plan } from "../../src/index.ts"
import { federate } from "./federation.ts"
import type { Member, Outcome } from "./federation.ts"
import type { BoardBuild } from "./qemu.ts"
import { buildDevice, startBoard } from "./qemu.ts"

const ROUNDS = 5

/** Three motes of the built-in data; a model of several packets. */
const PLAN: Plan = parsePlan({
  fleet: "motes",
  seed: 7,
  rounds: ROUNDS,
  cohort: 3,
  selection: { overSelect: 1, minimumToStart: 3, timeoutSeconds: 60, settleSeconds: 0 },
  model: { features: 8, labels: ["0", "1"], hidden: [32], positiveWeight: 20 },
  train: { epochs: 1, batch: 16, learningRate: 0.05, momentum: 0.9 },
  codecs: ["int8"],
})

let folder: string
let built: BoardBuild
const members: Member[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-board-"))
  for (const mote of [1, 2, 3]) members.push({ id: `mote-${mote}`, data: await shard(mote), packetBytes: 512 })
  built = buildDevice("an385", members[0]!.data, { MEMORY_FLOATS: 2048, MOST_ROWS: 1024, KEEP_ALIVE_SECONDS: 4 })
})
afterAll(async () => {
  built?.remove()
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

async function run(who: readonly Member[]): Promise<Outcome> {
  const broker = await startBroker()
  try {
    return await federate(PLAN, who, mqttNetwork(broker.url), broker.url)
  } finally {
    await broker.close()
  }
}

test("a Cortex-M3 trains on its shard: every byte is that of Node's device", async () => {
  const start: Member["start"] = (fleet, broker) =>
    startBoard("an385", built.path("device.elf"), fleet, "mote-1", broker)
  const node = await run(members)
  const mixed = await run([{ ...members[0]!, start }, ...members.slice(1)])
  expect(mixed.rounds.map(({ folded }) => folded)).toEqual(Array.from({ length: ROUNDS }, () => 3))
  expect(mixed.updates).toEqual(node.updates)
  expect(mixed.updates.get("mote-1")!.length).toBeGreaterThan(ROUNDS)
  expect(mixed.digest).toBe(node.digest)
  expect(mixed.digests).toEqual([node.digest])
})
