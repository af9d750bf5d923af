/** Golden vectors in the form that the C tests read: see firmware-bridge/test/records.h. */

export const KINDS = {
  message: 1,
  noMessage: 2,
  sha256: 3,
  philox: 4,
  function: 5,
  training: 6,
  encoding: 7,
  decoding: 8,
  moments: 9,
  sum: 10,
  evaluation: 11,
  packet: 12,
  round: 13,
  hostile: 14,
  manifest: 15,
  noEnvelope: 16,
  changedManifest: 17,
  chunk: 18,
  noChunk: 19,
  module: 20,
} as const

type Part = string | Uint8Array | Uint32Array | Float32Array

/** Collects records; strings are text, bytes, or numbers of 32 bits. */
export class Records {
  readonly #parts: Buffer[] = []
  count = 0

  add(kind: keyof typeof KINDS, name: string, ...strings: readonly Part[]): void {
    this.count++
    this.#parts.push(words(KINDS[kind], strings.length + 1))
    for (const string of [name, ...strings]) this.#string(string)
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #string(string: Part): void {
    const bytes = typeof string === "string" ? Buffer.from(string) : littleEndian(string)
    this.#parts.push(words(bytes.length), bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4))
  }
}

function littleEndian(values: Uint8Array | Uint32Array | Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength)
}

function words(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(4 * values.length)
  values.forEach((value, i) => out.writeUInt32LE(value, 4 * i))
  return out
}
