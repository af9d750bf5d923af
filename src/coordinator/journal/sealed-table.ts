import { createHash } from "node:crypto"
import type { DatabaseSync, StatementSync } from "node:sqlite"
import { JournalError } from "./journal.ts"

export type Cell = null | number | string | Uint8Array

/**
 * A table whose every row carries the SHA-256 of its cells. SQLite checks the structure of a file, not the content of its pages: without the seal a
 * flipped bit in a model would be a slightly different model.
 */
export class SealedTable {
  readonly #db: DatabaseSync
  readonly #name: string
  readonly #columns: readonly string[]
  readonly #keys: string
  readonly #put: StatementSync

  /** The table has `columns`, in this order, the first `keys` of them being its key, and then `seal`. */
  constructor(db: DatabaseSync, name: string, columns: readonly string[], keys = 1) {
    this.#db = db
    this.#name = name
    this.#columns = columns
    this.#keys = columns.slice(0, keys).join(", ")
    const marks = columns.map(() => "?").join(", ")
    this.#put = db.prepare(`INSERT OR REPLACE INTO ${name} (${columns.join(", ")}, seal) VALUES (${marks}, ?)`)
  }

  /** Writes a row, in place of the one with the same key; returns its seal. */
  put(cells: readonly Cell[]): Uint8Array {
    const seal = this.seal(cells)
    this.#put.run(...cells, seal)
    return seal
  }

  /** The seal that a row of these cells has. */
  seal(cells: readonly Cell[]): Uint8Array {
    return sealOf(this.#name, cells)
  }

  /** Rows in order of the key. `condition`: SQL after WHERE. Throws `JournalError` ("journal-corrupt") for a row that is not as it was written. */
  rows(condition = "1", ...parameters: readonly Cell[]): Cell[][] {
    const text = `SELECT ${this.#columns.join(", ")}, seal FROM ${this.#name} WHERE ${condition} ORDER BY ${this.#keys}`
    const statement = this.#db.prepare(text)
    statement.setReturnArrays(true)
    // With `setReturnArrays` rows are arrays, which the types do not know.
    const rows = statement.all(...parameters) as unknown as Cell[][]
    for (const row of rows) {
      const seal = row.pop()
      if (!(seal instanceof Uint8Array && Buffer.compare(seal, this.seal(row)) === 0))
        throw new JournalError("journal-corrupt", `a row of table ${this.#name} is not as it was written`)
    }
    return rows
  }

  remove(condition = "1", ...parameters: readonly Cell[]): void {
    this.#db.prepare(`DELETE FROM ${this.#name} WHERE ${condition}`).run(...parameters)
  }
}

/** Over the table's name and the kind, length and bytes of each cell. */
function sealOf(table: string, cells: readonly Cell[]): Uint8Array {
  const hash = createHash("sha256").update(`${table}\n`)
  for (const cell of cells) {
    const bytes = cell instanceof Uint8Array ? cell : Buffer.from(cell === null ? "" : String(cell))
    hash.update(`${cell instanceof Uint8Array ? "bytes" : cell === null ? "null" : typeof cell} ${bytes.length}\n`)
    hash.update(bytes)
  }
  return new Uint8Array(hash.digest())
}
