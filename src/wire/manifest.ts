import { byteStringHeadBytes, mapBytes, mapOf, writeByteStringHead } from "./cbor.ts"
import { WireError } from "./error.ts"
import type { Bound } from "./keys.ts"
import { BOUNDS, PROTOCOL_VERSION, VERSION_KEY } from "./keys.ts"
import { bytes, choice, integer, list, name, optional } from "./kind.ts"
import { Struct } from "./struct.ts"
import { NAME_LENGTHS } from "./topics.ts"

/**
 * The manifest of a kernel module (fields after SUIT: RFC 9019, RFC 9124), and the envelope in which it is signed: an untagged COSE_Sign1 (RFC 9052,
 * section 4.2) with Ed25519 (RFC 9053, section 2.2) in exactly one form. `manifest.cddl` is the normative text. No cryptography here: `signedBytes` is
 * what a signature is of.
 */

export const MANIFEST_KEYS = {
  sequence: 1,
  slot: 2,
  tags: 3,
  abi: 4,
  features: 5,
  memoryKiB: 6,
  sizeBytes: 7,
  digest: 8,
  chunkBytes: 9,
  selfTest: 10,
  expires: 11,
} as const

export const MODULE_FEATURES = { mvp: 0, simd: 1 } as const
export type ModuleFeatures = keyof typeof MODULE_FEATURES

/** As `BOUNDS`: one entry a rule of `manifest.cddl`. */
export const MANIFEST_BOUNDS = {
  sequence: { min: 1, max: 0xffffffff },
  tagList: { min: 0, max: 8 },
  abi: { min: 1, max: 255 },
  memoryKib: { min: 64, max: 2097088 },
  moduleBytes: { min: 8, max: 1048576 },
  chunkBytes: { min: 64, max: 65536 },
  expiry: { min: 1, max: 0xffffffff },
  /** Of the whole, with its signature; orders travel in one, too, and are shorter. */
  envelope: { min: 96, max: 300 },
} as const satisfies Record<string, Bound>

/** What an operator says of a module, and signs. */
export interface Manifest {
  /** Rises with every manifest of a slot: what is not higher than what a gateway has is refused. */
  readonly sequence: number
  /** Which module of a gateway it is to take the place of. */
  readonly slot: string
  /** Tags of the devices that it is for; all of them: none. */
  readonly tags: readonly string[]
  /** The training ABI that it exports. */
  readonly abi: number
  /** What an engine must have to run it: WebAssembly 1.0, or 128-bit SIMD too. */
  readonly features: ModuleFeatures
  /** The most memory that it may take, in KiB. */
  readonly memoryKiB: number
  readonly sizeBytes: number
  /** SHA-256 of the module. */
  readonly digest: Uint8Array
  /** All chunks but the last have so many bytes. */
  readonly chunkBytes: number
  /** SHA-256 of what the module answers to the self-test. */
  readonly selfTest: Uint8Array
  /** Seconds since 1970 from which on it is not taken any more, by those who have a clock. */
  readonly expires?: number
}

const table = new Struct<Manifest>("manifest", MANIFEST_KEYS, {
  sequence: integer(MANIFEST_BOUNDS.sequence),
  slot: name(NAME_LENGTHS.slot),
  tags: list(name(NAME_LENGTHS.slot), MANIFEST_BOUNDS.tagList),
  abi: integer(MANIFEST_BOUNDS.abi),
  features: choice(MODULE_FEATURES),
  memoryKiB: integer(MANIFEST_BOUNDS.memoryKib),
  sizeBytes: integer(MANIFEST_BOUNDS.moduleBytes),
  digest: bytes(BOUNDS.digest),
  chunkBytes: integer(MANIFEST_BOUNDS.chunkBytes),
  selfTest: bytes(BOUNDS.digest),
  expires: optional(integer(MANIFEST_BOUNDS.expiry)),
})

/** Throws `WireError` where `decodeManifest` would refuse the result. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const map = new Map<number, unknown>([[VERSION_KEY, PROTOCOL_VERSION]])
  table.write(manifest, map)
  return new Uint8Array(mapBytes(map))
}

/** Throws `WireError`. To be called with bytes whose signature is good, and with no others. */
export function decodeManifest(encoded: Uint8Array): Manifest {
  const map = mapOf(encoded)
  const version = map.get(VERSION_KEY)
  if (version !== PROTOCOL_VERSION)
    throw new WireError("version", `expected manifest version ${PROTOCOL_VERSION} in key 0, got ${String(version)}`)
  return table.read(map, {}, 1)
}

/** Chunks that the module comes in. */
export function chunkCount({ sizeBytes, chunkBytes }: Pick<Manifest, "sizeBytes" | "chunkBytes">): number {
  return Math.ceil(sizeBytes / chunkBytes)
}

/** An envelope, taken apart. Nothing of it is to be believed before its signature is verified. */
export interface Envelope {
  /** Which key signed it: `keyIdOf` of the public key, 8 bytes. */
  readonly keyId: Uint8Array
  /** A manifest's bytes. */
  readonly payload: Uint8Array
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array
}

