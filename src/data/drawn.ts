import { exp, log } from "../core/elementary.ts"
import { PURPOSE, philox } from "../core/random.ts"
import type { Samples } from "../core/samples.ts"
import { numberedId, placeOfId } from "./client-id.ts"
import type { Dataset, Population, SampleBuffer, Task } from "./dataset.ts"
import { DataError } from "./error.ts"
import { drawInto } from "./hash.ts"
import type { Pool } from "./pool.ts"
import { gatherRows } from "./pool.ts"

/** Training rows of each client: from `least` to `most`, as many clients between 10 and 20 as between 20 and 40. */
export interface RowsEach {
  readonly least: number
  readonly most: number
}

/** What clients draw from, and how: all that such a data set is. */
export interface DrawnParts {
  readonly name: string
  readonly task: Task
  readonly features: readonly string[]
  readonly classes: readonly string[]
  readonly train: PoolRows
  readonly test: PoolRows
  readonly clients: number
  readonly each: RowsEach
  readonly seed: number
}

/** Samples that any client may draw. */
export interface PoolRows {
  readonly pool: Pool
  readonly rows: Uint32Array
}

// Streams of one seed: which rows a client trains on, which it tests on, and how many.
const STREAM = { train: 0, test: 1, size: 2 }

/** Clients are numbered by 32 bits. */
const MOST_CLIENTS = 2 ** 32 - 1

/**
 * A population whose clients draw their rows from a shared pool, each by a hash of (seed, client): with replacement, and no client exists before it
 * is asked for, so that a thousand million of them take no memory. A quarter as many test rows, at least one, come from the test pool in the same way.
 */
export class DrawnDataset implements Dataset, Population {
  readonly parts: DrawnParts
  readonly #pick = new Uint32Array(4)
  readonly #expected: number
  #rows = new Uint32Array(0)

  /** Throws `DataError` ("partition"). */
  constructor(parts: DrawnParts) {
    const { name, train, clients, each } = parts
    if (train.rows.length === 0)
      throw new DataError("partition", `partition hash: ${name} has no training rows to draw`)
    if (!(Number.isInteger(clients) && clients >= 1 && clients <= MOST_CLIENTS))
      throw new DataError("partition", `partition hash: expected 1 to ${MOST_CLIENTS} clients, got ${clients}`)
    this.parts = parts
    this.#expected = meanRows(each)
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
    return this.parts.clients
  }
  get population(): Population {
    return this
  }
  get mostRows(): number {
    return this.parts.each.most
  }
  get trainSamples(): number {
    return Math.round(this.clients * this.#expected)
  }
  get testSamples(): number {
    return this.parts.test.rows.length === 0 ? 0 : Math.round(this.clients * quarter(this.#expected))
  }

  indexOf(id: string): number | undefined {
    return placeOfId(id, this.clients)
  }
  id(index: number): string {
    return numberedId(this.#checked(index), this.clients)
  }
  trainRows(index: number): number {
    const { least, most } = this.parts.each
    this.#checked(index)
    if (least === most) return least
    philox(this.#pick, 0, STREAM.size, PURPOSE.partition, this.parts.seed, index, 0)
    return rowsAt(this.parts.each, (this.#pick[0]! + 0.5) / 2 ** 32)
  }
  testRows(index: number): number {
    return this.parts.test.rows.length === 0 ? 0 : quarter(this.trainRows(index))
  }
  train(index: number, into?: SampleBuffer): Samples {
    return this.#draw(this.parts.train, this.trainRows(index), STREAM.train, index, into)
  }
  test(index: number, into?: SampleBuffer): Samples {
    return this.#draw(this.parts.test, this.testRows(index), STREAM.test, index, into)
  }

  #draw({ pool, rows }: PoolRows, count: number, stream: number, index: number, into?: SampleBuffer): Samples {
    if (this.#rows.length < count) this.#rows = new Uint32Array(count)
    const drawn = this.#rows.length === count ? this.#rows : this.#rows.subarray(0, count)
    drawInto(drawn, rows.length, this.parts.seed, PURPOSE.partition, stream, index)
    for (let i = 0; i < count; i++) drawn[i] = rows[drawn[i]!]!
    return gatherRows(pool, drawn, this.features.length, into)
  }

  #checked(index: number): number {
    if (Number.isInteger(index) && index >= 0 && index < this.clients) return index
    throw new DataError("client", `${this.name}: expected a client from 0 to ${this.clients - 1}, got ${index}`)
  }
}

/** The logarithm is uniform: `u` in (0, 1) goes from least to most. */
function rowsAt({ least, most }: RowsEach, u: number): number {
  return Math.min(most, Math.floor(least * exp(u * log((most + 1) / least))))
}

/** Mean of `rowsAt` over u: of each size, how much of (0, 1) gives it. */
function meanRows({ least, most }: RowsEach): number {
  if (least === most) return least
  let mean = 0
  for (let rows = least; rows <= most; rows++) mean += (rows * log((rows + 1) / rows)) / log((most + 1) / least)
  return mean
}

function quarter(rows: number): number {
  return Math.max(1, Math.round(rows / 4))
}
