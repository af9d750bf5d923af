import { createHash } from "node:crypto"
import { describe, expect, test } from "vitest"
import { CODECS } from "../../src/core/codec.ts"
import { featureMoments } from "../../src/core/moments.ts"
import type { PlanInput } from "../../src/core/plan.ts"
import { decode as decodePayload } from "../../src/kernel/codec-decode.ts"
import { downlinkKey } from "../../src/kernel/downlink.ts"
import { decode } from "../../src/wire/codec.ts"
import type { ModelChunk, Notice } from "../../src/wire/message.ts"
import { parseTopic } from "../../src/wire/topics.ts"
import { FakeDevice, TOPICS, quiet, world } from "./world.ts"
import type { World } from "./world.ts"

const SIZE = 101
const options = { init: new Float32Array(SIZE) }

/** 101 parameters: 404 bytes whole, 105 as a delta of int8-nearest (a byte each, and two scales of 2). */
function planOf(history: number, rounds: number, plan: PlanInput = {}): PlanInput {
  return {
    model: { features: SIZE - 1, labels: [], hidden: "none", standardize: false },
    downlink: { codec: "int8-nearest", history },
    rounds,
    cohort: 1,
    ...plan,
  }
}

/** What a round moves each parameter by: not what one scale holds exactly. */
const MOVE = Array.from({ length: SIZE }, (_, i) => Math.fround(Math.sin(i) * (i < 64 ? 0.1 : 3)))

/** A device that answers every training round with the same update; `asked`: the Notices that it was asked to join under. */
async function mover(
  { network }: World,
  id = "a",
  facts: Parameters<World["device"]>[1] = {},
): Promise<{ readonly device: FakeDevice; readonly asked: Notice[] }> {
  const device = new FakeDevice(id, await network.connect({ clientId: id }))
  const asked: Notice[] = []
  device.onJoin = async (notice) => {
    asked.push(notice)
    if (notice.kind === "train") return device.update(MOVE)
    const x = new Float32Array(SIZE - 1).fill(1)
    const moments = featureMoments({ rows: 1, features: SIZE - 1, x, y: new Float32Array(1) })
    return device.update(moments, { steps: 0, samples: 1, metrics: new Float32Array(0) })
  }
  await device.enter({ features: SIZE - 1, ...facts })
  return { device, asked }
}

/** Everything that was ever published of models, in order. */
async function record({ network }: World): Promise<Map<string, Uint8Array[]>> {
  const link = await network.connect({ clientId: "recorder" })
  const seen = new Map<string, Uint8Array[]>()
  await link.subscribe(TOPICS.filters.models, (topic, payload) => {
    const all = seen.get(topic) ?? []
    all.push(new Uint8Array(payload))
    seen.set(topic, all)
  })
  return seen
}

