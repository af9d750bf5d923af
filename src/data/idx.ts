import { readdir } from "node:fs/promises"
import { basename, join } from "node:path"
import { taskOf } from "./dataset.ts"
import { DataError, list } from "./error.ts"
import type { FlMeta } from "./fl-meta.ts"
import { fileEntry, readBytes } from "./packed.ts"
import type { Deal, DatasetParts } from "./pool.ts"
import { dealOf, sharedBytes, sharedFloats } from "./pool.ts"

const FILE = /^(train|t10k|test)-(images|labels)[.-]idx[13]-ubyte(\.gz)?$/

/** Whether a file name is one of the MNIST format's four: `train-images-idx3-ubyte.gz` and so on. */
export function isIdxName(name: string): boolean {
  return FILE.test(name)
}

/**
 * The four IDX files of the MNIST format (LeCun, Cortes, Burges) in a folder, gzipped or not: bytes, that is pixels, as byte / 255. No clients: to be
 * partitioned. With `meta`, the files' SHA-256 values are verified. Throws `DataError`.
 */
export async function readIdx(folder: string, meta?: FlMeta): Promise<DatasetParts> {
  const names = (await readdir(folder)).filter(isIdxName).sort()
  const train = await readPair(folder, names, /^train/, meta)
  const test = await readPair(folder, names, /^(t10k|test)/, meta)
  if (train.shape.join() !== test.shape.join())
    throw new DataError(
      "format",
      `${folder}: expected test images of ${train.shape.join(" x ")}, got ${test.shape.join(" x ")}`,
    )
  const highest = Math.max(highestLabel(train.deal), highestLabel(test.deal), 1)
  const classes = meta !== undefined && meta.classes.length > highest ? meta.classes : digits(highest + 1)
  return {
    name: meta?.name ?? basename(folder),
    task: taskOf(classes),
    features: Array.from({ length: train.deal.pool.stride }, (_, j) => pixelName(train.shape, j)),
    classes,
    ids: [],
    train: train.deal,
    test: test.deal,
  }
}

async function readPair(
  folder: string,
  names: readonly string[],
  which: RegExp,
  meta: FlMeta | undefined,
): Promise<{ deal: Deal; shape: number[] }> {
  const find = (kind: string): string => {
    const name = names.find((candidate) => which.test(candidate) && candidate.includes(kind))
    if (name !== undefined) return name
    throw new DataError(
      "not-found",
      `${folder}: expected a file ${which.source.replace("^", "").replace("(t10k|test)", "t10k")}-${kind}-idx${kind === "images" ? 3 : 1}-ubyte[.gz], got ${list(names)}`,
    )
  }
  const images = await readArray(folder, find("images"), meta)
  const labels = await readArray(folder, find("labels"), meta)
  const [count = 0, ...shape] = images.shape
  if (labels.shape.length !== 1 || labels.shape[0] !== count)
    throw new DataError(
      "format",
      `${labels.file}: expected ${count} labels for as many images, got ${labels.shape.join(" x ")}`,
    )
  const values = sharedBytes(images.data.length)
  values.set(images.data)
  const y = sharedFloats(count)
  y.set(labels.data)
  const stride = shape.reduce((product, n) => product * n, 1)
  return { deal: dealOf({ values, stride, y }, [Uint32Array.from({ length: count }, (_, i) => i)]), shape }
}

// Header: two zero bytes, the type (8: unsigned byte), the number of dimensions, then each dimension as a big-endian 32-bit number.
async function readArray(
  folder: string,
  name: string,
  meta: FlMeta | undefined,
): Promise<{ file: string; data: Uint8Array; shape: number[] }> {
  const file = join(folder, name)
  const bytes = await readBytes(file, meta === undefined ? undefined : fileEntry(folder, name, meta.files[name]))
  const dimensions = bytes[3] ?? 0
  const start = 4 + 4 * dimensions
  if (bytes.length < start || bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 8 || dimensions < 1)
    throw new DataError(
      "format",
      `${file}: expected an IDX header for unsigned bytes (00 00 08), got ${bytes.subarray(0, 4).toString("hex") || "nothing"}`,
    )
  const shape = Array.from({ length: dimensions }, (_, i) => bytes.readUInt32BE(4 + 4 * i))
  const length = shape.reduce((product, n) => product * n, 1)
  if (bytes.length - start !== length)
    throw new DataError(
      "format",
      `${file}: expected ${shape.join(" x ")} bytes after the header, got ${bytes.length - start}`,
    )
  return { file, data: bytes.subarray(start), shape }
}

function highestLabel({ pool }: Deal): number {
  let highest = 0
  for (const label of pool.y) if (label > highest) highest = label
  return highest
}

function digits(count: number): string[] {
  return Array.from({ length: count }, (_, label) => String(label))
}

function pixelName(shape: readonly number[], index: number): string {
  if (shape.length !== 2) return `x${index}`
  return `r${Math.floor(index / shape[1]!)}c${index % shape[1]!}`
}
