import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { FedmoteError } from "../../core/error.ts"
import type { FederationSnapshot } from "../../core/snapshot.ts"
import { Contents } from "./contents.ts"
import { JOURNAL_FILE, createDatabase, journalError, lockFolder, openDatabase } from "./database.ts"
import { JournalError } from "./journal.ts"
import type {
  Incarnation,
  Journal,
  JournalCommit,
  JournaledRun,
  KnownDevice,
  RetainedChunks,
  RunIdentity,
} from "./journal.ts"
import * as rows from "./rows.ts"
import type { RunRow, Tables } from "./rows.ts"

/** The newest model, and the one before. */
const KEPT_MODELS = 2

/**
 * Opens the journal of a folder, which is made where it is missing, and keeps it for this process. Throws `JournalError`: "journal-locked" where
 * another process has it, "journal-corrupt", "journal-open". `now`: milliseconds since 1970.
 */
export function openJournal(folder: string, now: () => number = Date.now): Journal {
  const lock = lockFolder(folder)
  try {
    let db = openDatabase(folder)
    if (db === undefined) {
      createDatabase(folder)
      db = openDatabase(folder)!
    }
    return new SqliteJournal(db, join(folder, JOURNAL_FILE), { now, onClose: () => lock.close() })
  } catch (error) {
    lock.close()
    throw error
  }
}

/** A journal in an SQLite file (`schema.ts`). */
export class SqliteJournal implements Journal {
  readonly where: string
  readonly #db: DatabaseSync
  readonly #tables: Tables
  readonly #now: () => number
  readonly #onClose: () => void
  #run: RunRow | undefined
  #contents = new Contents()
  #standardized = false
  /** Rows of `retained` of this run, as text. */
  #retained = new Set<string>()
  /** To be written with the next transaction: an absent device has left for good. */
  #devices = new Map<string, KnownDevice | undefined>()
  #rest: readonly RetainedChunks[] | undefined

