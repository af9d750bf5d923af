import { Encoder } from "cbor-x/index-no-eval"
import { check } from "./check.ts"
import { WireError } from "./error.ts"

// With these, a Map of ascending integer keys comes out in RFC 8949's core deterministic form. The build without `new Function`
// has no native addon either.
const OPTIONS = {
  useRecords: false,
  mapsAsObjects: false,
  variableMapSize: true,
  useTag259ForMaps: false,
  tagUint8Array: false,
  int64AsNumber: true,
}
const cbor = new Encoder(OPTIONS)

/** A map with ascending keys as bytes of the profile. Borrowed: valid until the next call. */
export function mapBytes(map: ReadonlyMap<number, unknown>): Uint8Array {
  return cbor.encode(map)
}

/** The one map that `bytes` are, held to the profile (`check`). Byte strings are views. Throws `WireError`. */
export function mapOf(bytes: Uint8Array): ReadonlyMap<unknown, unknown> {
  check(bytes)
  // A view of our own: cbor-x leaves a property on what it reads, and a Buffer would beget Buffers.
  const map: unknown = cbor.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  if (!(map instanceof Map)) throw new WireError("version", "expected a map", 0)
  return map
}

/** Bytes of the head of a byte string of this length. */
export function byteStringHeadBytes(length: number): number {
  return length < 24 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 5
}

/** Writes that head, in its shortest form. */
export function writeByteStringHead(out: Uint8Array, at: number, length: number): void {
  const size = byteStringHeadBytes(length)
  if (size === 1) out[at] = 0x40 | length
  else {
    out[at] = size === 2 ? 0x58 : size === 3 ? 0x59 : 0x5a
    for (let i = size - 1, rest = length; i > 0; i--, rest >>>= 8) out[at + i] = rest & 0xff
  }
}
