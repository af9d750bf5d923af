import type { Stats } from "node:fs"
import { readdir, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { clientIds } from "./client-id.ts"
import { clientIndex } from "./client-index.ts"
import { readCsvDataset } from "./csv-dataset.ts"
import type { ClientData, Dataset } from "./dataset.ts"
import { DrawnDataset } from "./drawn.ts"
import { DataError, list, quote } from "./error.ts"
import { readFlDataset } from "./fl-dataset.ts"
import { readMeta } from "./fl-meta.ts"
import { isIdxName, readIdx } from "./idx.ts"
import type { Partition } from "./partition.ts"
import { drawnParts, parsePartition, repartition } from "./partition.ts"
import type { DatasetParts } from "./pool.ts"
import { PooledDataset } from "./pool.ts"
import { hasSeries, readSeries } from "./run-to-failure.ts"
import { SyntheticDataset, parseSynthetic } from "./synthetic.ts"
import type { SyntheticParts } from "./synthetic.ts"
import { readTelosb } from "./telosb.ts"

export interface DataOptions {
  /** CSV: the column with the label. */
  readonly label?: string | undefined
  /** CSV: the column that names the client. */
  readonly client?: string | undefined
  /** CSV: the column that says `train` or `test` (or 0 or 1). */
  readonly splitColumn?: string | undefined
  /** CSV: without it, labels that are numbers with more than 20 different values make a regression. */
  readonly task?: "classes" | "regression" | undefined
  /** CSV: class names in label order, where something else dictates them; empty for regression. Without it: sorted. */
  readonly classes?: readonly string[] | undefined
  /**
   * How to deal the rows to clients anew: `iid`, `shards:N`, `dirichlet:ALPHA`, `quantity:ALPHA`, or, for CSV, `column:COL`; or how many rows each of a
   * population draws from them: `hash:N`, `hash:LEAST-MOST`.
   */
  readonly partition?: string | undefined
  /** Number of clients that the partition, or the generator, makes. */
  readonly clients?: number | undefined
  /** Seed of the partition, unsigned 32-bit; 1 without it. */
  readonly seed?: number | undefined
  /** C-MAPSS: cycles in a window; 30 without it. */
  readonly window?: number | undefined
  /** C-MAPSS: FD001 (without it) or FD003. */
  readonly part?: string | undefined
}

type SourceKind = "telosb" | "csv" | "fl-dataset" | "idx"
interface Source {
  readonly kind: SourceKind
  /** File or folder. */
  readonly path: string
}

/**
 * Opens a data set: `telosb` (built in), a CSV file, an `fl-dataset/1` folder (one with `meta.json`), a folder with the four IDX files of the MNIST
 * format, or the generator `synthetic:ALPHA,BETA`. Throws `DataError`: one line that names file, line and column where it can.
 */
export async function openDataset(source: string, options: DataOptions = {}): Promise<Dataset> {
  const generated = parseSynthetic(source)
  if (generated !== undefined) return new SyntheticDataset(syntheticParts(generated, options))
  const found = await findSource(source)
  return deal(found, options, await read(found, options, false))
}

/**
 * Opens one client's data, as a device does: `SOURCE#CLIENT` (also `telosb:mote-3`, the third mote) takes it out of a source of many, `SOURCE` alone is a CSV file of one.
 * Such a file may lack classes that others have: labels are class indices then, or `options.classes` says the order.
 */
export async function openClient(source: string, options: DataOptions = {}): Promise<ClientData> {
  const { base, client } = await splitClient(source)
  const dataset = await openSource(base, client, options)
  const index = indexOf(source, dataset, client)
  const { task, features, classes } = dataset
  return { id: dataset.id(index), task, features, classes, train: dataset.train(index), test: dataset.test(index) }
}

/** The data set that a client is taken out of; a CSV file without clients is one client's. */
async function openSource(base: string, client: string | undefined, options: DataOptions): Promise<Dataset> {
  if (parseSynthetic(base) !== undefined) return openDataset(base, options)
  const found = await findSource(base)
  const single =
    client === undefined && found.kind === "csv" && options.client === undefined && options.partition === undefined
  const parts = await read(found, options, single)
  return single ? new PooledDataset({ ...parts, ids: clientIds([parts.name]) }) : deal(found, options, parts)
}

async function read({ kind, path }: Source, options: DataOptions, single: boolean): Promise<DatasetParts> {
  refuseForeign(kind, path, options)
  switch (kind) {
    case "telosb":
      return readTelosb()
    case "idx":
      return readIdx(path)
    case "fl-dataset": {
      const meta = await readMeta(path)
      if (hasSeries(meta)) return readSeries(meta, options)
      if (options.window !== undefined || options.part !== undefined)
        throw new DataError("option", `${meta.name}: window and part are for run-to-failure series (cmapss)`)
      return Object.keys(meta.files).some(isIdxName) ? readIdx(path, meta) : readFlDataset(meta)
    }
    case "csv":
      return readCsvSource(path, options, single)
  }
}

function readCsvSource(path: string, options: DataOptions, single: boolean): Promise<DatasetParts> {
  const { label, client, splitColumn: split, task, classes } = options
  if (label === undefined) throw new DataError("option", `${path}: say which column holds the label (--label COL)`)
  const partition = options.partition === undefined ? undefined : parsePartition(options.partition)
  if (client === undefined && partition === undefined && !single)
    throw new DataError(
      "option",
      `${path}: say which column names the client (--client COL), or how to make clients (--partition iid --clients 10)`,
    )
  const labels = { task, classes, asIndices: single }
  if (partition === undefined) return readCsvDataset(path, { label, client, split }, labels)
  if (partition.kind === "column")
    return readCsvDataset(path, { label, client: partition.column, split, ignore: given(client) }, labels)
  return readCsvDataset(path, { label, split, ignore: given(client) }, labels)
}

function given(column: string | undefined): string[] {
  return column === undefined ? [] : [column]
}

const CSV_OPTIONS = ["label", "client", "splitColumn", "task", "classes"] as const
const SERIES_OPTIONS = ["window", "part"] as const

// An option that does nothing would let its user believe that it did something.
function refuseForeign(kind: SourceKind, path: string, options: DataOptions): void {
  const foreign = [...(kind === "csv" ? [] : CSV_OPTIONS), ...(kind === "fl-dataset" ? [] : SERIES_OPTIONS)]
  const name = foreign.find((option) => options[option] !== undefined)
  if (name === undefined) return
  const home = (CSV_OPTIONS as readonly string[]).includes(name) ? "CSV files" : "run-to-failure series (cmapss)"
  throw new DataError("option", `${path}: the option ${name} is for ${home}`)
}

function deal(found: Source, options: DataOptions, parts: DatasetParts): Dataset {
  const { clients, seed = 1 } = options
  const partition: Partition | undefined =
    options.partition === undefined ? undefined : parsePartition(options.partition)
  if (partition === undefined || (partition.kind === "column" && found.kind === "csv")) {
    if (clients !== undefined)
      throw new DataError(
        "option",
        `${parts.name}: a number of clients goes with a partition (--partition iid), and there is none${parts.ids.length > 0 ? `; the data has ${parts.ids.length} clients` : ""}`,
      )
    if (parts.ids.length === 0)
      throw new DataError(
        "option",
        `${parts.name} has no clients of its own: say how to make them (--partition iid --clients 100)`,
      )
    return new PooledDataset(parts)
  }
  if (clients === undefined)
    throw new DataError("option", `${parts.name}: a partition needs a number of clients (--clients 100)`)
  if (partition.kind === "hash") return new DrawnDataset(drawnParts(parts, partition.each, clients, seed))
  return new PooledDataset(repartition(parts, partition, clients, seed))
}

function syntheticParts(
  generated: Pick<SyntheticParts, "alpha" | "beta">,
  { clients, seed = 1, ...others }: DataOptions,
): SyntheticParts {
  const foreign = Object.entries(others).find(([, value]) => value !== undefined)
  if (foreign !== undefined) throw new DataError("option", `synthetic: the option ${foreign[0]} is for data from files`)
  if (clients === undefined) throw new DataError("option", "synthetic: say how many clients (--clients 100)")
  return { ...generated, clients, seed }
}

function indexOf(source: string, dataset: Dataset, client: string | undefined): number {
  if (client === undefined && dataset.clients === 1) return 0
  if (client === undefined)
    throw new DataError(
      "client",
      `${source} has ${dataset.clients} clients: say which one (${source}#${dataset.id(0)}); there are ${someIds(dataset)}`,
    )
  const mote = dataset.name === "telosb" ? /^mote-([1-9]\d*)$/.exec(client) : null
  const index = mote === null ? clientIndex(dataset)(client) : Number(mote[1]) - 1
  if (index !== undefined && index < dataset.clients) return index
  throw new DataError("client", `${source}: no client ${quote(client)}; there are ${someIds(dataset)}`)
}

function someIds(dataset: Dataset): string {
  const shown = Math.min(dataset.clients, 12)
  const ids = Array.from({ length: shown }, (_, client) => dataset.id(client))
  return dataset.clients > shown ? `${list(ids)} and ${dataset.clients - shown} more` : list(ids)
}

async function splitClient(source: string): Promise<{ base: string; client?: string }> {
  const telosb = /^telosb:(.+)$/.exec(source)
  if (telosb !== null) return { base: "telosb", client: telosb[1]! }
  const at = source.lastIndexOf("#")
  if (at <= 0 || (await statOf(source)) !== undefined) return { base: source }
  return { base: source.slice(0, at), client: source.slice(at + 1) }
}

async function findSource(source: string): Promise<Source> {
  if (source === "telosb") return { kind: "telosb", path: source }
  const stats = await statOf(source)
  if (stats === undefined)
    throw new DataError(
      "not-found",
      `no data source ${JSON.stringify(source)}: expected telosb, a CSV file, a folder with meta.json (fl-dataset/1), one with IDX files, or synthetic:ALPHA,BETA`,
    )
  if (!stats.isDirectory()) {
    const name = basename(source)
    if (name === "meta.json") return { kind: "fl-dataset", path: dirname(source) }
    return isIdxName(name) ? { kind: "idx", path: dirname(source) } : { kind: "csv", path: source }
  }
  const names = await readdir(source)
  if (names.includes("meta.json")) return { kind: "fl-dataset", path: source }
  if (names.some(isIdxName)) return { kind: "idx", path: source }
  throw new DataError(
    "format",
    `${join(source, "")}: expected meta.json (fl-dataset/1) or IDX files in this folder, got ${list(names, 6)}`,
  )
}

async function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined)
}