const KEY_ID_BYTES = 8
const SIGNATURE_BYTES = 64

// [<< {1: -8, 4: h'keyId'} >>, {}, payload, signature]: an array of four, a byte string of 13 in which alg (1) is EdDSA (-8) and kid (4) has 8 bytes.
const ENVELOPE_HEAD = Uint8Array.of(0x84, 0x4d, 0xa2, 0x01, 0x27, 0x04, 0x48)
const NO_MORE_HEADERS = 0xa0
const PROTECTED = { from: 2, to: 15 } as const
const PAYLOAD_AT = 16
const SIGNATURE_HEAD = Uint8Array.of(0x58, SIGNATURE_BYTES)

// ["Signature1", protected, h'', payload] as far as the protected header.
const CONTEXT = Uint8Array.of(0x84, 0x6a, 0x53, 0x69, 0x67, 0x6e, 0x61, 0x74, 0x75, 0x72, 0x65, 0x31, 0x4d)
const NO_EXTERNAL_DATA = 0x40

/** Throws `WireError` ("bound") for an envelope of more than 300 bytes. */
export function encodeEnvelope({ keyId, payload, signature }: Envelope): Uint8Array {
  if (keyId.length !== KEY_ID_BYTES || signature.length !== SIGNATURE_BYTES)
    throw new WireError(
      "kind",
      `envelope: expected a key id of 8 bytes and a signature of 64, got ${keyId.length} and ${signature.length}`,
    )
  const head = byteStringHeadBytes(payload.length)
  const size = PAYLOAD_AT + head + payload.length + SIGNATURE_HEAD.length + SIGNATURE_BYTES
  const { max } = MANIFEST_BOUNDS.envelope
  if (size > max)
    throw new WireError(
      "bound",
      `manifest: expected at most ${max} bytes with its signature, got ${size}: use fewer or shorter tags`,
    )
  const out = new Uint8Array(size)
  out.set(ENVELOPE_HEAD)
  out.set(keyId, ENVELOPE_HEAD.length)
  out[PAYLOAD_AT - 1] = NO_MORE_HEADERS
  writeByteStringHead(out, PAYLOAD_AT, payload.length)
  out.set(payload, PAYLOAD_AT + head)
  out.set(SIGNATURE_HEAD, size - SIGNATURE_BYTES - SIGNATURE_HEAD.length)
  out.set(signature, size - SIGNATURE_BYTES)
  return out
}

/** Views into `encoded`. Throws `WireError` ("envelope") for anything but the one form. */
export function decodeEnvelope(encoded: Uint8Array): Envelope {
  const { min, max } = MANIFEST_BOUNDS.envelope
  const size = encoded.length
  if (size < min || size > max) throw notEnvelope(`${min} to ${max} bytes`, `${size}`)
  if (!startsWith(encoded, ENVELOPE_HEAD) || encoded[PAYLOAD_AT - 1] !== NO_MORE_HEADERS)
    throw notEnvelope(
      "an untagged COSE_Sign1 with the protected headers alg EdDSA and kid, and no others",
      "another form",
    )
  const end = size - SIGNATURE_BYTES - SIGNATURE_HEAD.length
  const head = encoded[PAYLOAD_AT] === 0x58 ? 2 : encoded[PAYLOAD_AT] === 0x59 ? 3 : 1
  const from = PAYLOAD_AT + head
  const expected = new Uint8Array(head)
  if (end >= from) writeByteStringHead(expected, 0, end - from)
  if (end < from || byteStringHeadBytes(end - from) !== head || !startsWith(encoded.subarray(PAYLOAD_AT), expected))
    throw notEnvelope("a payload as long as it says", "another length")
  if (!startsWith(encoded.subarray(end), SIGNATURE_HEAD)) throw notEnvelope("a signature of 64 bytes", "something else")
  return {
    keyId: encoded.subarray(ENVELOPE_HEAD.length, PROTECTED.to),
    payload: encoded.subarray(from, end),
    signature: encoded.subarray(size - SIGNATURE_BYTES),
  }
}

/** What the signature is of: the Sig_structure of RFC 9052, section 4.4, without external data. */
export function signedBytes({ keyId, payload }: Pick<Envelope, "keyId" | "payload">): Uint8Array {
  const protectedHeader = [...ENVELOPE_HEAD.subarray(PROTECTED.from), ...keyId]
  const at = CONTEXT.length + protectedHeader.length + 1
  const head = byteStringHeadBytes(payload.length)
  const out = new Uint8Array(at + head + payload.length)
  out.set(CONTEXT)
  out.set(protectedHeader, CONTEXT.length)
  out[at - 1] = NO_EXTERNAL_DATA
  writeByteStringHead(out, at, payload.length)
  out.set(payload, at + head)
  return out
}

function startsWith(value: Uint8Array, head: Uint8Array): boolean {
  return head.every((byte, i) => value[i] === byte)
}

function notEnvelope(expected: string, got: string): WireError {
  return new WireError("envelope", `signed manifest: expected ${expected}, got ${got}`)
}
