import { gzipSync } from "node:zlib"
import { describe, expect, test } from "vitest"
import { openClient, openDataset } from "../../src/data/open.ts"
import { REFERENCE, absence, dataError, expectFacts, factsOf, sharedData, temporaryFolder } from "./shared.ts"

function idx(shape: number[], data: number[]): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length)
  header.set([0, 0, 8, shape.length])
  for (const [i, n] of shape.entries()) header.writeUInt32BE(n, 4 + 4 * i)
  return Buffer.concat([header, Buffer.from(data)])
}

// Five images of 1 x 2 pixels, two for testing.
const FILES = {
  "train-images-idx3-ubyte": idx([5, 1, 2], [0, 255, 51, 102, 1, 2, 3, 4, 5, 6]),
  "train-labels-idx1-ubyte": idx([5], [0, 2, 1, 2, 0]),
  "t10k-images-idx3-ubyte": idx([2, 1, 2], [7, 8, 9, 10]),
  "t10k-labels-idx1-ubyte": idx([2], [1, 3]),
}

async function open(changes: Record<string, Uint8Array | undefined> = {}) {
  using folder = temporaryFolder()
  for (const [name, bytes] of Object.entries({ ...FILES, ...changes }))
    if (bytes !== undefined) folder.write(name, bytes)
  try {
    return await openDataset(folder.path, { partition: "iid", clients: 1 })
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replaceAll(folder.path, "DIR")
    throw error
  }
}

test("bytes are pixels from 0 to 1, labels classes", async () => {
  const data = await open()
  expect([data.task, data.classes, data.features]).toEqual(["multiclass", ["0", "1", "2", "3"], ["r0c0", "r0c1"]])
  const pixels = [0, 255, 51, 102, 1, 2, 3, 4, 5, 6].map((byte) => Math.fround(byte / 255))
  expect([...data.train(0).x]).toEqual(pixels)
  expect([...data.train(0).y]).toEqual([0, 2, 1, 2, 0])
  expect([...data.test(0).y]).toEqual([1, 3])
})

test("gzipped files are the same", async () => {
  const zipped = Object.entries(FILES).flatMap(([name, bytes]) => [
    [name, undefined],
    [`${name}.gz`, gzipSync(bytes)],
  ])
  expect((await open(Object.fromEntries(zipped))).train(0)).toEqual((await open()).train(0))
})

test("damaged files are refused in one line", async () => {
  const images = FILES["train-images-idx3-ubyte"]
  expect(await dataError(open({ "t10k-labels-idx1-ubyte": undefined }))).toMatch(
    /^DIR: expected a file t10k-labels-idx1-ubyte\[\.gz\], got "t10k-images/,
  )
  expect(await dataError(open({ "train-images-idx3-ubyte": images.subarray(0, 25) }))).toBe(
    "DIR/train-images-idx3-ubyte: expected 5 x 1 x 2 bytes after the header, got 9",
  )
  expect(await dataError(open({ "train-images-idx3-ubyte": new Uint8Array(0) }))).toMatch(
    /expected an IDX header for unsigned bytes \(00 00 08\), got nothing$/,
  )
  expect(await dataError(open({ "train-images-idx3-ubyte": Buffer.from("00000d0300000000", "hex") }))).toMatch(
    /got 00000d03$/,
  )
  expect(await dataError(open({ "train-labels-idx1-ubyte": idx([4], [0, 1, 2, 3]) }))).toMatch(
    /train-labels-idx1-ubyte: expected 5 labels for as many images, got 4$/,
  )
  expect(await dataError(open({ "t10k-images-idx3-ubyte": idx([2, 2, 1], [7, 8, 9, 10]) }))).toBe(
    "DIR: expected test images of 1 x 2, got 2 x 1",
  )
})

const { absent, note } = absence("mnist")
describe.skipIf(absent)(`mnist${note}`, () => {
  const MNIST = sharedData("mnist")

  test("pixels and labels of all files", async () => {
    const data = await openDataset(MNIST, { partition: "iid", clients: 1 })
    const train = data.train(0)
    const tests = data.test(0)
    expectFacts(train, REFERENCE.mnist.train)
    expectFacts(tests, REFERENCE.mnist.test)
    expect([...train.y.subarray(0, 10)]).toEqual(REFERENCE.mnist.train.firstLabels)
    const counts = Array(10).fill(0)
    for (const label of train.y) counts[label]++
    // train_class_counts of meta.json.
    expect(counts).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
  })

  test("by shards, a client at a time into one buffer", async () => {
    const data = await openDataset(MNIST, { partition: "shards:2", clients: 100, seed: 5 })
    const buffer = { x: new Float32Array(0), y: new Float32Array(0) }
    let [rows, labelSum] = [0, 0]
    for (let c = 0; c < 100; c++) {
      const samples = data.train(c, buffer)
      expect(new Set(samples.y).size).toBeLessThanOrEqual(2)
      const facts = factsOf(samples)
      rows += facts.rows
      labelSum += facts.labelSum
    }
    expect([rows, labelSum]).toEqual([60000, REFERENCE.mnist.train.labelSum])
  })

  test("without a partition, by a column, for one device", async () => {
    expect(await dataError(openDataset(MNIST))).toBe(
      "mnist has no clients of its own: say how to make them (--partition iid --clients 100)",
    )
    expect(await dataError(openDataset(MNIST, { partition: "column:label", clients: 3 }))).toBe(
      "partition column:label needs a CSV file, which mnist is not",
    )
    const client = await openClient(`${MNIST}#client-100`, { partition: "iid", clients: 100 })
    expect([client.id, client.train.rows, client.test.rows]).toEqual(["client-100", 600, 100])
  })
})
