import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { isDeepStrictEqual } from "node:util"
import { afterAll, afterEach, describe, expect, test } from "vitest"
import { openDatabase, setAside } from "../../../src/coordinator/journal/database.ts"
import type { Journal, JournalError } from "../../../src/coordinator/journal/journal.ts"
import { SqliteJournal, openJournal } from "../../../src/coordinator/journal/sqlite-journal.ts"
import { HELLO, IDENTITY, PLAN, chunks, federationLife, madeUpCommit } from "./federation-life.ts"
import { journalSuite } from "./journal-suite.ts"

const COMMITTER = fileURLToPath(new URL("committer.ts", import.meta.url))
const root = mkdtempSync(join(tmpdir(), "fedmote-journal-"))
const open = new Set<Journal>()
let folders = 0

afterEach(() => {
  for (const journal of open) journal.close()
  open.clear()
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

function folder(): string {
  const path = join(root, String(folders++))
  mkdirSync(path)
  return path
}

function opened(path: string): Journal {
  const journal = openJournal(path, () => 1000)
  open.add(journal)
  return journal
}

journalSuite("a journal in a file", () => {
  let path = folder()
  let journal = opened(path)
  return {
    journal,
    // The files as they are on disk, to a process that knows nothing of the one before.
    kill() {
      const copy = folder()
      for (const name of readdirSync(path)) copyFileSync(join(path, name), join(copy, name))
      path = copy
      journal = opened(copy)
      return journal
    },
  }
})

const { first, commits } = federationLife()

/** A closed journal with everything in it. */
function written(count = 5): string {
  const path = folder()
  const journal = opened(path)
  journal.begin(IDENTITY, first)
  journal.incarnate({ firstEpoch: 65536, lastEpoch: 131071, session: 41 })
  journal.remember({ id: "a", hello: HELLO, present: true })
  for (const commit of commits.slice(0, count)) journal.commit(commit)
  journal.close()
  open.delete(journal)
  return path
}

/** All that can be read. */
function contents(path: string): unknown {
  const journal = openJournal(path)
  try {
    return { run: journal.run(), epoch: journal.lastEpoch(), known: journal.knows(41), retained: journal.retained() }
  } finally {
    journal.close()
  }
}

test("two models are kept, and no more", () => {
  const path = written()
  const db = new DatabaseSync(join(path, "journal.sqlite"))
  // Statistics, training, evaluation, training, evaluation: versions 1 and 2.
  expect(
    db
      .prepare("SELECT version FROM model")
      .all()
      .map(({ version }) => version),
  ).toEqual([1, 2])
  expect(db.prepare("SELECT count(*) AS n FROM round").get()).toMatchObject({ n: 2 })
  db.close()
})

test("a commit waits for the disk", () => {
  const db = openDatabase(written())!
  expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "truncate" })
  // 2 is FULL.
  expect(db.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 })
  db.close()
})

test("nobody but the owner may look into a new folder", () => {
  const path = join(folder(), "data")
  opened(path)
  expect(statSync(path).mode & 0o777).toBe(0o700)
})

