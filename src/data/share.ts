import { unreachable } from "../core/error.ts"
import type { Samples } from "../core/samples.ts"
import type { Dataset, Task } from "./dataset.ts"
import { sampleBuffer } from "./dataset.ts"
import { DrawnDataset } from "./drawn.ts"
import { DataError } from "./error.ts"
import type { DrawnParts, PoolRows } from "./drawn.ts"
import type { Deal, DatasetParts, Pool } from "./pool.ts"
import { PooledDataset, sharedFloats, sharedWords } from "./pool.ts"
import { SyntheticDataset } from "./synthetic.ts"
import type { SyntheticParts } from "./synthetic.ts"

/** A data set as it goes through `postMessage` or `workerData`: the samples are not copied, all threads read the same memory. */
export type SharedDataset =
  | (SharedFacts & {
      readonly kind: "pooled"
      readonly ids: readonly string[]
      readonly train: SharedDeal
      readonly test: SharedDeal
    })
  | (SharedFacts &
      Pick<DrawnParts, "clients" | "each" | "seed"> & {
        readonly kind: "drawn"
        readonly train: SharedRows
        readonly test: SharedRows
      })
  | { readonly kind: "synthetic"; readonly parts: SyntheticParts }

interface SharedFacts {
  readonly name: string
  readonly task: Task
  readonly features: readonly string[]
  readonly classes: readonly string[]
}

interface SharedRows {
  readonly encoding: "float32" | "byte"
  readonly stride: number
  readonly values: SharedArrayBuffer
  readonly y: SharedArrayBuffer
  readonly rows: SharedArrayBuffer
}

interface SharedDeal extends SharedRows {
  readonly bounds: SharedArrayBuffer
}

/** Describes `dataset` for other threads. Free for the sets that `openDataset` made; any other is copied once, client by client. Throws `DataError` ("client") for a population of another making. */
export function share(dataset: Dataset): SharedDataset {
  if (dataset instanceof SyntheticDataset) return { kind: "synthetic", parts: dataset.parts }
  if (dataset instanceof DrawnDataset) {
    const { train, test, clients, each, seed } = dataset.parts
    return { kind: "drawn", ...factsOf(dataset), train: shareRows(train), test: shareRows(test), clients, each, seed }
  }
  const { ids, train, test } = dataset instanceof PooledDataset ? dataset.parts : collect(dataset)
  return { kind: "pooled", ...factsOf(dataset), ids: [...ids], train: shareDeal(train), test: shareDeal(test) }
}

function factsOf({ name, task, features, classes }: Dataset): SharedFacts {
  return { name, task, features: [...features], classes: [...classes] }
}

/** The same samples in memory that threads share: copied unless they lie in such memory already. */
export function shareSamples({ rows, features, x, y }: Samples): Samples {
  return { rows, features, x: new Float32Array(bufferOf(x)), y: new Float32Array(bufferOf(y)) }
}

/** The data set that `share` described, in this thread. */
export function openShared(shared: SharedDataset): Dataset {
  switch (shared.kind) {
    case "pooled":
      return new PooledDataset({ ...shared, train: openDeal(shared.train), test: openDeal(shared.test) })
    case "drawn":
      return new DrawnDataset({ ...shared, train: openRows(shared.train), test: openRows(shared.test) })
    case "synthetic":
      return new SyntheticDataset(shared.parts)
    default:
      return unreachable(shared)
  }
}

function shareRows({ pool, rows }: PoolRows): SharedRows {
  return {
    encoding: pool.values instanceof Uint8Array ? "byte" : "float32",
    stride: pool.stride,
    values: bufferOf(pool.values),
    y: bufferOf(pool.y),
    rows: bufferOf(rows),
  }
}

function openRows({ encoding, stride, values, y, rows }: SharedRows): PoolRows {
  const array = encoding === "byte" ? new Uint8Array(values) : new Float32Array(values)
  return { pool: { values: array, stride, y: new Float32Array(y) }, rows: new Uint32Array(rows) }
}

function shareDeal(deal: Deal): SharedDeal {
  return { ...shareRows(deal), bounds: bufferOf(deal.bounds) }
}

function openDeal(deal: SharedDeal): Deal {
  return { ...openRows(deal), bounds: new Uint32Array(deal.bounds) }
}

function bufferOf(array: Float32Array | Uint8Array | Uint32Array): SharedArrayBuffer {
  const { buffer, byteOffset, byteLength } = array
  if (buffer instanceof SharedArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength) return buffer
  const copy = new SharedArrayBuffer(byteLength)
  new Uint8Array(copy).set(new Uint8Array(buffer, byteOffset, byteLength))
  return copy
}

function collect(dataset: Dataset): DatasetParts {
  if (dataset.population !== undefined)
    throw new DataError(
      "client",
      `${dataset.name}: expected a population that openDataset made, or clients to be listed`,
    )
  const ids = Array.from({ length: dataset.clients }, (_, c) => dataset.id(c))
  return {
    name: dataset.name,
    task: dataset.task,
    features: dataset.features,
    classes: dataset.classes,
    ids,
    train: collectDeal(dataset, "train"),
    test: collectDeal(dataset, "test"),
  }
}

function collectDeal(dataset: Dataset, part: "train" | "test"): Deal {
  const stride = dataset.features.length
  const bounds = sharedWords(dataset.clients + 1)
  for (let c = 0; c < dataset.clients; c++)
    bounds[c + 1] = bounds[c]! + (part === "train" ? dataset.trainRows(c) : dataset.testRows(c))
  const total = bounds[dataset.clients]!
  const pool = { values: sharedFloats(total * stride), stride, y: sharedFloats(total) } satisfies Pool
  const buffer = sampleBuffer()
  for (let c = 0; c < dataset.clients; c++) {
    const samples = dataset[part](c, buffer)
    pool.values.set(samples.x, bounds[c]! * stride)
    pool.y.set(samples.y, bounds[c]!)
  }
  const rows = sharedWords(total)
  for (let i = 0; i < total; i++) rows[i] = i
  return { pool, rows, bounds }
}
