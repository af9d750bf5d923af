import { hash } from "node:crypto"

const DIGEST_BYTES = 32

/** SHA-256 (FIPS 180-4), 32 bytes. */
export function sha256(bytes: Uint8Array | string): Uint8Array {
  // In one call, and as a string with a character a byte: of an update of 10 kB the hash object and its Buffer would cost a tenth.
  const text = hash("sha256", bytes, "binary")
  const digest = new Uint8Array(DIGEST_BYTES)
  for (let i = 0; i < DIGEST_BYTES; i++) digest[i] = text.charCodeAt(i)
  return digest
}

/** Bytes as people write them. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex")
}

/** The two words that key a device's random streams and its place in selection: the first 8 bytes of SHA-256(id), big-endian. */
export function deviceKey(id: string): readonly [high: number, low: number] {
  // Twice as fast as by the bytes, and nothing is left over: a simulation keys millions of devices.
  const text = hash("sha256", id, "hex")
  return [wordAt(text, 0), wordAt(text, 8)]
}

/** Eight lower-case hexadecimal digits. */
function wordAt(text: string, from: number): number {
  let word = 0
  for (let i = from; i < from + 8; i++) {
    const code = text.charCodeAt(i)
    word = (word << 4) | (code < 0x3a ? code - 0x30 : code - 0x57)
  }
  return word >>> 0
}

/** An update's id: the first 8 bytes of its payload's SHA-256. */
export function updateIdOf(payload: Uint8Array): Uint8Array {
  return sha256(payload).slice(0, 8)
}

/** The bytes of a float32 vector, little-endian: a view where the machine is, which every machine that runs Node is. */
export function floatBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** `count` float32 values from little-endian bytes, copied: the bytes may lie at any offset. */
export function floatsOf(bytes: Uint8Array, count = bytes.length >>> 2): Float32Array {
  return new Float32Array(bytes.slice(0, 4 * count).buffer)
}
