import { expect, test } from "vitest"
import { MemoryJournal } from "../../src/coordinator/journal/memory-journal.ts"
import type { RoundState } from "../../src/core/round.ts"
import { TOPICS, quiet, world } from "./world.ts"

test("a coordinator whose broker died says that it was away: what devices said meanwhile went nowhere", async () => {
  const { network, start, device } = world()
  await start({ cohort: 2, selection: { minimumToStart: 2 } })
  const a = await device("a")
  expect(a.notice).toMatchObject({ phase: "selecting" })
  const before = a.notices.length
  network.stop()
  network.start()
  await quiet()
  const phases = a.notices.slice(before).map(({ phase }) => phase)
  // A broker that dies sends no wills.
  expect(phases).toContain("offline")
  expect(phases.at(-1)).toBe("selecting")
})

test("after the broker was lost in the middle of a commit, only the new round's devices are asked to join it", async () => {
  const { network, start, device } = world()
  let stopped = false
  const onWrite = (write: string, when: "before" | "after"): void => {
    if (write !== "commit" || when !== "after" || stopped) return
    stopped = true
    network.stop()
  }
  let rounds: Readonly<RoundState> | undefined
  const { outcome } = await start(
    { cohort: 1, rounds: 2, seed: 2, selection: { minimumToStart: 1 } },
    { journal: new MemoryJournal({ onWrite }), onState: (state) => void (rounds = state), clients: 4 },
  )
  const devices = [await device("a"), await device("b"), await device("c"), await device("d")]
  await quiet()
  const first = devices.find(({ id }) => rounds!.cohort.has(id))!
  await first.update([1, 0, 0])
  expect(stopped).toBe(true)
  network.start()
  await quiet()
  for (const each of devices) await each.ready(true)
  await quiet()
  expect(rounds!.round).toBe(1)
  for (const { id, tasks } of devices) {
    const asked = tasks.filter(({ action, round }) => action === "join" && round === 1)
    expect(asked.length > 0, id).toBe(rounds!.cohort.has(id))
  }
  // Otherwise nothing was seen.
  expect(rounds!.cohort.has(first.id)).toBe(false)
  outcome.catch(() => {})
})

test("a model that the broker has lost without a word is published again once a round is abandoned", async () => {
  const { network, start, device, retained, clock } = world()
  await start({ cohort: 1, selection: { minimumToStart: 1 } })
  await device("a")
  const operator = await network.connect({ clientId: "operator" })
  const topics = [...(await retained(TOPICS.filters.models)).keys()]
  expect(topics.length).toBeGreaterThan(0)
  for (const topic of topics) await operator.publish(topic, new Uint8Array(0), { retain: true })
  await clock.advance(99_000)
  expect((await retained(TOPICS.filters.models)).size).toBe(0)
  // The deadline.
  await clock.advance(2000)
  await quiet()
  expect([...(await retained(TOPICS.filters.models)).keys()]).toEqual(topics)
})
