import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import type { ModelChunk } from "../../src/wire/message.ts"
import { quiet, TOPICS, world } from "./world.ts"
import type { FakeDevice } from "./world.ts"

test("a whole program: statistics, two training rounds, evaluations, release", async () => {
  const { start, device, retained, notice } = world()
  const rounds: number[] = []
  const { coordinator, outcome } = await start(
    { rounds: 2, evaluate: { every: 1 }, model: { features: 2, labels: [], hidden: "none" } },
    { recordCohorts: true, clients: 2, onRound: ({ round }) => rounds.push(round) },
  )
  const a = (await device("a")).serve([1, 0, 0], [1, 5], 10)
  const b = await device("b")
  b.serve([0, 2, 0], [3, 5], 30)
  await quiet()
  // The round began when b came in, before it had its script.
  await b.ready(true)
  const { report, digest, parameters, standardizer, stopped } = await outcome

  // Weighted means: 10/40 of 1 and 30/40 of 2, twice.
  expect([...parameters]).toEqual([0.5, 3, 0])
  expect(digest).toBe(
    createHash("sha256")
      .update(Buffer.from(Float32Array.of(0.5, 3, 0).buffer))
      .digest("hex"),
  )
  // x = (1, 5) and (3, 5).
  expect([...standardizer!.mean, ...standardizer!.inverse]).toEqual([2, 5, 1, 1])
  expect(stopped).toBeUndefined()
  expect(report.final.metrics).toEqual({ rmse: 2, mae: 2, loss: 2 })
  expect(report.rounds).toHaveLength(2)
  expect(report.rounds[1]).toMatchObject({
    round: 2,
    folded: 2,
    samples: 40,
    trainLoss: 0.25,
    testLoss: 2,
    cohort: [
      { device: "a", steps: 1, samples: 10 },
      { device: "b", steps: 1, samples: 30 },
    ],
  })
  await quiet()
  expect(report.statistics).toEqual({ cohort: [{ device: "a" }, { device: "b" }] })
  expect(rounds).toEqual([1, 2])
  expect(a.statuses).toEqual(Array(5).fill("folded"))
  // Every Notice after the first commit names the last one.
  expect(a.notice.committed).toEqual({ round: 4, epoch: 65536 })

  // What is left outlives the coordinator: the Notice, and the model that it names.
  await coordinator.close()
  const last = await notice()
  expect([last.phase, last.kind, last.version]).toEqual(["released", "released", 3])
  const chunk = (await retained(TOPICS.model(3, undefined, 65536, 0))).values().next().value as ModelChunk
  expect([...new Float32Array(chunk.payload.slice().buffer)]).toEqual([2, 5, 1, 1, 0.5, 3, 0])
  expect(last.digest).toEqual(new Uint8Array(createHash("sha256").update(chunk.payload).digest()))
  expect(last.sizeBytes).toBe(28)
})

test("bytes of a round: the messages of the folded updates up, the model's chunk for each device down", async () => {
  const { start, device } = world()
  const { outcome } = await start()
  const sent: number[] = []
  const received: number[] = []
  const devices: FakeDevice[] = []
  for (const id of ["a", "b"]) {
    const each = await device(id)
    const { link } = each
    await link.subscribe(TOPICS.model(0, undefined, 65536, 0), (_topic, payload) => void received.push(payload.length))
    await link.subscribe(TOPICS.update(id, 1), (_topic, payload) => void sent.push(payload.length))
    devices.push(each)
  }
  for (const each of devices) await each.update([1, 1, 1])
  const { report } = await outcome
  const sum = (list: number[]): number => list.reduce((x, y) => x + y, 0)
  expect(sent).toHaveLength(2)
  expect(report.rounds[0]).toMatchObject({ uplinkBytes: sum(sent), downlinkBytes: sum(received) })
})

