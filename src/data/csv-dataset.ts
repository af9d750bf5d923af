import { basename, extname } from "node:path"
import { clientIds } from "./client-id.ts"
import type { CsvColumns, CsvTable } from "./csv.ts"
import { readCsv } from "./csv.ts"
import { taskOf } from "./dataset.ts"
import { DataError, quote } from "./error.ts"
import { splitFifths } from "./fifths.ts"
import type { LabelOptions } from "./labels.ts"
import { naturalOrder } from "./labels.ts"
import type { DatasetParts, Pool } from "./pool.ts"
import { dealOf, sharedFloats } from "./pool.ts"

/**
 * A CSV file as a data set. With a client column: its clients, in the natural order of their names, each with at least two rows; without one the rows are
 * nobody's yet. The test rows are those of the split column, or every fifth row of each client and class.
 */
export async function readCsvDataset(path: string, columns: CsvColumns, labels: LabelOptions): Promise<DatasetParts> {
  const table = await readCsv(path, columns, labels)
  if (table.rows < 2) throw new DataError("client", `${table.file}: expected two rows at least, got one`)
  const order = columns.client === undefined ? undefined : naturalOrder(table.clients)
  const groups = rowsByClient(table, order)
  if (order !== undefined) refuseSingleRows(table, order, groups)
  const splits = groups.map((rows) => splitRows(table, rows))
  const train = splits.map((split) => split.train)
  if (train.every((rows) => rows.length === 0)) throw new DataError("row", `${table.file}: no row is for training`)
  const pool = poolOf(table)
  return {
    name: basename(path, extname(path)),
    task: taskOf(table.classes),
    features: table.features,
    classes: table.classes,
    ids: order === undefined ? [] : clientIds(order),
    train: dealOf(pool, train),
    test: dealOf(
      pool,
      splits.map((split) => split.test),
    ),
  }
}

function rowsByClient(table: CsvTable, order: readonly string[] | undefined): number[][] {
  const groups: number[][] = Array.from({ length: order?.length ?? 1 }, () => [])
  const place = new Map(order?.map((name, index) => [name, index]))
  const groupOf = table.clients.map((name) => groups[place.get(name)!]!)
  for (let row = 0; row < table.rows; row++) (groupOf[table.clientOf[row]!] ?? groups[0]!).push(row)
  return groups
}

function refuseSingleRows(table: CsvTable, order: readonly string[], groups: readonly number[][]): void {
  const single = groups.findIndex((rows) => rows.length < 2)
  if (single < 0) return
  const line = table.firstLines[table.clients.indexOf(order[single]!)]
  const others = groups.filter((rows) => rows.length < 2).length - 1
  throw new DataError(
    "client",
    `${table.file} line ${line}: client ${quote(order[single]!)} has one row${others > 0 ? ` (and ${others} other ${others === 1 ? "client" : "clients"} too)` : ""}; ` +
      "a client needs two at least: remove it, or check that this is the client column",
  )
}

function splitRows({ split, y, classes }: CsvTable, rows: readonly number[]): { train: number[]; test: number[] } {
  if (split === undefined) return splitFifths(rows, (row) => (classes.length === 0 ? 0 : y[row]!))
  return { train: rows.filter((row) => split[row] === 0), test: rows.filter((row) => split[row] === 1) }
}

function poolOf({ x, y, features }: CsvTable): Pool {
  const pool = { values: sharedFloats(x.length), stride: features.length, y: sharedFloats(y.length) }
  pool.values.set(x)
  pool.y.set(y)
  return pool
}
