import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { describe, expect, test } from "vitest"
import type { Dataset } from "../../src/data/dataset.ts"
import { sampleBuffer } from "../../src/data/dataset.ts"
import { openDataset } from "../../src/data/open.ts"
import { PooledDataset, dealOf } from "../../src/data/pool.ts"
import { openShared, share } from "../../src/data/share.ts"
import { absence, dataError, sharedData } from "./shared.ts"

const contents = (data: Dataset) => ({
  name: data.name,
  task: data.task,
  features: data.features,
  classes: data.classes,
  found: Array.from({ length: data.clients }, (_, c) => ({ id: data.id(c), train: data.train(c), test: data.test(c) })),
})

async function inAnotherThread(data: Dataset): Promise<unknown> {
  const worker = new Worker(new URL("./shared-reader.ts", import.meta.url), { workerData: share(data) })
  const exit = once(worker, "exit")
  const [message] = await once(worker, "message")
  await exit
  return message
}

describe("another thread reads the same samples", () => {
  test("floats", async () => {
    const data = await openDataset("telosb")
    const before = contents(data)
    expect(await inAnotherThread(data)).toEqual(before)
    expect(contents(data)).toEqual(before)
  })

  test("bytes, from memory that was not shared before", async () => {
    const values = new Uint8Array([9, 9, 0, 51, 102, 153, 204, 255]).subarray(2)
    const pool = { values, stride: 2, y: new Float32Array([0, 1, 1]) }
    const [train, tests] = [dealOf(pool, [[2], [0]]), dealOf(pool, [[1], []])]
    const classes = ["off", "on"]
    const data = new PooledDataset({
      name: "b",
      task: "binary",
      features: ["p", "q"],
      classes,
      ids: ["x", "y"],
      train,
      test: tests,
    })
    expect([...data.train(0).x]).toEqual([Math.fround(0.8), 1])
    expect(share(data)).toMatchObject({ kind: "pooled", train: { encoding: "byte" } })
    expect(await inAnotherThread(data)).toEqual(contents(data))
  })

  const series = absence("cmapss")
  test.skipIf(series.absent)(`overlapping windows${series.note}`, async () => {
    const data = await openDataset(sharedData("cmapss"))
    const there = openShared(structuredClone(share(data)))
    expect(contents(there)).toEqual(contents(data))
    // 17,731 windows of 420 values would take 30 MB; the series takes 1.2 MB.
    expect((data as PooledDataset).parts.train.pool.values.byteLength).toBe(20631 * 14 * 4)
  })
})

test.each([
  ["telosb", { partition: "hash:3-40", clients: 50 }],
  ["synthetic:0.5,1", { clients: 5 }],
])("clients of %s that are made when they are asked for are the same in another thread", async (source, options) => {
  const data = await openDataset(source, { ...options, seed: 5 })
  const there = openShared(structuredClone(share(data)))
  expect(contents(there)).toEqual(contents(data))
  expect(there.population).toMatchObject({ mostRows: data.population!.mostRows })
})

test("sharing copies no samples", async () => {
  const data = (await openDataset("telosb")) as PooledDataset
  const shared = share(data)
  if (shared.kind !== "pooled") throw new Error(`expected a pooled set, got ${shared.kind}`)
  expect(shared.train.values).toBe(data.parts.train.pool.values.buffer)
  expect(shared.train.values).toBe(shared.test.values)
  expect(shared.train.rows).toBe(data.parts.train.rows.buffer)
})

test("a data set of somebody else's making can be shared too", () => {
  const samples = (rows: number, from: number) => ({
    rows,
    features: 2,
    x: Float32Array.from({ length: rows * 2 }, (_, i) => from + i),
    y: Float32Array.from({ length: rows }, (_, i) => from + i),
  })
  const data: Dataset = {
    name: "own",
    task: "regression",
    features: ["a", "b"],
    classes: [],
    clients: 3,
    id: (c) => `own-${c}`,
    trainRows: (c) => c,
    testRows: (c) => 2 - c,
    train: (c) => samples(c, 10 * c),
    test: (c) => samples(2 - c, 100 * c),
  }
  expect(contents(openShared(structuredClone(share(data))))).toEqual(contents(data))
  const population = { mostRows: 2, trainSamples: 3, testSamples: 3, indexOf: () => undefined }
  expect(() => share({ ...data, population })).toThrow("own: expected a population that openDataset made")
})

test("samples lie in the caller's buffer, or are the caller's to keep", async () => {
  const data = await openDataset("telosb")
  const buffer = sampleBuffer()
  const small = data.train(0, buffer)
  const { x } = buffer
  expect(small.x.buffer).toBe(x.buffer)
  const large = data.train(3, buffer)
  expect(buffer.x).not.toBe(x)
  expect(large).toEqual(data.train(3))
  expect(data.train(0, buffer).x.buffer).toBe(large.x.buffer)
  expect(data.train(0).x.buffer).not.toBe(data.train(0).x.buffer)
  expect(await dataError(() => data.train(8))).toBe("telosb: expected a client from 0 to 7, got 8")
  expect(await dataError(() => data.id(0.5))).toBe("telosb: expected a client from 0 to 7, got 0.5")
})
