import { NO_DEVICE, PURPOSE, RandomStream } from "../core/random.ts"
import { numberedIds } from "./client-id.ts"
import { dirichlet } from "./dirichlet.ts"
import type { DrawnParts, RowsEach } from "./drawn.ts"
import { DataError, quote } from "./error.ts"
import type { DatasetParts } from "./pool.ts"
import { dealOf } from "./pool.ts"

/** How pooled rows become clients. `column` is a matter of the CSV reader. */
export type Partition =
  | { readonly kind: "iid" }
  | { readonly kind: "shards"; readonly each: number }
  | { readonly kind: "dirichlet"; readonly alpha: number }
  | { readonly kind: "quantity"; readonly alpha: number }
  | { readonly kind: "column"; readonly column: string }
  | { readonly kind: "hash"; readonly each: RowsEach }

/** Reads `iid`, `shards:N`, `dirichlet:ALPHA`, `quantity:ALPHA`, `column:COL`, `hash:N` or `hash:LEAST-MOST`. */
export function parsePartition(text: string): Partition {
  const [, kind, value] = /^(iid|shards|dirichlet|quantity|column|hash)(?::(.+))?$/.exec(text) ?? []
  const number = /^[0-9.]+(e-?[0-9]+)?$/.test(value ?? "") ? Number(value) : NaN
  if (kind === "iid" && value === undefined) return { kind }
  if (kind === "shards" && Number.isInteger(number) && number >= 1) return { kind, each: number }
  // Below 1/1000 the shares have one client take all of a class; above 1e6 they are equal.
  if ((kind === "dirichlet" || kind === "quantity") && number >= 1e-3 && number <= 1e6) return { kind, alpha: number }
  if (kind === "column" && value !== undefined) return { kind, column: value }
  const each = kind === "hash" ? rowsEach(value ?? "") : undefined
  if (each !== undefined) return { kind: "hash", each }
  throw new DataError(
    "partition",
    `partition: expected iid, shards:N, dirichlet:ALPHA or quantity:ALPHA (0.001 to 1000000), hash:N or hash:LEAST-MOST (1 to ${MOST_ROWS_EACH} rows), or column:COL, got ${quote(text)}`,
  )
}

const MOST_ROWS_EACH = 65536

function rowsEach(text: string): RowsEach | undefined {
  const [, first, second] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? []
  const least = Number(first)
  const most = Number(second ?? first)
  return least >= 1 && least <= most && most <= MOST_ROWS_EACH ? { least, most } : undefined
}

// Streams of one seed: which rows a client trains on, which it tests on, and the shares of a class.
const STREAM = { train: 0, test: 1, shares: 2 }

/**
 * Deals the rows of all clients anew to `clients` clients: a function of (rows, partition, clients, seed) alone. The training rows go by the
 * partition, the test rows evenly and at random, whatever the partition. Throws `DataError` ("partition") where a client would have no training row.
 */
export function repartition(parts: DatasetParts, partition: Partition, clients: number, seed: number): DatasetParts {
  const rows = parts.train.rows
  if (!(Number.isInteger(clients) && clients >= 1))
    throw new DataError("partition", `partition: expected a number of clients of at least 1, got ${clients}`)
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32))
    throw new DataError("partition", `partition: expected a seed from 0 to 4294967295, got ${seed}`)
  if (clients > rows.length)
    throw new DataError(
      "partition",
      `partition: ${clients} clients cannot share ${rows.length} training rows of ${parts.name}`,
    )
  const dealt = dealRows(parts, partition, clients, seed)
  const empty = dealt.filter((own) => own.length === 0).length
  if (empty > 0)
    throw new DataError(
      "partition",
      `partition leaves ${empty} of ${clients} clients without a training row: take fewer clients, a larger ALPHA or another seed`,
    )
  const testRows = shuffled(parts.test.rows, streamOf(seed, STREAM.test))
  return {
    ...parts,
    ids: numberedIds(clients),
    train: dealOf(parts.train.pool, dealt.map(ascending)),
    test: dealOf(parts.test.pool, slices(testRows, clients).map(ascending)),
  }
}

/** The same training and test rows as a pool that `clients` clients draw from. */
export function drawnParts(parts: DatasetParts, each: RowsEach, clients: number, seed: number): DrawnParts {
  const { name, task, features, classes, train, test } = parts
  return { name, task, features, classes, train, test, clients, each, seed }
}

function dealRows(parts: DatasetParts, partition: Partition, clients: number, seed: number): Uint32Array[] {
  const rows = shuffled(parts.train.rows, streamOf(seed, STREAM.train))
  switch (partition.kind) {
    case "iid":
      return slices(rows, clients)
    case "shards":
      return dealShards(byClass(parts, rows, "shards"), clients, partition.each, streamOf(seed, STREAM.shares))
    case "dirichlet":
      return dealDirichlet(byClass(parts, rows, "dirichlet"), clients, partition.alpha, streamOf(seed, STREAM.shares))
    case "quantity":
      return dealQuantity(rows, clients, partition.alpha, streamOf(seed, STREAM.shares))
    case "hash":
      throw new DataError("partition", "partition hash deals no rows: each client draws its own")
    case "column":
      throw new DataError(
        "partition",
        `partition column:${partition.column} needs a CSV file, which ${parts.name} is not`,
      )
  }
}

