import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { openDataset } from "../../src/data/open.ts"
import { parsePartition, repartition } from "../../src/data/partition.ts"
import type { DatasetParts } from "../../src/data/pool.ts"
import { PooledDataset, dealOf } from "../../src/data/pool.ts"
import { absence, dataError, sharedData } from "./shared.ts"

/** Rows of classes `labels`, every fifth of each class for testing; the one feature of a row is its number. */
function setOf(labels: readonly number[], classes: number): DatasetParts {
  const y = Float32Array.from(labels)
  const pool = { values: Float32Array.from(labels.keys()), stride: 1, y }
  const seen = Array(classes).fill(0)
  const isTest = labels.map((label) => ++seen[label] % 5 === 0)
  const rows = (test: boolean) => [...labels.keys()].filter((row) => isTest[row] === test)
  return {
    name: "set",
    task: classes === 0 ? "regression" : "multiclass",
    features: ["row"],
    classes: Array.from({ length: classes }, (_, c) => `c${c}`),
    ids: [],
    train: dealOf(pool, [rows(false)]),
    test: dealOf(pool, [rows(true)]),
  }
}

const labels = (...counts: number[]): number[] => counts.flatMap((count, label) => Array(count).fill(label))

function dealt(
  parts: DatasetParts,
  text: string,
  clients: number,
  seed = 1,
): { train: number[][]; test: number[][]; ids: string[] } {
  const data = new PooledDataset(repartition(parts, parsePartition(text), clients, seed))
  const each = <T>(give: (c: number) => T) => Array.from({ length: data.clients }, (_, c) => give(c))
  return {
    train: each((c) => [...data.train(c).x]),
    test: each((c) => [...data.test(c).x]),
    ids: each((c) => data.id(c)),
  }
}

interface Case {
  readonly partition: string
  readonly clients: number
  readonly seed: number
  readonly train: number[][]
  readonly test: number[][]
}
const CASES: readonly Case[] = JSON.parse(readFileSync(new URL("partition.json", import.meta.url), "utf8"))

describe("the rows that partition_reference.py deals", () => {
  test.each(CASES)("$partition, seed $seed", ({ partition, clients, seed, train, test }) => {
    const got = dealt(setOf(labels(100, 60, 40), 3), partition, clients, seed)
    expect(got.train).toEqual(train)
    expect(got.test).toEqual(test)
  })
})

describe("whatever the partition", () => {
  test.each(["iid", "shards:2", "shards:5", "dirichlet:0.5", "dirichlet:100", "quantity:2"])(
    "%s: every row once, test rows evenly, another seed otherwise",
    (text) => {
      const parts = setOf(labels(300, 200, 97, 3), 4)
      const first = dealt(parts, text, 12)
      expect(first.train.flat().sort((a, b) => a - b)).toEqual([...parts.train.rows])
      expect(first.test.flat().sort((a, b) => a - b)).toEqual([...parts.test.rows])
      const sizes = first.test.map((own) => own.length)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      expect(dealt(parts, text, 12)).toEqual(first)
      expect(dealt(parts, text, 12, 2).train).not.toEqual(first.train)
      expect(first.ids.at(-1)).toBe("client-12")
    },
  )
})

test("iid: sizes differ by one at most, and class shares by chance only", () => {
  const { train } = dealt(setOf(labels(5000, 5000), 2), "iid", 9)
  const sizes = train.map((own) => own.length)
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
  for (const own of train) {
    // Hypergeometric; five standard deviations of the binomial, which is wider.
    const second = own.filter((row) => row >= 5000).length
    expect(Math.abs(second - own.length / 2)).toBeLessThan(5 * Math.sqrt(own.length / 4))
  }
})

test("shards: at most N labels a client, shards of nearly one size", () => {
  const counts = [1000, 640, 210, 130, 20]
  const label = labels(...counts)
  for (const each of [1, 2, 3]) {
    const { train } = dealt(setOf(label, 5), `shards:${each}`, 40)
    for (const own of train) expect(new Set(own.map((row) => label[row])).size).toBeLessThanOrEqual(each)
    const sizes = train.map((own) => own.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 * each * Math.ceil(1600 / (40 * each)))
  }
})

