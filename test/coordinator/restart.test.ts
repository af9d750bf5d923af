import { expect, test } from "vitest"
import { JournalError } from "../../src/coordinator/journal/journal.ts"
import { MemoryJournal, memoryDisk } from "../../src/coordinator/journal/memory-journal.ts"
import type { JournalWrite, MemoryDisk } from "../../src/coordinator/journal/memory-journal.ts"
import type { CoordinatorOutcome } from "../../src/coordinator/coordinator.ts"
import type { PlanInput } from "../../src/core/plan.ts"
import type { RoundState } from "../../src/core/round.ts"
import type { Link, Network } from "../../src/net/link.ts"
import { PLAN, TOPICS, quiet, world } from "./world.ts"
import type { FakeDevice, Running, World } from "./world.ts"

/** Statistics, three training rounds with an evaluation after each, both devices in all of them. */
const THREE_ROUNDS: PlanInput = {
  rounds: 3,
  cohort: 2,
  model: { features: 2, labels: [], hidden: "none", standardize: true },
  strategy: { name: "fedavgm", momentum: 0.5 },
  report: { timeoutSeconds: 100, finishSeconds: 10, minimumToCommit: 2 },
  evaluate: { every: 1 },
}

/** A process with the journal on `disk` that dies, leaving its connection as a killed one does, when `dies` says so. */
function process(
  { start, links }: World,
  disk: MemoryDisk,
  dies: (write: JournalWrite, when: "before" | "after") => boolean = () => false,
  plan = THREE_ROUNDS,
): Promise<Running> {
  const onWrite = (write: JournalWrite, when: "before" | "after"): void => {
    if (!dies(write, when)) return
    void links.at(-1)?.close({ abrupt: true })
    throw new Error("killed")
  }
  return start(plan, { journal: new MemoryJournal({ disk, onWrite }), recordCohorts: true })
}

async function devices({ device }: World): Promise<FakeDevice[]> {
  const made: FakeDevice[] = []
  for (const [id, delta, samples] of [
    ["a", [1, 2, 0], 10],
    ["b", [4, -1, 8], 20],
  ] as const) {
    const each = await device(id)
    each.serve(delta, [samples, 1, 2, 3], samples)
    // A coordinator that is new is greeted again.
    let session = each.notice?.session
    each.onNotice = async (notice) => {
      if (notice.session === session || notice.phase === "offline") return
      session = notice.session
      await each.ready(true, samples)
    }
    made.push(each)
  }
  // What was asked of them while they were being made they have missed.
  for (const [i, each] of made.entries()) await each.ready(true, 10 * (i + 1))
  await quiet()
  return made
}

/** From now on they do nothing by themselves. */
function retire(all: readonly FakeDevice[]): void {
  for (const each of all) {
    each.onJoin = () => {}
    each.onNotice = () => {}
  }
}

/** Lets a world come to rest: rounds of a few messages, and pauses between tries. */
async function settle({ clock }: World): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await quiet()
    await clock.advance(1000)
  }
}

async function uncut(): Promise<CoordinatorOutcome> {
  const here = world()
  const { outcome } = await process(here, memoryDisk())
  await devices(here)
  await settle(here)
  return outcome
}

const facts = ({ report, parameters, threshold, fleet }: CoordinatorOutcome): unknown => ({
  parameters: [...parameters],
  threshold,
  fleet,
  statistics: report.statistics,
  final: report.final,
  // Bytes and seconds of a round that was tried again are others.
  rounds: report.rounds.map(({ round, folded, samples, trainLoss, metrics, cohort, bound }) => ({
    round,
    folded,
    samples,
    trainLoss,
    metrics,
    cohort,
    bound,
  })),
})

test("a coordinator that is killed at any write of its journal, before the disk has it or after, loses nothing and folds nothing twice", async () => {
  const want = await uncut()
  expect(want.report.rounds).toHaveLength(3)
  let kills = 0
  for (const when of ["before", "after"] as const)
    for (let nth = 0; ; nth++) {
      const here = world()
      const disk = memoryDisk()
      let writes = 0
      let dead = false
      const first = await process(here, disk, (_, now) => now === when && (dead ||= writes++ === nth))
      await devices(here)
      await settle(here)
      if (!dead) break
      await expect(first.outcome).rejects.toThrow("killed")
      kills++
      const second = await process(here, disk)
      await settle(here)
      expect(facts(await second.outcome), `killed ${when} write ${nth}`).toEqual(facts(want))
    }
  // Begin, epochs, statistics, three rounds and their evaluations, and the topics of the first version.
  expect(kills).toBeGreaterThanOrEqual(2 * 10)
})