const payloadOf = (bytes: Uint8Array): Uint8Array => (decode(bytes) as ModelChunk).payload.slice()
const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer)
/** Topics of models without what all have in common, such as "5/from-4/65536/0". */
const short = (topics: Iterable<string>): string[] =>
  [...topics].map((topic) => topic.replace(/^.*\/model\//, "")).sort()

async function kept(the: World): Promise<string[]> {
  return short((await the.retained(TOPICS.filters.models)).keys())
}

describe("what is with the broker", () => {
  test("is the last two versions whole, and the last deltas, as many as the plan says", async () => {
    const the = world()
    const { outcome } = await the.start(planOf(2, 5), options)
    const { asked } = await mover(the)
    await outcome
    expect(await kept(the)).toEqual(["4/from-3/65536/0", "4/full/65536/0", "5/from-4/65536/0", "5/full/65536/0"])
    expect(asked.map(({ version, deltas }) => [version, deltas])).toEqual([
      [0, undefined],
      [1, { base: 0, codec: CODECS["int8-nearest"].id }],
      [2, { base: 0, codec: 2 }],
      [3, { base: 1, codec: 2 }],
      [4, { base: 2, codec: 2 }],
    ])
    expect((await the.notice()).deltas).toEqual({ base: 3, codec: 2 })
  })

  test("each version is the one before and its delta, bit for bit, and the last has the result's digest", async () => {
    const the = world()
    const seen = await record(the)
    const { outcome } = await the.start(planOf(4, 4), options)
    const { asked } = await mover(the)
    const { digest, parameters } = await outcome
    const whole = (version: number): Float32Array =>
      floats(payloadOf(seen.get(TOPICS.model(version, undefined, 65536, 0))![0]!))
    const { seed } = asked[0]!
    for (let version = 1; version <= 4; version++) {
      const payload = payloadOf(seen.get(TOPICS.model(version, version - 1, 65536, 0))![0]!)
      expect(payload.length).toBe(105)
      const change = decodePayload("int8-nearest", payload, SIZE, downlinkKey(seed, version))
      expect(whole(version)).toEqual(whole(version - 1).map((value, i) => value + change[i]!))
    }
    expect(whole(4)).toEqual(parameters)
    expect(digest).toBe(
      createHash("sha256")
        .update(Buffer.from(whole(4).buffer))
        .digest("hex"),
    )
    // The exact model is kept beside: what four deltas lose is what one would.
    for (const [i, value] of parameters.entries()) expect(value).toBeCloseTo(4 * MOVE[i]!, i < 64 ? 2 : 1)
  })

  test.each([
    ["three deltas of 105 bytes, not four, where the model has 404", planOf(9, 6), 3],
    ["none where one is no shorter than the model", { rounds: 3, cohort: 1, downlink: { codec: "eden4" } }, 0],
  ] as const)("is only what saves bytes: %s", async (_, plan, deltas) => {
    const the = world()
    const size = plan.rounds === 3 ? 3 : SIZE
    const { outcome } = await the.start(plan, { init: new Float32Array(size) })
    const a = new FakeDevice("a", await the.network.connect({ clientId: "a" })).serve(MOVE.slice(0, size))
    await a.enter({ features: size - 1 })
    await outcome
    expect((await kept(the)).filter((topic) => topic.includes("from-"))).toHaveLength(deltas)
    const { version, deltas: said } = await the.notice()
    expect(said).toEqual(deltas === 0 ? undefined : { base: version - deltas, codec: 2 })
  })

  test("no delta leads over the statistics, which change what comes before the parameters", async () => {
    const the = world()
    const standardized = { features: SIZE - 1, labels: [], hidden: "none" } as const
    const { outcome } = await the.start(planOf(4, 2, { model: standardized }), options)
    const { asked } = await mover(the)
    await outcome
    expect(asked.map(({ kind, version, deltas }) => [kind, version, deltas?.base])).toEqual([
      ["statistics", 0, undefined],
      ["train", 1, undefined],
      ["train", 2, 1],
    ])
    expect(await kept(the)).toEqual(["2/from-1/65536/0", "2/full/65536/0", "3/from-2/65536/0", "3/full/65536/0"])
  })

  test("a device of small packets gets deltas in chunks that fit it", async () => {
    const the = world()
    const { outcome } = await the.start(planOf(1, 2), options)
    const { asked } = await mover(the, "a", { maxPacket: 256 })
    await outcome
    const [small] = asked.at(-1)!.chunkClasses
    expect(small).toBeLessThan(105)
    const chunks = (await kept(the)).filter((topic) => topic.startsWith(`2/from-1/${small}/`))
    expect(chunks).toHaveLength(Math.ceil(105 / small!))
    const seen = await the.retained(TOPICS.filters.models)
    for (const [topic, message] of seen) {
      const { version, base, index, payload } = message as ModelChunk
      expect(parseTopic(topic)).toMatchObject(
        base === undefined ? { version, chunk: index } : { version, base, chunk: index },
      )
      expect(payload.length).toBeGreaterThan(0)
    }
  })

  test("is all there again after the broker has lost it", async () => {
    const the = world()
    const { outcome } = await the.start(planOf(2, 5), options)
    const a = new FakeDevice("a", await the.network.connect({ clientId: "a" })).serve(MOVE)
    const answer = a.onJoin
    const asked = Promise.withResolvers<void>()
    a.onJoin = (notice) => (notice.version === 3 ? asked.resolve() : answer(notice))
    await a.enter({ features: SIZE - 1 })
    await asked.promise
    const before = await kept(the)
    expect(before).toEqual(["2/from-1/65536/0", "2/full/65536/0", "3/from-2/65536/0", "3/full/65536/0"])
    the.network.stop()
    await quiet()
    the.network.start()
    await quiet()
    expect(await kept(the)).toEqual(before.filter((topic) => topic !== "2/full/65536/0"))
    expect((await the.notice()).deltas).toEqual({ base: 1, codec: 2 })
    await a.update(MOVE)
    expect((await outcome).report.rounds).toHaveLength(5)
  })

  test("deltas of an earlier coordinator are cleared", async () => {
    const the = world()
    const { outcome } = await the.start(planOf(3, 3), options)
    const { device } = await mover(the)
    await outcome
    expect((await kept(the)).filter((topic) => topic.includes("from-"))).toHaveLength(3)
    await the.links[1]!.close({ abrupt: true })
    device.onJoin = () => {}
    await the.start(planOf(3, 3), options)
    expect(await kept(the)).toEqual(["0/full/65536/0"])
    expect((await the.notice()).deltas).toBeUndefined()
  })
})

test("bytes of a round: the delta's message for who holds the version before, the whole model's for others", async () => {
  const the = world()
  const seen = await record(the)
  const { outcome } = await the.start(planOf(2, 4, { cohort: 2 }), options)
  await mover(the)
  await mover(the, "b")
  const { report } = await outcome
  const length = (version: number, base?: number): number => seen.get(TOPICS.model(version, base, 65536, 0))![0]!.length
  expect(report.rounds.map(({ downlinkBytes }) => downlinkBytes)).toEqual([
    2 * length(0),
    2 * length(1, 0),
    2 * length(2, 1),
    2 * length(3, 2),
  ])
})

test("what was received for a round that was abandoned counts for the one that came of it", async () => {
  const the = world()
  const seen = await record(the)
  const report = { timeoutSeconds: 100, finishSeconds: 10, minimumToCommit: 2 }
  const { outcome } = await the.start(planOf(2, 1, { cohort: 2, report }), options)
  const { asked } = await mover(the)
  const b = new FakeDevice("b", await the.network.connect({ clientId: "b" }))
  await b.enter({ features: SIZE - 1 })
  b.serve(MOVE)
  await the.clock.advance(100_000)
  const { rounds } = (await outcome).report
  expect(asked.map(({ epoch }) => epoch)).toEqual([65536, 65537])
  expect(rounds[0]!.downlinkBytes).toBe(2 * seen.get(TOPICS.model(0, undefined, 65536, 0))![0]!.length)
})
