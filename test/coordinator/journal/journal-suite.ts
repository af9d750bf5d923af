import { describe, expect, test } from "vitest"
import type { Journal } from "../../../src/coordinator/journal/journal.ts"
import { Federation } from "../../../src/core/federation.ts"
import { HELLO, IDENTITY, PLAN, chunks, federationLife } from "./federation-life.ts"

/** A journal, and the one that another process has after this one was killed (without `close`). */
export interface Medium {
  readonly journal: Journal
  kill(): Journal
}

/** What holds for every journal. */
export function journalSuite(name: string, open: () => Medium): void {
  describe(name, () => {
    const { first, commits } = federationLife()

    test("an empty journal knows nothing", () => {
      const { journal } = open()
      expect(journal.run()).toBeUndefined()
      expect([journal.lastEpoch(), journal.knows(1)]).toEqual([0, false])
      expect(journal.retained()).toEqual({ current: [], stale: [] })
    })

    test("after a kill behind any commit the run is there as it was committed, bit for bit", () => {
      for (let count = 0; count <= commits.length; count++) {
        const { journal, kill } = open()
        journal.begin(IDENTITY, first)
        for (const commit of commits.slice(0, count)) journal.commit(commit)
        const run = kill().run()!
        const last = commits[count - 1]
        expect(run.snapshot, `${count} commits`).toEqual(last?.snapshot ?? first)
        expect(run).toMatchObject({
          ...IDENTITY,
          id: "1",
          fleet: last?.fleet ?? { devices: 0, trainSamples: 0, testSamples: 0 },
        })
        expect(run.committedAtMs === undefined).toBe(count === 0)
      }
      expect(commits).toHaveLength(9)
      expect(commits.at(-1)!.snapshot.position).toMatchObject({ released: true, trained: 4 })
    })

    test("a federation made of what was read goes on", () => {
      const { journal, kill } = open()
      journal.begin(IDENTITY, first)
      for (const commit of commits.slice(0, 5)) journal.commit(commit)
      const from = kill().run()!.snapshot
      const federation = new Federation({ plan: PLAN, init: [1, 2, 3], epoch: 131072, clients: 2, from })
      expect(federation.snapshot()).toEqual(commits[4]!.snapshot)
    })

    test("epochs are reserved before they are used, and sessions are known", () => {
      const { journal, kill } = open()
      journal.begin(IDENTITY, first)
      journal.incarnate({ firstEpoch: 65536, lastEpoch: 131071, session: 41 })
      const next = kill()
      expect([next.lastEpoch(), next.knows(41), next.knows(42)]).toEqual([131071, true, false])
      next.incarnate({ firstEpoch: 131072, lastEpoch: 196607, session: 42 })
      expect([next.lastEpoch(), next.knows(41), next.knows(42)]).toEqual([196607, true, true])
    })

    test("topics are known before they are published, and forgotten once they are cleared", () => {
      const { journal, kill } = open()
      journal.begin(IDENTITY, first)
      journal.retain([chunks(0)])
      journal.commit({ ...commits[0]!, retained: [chunks(1), chunks(1, 256)] })
      const second = kill()
      expect(new Set(second.retained().current)).toEqual(new Set([chunks(0), chunks(1), chunks(1, 256)]))
      second.retain([chunks(1, 256)])
      second.retain([chunks(1, 1024, 0)])
      second.cleared([chunks(1), chunks(1, 256)])
      // Cleared a moment ago, and to be published again: it must not be taken for known.
      second.retain([chunks(1, 1024, 0)])
      const third = kill()
      expect(new Set(third.retained().current)).toEqual(new Set([chunks(1), chunks(1, 256), chunks(1, 1024, 0)]))
      third.cleared([chunks(1)])
      third.incarnate({ firstEpoch: 65536, lastEpoch: 131071, session: 41 })
      expect(kill().retained()).toEqual({ current: [chunks(1)], stale: [] })
    })

    test("devices are written with the next commit", () => {
      const { journal, kill } = open()
      journal.begin(IDENTITY, first)
      const a = { id: "a", hello: HELLO, present: true }
      const b = { id: "b", hello: { ...HELLO, session: 8 }, present: true }
      journal.remember(a)
      journal.remember(b)
      journal.commit(commits[0]!)
      journal.remember({ ...a, present: false })
      journal.forget("b")
      const second = kill()
      expect(second.run()!.devices).toEqual([a, b])
      second.remember({ ...a, present: false })
      second.forget("b")
      second.close()
      expect(kill().run()!.devices).toEqual([{ ...a, present: false }])
    })

    test("a discarded run is gone, but not its epochs and its topics", () => {
      const { journal, kill } = open()
      journal.begin(IDENTITY, first)
      journal.incarnate({ firstEpoch: 65536, lastEpoch: 131071, session: 41 })
      journal.remember({ id: "a", hello: HELLO, present: true })
      journal.commit(commits[0]!)
      journal.discard()
      const next = kill()
      expect(next.run()).toBeUndefined()
      expect([next.lastEpoch(), next.knows(41), next.times()]).toEqual([131071, false, undefined])
      expect(next.retained()).toEqual({ current: [], stale: [chunks(1)] })
      next.begin({ ...IDENTITY, initial: "00" }, first)
      const run = kill().run()!
      expect(run).toMatchObject({ id: "2", initial: "00", devices: [] })
      expect(run.snapshot).toEqual(first)
    })
  })
}
