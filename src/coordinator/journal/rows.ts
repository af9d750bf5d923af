import type { DatabaseSync } from "node:sqlite"
import type { Standardizer } from "../../core/moments.ts"
import { parsePlan } from "../../core/plan.ts"
import type { Result, RoundResult } from "../../core/result.ts"
import type { RoundPosition } from "../../core/program.ts"
import type { ModelSnapshot } from "../../core/snapshot.ts"
import type { Evaluated } from "../../core/stop.ts"
import { floatBytes, floatsOf } from "../../net/digest.ts"
import { decode, encode } from "../../wire/codec.ts"
import { JournalError } from "./journal.ts"
import type { FleetCount, KnownDevice, RetainedChunks, RunIdentity } from "./journal.ts"
import { SealedTable } from "./sealed-table.ts"
import type { Cell } from "./sealed-table.ts"

/** How what a journal keeps is written as rows, and read back. Floats are little-endian, as every machine that runs Node has them. */

export type RunState = "running" | "released" | "discarded"

/** A line of table `run`. */
export interface RunRow extends RunIdentity {
  readonly number: number
  readonly state: RunState
  readonly beganAtMs: number
  readonly committedAtMs: number | undefined
  readonly position: RoundPosition
  /** Of the last committed model. */
  readonly version: number
  readonly threshold: number | undefined
  readonly stopped: string | undefined
  /** Of the last evaluation. */
  readonly metrics: Evaluated["metrics"]
  readonly fleet: FleetCount
  /** `Contents.digest`. */
  readonly contents: Uint8Array
}

export type Tables = ReturnType<typeof openTables>

export function openTables(db: DatabaseSync) {
  const run =
    "number fleet plan initial cohorts state began commit_time position version threshold stopped metrics seen contents".split(
      " ",
    )
  return {
    run: new SealedTable(db, "run", run),
    model: new SealedTable(db, "model", ["version", "exact", "devices", "strategy", "lengths"]),
    standardizer: new SealedTable(db, "standardizer", ["id", "mean", "inverse", "statistics"]),
    round: new SealedTable(db, "round", ["round", "record", "evaluation"]),
    incarnation: new SealedTable(db, "incarnation", ["first_epoch", "last_epoch", "session", "run", "began"]),
    retained: new SealedTable(db, "retained", ["run", "version", "base", "size", "chunks"], 4),
    device: new SealedTable(db, "device", ["id", "hello", "present"]),
  }
}

export function runCells(row: RunRow): Cell[] {
  const { plan, position, fleet } = row
  return [
    row.number,
    plan.fleet,
    JSON.stringify(plan),
    row.initial,
    Number(row.recordCohorts),
    row.state,
    row.beganAtMs,
    row.committedAtMs ?? null,
    JSON.stringify(position),
    row.version,
    row.threshold ?? null,
    row.stopped ?? null,
    JSON.stringify(row.metrics),
    JSON.stringify(fleet),
    row.contents,
  ]
}

export function runOf(cells: readonly Cell[]): RunRow {
  const [
    number,
    ,
    plan,
    initial,
    cohorts,
    state,
    began,
    committed,
    position,
    version,
    threshold,
    stopped,
    metrics,
    seen,
    contents,
  ] = cells
  return {
    number: number as number,
    plan: parsePlan(parse(plan)),
    initial: initial as string | null,
    recordCohorts: cohorts === 1,
    state: state as RunState,
    beganAtMs: began as number,
    committedAtMs: (committed as number | null) ?? undefined,
    position: parse<RoundPosition>(position),
    version: version as number,
    threshold: (threshold as number | null) ?? undefined,
    stopped: (stopped as string | null) ?? undefined,
    metrics: parse(metrics),
    fleet: parse(seen),
    contents: contents as Uint8Array,
  }
}

export function modelCells({ version, exact, devices, strategy }: ModelSnapshot): Cell[] {
  const state = Buffer.concat(strategy.map(doubleBytes))
  return [version, doubleBytes(exact), floatBytes(devices), state, JSON.stringify(strategy.map(({ length }) => length))]
}

export function modelOf([version, exact, devices, state, lengths]: readonly Cell[]): ModelSnapshot {
  const all = doublesOf(state as Uint8Array)
  let at = 0
  const strategy = parse<number[]>(lengths).map((length) => all.slice(at, (at += length)))
  return {
    version: version as number,
    exact: doublesOf(exact as Uint8Array),
    devices: floatsOf(devices as Uint8Array),
    strategy,
  }
}

export function standardizerCells({ mean, inverse }: Standardizer, statistics: Result["statistics"]): Cell[] {
  return [1, floatBytes(mean), floatBytes(inverse), statistics === undefined ? null : JSON.stringify(statistics)]
}

export function standardizerOf([, mean, inverse, statistics]: readonly Cell[]): {
  readonly standardizer: Standardizer
  readonly statistics: Result["statistics"]
} {
  return {
    standardizer: { mean: floatsOf(mean as Uint8Array), inverse: floatsOf(inverse as Uint8Array) },
    statistics: statistics === null ? undefined : parse(statistics),
  }
}

export function roundCells(record: RoundResult, evaluated: Evaluated | undefined): Cell[] {
  return [record.round, JSON.stringify(record), evaluated === undefined ? null : JSON.stringify(evaluated)]
}

export function roundOf([, record, evaluated]: readonly Cell[]): {
  readonly record: RoundResult
  readonly evaluated: Evaluated | undefined
} {
  return { record: parse(record), evaluated: evaluated === null ? undefined : parse(evaluated) }
}

/** In place of the base of what is no delta. */
const NO_BASE = -1

export function retainedCells(run: number, { version, base, size, chunks }: RetainedChunks): Cell[] {
  return [run, version, base ?? NO_BASE, size, chunks]
}

export function retainedOf([, version, base, size, chunks]: readonly Cell[]): RetainedChunks {
  return {
    version: version as number,
    base: base === NO_BASE ? undefined : (base as number),
    size: size as number,
    chunks: chunks as number,
  }
}

export function deviceCells({ id, hello, present }: KnownDevice): Cell[] {
  return [id, encode(hello), Number(present)]
}

/** Undefined for a Hello that this program does not read: the device will say another. */
export function deviceOf([id, hello, present]: readonly Cell[]): KnownDevice | undefined {
  try {
    const message = decode(hello as Uint8Array)
    return message.type === "hello" ? { id: id as string, hello: message, present: present === 1 } : undefined
  } catch {
    return undefined
  }
}

function doubleBytes(values: Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

function doublesOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer)
}

function parse<T>(cell: Cell | undefined): T {
  if (typeof cell !== "string") throw new JournalError("journal-corrupt", "a row has no text where it should")
  return JSON.parse(cell) as T
}