  constructor(db: DatabaseSync, where: string, options: { readonly now: () => number; readonly onClose?: () => void }) {
    this.where = where
    this.#db = db
    this.#now = options.now
    this.#onClose = options.onClose ?? (() => {})
    this.#tables = rows.openTables(db)
    this.#read(() => {
      const row = this.#tables.run.rows("state <> 'discarded'").at(-1)
      if (row === undefined) return
      const run = rows.runOf(row)
      this.#run = run
      this.#contents = this.#contentsOf(run)
      for (const cells of this.#tables.retained.rows("run = ?", run.number))
        this.#retained.add(nameOf(rows.retainedOf(cells)))
    })
  }

  run(): JournaledRun | undefined {
    const run = this.#run
    if (run === undefined) return undefined
    return this.#read(() => {
      const devices = this.#tables.device.rows().flatMap((cells) => rows.deviceOf(cells) ?? [])
      return { ...run, id: String(run.number), snapshot: this.#snapshot(run), devices }
    })
  }

  lastEpoch(): number {
    const all = this.#read(() => this.#tables.incarnation.rows())
    return (all.at(-1)?.[1] as number | undefined) ?? 0
  }

  knows(session: number): boolean {
    const number = this.#run?.number ?? 0
    return this.#read(() => this.#tables.incarnation.rows("run = ? AND session = ?", number, session)).length > 0
  }

  times(): { readonly beganAtMs: number; readonly committedAtMs: number | undefined } | undefined {
    return this.#run
  }

  retained(): { readonly current: readonly RetainedChunks[]; readonly stale: readonly RetainedChunks[] } {
    const number = this.#run?.number ?? 0
    return this.#read(() => ({
      current: this.#tables.retained.rows("run = ?", number).map(rows.retainedOf),
      stale: this.#tables.retained.rows("run <> ?", number).map(rows.retainedOf),
    }))
  }

  begin(identity: RunIdentity, snapshot: FederationSnapshot): void {
    if (this.#run !== undefined) throw new FedmoteError("internal", "expected no run in the journal")
    this.#write(() => {
      const before = this.#tables.run.rows().map(rows.runOf)
      // What another fleet's runs left with the broker is not ours to clear.
      for (const { number, plan } of before)
        if (plan.fleet !== identity.plan.fleet) this.#tables.retained.remove("run = ?", number)
      const { position, model, threshold, stopped } = snapshot
      const contents = new Contents()
      contents.setModel(this.#tables.model.put(rows.modelCells(model)))
      const run: RunRow = {
        plan: identity.plan,
        initial: identity.initial,
        recordCohorts: identity.recordCohorts,
        number: (before.at(-1)?.number ?? 0) + 1,
        state: "running",
        beganAtMs: this.#now(),
        committedAtMs: undefined,
        position,
        version: model.version,
        threshold,
        stopped,
        metrics: {},
        fleet: { devices: 0, trainSamples: 0, testSamples: 0 },
        contents: contents.digest(),
      }
      this.#tables.run.put(rows.runCells(run))
      return () => {
        this.#run = run
        this.#contents = contents
      }
    })
  }

  incarnate({ firstEpoch, lastEpoch, session }: Incarnation): void {
    this.#write(() => {
      this.#tables.incarnation.put([firstEpoch, lastEpoch, session, this.#current().number, this.#now()])
    })
  }

  commit({ snapshot, fleet, retained }: JournalCommit): void {
    this.#write(() => {
      const { position, model, history, threshold, stopped } = snapshot
      const contents = this.#putSnapshot(snapshot)
      const run: RunRow = {
        ...this.#current(),
        state: position.released ? "released" : "running",
        committedAtMs: this.#now(),
        position,
        version: model.version,
        threshold,
        stopped,
        metrics: history.at(-1)?.metrics ?? {},
        fleet,
        contents: contents.digest(),
      }
      this.#tables.run.put(rows.runCells(run))
      const added = this.#putRetained(retained)
      return () => {
        this.#run = run
        this.#contents = contents
        this.#standardized = snapshot.standardizer !== undefined
        added()
      }
    })
  }

  retain(chunks: readonly RetainedChunks[]): void {
    if (chunks.every((each) => this.#retained.has(nameOf(each)))) return
    this.#write(() => this.#putRetained(chunks))
  }

  cleared(rest: readonly RetainedChunks[]): void {
    this.#rest = rest
    this.#retained = new Set(rest.map(nameOf))
  }

  remember(device: KnownDevice): void {
    this.#devices.set(device.id, device)
  }

  forget(device: string): void {
    this.#devices.set(device, undefined)
  }

  discard(): void {
    const run = this.#run
    if (run === undefined) return
    this.#write(() => {
      const { model, standardizer, round, device } = this.#tables
      this.#tables.run.put(rows.runCells({ ...run, state: "discarded" }))
      for (const table of [model, standardizer, round, device]) table.remove()
      return () => {
        this.#run = undefined
        this.#standardized = false
        this.#retained.clear()
        this.#devices.clear()
      }
    })
  }

  close(): void {
    if (!this.#db.isOpen) return
    try {
      if (this.#devices.size > 0 && this.#run !== undefined) this.#write(() => () => {})
    } catch {
      // Whoever closes has no use for it, and what was committed stands.
    }
    this.#db.close()
    this.#onClose()
  }

  /** Writes what has changed: the last round at most, a new model, the standardizer once. */
  #putSnapshot({ model, standardizer, statistics, records, history }: FederationSnapshot): Contents {
    const tables = this.#tables
    const contents = this.#contents.copy()
    const record = records.at(-1)
    const evaluated = history.at(-1)
    if (record !== undefined) {
      const cells = rows.roundCells(record, evaluated?.trained === record.round ? evaluated : undefined)
      contents.setRound(record.round, tables.round.put(cells))
    }
    if (model.version !== this.#current().version) {
      contents.setModel(tables.model.put(rows.modelCells(model)))
      tables.model.remove("version <= ?", model.version - KEPT_MODELS)
    }
    if (standardizer !== undefined && !this.#standardized)
      contents.setStandardizer(tables.standardizer.put(rows.standardizerCells(standardizer, statistics)))
    return contents
  }

  /** Throws ("journal-corrupt") where the rows are not those of the run's last commit. */
  #contentsOf({ version, contents: want }: RunRow): Contents {
    const { model, standardizer, round } = this.#tables
    const contents = new Contents()
    for (const cells of model.rows("version = ?", version)) contents.setModel(model.seal(cells))
    for (const cells of standardizer.rows()) {
      contents.setStandardizer(standardizer.seal(cells))
      this.#standardized = true
    }
    for (const cells of round.rows()) contents.setRound(cells[0] as number, round.seal(cells))
    if (Buffer.compare(contents.digest(), want) !== 0)
      throw new JournalError("journal-corrupt", "its rows are not all of the same commit")
    return contents
  }

  #snapshot(run: RunRow): FederationSnapshot {
    const { model, standardizer, round } = this.#tables
    const cells = model.rows("version = ?", run.version)[0]
    if (cells === undefined) throw new JournalError("journal-corrupt", `version ${run.version} of the model is missing`)
    const rounds = round.rows().map(rows.roundOf)
    const scale = standardizer.rows()[0]
    return {
      position: run.position,
      model: rows.modelOf(cells),
      ...(scale === undefined ? { standardizer: undefined, statistics: undefined } : rows.standardizerOf(scale)),
      records: rounds.map(({ record }) => record),
      history: rounds.flatMap(({ evaluated }) => evaluated ?? []),
      threshold: run.threshold,
      stopped: run.stopped,
    }
  }

  #current(): RunRow {
    if (this.#run === undefined) throw new FedmoteError("internal", "expected a run in the journal")
    return this.#run
  }

  /** Returns what to do once it is durable. */
  #putRetained(chunks: readonly RetainedChunks[]): () => void {
    const { number } = this.#current()
    for (const each of chunks) this.#tables.retained.put(rows.retainedCells(number, each))
    return () => {
      for (const each of chunks) this.#retained.add(nameOf(each))
    }
  }

  /** One transaction, with what waits for one. `change` may return what to do once it is durable. */
  #write(change: () => (() => void) | void): void {
    try {
      this.#db.exec("BEGIN IMMEDIATE")
      // First what happened first: chunks that were cleared may come again.
      if (this.#rest !== undefined) this.#putRest(this.#rest)
      const done = change()
      for (const [id, device] of this.#devices)
        if (device === undefined) this.#tables.device.remove("id = ?", id)
        else this.#tables.device.put(rows.deviceCells(device))
      this.#db.exec("COMMIT")
      this.#rest = undefined
      this.#devices.clear()
      done?.()
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK")
      throw journalError(error, this.where)
    }
  }

  #putRest(rest: readonly RetainedChunks[]): void {
    const run = this.#run
    if (run === undefined) return
    this.#tables.retained.remove("1")
    for (const each of rest) this.#tables.retained.put(rows.retainedCells(run.number, each))
  }

  #read<T>(query: () => T): T {
    try {
      return query()
    } catch (error) {
      throw journalError(error, this.where)
    }
  }
}

function nameOf({ version, base, size, chunks }: RetainedChunks): string {
  return [version, base, size, chunks].join()
}
