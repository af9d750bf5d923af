import { join } from "node:path"
import { clientIds } from "./client-id.ts"
import { DataError, list } from "./error.ts"
import type { ClientRows, FlMeta } from "./fl-meta.ts"
import { clientRows } from "./fl-meta.ts"
import type { Packed } from "./packed.ts"
import { readPacked, valueAt } from "./packed.ts"
import type { Deal, DatasetParts } from "./pool.ts"
import { dealOf, sharedFloats } from "./pool.ts"

/** The sensors of a turbofan engine that change as it wears; the other seven are constant under one operating condition. */
const SENSORS = ["s2", "s3", "s4", "s7", "s8", "s9", "s11", "s12", "s13", "s14", "s15", "s17", "s20", "s21"]

/** Remaining life is counted up to this many cycles: before, wear does not show. The usual cap for this set. */
const LIFE_CAP = 125

export interface SeriesOptions {
  /** Subset: FD001 (the default) or FD003. */
  readonly part?: string | undefined
  /** Cycles in a window; 30 without it. */
  readonly window?: number | undefined
}

/** Whether the folder has run-to-failure series (`FD001.train`, `FD001.test` and so on) instead of one matrix. */
export function hasSeries({ files }: FlMeta): boolean {
  return Object.keys(files).some((key) => key.endsWith(".train"))
}

/**
 * C-MAPSS (Saxena et al. 2008): predict the remaining useful life, in cycles and at most 125, from the last `window` cycles of 14 sensors, time-major
 * (`s2@-29` ... `s21@0`). A client is an engine. It trains on all windows of its own run to failure; its test row is the last window of the test engine with the same number.
 */
export async function readSeries(meta: FlMeta, { part = "FD001", window = 30 }: SeriesOptions): Promise<DatasetParts> {
  const parts = Object.keys(meta.files).filter((key) => key.endsWith(".train"))
  if (!parts.includes(`${part}.train`))
    throw new DataError(
      "option",
      `${meta.name}: expected a part of ${list(parts.map((key) => key.slice(0, -6)))}, got "${part}"`,
    )
  if (!(Number.isInteger(window) && window >= 1))
    throw new DataError("option", `${meta.name}: expected a window of at least 1 cycle, got ${window}`)
  const train = await readPart(meta, `${part}.train`, window, (count) =>
    Array.from({ length: count - window + 1 }, (_, i) => i),
  )
  const test = await readPart(meta, `${part}.test`, window, (count) => [count - window])
  if (test.engines.length !== train.engines.length)
    throw new DataError(
      "format",
      `${meta.name}: expected as many test engines as there are in training (${train.engines.length}), got ${test.engines.length}`,
    )
  return {
    name: `${meta.name}-${part.toLowerCase()}`,
    task: "regression",
    features: Array.from({ length: window }, (_, i) => SENSORS.map((sensor) => `${sensor}@${i + 1 - window}`)).flat(),
    classes: [],
    ids: clientIds(train.engines.map((engine) => engine.id)),
    train: train.deal,
    test: test.deal,
  }
}

async function readPart(
  meta: FlMeta,
  key: string,
  window: number,
  starts: (count: number) => number[],
): Promise<{ engines: readonly ClientRows[]; deal: Deal }> {
  const files = meta.files[key] as { readonly x?: unknown; readonly y?: unknown } | undefined
  const x = await readPacked(meta.folder, `${key}.x`, files?.x)
  const y = await readPacked(meta.folder, `${key}.y`, files?.y)
  if (y.rows !== x.rows) throw new DataError("format", `${y.file}: expected ${x.rows} rows as in x, got ${y.rows}`)
  const table = (meta.clients as { readonly [key: string]: unknown } | undefined)?.[key]
  const engines = clientRows(meta, `clients.${key}`, table, x.rows)
  const short = engines.find((engine) => engine.count < window)
  if (short !== undefined)
    throw new DataError(
      "option",
      `${x.file}: engine ${short.id} has ${short.count} cycles, fewer than a window of ${window}`,
    )
  const pool = { values: sensorValues(meta, x), stride: SENSORS.length, y: sharedFloats(x.rows) }
  // A window is named by its first cycle; its target is the life left at its last one.
  for (let row = 0; row + window <= x.rows; row++)
    pool.y[row] = Math.min(LIFE_CAP, valueAt(y, row + window - 1, 0, "y"))
  return {
    engines,
    deal: dealOf(
      pool,
      engines.map(({ start, count }) => starts(count).map((i) => start + i)),
    ),
  }
}

function sensorValues({ folder, features }: FlMeta, x: Packed): Float32Array {
  const columns = SENSORS.map((sensor) => {
    const column = features.indexOf(sensor)
    if (column >= 0 && column < x.columns) return column
    throw new DataError("format", `${join(folder, "meta.json")}: expected a feature "${sensor}", got ${list(features)}`)
  })
  const values = sharedFloats(x.rows * columns.length)
  let to = 0
  for (let row = 0; row < x.rows; row++)
    for (const [j, column] of columns.entries()) values[to++] = valueAt(x, row, column, SENSORS[j]!)
  return values
}
