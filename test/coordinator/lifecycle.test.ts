import { expect, test } from "vitest"
import { decode, encode } from "../../src/wire/codec.ts"
import type { Task } from "../../src/wire/message.ts"
import { FakeDevice, quiet, TOPICS, world } from "./world.ts"

test("the deadline commits with those who reported, after the word to finish", async () => {
  const { start, device, clock } = world()
  const { outcome } = await start({ cohort: 3 })
  const [a, b] = [await device("a"), await device("b"), await device("c")]
  await a!.update([1, 0, 0])
  await b!.update([3, 0, 0])
  await clock.advance(89_999)
  expect(a!.notice.phase).toBe("working")
  await clock.advance(1)
  expect(a!.notice).toMatchObject({ phase: "finishing", secondsLeft: 10 })
  await clock.advance(10_000)
  const { parameters, report } = await outcome
  expect([...parameters]).toEqual([2, 0, 0])
  expect(report.rounds[0]).toMatchObject({ folded: 2, seconds: 100 })
})

test("a round with too few updates is abandoned and tried again under a higher epoch", async () => {
  const { start, device, clock, warnings } = world()
  const { outcome } = await start({ cohort: 2, report: { timeoutSeconds: 100, finishSeconds: 10, minimumToCommit: 2 } })
  const [a, b] = [await device("a"), await device("b")]
  await a.update([1, 0, 0])
  await clock.advance(100_000)
  expect(warnings).toContain('round abandoned {"round":0,"folded":1,"needed":2}')
  expect(a.tasks.map(({ action, round, epoch }) => [action, round, epoch])).toEqual([
    ["join", 0, 65536],
    ["join", 0, 65537],
  ])
  await b.update([1, 0, 0], { epoch: 65536 })
  expect(b.receipts.at(-1)).toMatchObject({ status: "late", round: 0, epoch: 65537 })
  await a.update([2, 0, 0])
  await b.update([4, 0, 0])
  expect([...(await outcome).parameters]).toEqual([3, 0, 0])
})

test("a device that comes back in the middle of its round is asked again", async () => {
  const { start, device } = world()
  await start()
  const [a] = [await device("a"), await device("b")]
  expect(a!.tasks).toHaveLength(1)
  await a!.ready(true)
  await quiet()
  expect(a!.tasks.map(({ action, round }) => [action, round])).toEqual([
    ["join", 0],
    ["join", 0],
  ])
  await a!.update([1, 0, 0])
  await a!.ready(true)
  await quiet()
  expect(a!.tasks).toHaveLength(2)
})

test("a Ready is withdrawn by not being willing, by the last will and by another session", async () => {
  const { start, device, clock } = world()
  const seen: number[] = []
  await start({ cohort: 9 }, { onState: ({ ready }) => seen.push(ready.size) })
  const a = await device("a")
  const b = await device("b")
  const c = await device("c")
  expect(seen.at(-1)).toBe(3)
  await a.ready(false)
  await b.link.publish(TOPICS.gone("b"), encode({ type: "gone", session: 8 }))
  await quiet()
  expect(seen.at(-1)).toBe(2)
  await b.link.publish(TOPICS.gone("b"), encode({ type: "gone", session: 7 }))
  await c.ready(true, 10, 9)
  await quiet()
  expect(seen.at(-1)).toBe(0)
  // Nobody is left to begin with.
  await clock.advance(60_000)
  expect([...a.tasks, ...b.tasks]).toEqual([])
  // Of the other session no Hello has come: it may have been lost.
  expect(c.tasks).toMatchObject([{ action: "wait" }])
})

