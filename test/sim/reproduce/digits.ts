import { gzipSync } from "node:zlib"
import { temporaryFolder } from "../../data/shared.ts"

const SIDE = 6
const CLASSES = 10

/** A folder with four IDX files of images of noise, with pixels that are brighter in one class than in the others; by 0 they cannot be told apart. */
export function smallDigits({ train = 1200, test = 300, brighter = 120 } = {}): ReturnType<typeof temporaryFolder> {
  const folder = temporaryFolder()
  const random = xorshift(1)
  for (const [name, rows] of [
    ["train", train],
    ["t10k", test],
  ] as const) {
    const labels = Uint8Array.from({ length: rows }, () => random() % CLASSES)
    const images = new Uint8Array(rows * SIDE * SIDE)
    for (let i = 0; i < images.length; i++) {
      const bright = (i % (SIDE * SIDE)) % CLASSES === labels[Math.floor(i / (SIDE * SIDE))]
      images[i] = (bright ? brighter : 0) + (random() % 136)
    }
    folder.write(`${name}-images-idx3-ubyte.gz`, idx([rows, SIDE, SIDE], images))
    folder.write(`${name}-labels-idx1-ubyte`, idx([rows], labels, false))
  }
  return folder
}

function idx(shape: readonly number[], data: Uint8Array, packed = true): Uint8Array {
  const head = Buffer.alloc(4 + 4 * shape.length)
  head.set([0, 0, 8, shape.length])
  shape.forEach((length, i) => head.writeUInt32BE(length, 4 + 4 * i))
  const bytes = Buffer.concat([head, data])
  return packed ? gzipSync(bytes) : bytes
}

function xorshift(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