test("dirichlet: a client's share of a class has the mean and the variance of the distribution", () => {
  // 200 classes are 200 draws; each share is known to 1/400 (rounding to rows).
  const classes = 200
  const K = 6
  const alpha = 0.7
  const label = labels(...Array(classes).fill(500))
  const { train } = dealt(setOf(label, classes), `dirichlet:${alpha}`, K)
  const shares = train.map((own) => {
    const counts = new Float64Array(classes)
    for (const row of own) counts[label[row]!]!++
    return counts.map((count) => count / 400)
  })
  const expected = (K - 1) / (K * K * (K * alpha + 1))
  for (const own of shares) {
    const mean = own.reduce((sum, share) => sum + share, 0) / classes
    const variance = own.reduce((sum, share) => sum + (share - mean) ** 2, 0) / classes
    const fourth = own.reduce((sum, share) => sum + (share - mean) ** 4, 0) / classes
    expect(Math.abs(mean - 1 / K)).toBeLessThan(5 * Math.sqrt(expected / classes))
    expect(Math.abs(variance - expected)).toBeLessThan(5 * Math.sqrt((fourth - variance ** 2) / classes))
  }
})

test("quantity: classes by chance only, sizes as the distribution has them", () => {
  const { train } = dealt(setOf(labels(5000, 5000), 2), "quantity:0.5", 20)
  for (const own of train) {
    const second = own.filter((row) => row >= 5000).length
    expect(Math.abs(second - own.length / 2)).toBeLessThanOrEqual(5 * Math.sqrt(own.length / 4))
  }
  const shares = train.map((own) => own.length / 8000)
  // A symmetric Dirichlet's variance is (K - 1) / (K^2 (K alpha + 1)); here 10 times that of shares that differ by chance.
  const variance = shares.reduce((sum, share) => sum + (share - 1 / 20) ** 2, 0) / 20
  expect(variance).toBeGreaterThan(0.001)
  expect(variance).toBeLessThan(0.02)
})

test("partitions that cannot be are refused", async () => {
  const parts = setOf(labels(50, 50), 2)
  expect(await dataError(() => dealt(parts, "iid", 81))).toBe(
    "partition: 81 clients cannot share 80 training rows of set",
  )
  expect(await dataError(() => dealt(parts, "iid", 0))).toBe(
    "partition: expected a number of clients of at least 1, got 0",
  )
  expect(await dataError(() => dealt(parts, "iid", 2, -1))).toBe(
    "partition: expected a seed from 0 to 4294967295, got -1",
  )
  expect(await dataError(() => dealt(parts, "shards:1", 1))).toBe(
    "partition shards:1: 1 shards are too few for 2 classes",
  )
  expect(await dataError(() => dealt(parts, "shards:9", 9))).toBe(
    "partition shards:9: 81 shards are too many for 80 training rows",
  )
  expect(await dataError(() => dealt(parts, "dirichlet:0.001", 20))).toMatch(
    /^partition leaves 1[89] of 20 clients without a training row: take fewer clients, a larger ALPHA or another seed$/,
  )
  expect(await dataError(() => dealt(parts, "quantity:0.01", 20))).toMatch(/^partition leaves 1\d of 20 clients/)
  expect(await dataError(() => dealt(parts, "column:who", 2))).toBe(
    "partition column:who needs a CSV file, which set is not",
  )
  expect(await dataError(() => dealt(setOf(labels(50), 0), "dirichlet:1", 2))).toBe(
    "partition dirichlet goes by class, and set is a regression: use iid",
  )
})

test("what is no partition is refused", async () => {
  expect(parsePartition("dirichlet:.1")).toEqual({ kind: "dirichlet", alpha: 0.1 })
  expect(parsePartition("column:a:b")).toEqual({ kind: "column", column: "a:b" })
  for (const text of [
    "",
    "IID",
    "iid:3",
    "shards",
    "shards:",
    "shards:0",
    "shards:1.5",
    "shards:x",
    "dirichlet",
    "dirichlet:0",
    "dirichlet:-1",
    "dirichlet:1e9",
    "quantity",
    "quantity:0",
    "hash",
    "hash:0",
    "hash:9-3",
    "hash:1-65537",
    "column:",
    "random",
  ])
    expect(await dataError(() => parsePartition(text))).toMatch(/^partition: expected iid, shards:N, dirichlet:ALPHA/)
})

describe("a set with clients of its own", () => {
  const { absent, note } = absence("uci-har-66")
  test.skipIf(absent)(`is dealt anew, its gap windows left out${note}`, async () => {
    const data = await openDataset(sharedData("uci-har-66"), { partition: "shards:2", clients: 20, seed: 3 })
    let [train, test] = [0, 0]
    for (let c = 0; c < 20; c++) {
      train += data.trainRows(c)
      test += data.testRows(c)
      expect(new Set(data.train(c).y).size).toBeLessThanOrEqual(2)
    }
    expect([train, test]).toEqual([6861, 2591])
  })
})
