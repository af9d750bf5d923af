import { expect, test } from "vitest"
import { MemoryJournal, memoryDisk } from "../../../src/coordinator/journal/memory-journal.ts"
import { IDENTITY, federationLife } from "./federation-life.ts"
import { journalSuite } from "./journal-suite.ts"

journalSuite("a journal in memory", () => {
  const disk = memoryDisk()
  return { journal: new MemoryJournal({ disk }), kill: () => new MemoryJournal({ disk }) }
})

test.each(["before", "after"] as const)("a process that dies %s a write leaves what a disk would", (when) => {
  const { first, commits } = federationLife()
  const disk = memoryDisk()
  let armed = false
  const onWrite = (write: string, now: string): void => {
    if (armed && write === "commit" && now === when) throw new Error("killed")
  }
  const journal = new MemoryJournal({ disk, onWrite })
  journal.begin(IDENTITY, first)
  journal.commit(commits[0]!)
  armed = true
  expect(() => journal.commit(commits[1]!)).toThrow("killed")
  expect(new MemoryJournal({ disk }).run()!.snapshot).toEqual(commits[when === "before" ? 0 : 1]!.snapshot)
})
