import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import type { Dataset } from "../../src/data/dataset.ts"
import { sampleBuffer } from "../../src/data/dataset.ts"
import { DrawnDataset } from "../../src/data/drawn.ts"
import type { RowsEach } from "../../src/data/drawn.ts"
import { openClient, openDataset } from "../../src/data/open.ts"
import { dataError } from "./shared.ts"

/** 160 training rows and 40 test rows; the first feature of a row is its number, within its part. */
function drawn(clients: number, each: RowsEach, seed = 1): Dataset {
  const values = Float32Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? i / 2 : -1))
  const pool = { values, stride: 2, y: Float32Array.from({ length: 200 }, (_, row) => row % 3) }
  const rows = (from: number, to: number) => Uint32Array.from({ length: to - from }, (_, i) => from + i)
  return new DrawnDataset({
    name: "drawn",
    task: "multiclass",
    features: ["row", "nothing"],
    classes: ["a", "b", "c"],
    train: { pool, rows: rows(0, 160) },
    test: { pool, rows: rows(160, 200) },
    clients,
    each,
    seed,
  })
}

const TWENTY = { least: 20, most: 20 }
const firsts = (x: Float32Array) => [...x].filter((_, i) => i % 2 === 0)

interface Case {
  readonly seed: number
  readonly client: number
  readonly train: readonly number[]
  readonly test: readonly number[]
}
const CASES: readonly Case[] = JSON.parse(readFileSync(new URL("drawn.json", import.meta.url), "utf8"))

describe("the rows that drawn_reference.py draws", () => {
  test.each(CASES)("seed $seed, client $client", ({ seed, client, train, test: tests }) => {
    const data = drawn(1_000_000_000, TWENTY, seed)
    const samples = data.train(client)
    expect(firsts(samples.x)).toEqual(train)
    expect([...samples.y]).toEqual(train.map((row) => row % 3))
    expect(firsts(data.test(client).x)).toEqual(tests.map((row) => 160 + row))
  })
})

test("a thousand million clients take no memory, and are found by their ids", () => {
  const before = process.memoryUsage().heapUsed
  const data = drawn(1_000_000_000, TWENTY)
  expect(data.id(0)).toBe("client-0000000001")
  expect(data.id(999_999_999)).toBe("client-1000000000")
  for (const client of [0, 41, 999_999_999]) expect(data.population!.indexOf(data.id(client))).toBe(client)
  for (const id of ["client-1", "client-0000000000", "client-1000000001", "mote-1", "client-00000000x1", ""])
    expect(data.population!.indexOf(id)).toBeUndefined()
  expect(data.population).toMatchObject({ mostRows: 20, trainSamples: 20e9, testSamples: 5e9 })
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(4e6)
})

test("every row is drawn as often as any other, by clients that differ", () => {
  const data = drawn(20_000, TWENTY)
  const counts = new Float64Array(160)
  const buffer = sampleBuffer()
  for (let client = 0; client < 4000; client++) for (const row of firsts(data.train(client, buffer).x)) counts[row]!++
  // Chi-squared with 159 degrees of freedom, mean 159, deviation 17.8: within five deviations.
  const chi = counts.reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0)
  expect(Math.abs(chi - 159)).toBeLessThan(5 * 17.8)
  expect(data.train(0).x).not.toEqual(data.train(1).x)
  expect(drawn(20_000, TWENTY, 2).train(0).x).not.toEqual(data.train(0).x)
})

test("sizes lie between the bounds, small ones as often in proportion as large ones, and the total is as expected", () => {
  const data = drawn(40_000, { least: 10, most: 79 })
  const sizes = Array.from({ length: 40_000 }, (_, client) => data.trainRows(client))
  expect(Math.min(...sizes)).toBe(10)
  expect(Math.max(...sizes)).toBe(79)
  for (const [from, to] of [
    [10, 20],
    [20, 40],
    [40, 80],
  ] as const) {
    const share = sizes.filter((size) => size >= from && size < to).length / 40_000
    // A third each; a deviation is .0024.
    expect(Math.abs(share - 1 / 3)).toBeLessThan(0.012)
  }
  const total = sizes.reduce((sum, size) => sum + size, 0)
  expect(Math.abs(total / data.population!.trainSamples - 1)).toBeLessThan(0.01)
  expect(data.train(7).rows).toBe(data.trainRows(7))
  expect(data.test(7).rows).toBe(data.testRows(7))
})

describe("from a source", () => {
  test("telosb, by hash; one client of it is what a device reads", async () => {
    const options = { partition: "hash:8", clients: 1_000_000, seed: 9 }
    const data = await openDataset("telosb", options)
    expect([data.clients, data.trainRows(5), data.testRows(5)]).toEqual([1_000_000, 8, 2])
    const one = await openClient("telosb#client-0000123", options)
    expect(one.train).toEqual(data.train(122))
  })

  test("a generator: clients differ as alpha and beta say, and are the same when they come again", async () => {
    const spread = async (source: string): Promise<number> => {
      const data = await openDataset(source, { clients: 400 })
      const means = Array.from({ length: 400 }, (_, client) => {
        const { x, rows } = data.train(client)
        return x.reduce((sum, value) => sum + value, 0) / (60 * rows)
      })
      return Math.sqrt(means.reduce((sum, mean) => sum + mean * mean, 0) / 400)
    }
    // Of a client's mean: sqrt(beta^2 + 1/60), and a little for the samples.
    expect(Math.abs((await spread("synthetic:0,0")) - 0.13)).toBeLessThan(0.03)
    expect(Math.abs((await spread("synthetic:0,1")) - 1.008)).toBeLessThan(0.18)
    const data = await openDataset("synthetic:1,1", { clients: 1_000_000_000, seed: 3 })
    expect(data.train(999_999_999)).toEqual(data.train(999_999_999))
    expect(data.train(0)).not.toEqual(data.train(1))
    const rows = Array.from({ length: 2000 }, (_, client) => data.trainRows(client) + data.testRows(client))
    expect(Math.min(...rows)).toBeGreaterThanOrEqual(50)
    expect(Math.max(...rows)).toBe(1000)
    // 236.8 by numerical integration; a deviation of the mean is 5.9.
    expect(Math.abs(rows.reduce((sum, each) => sum + each, 0) / 2000 - 236.8)).toBeLessThan(30)
  })
})

test("what cannot be is refused", async () => {
  expect(await dataError(() => drawn(0, TWENTY))).toBe("partition hash: expected 1 to 4294967295 clients, got 0")
  expect(await dataError(() => drawn(5, TWENTY).train(5))).toBe("drawn: expected a client from 0 to 4, got 5")
  expect(await dataError(openDataset("telosb", { partition: "hash:8" }))).toMatch(/needs a number of clients/)
  expect(await dataError(openDataset("synthetic:0.5,0.5"))).toBe("synthetic: say how many clients (--clients 100)")
  expect(await dataError(openDataset("synthetic:x"))).toMatch(/^expected synthetic:ALPHA,BETA such as/)
  expect(await dataError(openDataset("synthetic:1,1", { clients: 5, label: "y" }))).toBe(
    "synthetic: the option label is for data from files",
  )
})