test("killed at every commit, one after the other, it still comes to its end", async () => {
  const want = await uncut()
  for (const when of ["before", "after"] as const) {
    const here = world()
    const disk = memoryDisk()
    const due = new Set(["begin", "incarnate", "commit 0", "commit 1", "commit 2", "commit 3", "commit 4", "commit 5"])
    const epochs: number[] = []
    let last: Running | undefined
    for (let tries = 0; tries < 20; tries++) {
      last = await process(here, disk, (write, now) => {
        if (now !== when) return false
        const round = disk.run?.snapshot.position.round ?? 0
        return due.delete(write === "commit" ? `commit ${when === "before" ? round : round - 1}` : write)
      })
      if (tries === 0) await devices(here)
      await settle(here)
      const notice = await here.notice()
      if (notice !== undefined) epochs.push(notice.epoch)
      if (notice?.phase === "released") break
    }
    expect([...due]).toEqual([])
    expect(facts(await last!.outcome)).toEqual(facts(want))
    expect(epochs).toEqual([...epochs].sort((a, b) => a - b))
  }
})

test("a commit is told only once the disk has it, and then with the epoch that it was made in", async () => {
  for (const when of ["before", "after"] as const) {
    const here = world()
    const disk = memoryDisk()
    await process(here, disk, (write, now) => write === "commit" && now === when, {
      ...THREE_ROUNDS,
      ...PLAN,
      rounds: 3,
    })
    const all = await devices(here)
    await quiet()
    expect(await here.notice()).toMatchObject({ phase: "offline", version: 0, round: 0 })
    expect((await here.notice()).committed).toBeUndefined()
    expect([...(await here.retained(TOPICS.filters.models)).keys()]).toEqual([TOPICS.model(0, undefined, 65536, 0)])
    retire(all)
    await process(here, disk, () => false, { ...THREE_ROUNDS, ...PLAN, rounds: 3 })
    const again =
      when === "before" ? { round: 0, version: 0 } : { round: 1, version: 1, committed: { round: 0, epoch: 65536 } }
    expect(await here.notice()).toMatchObject({ phase: "selecting", epoch: 131072, ...again })
  }
})

test("an update of the epoch before the crash is late, and a device known from the journal need not say Hello again", async () => {
  const here = world()
  const disk = memoryDisk()
  const plan = { ...PLAN, rounds: 2, evaluate: { every: 0 } }
  await process(here, disk, () => false, plan)
  const [a, b] = [await here.device("a"), await here.device("b")]
  await a.update([1, 0, 0])
  await b.update([3, 0, 0])
  expect(a.notice).toMatchObject({ round: 1, version: 1 })
  await a.update([5, 0, 0])
  await here.links.at(-1)!.close({ abrupt: true })
  await quiet()
  // A broker that was restarted too: the retained Hello is gone.
  for (const id of ["a", "b"]) await a.link.publish(TOPICS.hello(id), new Uint8Array(0), { retain: true })
  const { outcome } = await process(here, disk, () => false, plan)
  expect(a.notice).toMatchObject({ round: 1, version: 1, epoch: 131072, committed: { round: 0, epoch: 65536 } })
  await a.update([5, 0, 0], { epoch: 65536 })
  expect(a.receipts.at(-1)).toMatchObject({ status: "late", epoch: 131072 })
  await a.ready(true)
  await b.ready(true)
  await quiet()
  expect(a.tasks.at(-1)).toMatchObject({ action: "join", round: 1, epoch: 131072 })
  await a.update([5, 0, 0])
  await b.update([7, 0, 0])
  expect([...(await outcome).parameters]).toEqual([8, 0, 0])
})

test("a federation that has ended is released again, with the same result", async () => {
  const here = world()
  const disk = memoryDisk()
  const first = await process(here, disk)
  await devices(here)
  await settle(here)
  const want = await first.outcome
  await here.links.at(-1)!.close({ abrupt: true })
  const again = await process(here, disk)
  const got = await again.outcome
  expect({ ...got, epoch: 0 }).toEqual({ ...want, epoch: 0 })
  expect(await here.notice()).toMatchObject({ phase: "released", kind: "released", epoch: 131072, version: 4 })
  // Its model is with a broker that had lost it.
  expect([...(await here.retained(TOPICS.filters.models)).keys()]).toContain(TOPICS.model(4, undefined, 65536, 0))
})

