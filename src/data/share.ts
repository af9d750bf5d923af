import type { Samples } from "../core/samples.ts"
import type { Dataset, Task } from "./dataset.ts"
import { sampleBuffer } from "./dataset.ts"
import type { Deal, DatasetParts, Pool } from "./pool.ts"
import { PooledDataset, sharedFloats, sharedWords } from "./pool.ts"

/** A data set as it goes through `postMessage` or `workerData`: the samples are not copied, all threads read the same memory. */
export interface SharedDataset {
  readonly name: string
  readonly task: Task
  readonly features: readonly string[]
  readonly classes: readonly string[]
  readonly ids: readonly string[]
  readonly train: SharedDeal
  readonly test: SharedDeal
}

interface SharedDeal {
  readonly encoding: "float32" | "byte"
  readonly stride: number
  readonly values: SharedArrayBuffer
  readonly y: SharedArrayBuffer
  readonly rows: SharedArrayBuffer
  readonly bounds: SharedArrayBuffer
}

/** Describes `dataset` for other threads. Free for the sets that `openDataset` made; any other is copied once, client by client. */
export function share(dataset: Dataset): SharedDataset {
  const parts = dataset instanceof PooledDataset ? dataset.parts : collect(dataset)
  const { name, task, features, classes, ids, train, test } = parts
  return {
    name,
    task,
    features: [...features],
    classes: [...classes],
    ids: [...ids],
    train: shareDeal(train),
    test: shareDeal(test),
  }
}

/** The same samples in memory that threads share: copied unless they lie in such memory already. */
export function shareSamples({ rows, features, x, y }: Samples): Samples {
  return { rows, features, x: new Float32Array(bufferOf(x)), y: new Float32Array(bufferOf(y)) }
}

/** The data set that `share` described, in this thread. */
export function openShared(shared: SharedDataset): Dataset {
  return new PooledDataset({ ...shared, train: openDeal(shared.train), test: openDeal(shared.test) })
}

function shareDeal({ pool, rows, bounds }: Deal): SharedDeal {
  return {
    encoding: pool.values instanceof Uint8Array ? "byte" : "float32",
    stride: pool.stride,
    values: bufferOf(pool.values),
    y: bufferOf(pool.y),
    rows: bufferOf(rows),
    bounds: bufferOf(bounds),
  }
}

function openDeal({ encoding, stride, values, y, rows, bounds }: SharedDeal): Deal {
  const array = encoding === "byte" ? new Uint8Array(values) : new Float32Array(values)
  return {
    pool: { values: array, stride, y: new Float32Array(y) },
    rows: new Uint32Array(rows),
    bounds: new Uint32Array(bounds),
  }
}

function bufferOf(array: Float32Array | Uint8Array | Uint32Array): SharedArrayBuffer {
  const { buffer, byteOffset, byteLength } = array
  if (buffer instanceof SharedArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength) return buffer
  const copy = new SharedArrayBuffer(byteLength)
  new Uint8Array(copy).set(new Uint8Array(buffer, byteOffset, byteLength))
  return copy
}

function collect(dataset: Dataset): DatasetParts {
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
