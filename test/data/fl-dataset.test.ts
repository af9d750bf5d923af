import { createHash } from "node:crypto"
import { gzipSync } from "node:zlib"
import { describe, expect, test } from "vitest"
import type { DataOptions } from "../../src/data/open.ts"
import { openDataset } from "../../src/data/open.ts"
import { REFERENCE, absence, dataError, expectFacts, sharedData, temporaryFolder } from "./shared.ts"

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

interface Entry {
  path: string
  dtype: string
  shape: number[]
  sha256?: string
  sha256_uncompressed?: string
}

interface Meta {
  format: string
  name: string
  features?: unknown[]
  classes?: string[]
  files: { x: Entry; y: Entry; fold?: Entry }
  clients?: { id: string; start: number; count: number }[]
}

type Files = Record<string, Uint8Array>
type Change = (meta: Meta, files: Files) => void

/** A folder of 4 rows and 2 features with two clients, after `change` has had its way with meta.json and the files. */
async function open(change: Change = () => {}, options: DataOptions = {}) {
  using folder = temporaryFolder()
  const arrays: Record<string, [dtype: string, shape: number[], ArrayBufferView<ArrayBuffer>]> = {
    x: ["int16", [4, 2], new Int16Array([100, -5, 200, 0, 300, 5, 400, 10])],
    y: ["uint8", [4], new Uint8Array([0, 1, 1, 0])],
    fold: ["uint8", [4], new Uint8Array([0, 1, 0, 2])],
  }
  const files: Files = {}
  const entries: Record<string, Entry> = {}
  for (const [key, [dtype, shape, data]] of Object.entries(arrays)) {
    const bytes = new Uint8Array(data.buffer)
    const path = `${key}.gz`
    files[path] = gzipSync(bytes)
    entries[key] = { path, dtype, shape, sha256: sha(files[path]), sha256_uncompressed: sha(bytes) }
  }
  Object.assign(entries["x"]!, { scale: [0.01, 2], offset: [1, 0] })
  const meta: Meta = {
    format: "fl-dataset/1",
    name: "small",
    features: ["a", "b"],
    classes: ["no", "yes"],
    files: { x: entries["x"]!, y: entries["y"]!, fold: entries["fold"]! },
    clients: [
      { id: "A", start: 0, count: 2 },
      { id: "b", start: 2, count: 2 },
    ],
  }
  change(meta, files)
  folder.write("meta.json", JSON.stringify(meta))
  for (const [name, bytes] of Object.entries(files)) folder.write(name, bytes)
  try {
    return await openDataset(folder.path, options)
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replaceAll(`${folder.path}/`, "")
    throw error
  }
}

/** Replaces the array behind `key`, keeping its entry true. */
function put(meta: Meta, files: Files, key: keyof Meta["files"], data: ArrayBufferView<ArrayBuffer>): void {
  const bytes = new Uint8Array(data.buffer)
  files[`${key}.gz`] = gzipSync(bytes)
  Object.assign(meta.files[key]!, { sha256: sha(files[`${key}.gz`]!), sha256_uncompressed: sha(bytes) })
}

test("scale and offset, clients and folds", async () => {
  const data = await open()
  expect([data.name, data.task, data.features, data.classes]).toEqual(["small", "binary", ["a", "b"], ["no", "yes"]])
  expect([data.id(0), data.id(1)]).toEqual(["a", "b"])
  expect(data.train(0)).toEqual({ rows: 1, features: 2, x: new Float32Array([2, -10]), y: new Float32Array([0]) })
  expect(data.test(0)).toEqual({ rows: 1, features: 2, x: new Float32Array([3, 0]), y: new Float32Array([1]) })
  expect(data.train(1)).toEqual({ rows: 1, features: 2, x: new Float32Array([4, 10]), y: new Float32Array([1]) })
  expect(data.testRows(1)).toBe(0)
})

test("without classes a regression, without folds every fifth row, without names x0, x1", async () => {
  const data = await open((meta, files) => {
    delete meta.files.fold
    delete meta.classes
    delete meta.features
    meta.files.x.shape = [8, 1]
    Object.assign(meta.files.x, { scale: 0.5, offset: 0 })
    meta.files.y = { path: "y.gz", dtype: "float32", shape: [8] }
    files["y.gz"] = gzipSync(new Uint8Array(new Float32Array([0.5, 1, 2, 3, -4.5, 5, 6, 7]).buffer))
    meta.clients = [{ id: "all", start: 0, count: 8 }]
  })
  expect([data.task, data.classes, data.features]).toEqual(["regression", [], ["x0"]])
  expect([...data.test(0).y, ...data.test(0).x]).toEqual([-4.5, 150])
  expect([...data.train(0).y]).toEqual([0.5, 1, 2, 3, 5, 6, 7])
})

test("without clients it must be partitioned", async () => {
  const change = (meta: Meta) => void delete meta.clients
  expect(await dataError(open(change))).toMatch(/^small has no clients of its own/)
  const data = await open(change, { partition: "iid", clients: 2 })
  expect([data.trainRows(0), data.trainRows(1), data.testRows(0) + data.testRows(1)]).toEqual([1, 1, 1])
})