test("whoever is not selected is told when to come back, and who is unknown or left out by its tags too", async () => {
  const { start, device, network } = world()
  const tags = { gateway: ["gw-*"] }
  await start({ cohort: 1, tags, selection: { overSelect: 1, settleSeconds: 0, tags: ["gateway"] } })
  const asked = await device("gw-1")
  const other = await device("gw-2")
  expect(asked.tasks.map(({ action }) => action)).toEqual(["join"])
  expect(other.tasks).toMatchObject([{ action: "wait", round: 0, epoch: 65536 }])
  // In the second half of a round of 100 seconds.
  expect(other.tasks[0]!.retrySeconds).toBeGreaterThanOrEqual(50)
  expect(other.tasks[0]!.retrySeconds).toBeLessThanOrEqual(100)
  const mote = await device("mote-1")
  expect(mote.tasks.map(({ action }) => action)).toEqual(["wait"])
  expect(mote.tasks[0]!.retrySeconds).toBeGreaterThanOrEqual(1800)

  const stranger = new FakeDevice("gw-3", await network.connect({ clientId: "gw-3" }))
  await stranger.link.subscribe(TOPICS.task("gw-3"), (_, payload) => {
    stranger.tasks.push(decode(new Uint8Array(payload)) as Task)
  })
  await stranger.ready(true)
  await quiet()
  expect(stranger.tasks).toMatchObject([{ action: "wait" }])
  expect(stranger.tasks[0]!.retrySeconds).toBeLessThanOrEqual(6)
})

test("of a device that withdraws in mid-round nothing is folded, not even what is complete later", async () => {
  const { start, device } = world()
  const { outcome } = await start({ cohort: 3 })
  const [a, b, c] = [await device("a"), await device("b"), await device("c")]
  const [first, second] = c.chunks([9, 9, 9], {}, 74)
  await c.sendChunk(first!)
  await c.ready(false)
  await quiet()
  await c.sendChunk(second!)
  await c.update([8, 8, 8])
  await a.update([1, 1, 1])
  await b.update([1, 1, 1])
  const { parameters } = await outcome
  expect([...parameters]).toEqual([1, 1, 1])
  expect(c.statuses).not.toContain("folded")
  expect(c.receipts[0]).toMatchObject({ status: "refused", reason: "not invited to this round" })
})

test("a device that clears its Hello is forgotten, and is in no round any more", async () => {
  const { start, device } = world()
  const seen: { ready: number; cohort: number }[] = []
  const { outcome } = await start(
    {},
    { onState: ({ ready, cohort }) => seen.push({ ready: ready.size, cohort: cohort.size }) },
  )
  const [a, b] = [await device("a"), await device("b")]
  expect(seen.at(-1)).toEqual({ ready: 2, cohort: 2 })
  await b.link.publish(TOPICS.hello("b"), new Uint8Array(0), { retain: true })
  await quiet()
  expect(seen.at(-1)).toEqual({ ready: 1, cohort: 1 })
  // A Ready alone does not bring it back.
  await b.ready(true)
  await quiet()
  expect(seen.at(-1)!.ready).toBe(1)
  await a.update([1, 1, 1])
  expect((await outcome).report.rounds[0]!.folded).toBe(1)
})

test("devices without the tags that the plan selects are left out, and need no chunks of their own", async () => {
  const { start, device, notice } = world()
  const tags = { gateway: ["gw-*"] }
  const { outcome } = await start({ tags, selection: { overSelect: 1, settleSeconds: 0, tags: ["gateway"] } })
  const other = await device("mote-1", { maxPacket: 512 })
  const members = [await device("gw-1"), await device("gw-2")]
  for (const each of members) await each.update([1, 1, 1])
  expect((await outcome).report.rounds[0]!.folded).toBe(2)
  expect(other.tasks.filter(({ action }) => action !== "wait")).toEqual([])
  expect((await notice()).chunkClasses).toEqual([65536])
})

test("a coordinator that dies leaves the word offline, and the next one a higher epoch", async () => {
  const { start, notice, links } = world()
  const first = await start()
  expect(await notice()).toMatchObject({ phase: "selecting", epoch: 65536 })
  await links[1]!.close({ abrupt: true })
  await quiet()
  expect(await notice()).toMatchObject({ phase: "offline", epoch: 65536, session: first.coordinator.session })
  const second = await start()
  expect(await notice()).toMatchObject({ phase: "selecting", epoch: 131072, session: second.coordinator.session })
})

test("one that is stopped leaves as offline and says why run ended", async () => {
  const { start, notice } = world()
  const stop = new AbortController()
  const { outcome } = await start({}, { signal: stop.signal })
  stop.abort(new Error("enough"))
  await expect(outcome).rejects.toThrow("enough")
  expect((await notice()).phase).toBe("offline")

  const other = await start()
  await other.coordinator.close()
  await expect(other.outcome).rejects.toMatchObject({ code: "closed" })
  expect(await notice()).toMatchObject({ phase: "offline", epoch: 131072 })
})