/**
 * Shards of one label each, `each` a client (after McMahan et al. 2017, whose shards are all of one size and may cross from one label to the
 * next; these do not, so that a client has at most `each` labels). A class has shards in proportion to its rows.
 */
function dealShards(
  classes: readonly Uint32Array[],
  clients: number,
  each: number,
  stream: RandomStream,
): Uint32Array[] {
  const total = clients * each
  const rows = classes.reduce((sum, own) => sum + own.length, 0)
  if (total < classes.length)
    throw new DataError(
      "partition",
      `partition shards:${each}: ${total} shards are too few for ${classes.length} classes`,
    )
  if (total > rows)
    throw new DataError("partition", `partition shards:${each}: ${total} shards are too many for ${rows} training rows`)
  const counts = shardCounts(
    classes.map((own) => own.length),
    total,
  )
  const shards = classes.flatMap((own, label) => slices(own, counts[label]!))
  const order = shuffled(Uint32Array.from(shards.keys()), stream)
  return Array.from({ length: clients }, (_, c) =>
    Uint32Array.from([...order.subarray(c * each, (c + 1) * each)].flatMap((shard) => [...shards[shard]!])),
  )
}

// One shard for every class, and each further one to the class whose shards are the largest: never more shards than rows.
function shardCounts(sizes: readonly number[], total: number): number[] {
  const counts = sizes.map(() => 1)
  for (let left = total - sizes.length; left > 0; left--) {
    let largest = 0
    for (let c = 1; c < sizes.length; c++) if (sizes[c]! * counts[largest]! > sizes[largest]! * counts[c]!) largest = c
    counts[largest] = counts[largest]! + 1
  }
  return counts
}

/** Each class is divided among the clients by shares from Dirichlet(alpha) (Yurochkin et al. 2019; Li et al. 2022, NIID-Bench). */
function dealDirichlet(
  classes: readonly Uint32Array[],
  clients: number,
  alpha: number,
  stream: RandomStream,
): Uint32Array[] {
  const dealt: Uint32Array[][] = Array.from({ length: clients }, () => [])
  for (const own of classes) {
    for (const [c, piece] of cut(own, dirichlet(alpha, clients, stream)).entries()) dealt[c]!.push(piece)
  }
  return dealt.map((pieces) => Uint32Array.from(pieces.flatMap((piece) => [...piece])))
}

/** Shuffled rows in shares from Dirichlet(alpha): clients differ in how much they have, not in what (Li et al. 2022, NIID-Bench, "quantity skew"). */
function dealQuantity(rows: Uint32Array, clients: number, alpha: number, stream: RandomStream): Uint32Array[] {
  return cut(rows, dirichlet(alpha, clients, stream))
}

/** Slices in proportion to the shares, which sum to 1. */
function cut(rows: Uint32Array, shares: Float64Array): Uint32Array[] {
  let sum = 0
  let from = 0
  return Array.from(shares, (share, i) => {
    sum += share
    const to = i === shares.length - 1 ? rows.length : Math.min(rows.length, Math.round(sum * rows.length))
    const own = rows.subarray(from, to)
    from = to
    return own
  })
}

/** The rows of each class that has any. */
function byClass({ name, classes, train }: DatasetParts, rows: Uint32Array, kind: string): Uint32Array[] {
  if (classes.length === 0)
    throw new DataError("partition", `partition ${kind} goes by class, and ${name} is a regression: use iid`)
  const found: number[][] = classes.map(() => [])
  for (const row of rows) found[train.pool.y[row]!]!.push(row)
  return found.filter((own) => own.length > 0).map((own) => Uint32Array.from(own))
}

function streamOf(seed: number, round: number): RandomStream {
  return new RandomStream({ seed, round, device: NO_DEVICE }, PURPOSE.partition)
}

/** A shuffled copy (Fisher-Yates). */
function shuffled(rows: Uint32Array, stream: RandomStream): Uint32Array {
  const out = Uint32Array.from(rows)
  for (let i = out.length - 1; i > 0; i--) {
    const j = stream.below(i + 1)
    const kept = out[i]!
    out[i] = out[j]!
    out[j] = kept
  }
  return out
}

/** `count` slices whose lengths differ by one at most. */
function slices(rows: Uint32Array, count: number): Uint32Array[] {
  return Array.from({ length: count }, (_, i) =>
    rows.subarray(Math.floor((i * rows.length) / count), Math.floor(((i + 1) * rows.length) / count)),
  )
}

function ascending(rows: Uint32Array): Uint32Array {
  return rows.slice().sort()
}
