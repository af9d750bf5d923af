import { join } from "node:path"
import { clientIds } from "./client-id.ts"
import { taskOf } from "./dataset.ts"
import { DataError } from "./error.ts"
import { splitFifths } from "./fifths.ts"
import type { ClientRows, FlMeta } from "./fl-meta.ts"
import { clientRows } from "./fl-meta.ts"
import type { Packed } from "./packed.ts"
import { readPacked, valueAt } from "./packed.ts"
import type { DatasetParts, Pool } from "./pool.ts"
import { dealOf, sharedFloats } from "./pool.ts"

const FOLD = { train: 0, test: 1, leaveOut: 2 }

/**
 * An `fl-dataset/1` folder with one matrix `x` and one label array `y`. `fold` is the split (0 train, 1 test, 2 leave out); without it every fifth row of
 * each client and class is for testing. SHA-256 values are verified; a missing value (-32768) is refused, never made up. Throws `DataError`.
 */
export async function readFlDataset(meta: FlMeta): Promise<DatasetParts> {
  const { folder, files, classes } = meta
  const x = await readPacked(folder, "x", files["x"])
  const y = await readPacked(folder, "y", files["y"])
  const fold = files["fold"] === undefined ? undefined : await readPacked(folder, "fold", files["fold"])
  for (const { file, rows } of fold === undefined ? [y] : [y, fold])
    if (rows !== x.rows) throw new DataError("format", `${file}: expected ${x.rows} rows as in x, got ${rows}`)
  const features = featureNames(meta, x)
  const pool: Pool = { values: dequantize(x, features), stride: x.columns, y: labels(y, classes) }
  const table = meta.clients === undefined ? [] : clientRows(meta, "clients", meta.clients, x.rows)
  const groups = table.length > 0 ? table : [{ id: "all", start: 0, count: x.rows }]
  const splits = groups.map((group) => split(group, fold, pool.y, classes))
  return {
    name: meta.name,
    task: taskOf(classes),
    features,
    classes,
    ids: clientIds(table.map((client) => client.id)),
    train: dealOf(
      pool,
      splits.map(({ train }) => train),
    ),
    test: dealOf(
      pool,
      splits.map(({ test }) => test),
    ),
  }
}

/** A matrix as float32, `rows` x `columns`. */
export function dequantize(packed: Packed, names: readonly string[]): Float32Array {
  const { rows, columns } = packed
  const values = sharedFloats(rows * columns)
  for (let row = 0; row < rows; row++)
    for (let j = 0; j < columns; j++) values[row * columns + j] = valueAt(packed, row, j, names[j]!)
  return values
}

function featureNames({ folder, features }: FlMeta, x: Packed): readonly string[] {
  if (features.length === 0) return Array.from({ length: x.columns }, (_, j) => `x${j}`)
  if (features.length === x.columns) return features
  throw new DataError(
    "format",
    `${join(folder, "meta.json")}: expected ${x.columns} features as in x, got ${features.length}`,
  )
}

function labels(y: Packed, classes: readonly string[]): Float32Array {
  const out = sharedFloats(y.rows)
  for (let row = 0; row < y.rows; row++) {
    const value = valueAt(y, row, 0, "y")
    if (classes.length > 0 && !(Number.isInteger(value) && value >= 0 && value < classes.length))
      throw new DataError(
        "row",
        `${y.file} row ${row + 1}: expected a class from 0 to ${classes.length - 1}, got ${value}`,
      )
    out[row] = value
  }
  return out
}

function split(
  { start, count }: ClientRows,
  fold: Packed | undefined,
  y: Float32Array,
  classes: readonly string[],
): { train: number[]; test: number[] } {
  const rows = Array.from({ length: count }, (_, i) => start + i)
  if (fold === undefined) return splitFifths(rows, (row) => (classes.length === 0 ? 0 : y[row]!))
  const wrong = rows.find((row) => fold.data[row]! > FOLD.leaveOut)
  if (wrong !== undefined)
    throw new DataError(
      "row",
      `${fold.file} row ${wrong + 1}: expected 0 (train), 1 (test) or 2 (leave out), got ${fold.data[wrong]}`,
    )
  return {
    train: rows.filter((row) => fold.data[row] === FOLD.train),
    test: rows.filter((row) => fold.data[row] === FOLD.test),
  }
}