test("duplicates are told so, and counted once", async () => {
  const { start, device } = world()
  const { outcome } = await start({ cohort: 2 })
  const [a, b] = [await device("a"), await device("b")]
  await a.update([1, 0, 0])
  await a.update([1, 0, 0])
  await a.update([9, 9, 9])
  await b.update([0, 1, 0])
  const { parameters } = await outcome
  expect(a.statuses).toEqual(["folded", "duplicate", "duplicate"])
  expect([...parameters]).toEqual([0.5, 0.5, 0])
})

test("late updates are answered with the current round and epoch", async () => {
  const { start, device } = world()
  await start({ rounds: 2 })
  const [a, b] = [await device("a"), await device("b")]
  await a.update([1, 0, 0], { round: 5 })
  await a.update([1, 0, 0], { epoch: 65535 })
  await a.update([1, 0, 0])
  await b.update([1, 0, 0])
  await b.update([1, 0, 0], { round: 0 })
  expect(a.statuses).toEqual(["late", "late", "folded"])
  expect(b.receipts.at(-1)).toMatchObject({ status: "late", round: 1, epoch: 65536 })
  expect(a.receipts[0]).toMatchObject({ round: 0, epoch: 65536 })
})

test("an update is refused whose largest change, or whose norm, is above what the plan allows", async () => {
  const { start, device, warnings } = world()
  const { outcome } = await start({ cohort: 3, largestDelta: 4, updateNorm: 5, report: { minimumToCommit: 1 } })
  const [a, b, c] = [await device("a"), await device("b"), await device("c")]
  // One sample counts little: that does not make it right.
  await a.update([0, 4.5, 0], { samples: 1 })
  await b.update([4, 4, 0])
  await c.update([3, 4, 0])
  expect(a.receipts[0]).toMatchObject({ status: "refused" })
  expect(b.receipts[0]).toMatchObject({
    status: "refused",
    reason: "expected an update of L2 norm 5 at most, got a larger one",
  })
  expect([...(await outcome).parameters]).toEqual([3, 4, 0])
  expect(warnings.filter((line) => line.startsWith("update refused"))).toHaveLength(2)
})

test("what single devices have and do is logged only where the plan says so", async () => {
  for (const deviceMetrics of [false, true]) {
    const { start, device } = world()
    const lines: string[] = []
    const line = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
    const log = { info: line, warn: line, debug: line }
    const plan = { cohort: 3, privacy: { deviceMetrics }, model: { features: 2, labels: [], hidden: "none" as const } }
    const { outcome } = await start({ ...plan, evaluate: { every: 1 } }, { log, clients: 3 })
    const samples = { samples: 2222 }
    const [a, b, c] = [await device("a", samples), await device("b", samples), await device("c", samples)]
    a.serve([1, 0, 0], [1, 5], 4711)
    b.serve([0, 2, 0], [3, 5], 1234)
    c.onJoin = async ({ kind }) => {
      // What is wrong with it is no reason to tell what it has.
      const facts = { samples: 3571, steps: kind === "train" ? 9999 : 0, metrics: new Float32Array(0) }
      await c.update([8642, 1, 1], facts)
    }
    for (const each of [a, b, c]) await each.ready(true, 2222)
    await quiet()
    await outcome.catch(() => undefined)
    const all = lines.join("\n")
    expect(all).toContain("update folded")
    expect(all).toContain("update refused")
    for (const number of ["2222", "4711", "1234"]) expect(all.includes(number), number).toBe(deviceMetrics)
    for (const number of ["3571", "9999", "8642"]) expect(all, number).not.toContain(number)
  }
})

test("uninvited devices are refused, malformed messages are dropped with one warning a device", async () => {
  const { start, device, warnings } = world()
  const { outcome } = await start()
  const [a, b, c] = [await device("a"), await device("b"), await device("c")]
  await c.update([50, 50, 50])
  expect(c.receipts[0]).toMatchObject({ status: "refused", reason: "not invited to this round" })
  for (const bytes of [[], [0xff], [0xa1, 0x00, 0x01], [0xbf, 0xff]]) await c.sendBytes(Uint8Array.from(bytes))
  await c.link.publish(TOPICS.hello("c"), Uint8Array.of(1, 2, 3))
  await quiet()
  expect(warnings.filter((line) => line.startsWith('malformed message {"device":"c"'))).toHaveLength(1)
  await a.update([1, 0, 0])
  await b.update([1, 0, 0])
  expect([...(await outcome).parameters]).toEqual([1, 0, 0])
})

