import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { mqttNetwork, parsePlan, startBroker } from "../../src/index.ts"
import type { PlanInput } from "../../src/index.ts"
import type { Build } from "./build.ts"
import { build } from "./build.ts"
import { federate, writeSamples } from "./federation.ts"
import type { Member, Outcome } from "./federation.ts"

const COMMON = {
  fleet: "motes",
  seed: 11,
  cohort: 3,
  selection: { overSelect: 1, minimumToStart: 3, timeoutSeconds: 30, settleSeconds: 0 },
} satisfies PlanInput

const sign = (x: readonly number[]): number => (x[0]! + x[1]! > 0.3 ? 1 : 0)

/** Rows and packets differ from device to device. */
const CASES: readonly {
  readonly what: string
  readonly features: number
  readonly label: (x: readonly number[]) => number
  readonly plan: PlanInput
}[] = [
  {
    what: "64-32-4, softmax, int8: a model seventeen times larger than a packet",
    features: 64,
    label: (x) => Math.min(3, Math.max(0, Math.floor(x[0]! + x[1]! + 2))),
    plan: {
      rounds: 5,
      model: { features: 64, labels: ["0", "1", "2", "3"], hidden: [32] },
      train: { epochs: 2, batch: 8, learningRate: 0.1 },
      codecs: ["int8"],
    },
  },
  {
    what: "binary, eden1, and deltas on the way down",
    features: 12,
    label: sign,
    plan: {
      rounds: 4,
      model: { features: 12, labels: ["0", "1"], hidden: [40, 16], positiveWeight: 2 },
      train: { epochs: 1, batch: 5, learningRate: 0.05, momentum: 0.9, l2: 0.001 },
      codecs: ["eden1", "int8"],
      downlink: { codec: "eden4" },
    },
  },
  {
    what: "regression, f32, with a proximal term and int8 deltas on the way down",
    features: 5,
    label: (x) => Number((x[0]! - 0.5 * x[1]! + 0.25).toFixed(4)),
    plan: {
      rounds: 3,
      model: { features: 5, hidden: [24] },
      train: { epochs: 3, batch: 7, learningRate: 0.02, proximal: 0.1 },
      codecs: ["f32"],
      downlink: { codec: "int8-nearest" },
    },
  },
]

let built: Build
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-live-"))
  built = build("gcc", ["all"], true)
})
afterAll(async () => {
  built?.remove()
  await rm(folder, { recursive: true, force: true })
})

describe("C devices in a federation over the embedded broker", () => {
  test.each(CASES)("$what: every byte is that of Node's devices", async ({ features, label, plan }) => {
    const members: Member[] = []
    for (const [i, packetBytes] of [512, 300, 2048].entries()) {
      const data = await writeSamples(folder, `d-${i}`, i + 1, features, 40 + 9 * i, label)
      members.push({ id: `d-${i}`, data, packetBytes })
    }
    const run = async (programs: number): Promise<Outcome> => {
      const broker = await startBroker()
      try {
        const who = members.map((member, i) =>
          i < programs ? { ...member, program: built.path("fedmote-c-device") } : member,
        )
        return await federate(parsePlan({ ...COMMON, ...plan }), who, mqttNetwork(broker.url), broker.url)
      } finally {
        await broker.close()
      }
    }
    const node = await run(0)
    const mixed = await run(2)
    expect(mixed.rounds.map(({ folded }) => folded)).toEqual(node.rounds.map(({ folded }) => folded))
    expect(mixed.updates).toEqual(node.updates)
    expect(mixed.updates.get("d-0")!.length).toBeGreaterThan(plan.rounds!)
    expect(mixed.digest).toBe(node.digest)
    expect(mixed.digests).toEqual([node.digest, node.digest])
    for (const log of mixed.logs) expect(/^changed /m.test(log)).toBe(plan.downlink !== undefined)
  })
})