describe("what cannot be read is refused in one line", () => {
  test.each<[string, Change, RegExp]>([
    [
      "a damaged file",
      (_, files) => (files["x.gz"]![20]! ^= 1),
      /^x\.gz: expected SHA-256 \w{64}, got \w{64}: the file is damaged or another version$/,
    ],
    [
      "another content",
      (meta) => (meta.files.x.sha256_uncompressed = "0".repeat(64)),
      /^x\.gz: expected SHA-256 0{64}, got/,
    ],
    [
      "a damaged gzip file",
      (meta, files) => (delete meta.files.x.sha256, (files["x.gz"] = new Uint8Array(40))),
      /^x\.gz: damaged gzip file \(incorrect header check\)$/,
    ],
    ["a missing file", (_, files) => delete files["y.gz"], /^y\.gz: no such file$/],
    [
      "a shape that is not the file's",
      (meta) => (meta.files.x.shape = [4, 3]),
      /^x\.gz: expected 12 x 2 bytes \(int16\), got 16 bytes$/,
    ],
    [
      "an unknown dtype",
      (meta) => (meta.files.x.dtype = "float16"),
      /^meta\.json: files\.x: expected a dtype of uint8, int16, uint16, int32, float32 and a shape$/,
    ],
    [
      "a path out of the folder",
      (meta) => (meta.files.x.path = "../x.gz"),
      /^meta\.json: files\.x: expected a file of this folder/,
    ],
    [
      "no x at all",
      (meta) => Object.assign(meta.files, { x: undefined }),
      /^meta\.json: files\.x: expected a file of this folder with its shape, got nothing$/,
    ],
    [
      "a missing value",
      (meta, files) => put(meta, files, "x", new Int16Array([1, 2, 3, 4, 5, -32768, 7, 8])),
      /^x\.gz row 3, column "b": expected a value, got a missing one; remove such rows first$/,
    ],
    [
      "a class out of range",
      (meta, files) => put(meta, files, "y", new Uint8Array([0, 1, 2, 0])),
      /^y\.gz row 3: expected a class from 0 to 1, got 2$/,
    ],
    [
      "an unknown fold",
      (meta, files) => put(meta, files, "fold", new Uint8Array([0, 1, 0, 3])),
      /^fold\.gz row 4: expected 0 \(train\), 1 \(test\) or 2 \(leave out\), got 3$/,
    ],
    [
      "labels of another length",
      (meta, files) => ((meta.files.y.shape = [3]), put(meta, files, "y", new Uint8Array(3))),
      /^y\.gz: expected 4 rows as in x, got 3$/,
    ],
    [
      "a gap between clients",
      (meta) => (meta.clients![1]!.start = 3),
      /^meta\.json: clients: expected a client with an id and rows from 2 on, got "\{/,
    ],
    [
      "too few client rows",
      (meta) => (meta.clients![1]!.count = 1),
      /^meta\.json: clients: expected 4 rows in all, got 3$/,
    ],
    [
      "clients of another form",
      (meta) => Object.assign(meta, { clients: "all" }),
      /^meta\.json: expected clients as a list, got/,
    ],
    ["too few names", (meta) => (meta.features = ["a"]), /^meta\.json: expected 2 features as in x, got 1$/],
    [
      "another format",
      (meta) => (meta.format = "fl-dataset/2"),
      /^meta\.json: expected "format": "fl-dataset\/1", got "\\"fl-dataset\/2\\""$/,
    ],
    [
      "features that are no names",
      (meta) => (meta.features = [1, 2]),
      /^meta\.json: expected a name, files, and features and classes as lists of names$/,
    ],
  ])("%s", async (_, change, message) => {
    expect(await dataError(open(change))).toMatch(message)
  })

  test("a meta.json that is no JSON, a folder with nothing to read, options of other sources", async () => {
    using folder = temporaryFolder()
    expect(await dataError(openDataset(folder.path))).toMatch(
      /expected meta\.json \(fl-dataset\/1\) or IDX files in this folder/,
    )
    folder.write("meta.json", '{"format":\n "fl')
    expect(await dataError(openDataset(folder.path))).toMatch(/meta\.json: not JSON: /)
    expect(await dataError(open(undefined, { label: "y" }))).toMatch(/the option label is for CSV files$/)
    expect(await dataError(open(undefined, { part: "FD001" }))).toBe(
      "small: window and part are for run-to-failure series (cmapss)",
    )
    expect(await dataError(open(undefined, { clients: 3 }))).toMatch(
      /goes with a partition \(--partition iid\), and there is none; the data has 2 clients$/,
    )
  })
})

describe.each([
  ["uci-har-66", 30, 66, 6, 6861, 2591],
  ["uci-har", 30, 561, 6, 6861, 2591],
  ["chest-accel", 15, 38, 7, 13822, 4602],
] as const)("%s", (name, clients, features, classes, trainRows, testRows) => {
  const { absent, note } = absence(name)
  test.skipIf(absent)(`has the clients, folds and values that its meta.json and numpy say${note}`, async () => {
    const data = await openDataset(sharedData(name))
    expect([data.task, data.clients, data.features.length, data.classes.length]).toEqual([
      "multiclass",
      clients,
      features,
      classes,
    ])
    let [train, tests] = [0, 0]
    for (let c = 0; c < clients; c++) {
      train += data.trainRows(c)
      tests += data.testRows(c)
      const facts = REFERENCE[name][data.id(c)]
      if (facts === undefined) continue
      expectFacts(data.train(c), facts.train)
      expectFacts(data.test(c), facts.test)
    }
    expect([train, tests]).toEqual([trainRows, testRows])
  })
})

const { absent, note } = absence("wsn-telosb")
test.skipIf(absent)(`wsn-telosb as a folder: raw readings, every fifth row of a class for testing${note}`, async () => {
  const data = await openDataset(sharedData("wsn-telosb"))
  // class_counts of meta.json: 4300 normal and 117 event rows at the first mote.
  expect([data.features, data.trainRows(0), data.testRows(0)]).toEqual([
    ["humidity", "temperature"],
    4417 - 860 - 23,
    860 + 23,
  ])
})
