import type { DatabaseSync } from "node:sqlite"

/**
 * The tables of a journal, version 1. Every row ends in its seal (`SealedTable`). Of a run that is discarded only its line in `run`, its epochs and
 * its retained topics stay; all other tables are of the current run.
 *
 * | table | one row is |
 * |---|---|
 * | `run` | a run, and where it is: the next round, the last commit, who has been seen; and which rows of the others belong to that (`Contents`) |
 * | `model` | one of the last two committed models: exact (float64), devices' (float32), the strategy's arrays (float64) one after the other |
 * | `standardizer` | means and inverse deviations (float32), and the devices that they are of, where cohorts are recorded |
 * | `round` | the record of a committed training round, and its evaluation |
 * | `incarnation` | the epochs of one process; written before the first is used |
 * | `retained` | chunks that the broker may retain; written before they are published |
 * | `device` | what a device says of itself in its Hello, and nothing that it measured or counted |
 *
 * The name `privacy` is kept for the ledger of spent privacy, one row a round. There is no table for updates.
 */
export const SCHEMA: readonly string[] = [
  `CREATE TABLE run (
  number INTEGER PRIMARY KEY, fleet TEXT NOT NULL, plan TEXT NOT NULL, initial TEXT, cohorts INTEGER NOT NULL,
  state TEXT NOT NULL, began INTEGER NOT NULL, commit_time INTEGER, position TEXT NOT NULL, version INTEGER NOT NULL,
  threshold INTEGER, stopped TEXT, metrics TEXT NOT NULL, seen TEXT NOT NULL, contents BLOB NOT NULL,
  seal BLOB NOT NULL) STRICT`,
  `CREATE TABLE model (
  version INTEGER PRIMARY KEY, exact BLOB NOT NULL, devices BLOB NOT NULL, strategy BLOB NOT NULL, lengths TEXT NOT NULL,
  seal BLOB NOT NULL) STRICT`,
  `CREATE TABLE standardizer (
  id INTEGER PRIMARY KEY, mean BLOB NOT NULL, inverse BLOB NOT NULL, statistics TEXT, seal BLOB NOT NULL) STRICT`,
  `CREATE TABLE round (
  round INTEGER PRIMARY KEY, record TEXT NOT NULL, evaluation TEXT, seal BLOB NOT NULL) STRICT`,
  `CREATE TABLE incarnation (
  first_epoch INTEGER PRIMARY KEY, last_epoch INTEGER NOT NULL, session INTEGER NOT NULL, run INTEGER NOT NULL,
  began INTEGER NOT NULL, seal BLOB NOT NULL) STRICT`,
  `CREATE TABLE retained (
  run INTEGER NOT NULL, version INTEGER NOT NULL, base INTEGER NOT NULL, size INTEGER NOT NULL, chunks INTEGER NOT NULL,
  seal BLOB NOT NULL, PRIMARY KEY (run, version, base, size)) STRICT, WITHOUT ROWID`,
  `CREATE TABLE device (
  id TEXT PRIMARY KEY, hello BLOB NOT NULL, present INTEGER NOT NULL, seal BLOB NOT NULL) STRICT, WITHOUT ROWID`,
]

/** "Fmjr", in the header of the file. */
export const APPLICATION_ID = 0x466d6a72
export const SCHEMA_VERSION = 1

export function createSchema(db: DatabaseSync): void {
  db.exec(
    `BEGIN; ${SCHEMA.join(";")}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`,
  )
}

/** What is wrong with a file that should be a journal, or undefined. Reads all of it. */
export function faultOf(db: DatabaseSync): string | undefined {
  const pragma = (name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  if (pragma("application_id") !== APPLICATION_ID) return "it is no journal of Fedmote"
  const version = pragma("user_version")
  if (version !== SCHEMA_VERSION) return `it has version ${String(version)}, this program reads ${SCHEMA_VERSION}`
  const found = pragma("quick_check")
  if (found !== "ok") return String(found).split("\n").at(-1)
  const tables = db.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").all()
  const same = tables.length === SCHEMA.length && tables.every(({ sql }, i) => sql === SCHEMA[i])
  return same ? undefined : "its tables are not those of a journal"
}