test("of two coordinators the newer has the fleet", async () => {
  const { start, notice } = world()
  const first = await start()
  const second = await start()
  await expect(first.outcome).rejects.toMatchObject({ code: "superseded" })
  await quiet()
  expect(await notice()).toMatchObject({ phase: "selecting", session: second.coordinator.session })
})

test("the last two versions of the model stay with the broker, and nothing of an earlier coordinator", async () => {
  const { start, device, retained, links } = world()
  const { outcome } = await start({ rounds: 4, cohort: 1 })
  const a = (await device("a")).serve([1, 0, 0])
  await a.ready(true)
  await outcome
  const versions = async (): Promise<string[]> => [...(await retained(TOPICS.filters.models)).keys()].sort()
  const topic = (version: number): string => TOPICS.model(version, undefined, 65536, 0)
  expect(await versions()).toEqual([topic(3), topic(4)])
  await links[1]!.close({ abrupt: true })
  a.onJoin = () => {}
  await start()
  expect(await versions()).toEqual([topic(0)])
})

test("a device of small packets gets the model in chunks that fit it", async () => {
  const { start, device, notice, retained } = world()
  const plan = { model: { features: 500, labels: [], hidden: "none", standardize: false } } as const
  await start(plan, { init: new Float32Array(501) })
  expect((await notice()).chunkClasses).toEqual([65536])
  await device("a", { features: 500, maxPacket: 512 })
  expect((await notice()).chunkClasses).toEqual([256, 65536])
  const chunks = [...(await retained(TOPICS.filters.models)).keys()].filter((topic) => topic.includes("/full/256/"))
  expect(chunks).toHaveLength(Math.ceil((4 * 501) / 256))
})

test("after the broker was restarted the model and the Notice are there again, and the round goes on", async () => {
  const { start, device, network, notice, retained } = world()
  const { outcome } = await start()
  const [a, b] = [await device("a"), await device("b")]
  await a.update([1, 0, 0])
  network.stop()
  await quiet()
  network.start()
  await quiet()
  expect(await notice()).toMatchObject({ phase: "working", round: 0, epoch: 65536 })
  expect((await retained(TOPICS.filters.models)).size).toBe(1)
  // Only who has not reported is asked again.
  expect([a.tasks.length, b.tasks.length]).toEqual([1, 2])
  await b.update([3, 0, 0])
  expect([...(await outcome).parameters]).toEqual([2, 0, 0])
})

test("the Notice is refreshed while the coordinator lives, with the seconds that are left", async () => {
  const { start, device, clock } = world()
  await start()
  const [a] = [await device("a"), await device("b")]
  const before = a!.notices.length
  await clock.advance(30_000)
  expect(a!.notices.length).toBe(before + 1)
  expect(a!.notice).toMatchObject({ phase: "working", secondsLeft: 70 })
})

test("the Notice says what is learned and how", async () => {
  const { start, device } = world()
  const { coordinator } = await start()
  const a = await device("a")
  expect(a.notice).toMatchObject({
    session: coordinator.session,
    kind: "train",
    phase: "selecting",
    codecs: [0],
    // ceil(log2(2 x 65536 x 16)) - 52
    grid: 21 - 52,
    weightCap: 65536,
    training: { inputs: 2, loss: "squared", standardized: false, layers: [{ kind: "dense", units: 1 }] },
  })
})

test("after the end it stays as long as it was told, and answers who is late", async () => {
  const { start, device, clock } = world()
  let ended = false
  const { outcome } = await start({ cohort: 2 }, { lingerMs: 5000 })
  const done = outcome.then(() => (ended = true))
  const [a, b] = [await device("a"), await device("b")]
  await a.update([1, 0, 0])
  const late = b.chunks([1, 0, 0], {}, 65536)
  await b.update([1, 0, 0])
  expect(a.notice.phase).toBe("released")
  await clock.advance(4999)
  await b.sendChunk(late[0]!)
  expect([ended, b.statuses]).toEqual([false, ["folded", "late"]])
  await clock.advance(1)
  await done
})