test("an update in many chunks, in any order and with repetitions, is one update", async () => {
  const { start, device } = world()
  const { outcome } = await start(
    { model: { features: 100, labels: [], hidden: "none", standardize: false } },
    { init: new Float32Array(101) },
  )
  const a = await device("a", { features: 100 })
  const b = await device("b", { features: 100 })
  const values = Array.from({ length: 101 }, (_, i) => i / 8)
  const chunks = a.chunks(values, {}, 256)
  expect(chunks.length).toBeGreaterThan(2)
  for (const chunk of [...chunks.toReversed().slice(0, -1), chunks[1]!, chunks[0]!]) await a.sendChunk(chunk)
  await b.update(values)
  expect([...(await outcome).parameters]).toEqual(values)
  expect(a.statuses).toEqual(["folded"])
})

test.each([
  ["a value beyond the bound", { values: [1e6, 0, 0] }, /.+/],
  ["a value that is not finite", { values: [NaN, 0, 0] }, /.+/],
  ["a payload of another size", { values: [1, 2] }, /12/],
  [
    "another model version",
    { facts: { baseVersion: 4 } },
    /^expected an update of model version 0, got one of version 4$/,
  ],
  ["a codec that is not offered", { facts: { codec: 1 } }, /^expected one of the codecs f32, got int8$/],
  ["no samples", { facts: { samples: 0 } }, /samples/],
  ["more steps than samples", { facts: { samples: 2, steps: 3 } }, /steps/],
] as const)(
  "an update with %s is refused, and changes nothing",
  async (_what, { values, facts }: { values?: readonly number[]; facts?: object }, reason) => {
    const { start, device, warnings } = world()
    const { outcome } = await start()
    const [a, b] = [await device("a"), await device("b")]
    await a.update(values ?? [9, 9, 9], facts ?? {})
    expect(a.statuses).toEqual(["refused"])
    expect(a.receipts[0]!.reason).toMatch(reason)
    expect(warnings.filter((line) => line.startsWith("update refused"))).toHaveLength(1)
    await b.update([1, 2, 3])
    expect([...(await outcome).parameters]).toEqual([1, 2, 3])
  },
)

test("counts that no device can have counted are refused", async () => {
  const { start, device } = world()
  await start({ model: { features: 2, labels: [], hidden: "none" } })
  const [a, b] = [await device("a"), await device("b")]
  const moments = (change: (values: Float32Array) => void): Float32Array => {
    const values = new Float32Array(21).fill(0)
    values[0] = 1
    change(values)
    return values
  }
  const empty = { steps: 0, samples: 1, metrics: new Float32Array(0) }
  await a.update(
    moments((values) => (values[0] = 0)),
    empty,
  )
  expect(a.statuses).toEqual(["refused"])
  // A limb of a sum of squares.
  await b.update(
    moments((values) => (values[8] = -1)),
    empty,
  )
  expect(b.statuses).toEqual(["refused"])
})

test("a device whose samples or codecs do not fit is told to stop, with the reason", async () => {
  const { start, device } = world()
  await start(
    { model: { features: 66, labels: [], hidden: "none", standardize: false } },
    { init: new Float32Array(67) },
  )
  const a = await device("a", { features: 65 })
  const b = await device("b", { features: 66, codecs: [6] })
  expect(a.tasks).toMatchObject([{ action: "stop", reason: "expected 66 features, got 65" }, { action: "stop" }])
  expect(b.tasks[0]).toMatchObject({ action: "stop", reason: "expected one of the codecs f32, got none of them" })
})
