import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { JournalError } from "./journal.ts"
import { createSchema, faultOf } from "./schema.ts"

/** The journal in its folder, and the file whose lock says that a coordinator works with it. */
export const JOURNAL_FILE = "journal.sqlite"
export const LOCK_FILE = "journal.lock"

/** A reader of the journal holds back a commit for so long at most. */
const BUSY_MS = 10_000

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const RESULT = { busy: 5, locked: 6, corrupt: 11, full: 13, schema: 1, notADatabase: 26 } as const

/**
 * Takes the folder for this process, until the returned lock is closed or the process ends, however it ends: the lock is the operating
 * system's. Throws ("journal-locked").
 */
export function lockFolder(folder: string): DatabaseSync {
  const file = join(folder, LOCK_FILE)
  let lock: DatabaseSync | undefined
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    lock = new DatabaseSync(file, { timeout: 0 })
    lock.exec("BEGIN EXCLUSIVE")
    return lock
  } catch (error) {
    lock?.close()
    if (resultOf(error) === RESULT.busy)
      throw new JournalError("journal-locked", `another coordinator is working with ${folder}`, { cause: error })
    throw new JournalError("journal-open", `cannot use ${folder}: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Opens the journal of a folder, or undefined where there is none. Checks all of it. Throws ("journal-corrupt").
 *
 * Committed means fsynced: with a rollback journal that is truncated, and synchronous = FULL, SQLite syncs the old pages, then the new ones, then
 * the end of the transaction before COMMIT returns (sqlite.org/pragma.html#pragma_synchronous). A write-ahead log would take fewer syncs, but a damaged
 * log ends, for SQLite, with its last good frame: commits would be lost in silence. Here everything committed is in the one file, which is checked.
 */
export function openDatabase(folder: string): DatabaseSync | undefined {
  const file = join(folder, JOURNAL_FILE)
  if (!existsSync(file)) {
    if (existsSync(`${file}-journal`) && statSync(`${file}-journal`).size > 0)
      throw corrupt(file, "it is missing, though a transaction was under way")
    return undefined
  }
  if (statSync(file).size === 0) throw corrupt(file, "it is empty")
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { timeout: BUSY_MS })
    setUp(db)
    const fault = faultOf(db)
    if (fault !== undefined) throw corrupt(file, fault)
    return db
  } catch (error) {
    db?.close()
    throw journalError(error, file)
  }
}

/** Makes an empty journal; a process that dies in the middle leaves none. */
export function createDatabase(folder: string): void {
  const file = join(folder, JOURNAL_FILE)
  const unfinished = `${file}.new`
  for (const end of ["", "-journal"]) rmSync(`${unfinished}${end}`, { force: true })
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(unfinished)
    setUp(db)
    createSchema(db)
    db.close()
    renameSync(unfinished, file)
    rmSync(`${unfinished}-journal`, { force: true })
    syncFolder(folder)
  } catch (error) {
    if (db?.isOpen === true) db.close()
    throw journalError(error, file)
  }
}

/** Puts a damaged journal aside, under a name that it gives back. Throws ("journal-locked"). */
export function setAside(folder: string): string {
  const lock = lockFolder(folder)
  try {
    const file = join(folder, JOURNAL_FILE)
    let number = 1
    const name = (): string => join(folder, `journal.damaged-${number}.sqlite`)
    while (existsSync(name())) number++
    for (const end of ["", "-journal"]) if (existsSync(`${file}${end}`)) renameSync(`${file}${end}`, `${name()}${end}`)
    syncFolder(folder)
    return name()
  } finally {
    lock.close()
  }
}

/** What an error of SQLite means for whoever has the journal. */
export function journalError(error: unknown, file: string): unknown {
  if (error instanceof JournalError)
    return error.code === "journal-corrupt" ? corrupt(file, error.message, error) : error
  const result = resultOf(error)
  if (result === undefined) return error
  const { message } = error as Error
  if (result === RESULT.corrupt || result === RESULT.notADatabase || result === RESULT.schema)
    return corrupt(file, message, error)
  const reason =
    result === RESULT.full
      ? "the disk is full"
      : result === RESULT.busy || result === RESULT.locked
        ? "another program holds it"
        : message
  return new JournalError(
    "journal-write",
    `cannot write to ${file}: ${reason}. What was committed before is safe: the same command goes on from there`,
    { cause: error },
  )
}

function corrupt(file: string, reason: string, cause?: unknown): JournalError {
  if (cause instanceof JournalError && cause.message.startsWith(file)) return cause
  return new JournalError(
    "journal-corrupt",
    `${file} cannot be used: ${reason}. Nothing was changed. Put back a copy that is whole, or begin anew with --fresh, which sets this file aside`,
    { cause },
  )
}

function setUp(db: DatabaseSync): void {
  // Before the first statement that reads: a file that is no database shows itself here.
  db.exec(
    "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA trusted_schema = OFF",
  )
}

/** A new name in a folder is durable once the folder is; Windows has no way to ask for that. */
function syncFolder(folder: string): void {
  if (process.platform === "win32") return
  const handle = openSync(folder, "r")
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** The primary result code of an error of SQLite. */
function resultOf(error: unknown): number | undefined {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  return code === "ERR_SQLITE_ERROR" && typeof errcode === "number" ? errcode & 0xff : undefined
}