describe("one process at a time", () => {
  test("a second one is refused until the first has closed", () => {
    const path = folder()
    const journal = opened(path)
    expect(() => openJournal(path)).toThrow(expect.objectContaining({ code: "journal-locked" }))
    journal.close()
    openJournal(path).close()
  })

  test("the lock of a process that is killed is gone with it", async () => {
    const path = folder()
    const module = new URL("../../../src/coordinator/journal/sqlite-journal.ts", import.meta.url).href
    const code = `const { openJournal } = await import(${JSON.stringify(module)}); openJournal(${JSON.stringify(path)}); console.log("open"); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] })
    try {
      await once(child.stdout, "data")
      expect(() => openJournal(path)).toThrow(/another coordinator is working with/)
    } finally {
      child.kill("SIGKILL")
      await once(child, "exit")
    }
    openJournal(path).close()
  })
})

test("killed in the middle of commits, it has each that was done, whole, and at most one more", async () => {
  const path = folder()
  let last = 0
  for (let kill = 0; kill < 8; kill++) {
    const child = spawn(process.execPath, [COMMITTER, path], { stdio: ["ignore", "pipe", "inherit"] })
    let said = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text))
    const closed = once(child, "close")
    await once(child.stdout, "data")
    // Anywhere in a commit: they follow each other without a pause.
    await sleep(7 * kill)
    child.kill("SIGKILL")
    await closed
    const done = Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1))
    const journal = opened(path)
    const { records, model, position } = journal.run()!.snapshot
    journal.close()
    expect([done, done + 1], `kill ${kill}`).toContain(records.length)
    const want = madeUpCommit(first, records.length).snapshot
    expect(model).toEqual(want.model)
    expect(position).toEqual(want.position)
    expect(records.map(({ round }) => round)).toEqual(Array.from(records, (_, i) => i + 1))
    expect(records.length).toBeGreaterThan(last)
    last = records.length
  }
})

describe("a damaged journal is refused, never rebuilt", () => {
  const refused = (path: string): string => {
    const before = readFileSync(join(path, "journal.sqlite"))
    try {
      contents(path)
      return "accepted"
    } catch (error) {
      expect(error).toMatchObject({ code: "journal-corrupt" })
      expect((error as Error).message).toMatch(/journal\.sqlite cannot be used: .* begin anew with --fresh/)
      expect(readFileSync(join(path, "journal.sqlite")).equals(before)).toBe(true)
      return "refused"
    }
  }

  test("cut at any length", () => {
    const path = written()
    const file = join(path, "journal.sqlite")
    const whole = readFileSync(file)
    for (let length = 0; length < whole.length; length += 1021) {
      writeFileSync(file, whole)
      truncateSync(file, length)
      expect(refused(path), `${length} of ${whole.length} bytes`).toBe("refused")
    }
  })

  test("a flipped bit anywhere is found, or changes nothing that is read", () => {
    const path = written()
    const file = join(path, "journal.sqlite")
    const whole = readFileSync(file)
    const want = contents(path)
    let found = 0
    let tried = 0
    // A stride that is prime to all sizes in the file.
    for (let at = 0; at < whole.length; at += 97) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 1 << (at % 8)
      writeFileSync(file, damaged)
      let got: unknown
      try {
        got = contents(path)
      } catch (error) {
        expect(error, `byte ${at}`).toMatchObject({ code: "journal-corrupt" })
        found++
      }
      if (got !== undefined) expect(got, `byte ${at}`).toEqual(want)
      tried++
    }
    // The rest is room that no row uses.
    expect(found).toBeGreaterThan(30)
    expect(tried).toBeGreaterThan(found)
  })

  test("every byte of every row counts", () => {
    const path = written()
    const file = join(path, "journal.sqlite")
    const whole = readFileSync(file)
    for (const text of ["fedadam", '"a"', "released", "running", "trainSamples"]) {
      const at = whole.indexOf(text)
      expect(at, text).toBeGreaterThan(0)
      const damaged = Buffer.from(whole)
      damaged[at + 1]! ^= 1
      writeFileSync(file, damaged)
      expect(refused(path), text).toBe("refused")
    }
  })

  test("rows that are whole, but not of one commit", () => {
    for (const [table, row] of [
      ["model", "version = 2"],
      ["round", "round = 2"],
      ["round", "round = 1"],
      ["standardizer", "1"],
    ]) {
      const older = new DatabaseSync(join(written(4), "journal.sqlite"))
      const path = written(5)
      const db = new DatabaseSync(join(path, "journal.sqlite"))
      const before = older.prepare(`SELECT * FROM ${table} WHERE ${row}`).get()
      db.prepare(`DELETE FROM ${table} WHERE ${row}`).run()
      if (table === "round" && before !== undefined)
        db.prepare("INSERT INTO round VALUES (?, ?, ?, ?)").run(...Object.values(before))
      db.close()
      older.close()
      // The first round is the same in both.
      if (row === "round = 1") contents(path)
      else expect(refused(path), `${table} ${row}`).toBe("refused")
    }
  })

  test("a transaction that was interrupted, and whose rollback journal is damaged too", () => {
    const path = written()
    const copy = folder()
    const db = openDatabase(path)!
    // As little as possible is held back: the file is half the new commit when the process dies.
    db.exec("PRAGMA cache_size = 2")
    const exec = db.exec.bind(db)
    const files = ["journal.sqlite", "journal.sqlite-journal"] as const
    db.exec = (sql) => {
      if (sql === "COMMIT") for (const name of files) copyFileSync(join(path, name), join(copy, name))
      exec(sql)
    }
    const journal = new SqliteJournal(db, "journal.sqlite", { now: () => 0 })
    journal.commit(commits[5]!)
    journal.close()
    const [half, undo] = files.map((name) => readFileSync(join(copy, name))) as [Buffer, Buffer]
    const outcome = (damaged: Buffer): string => {
      for (const [i, bytes] of [half, damaged].entries()) writeFileSync(join(copy, files[i]!), bytes)
      try {
        const { run } = contents(copy) as { readonly run: { readonly snapshot: unknown } }
        for (const [name, { snapshot }] of [
          ["before", commits[4]!],
          ["after", commits[5]!],
        ] as const)
          if (isDeepStrictEqual(run.snapshot, snapshot)) return name
        return "a mixture"
      } catch (error) {
        return (error as JournalError).code
      }
    }
    expect(outcome(undo)).toBe("before")
    const seen = new Set<string>()
    for (let at = 0; at < undo.length; at += 499) {
      const flipped = Buffer.from(undo)
      flipped[at]! ^= 1 << (at % 8)
      seen.add(outcome(flipped))
      seen.add(outcome(undo.subarray(0, at)))
    }
    // A commit that nobody has heard of may be there or not; half of one never is.
    expect([...seen].sort()).toEqual(["after", "before", "journal-corrupt"])
  })

  test("what is no journal at all", () => {
    for (const bytes of ["", "hello", "x".repeat(10_000)]) {
      const path = folder()
      writeFileSync(join(path, "journal.sqlite"), bytes)
      expect(refused(path)).toBe("refused")
    }
    const path = folder()
    const other = new DatabaseSync(join(path, "journal.sqlite"))
    other.exec("CREATE TABLE pets (name TEXT)")
    other.close()
    expect(() => openJournal(path)).toThrow(/it is no journal of Fedmote/)
    const newer = written()
    const db = new DatabaseSync(join(newer, "journal.sqlite"))
    db.exec("PRAGMA user_version = 2")
    db.close()
    expect(() => openJournal(newer)).toThrow(/it has version 2, this program reads 1/)
  })

  test("one that was taken away in the middle of a transaction", () => {
    const path = folder()
    writeFileSync(join(path, "journal.sqlite-journal"), "something")
    expect(() => openJournal(path)).toThrow(/it is missing, though a transaction was under way/)
  })

  test("it is set aside under a name of its own", () => {
    const path = written()
    const file = join(path, "journal.sqlite")
    for (const number of [1, 2]) {
      writeFileSync(file, `damaged ${number}`)
      expect(setAside(path)).toBe(join(path, `journal.damaged-${number}.sqlite`))
      expect(readFileSync(join(path, `journal.damaged-${number}.sqlite`), "utf8")).toBe(`damaged ${number}`)
      expect(contents(path)).toMatchObject({ run: undefined, epoch: 0 })
    }
  })
})

test("a process that died while it made the journal leaves none", () => {
  const path = folder()
  writeFileSync(join(path, "journal.sqlite.new"), "half of it")
  expect(opened(path).run()).toBeUndefined()
  expect(readdirSync(path).filter((name) => name.includes(".new"))).toEqual([])
})

test("a full disk: the write is refused, what was committed stands, and with room again it goes on", () => {
  const path = written()
  const db = openDatabase(path)!
  const journal = new SqliteJournal(db, "journal.sqlite", { now: () => 0 })
  const full = db.prepare("PRAGMA page_count").get() as { page_count: number }
  db.exec(`PRAGMA max_page_count = ${full.page_count}`)
  // More devices than the pages that there are can hold.
  for (let i = 0; i < 5000; i++) journal.remember({ id: `device-${i}`, hello: HELLO, present: true })
  expect(() => journal.commit(commits[5]!)).toThrow(
    expect.objectContaining({
      code: "journal-write",
      message: expect.stringMatching(/the disk is full\. What was committed/),
    }),
  )
  expect(journal.run()!.snapshot).toEqual(commits[4]!.snapshot)
  db.exec("PRAGMA max_page_count = 1000000")
  journal.commit(commits[5]!)
  journal.close()
  const run = opened(path).run()!
  expect(run.snapshot).toEqual(commits[5]!.snapshot)
  expect(run.devices).toHaveLength(5001)
})

test("a reader that holds the file for long makes a commit fail, and nothing worse", () => {
  const path = written()
  const db = openDatabase(path)!
  db.exec("PRAGMA busy_timeout = 1")
  const journal = new SqliteJournal(db, "journal.sqlite", { now: () => 0 })
  const reader = new DatabaseSync(join(path, "journal.sqlite"))
  reader.exec("BEGIN; SELECT count(*) FROM run")
  reader.prepare("SELECT count(*) FROM run").get()
  expect(() => journal.commit(commits[5]!)).toThrow(/another program holds it/)
  reader.close()
  journal.commit(commits[5]!)
  expect(journal.run()!.snapshot).toEqual(commits[5]!.snapshot)
  journal.close()
})

test("topics of another fleet are not ours to clear", () => {
  const path = folder()
  const journal = opened(path)
  journal.begin(IDENTITY, first)
  journal.retain([chunks(0)])
  journal.discard()
  journal.begin({ ...IDENTITY, plan: { ...PLAN, fleet: "others" } }, first)
  expect(journal.retained()).toEqual({ current: [], stale: [] })
})