test("what was published is cleared after a crash, though the broker replays nothing to wildcards", async () => {
  const here = world()
  const disk = memoryDisk()
  const deaf: Network = {
    async connect(options) {
      const link: Link = await here.network.connect(options)
      here.links.push(link)
      const subscribe = link.subscribe.bind(link)
      return Object.assign(link, {
        subscribe: async (filter: string, handler: Parameters<Link["subscribe"]>[1]) =>
          filter === TOPICS.filters.models ? undefined : subscribe(filter, handler),
      })
    },
  }
  const options = (): object => ({ journal: new MemoryJournal({ disk }), recordCohorts: true, network: deaf })
  await here.start(THREE_ROUNDS, options())
  const small = await here.device("small", { maxPacket: 300 })
  const versions = async (): Promise<string[]> => [...(await here.retained(TOPICS.filters.models)).keys()].sort()
  const topic = (version: number, size: number): string => TOPICS.model(version, undefined, size, 0)
  const before = await versions()
  // The class of the plan, and that of the device with small packets.
  expect(before).toHaveLength(2)
  await here.links.at(-1)!.close({ abrupt: true })

  // The same run again keeps what it had; a new one clears it.
  await here.start(THREE_ROUNDS, options())
  expect(await versions()).toEqual(before)
  await here.links.at(-1)!.close({ abrupt: true })
  await small.link.publish(TOPICS.hello("small"), new Uint8Array(0), { retain: true })
  new MemoryJournal({ disk }).discard()
  const wide = { ...THREE_ROUNDS, upload: { chunkBytes: 1024 } }
  await here.start(wide, options())
  expect(await versions()).toEqual([topic(0, 1024)])
})

test("a journal of another plan, initial model or recording is refused before the broker hears of it", async () => {
  const here = world()
  const disk = memoryDisk()
  await process(here, disk)
  await here.links.at(-1)!.close({ abrupt: true })
  const links = here.links.length
  const refused = async (plan: PlanInput, options: object): Promise<string> => {
    const journal = new MemoryJournal({ disk })
    const { outcome } = await here.start(plan, { journal, recordCohorts: true, ...options })
    return outcome.then(
      () => "accepted",
      (error: unknown) => `${(error as JournalError).code}: ${(error as Error).message}`,
    )
  }
  expect(await refused({ ...THREE_ROUNDS, seed: 9 }, {})).toMatch(/^journal-plan: .* seed is 1 there, and 9 here/)
  expect(await refused(THREE_ROUNDS, { init: [1, 0, 0] })).toMatch(/^journal-plan: .*the initial model is/)
  expect(await refused(THREE_ROUNDS, { recordCohorts: false })).toMatch(/^journal-plan: .*recording of cohorts is true/)
  expect(here.links).toHaveLength(links)
})

test("a copy of the journal that is older than what the fleet was told is refused", async () => {
  const here = world()
  const disk = memoryDisk()
  await process(here, disk)
  const old = structuredClone({ ...disk })
  const all = await devices(here)
  await settle(here)
  retire(all)
  expect(await here.notice()).toMatchObject({ phase: "released" })
  const { outcome } = await process(here, old)
  await expect(outcome).rejects.toMatchObject({ code: "journal-old" })
  // Discarded it is: what the fleet was told was of a run that is none any longer.
  new MemoryJournal({ disk: old }).discard()
  await process(here, old)
  expect(await here.notice()).toMatchObject({ phase: "selecting", round: 0, version: 0 })
})

test("a write that fails ends the coordinator cleanly, and nothing that was committed is lost", async () => {
  const here = world()
  const disk = memoryDisk()
  const want = await uncut()
  let full = true
  const journal = new MemoryJournal({
    disk,
    onWrite(write, when) {
      if (write === "commit" && when === "before" && disk.run?.snapshot.position.round === 3 && full)
        throw new JournalError("journal-write", "the disk is full")
    },
  })
  const { outcome } = await here.start(THREE_ROUNDS, { journal, recordCohorts: true })
  await devices(here)
  await settle(here)
  await expect(outcome).rejects.toMatchObject({ code: "journal-write", message: "the disk is full" })
  // Round 3 trains the second version: nobody has heard of it.
  expect(await here.notice()).toMatchObject({ phase: "offline", round: 3, version: 2, committed: { round: 2 } })
  full = false
  const next = await process(here, disk)
  await settle(here)
  expect(facts(await next.outcome)).toEqual(facts(want))
})

test("epochs beyond those that were reserved are reserved before they are used", async () => {
  const here = world()
  const disk = memoryDisk()
  const plan = { ...PLAN, cohort: 1, report: { timeoutSeconds: 100, finishSeconds: 10, minimumToCommit: 1 } }
  let far = false
  const { coordinator } = await here.start(plan, {
    journal: new MemoryJournal({ disk }),
    onState(rounds) {
      // As after 65,535 rounds that were abandoned.
      if (!far) (rounds as RoundState).epoch = 131071
      far = true
    },
  })
  await here.device("a")
  expect(await here.notice()).toMatchObject({ epoch: 131071, phase: "working" })
  expect(new MemoryJournal({ disk }).lastEpoch()).toBe(131071)
  await here.clock.advance(100_000)
  expect(await here.notice()).toMatchObject({ epoch: 131072 })
  expect(new MemoryJournal({ disk }).lastEpoch()).toBe(196607)
  expect(new MemoryJournal({ disk }).knows(coordinator.session)).toBe(true)
})
