import type { Samples } from "../core/samples.ts"
import type { Dataset, SampleBuffer, Task } from "./dataset.ts"
import { roomFor } from "./dataset.ts"
import { DataError } from "./error.ts"

/**
 * Samples of all clients in one piece of memory that threads can share. Sample `i` is the `features` values from `i * stride` on, so that
 * overlapping windows of a series (stride below features) take no memory of their own. A byte stands for byte / 255.
 */
export interface Pool {
  readonly values: Float32Array | Uint8Array
  readonly stride: number
  /** Class index or target of each sample. */
  readonly y: Float32Array
}

/** Samples dealt to clients: client `c` has `rows[bounds[c]]` to `rows[bounds[c + 1] - 1]` of the pool. */
export interface Deal {
  readonly pool: Pool
  readonly rows: Uint32Array
  readonly bounds: Uint32Array
}

/** All that a data set is. Without `ids` the rows belong to nobody yet: `bounds` is [0, rows]. */
export interface DatasetParts {
  readonly name: string
  readonly task: Task
  readonly features: readonly string[]
  readonly classes: readonly string[]
  readonly ids: readonly string[]
  readonly train: Deal
  readonly test: Deal
}

/** Arrays that `share` can hand to other threads as they are. */
export function sharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * 4))
}
export function sharedWords(length: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(length * 4))
}
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length))
}

/** Deals `rows(c)` to client `c`. */
export function dealOf(pool: Pool, rows: readonly ArrayLike<number>[]): Deal {
  const bounds = sharedWords(rows.length + 1)
  for (const [c, own] of rows.entries()) bounds[c + 1] = bounds[c]! + own.length
  const all = sharedWords(bounds[rows.length]!)
  for (const [c, own] of rows.entries()) all.set(own, bounds[c]!)
  return { pool, rows: all, bounds }
}

/** A data set over shared pools. */
export class PooledDataset implements Dataset {
  readonly parts: DatasetParts

  constructor(parts: DatasetParts) {
    this.parts = parts
  }

  get name(): string {
    return this.parts.name
  }
  get task(): Task {
    return this.parts.task
  }
  get features(): readonly string[] {
    return this.parts.features
  }
  get classes(): readonly string[] {
    return this.parts.classes
  }
  get clients(): number {
    return this.parts.ids.length
  }
  id(index: number): string {
    return this.parts.ids[this.#checked(index)]!
  }
  trainRows(index: number): number {
    return rowsOf(this.parts.train, this.#checked(index)).length
  }
  testRows(index: number): number {
    return rowsOf(this.parts.test, this.#checked(index)).length
  }
  train(index: number, into?: SampleBuffer): Samples {
    return gather(this.parts.train, this.#checked(index), this.features.length, into)
  }
  test(index: number, into?: SampleBuffer): Samples {
    return gather(this.parts.test, this.#checked(index), this.features.length, into)
  }

  #checked(index: number): number {
    if (Number.isInteger(index) && index >= 0 && index < this.clients) return index
    throw new DataError("client", `${this.name}: expected a client from 0 to ${this.clients - 1}, got ${index}`)
  }
}

function rowsOf(deal: Deal, client: number): Uint32Array {
  return deal.rows.subarray(deal.bounds[client], deal.bounds[client + 1])
}

function gather(deal: Deal, client: number, features: number, into?: SampleBuffer): Samples {
  return gatherRows(deal.pool, rowsOf(deal, client), features, into)
}

/** These rows of the pool, in this order. */
export function gatherRows(pool: Pool, rows: Uint32Array, features: number, into?: SampleBuffer): Samples {
  const samples = roomFor(rows.length, features, into)
  const { x, y } = samples
  for (let i = 0; i < rows.length; i++) y[i] = pool.y[rows[i]!]!
  if (pool.values instanceof Uint8Array) scaleBytes(x, pool.values, pool.stride, rows, features)
  else copyFloats(x, pool.values, pool.stride, rows, features)
  return samples
}

const BYTE_VALUES = Float32Array.from({ length: 256 }, (_, byte) => byte / 255)

function scaleBytes(x: Float32Array, values: Uint8Array, stride: number, rows: Uint32Array, features: number): void {
  let to = 0
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * stride
    for (let j = 0; j < features; j++) x[to++] = BYTE_VALUES[values[from + j]!]!
  }
}

/** Up to so many values a loop is faster than a view to copy from. */
const SHORT = 512

// Rows that lie one after the other in the pool, as a client's mostly do, are copied in one go.
function copyFloats(x: Float32Array, values: Float32Array, stride: number, rows: Uint32Array, features: number): void {
  if (features % 2 === 0 && stride % 2 === 0 && features <= SHORT) {
    const to = pairsOf(x)
    const from = pairsOf(values)
    if (to !== undefined && from !== undefined) return copyPairs(to, from, stride / 2, rows, features / 2)
  }
  for (let i = 0; i < rows.length;) {
    let run = 1
    if (stride === features) while (i + run < rows.length && rows[i + run] === rows[i]! + run) run++
    const from = rows[i]! * stride
    x.set(values.subarray(from, from + run * features), i * features)
    i += run
  }
}

// Two values at a time: a pair of finite floats is never a NaN, which alone an engine might change.
function copyPairs(to: Float64Array, from: Float64Array, stride: number, rows: Uint32Array, length: number): void {
  let at = 0
  for (let i = 0; i < rows.length; i++) {
    const begin = rows[i]! * stride
    for (let j = 0; j < length; j++) to[at++] = from[begin + j]!
  }
}

const PAIRS = new WeakMap<Float32Array, Float64Array>()

/** The same memory, two values a number; undefined where it does not begin at a multiple of 8 bytes. */
function pairsOf(values: Float32Array): Float64Array | undefined {
  const known = PAIRS.get(values)
  if (known !== undefined || values.byteOffset % 8 !== 0) return known
  const pairs = new Float64Array(values.buffer, values.byteOffset, values.length >> 1)
  PAIRS.set(values, pairs)
  return pairs
}
