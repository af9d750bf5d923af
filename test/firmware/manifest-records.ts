import { readFileSync } from "node:fs"
import { WireError } from "../../src/wire/error.ts"
import { MODULE_FEATURES, decodeManifest } from "../../src/wire/manifest.ts"
import { INVALID, VECTORS, fromHex } from "../wire/vectors.ts"
import { Records } from "./records.ts"

interface Vectors {
  readonly publicKey: string
  readonly valid: readonly {
    readonly manifest: {
      readonly sequence: number
      readonly slot: string
      readonly tags: readonly string[]
      readonly abi: number
      readonly features: keyof typeof MODULE_FEATURES
      readonly memoryKiB: number
      readonly sizeBytes: number
      readonly digest: string
      readonly chunkBytes: number
      readonly selfTest: string
      readonly expires?: number
    }
    readonly payload: string
    readonly signed: string
    readonly signature: string
    readonly envelope: string
  }[]
  readonly envelopes: readonly { readonly what: string; readonly bytes: string }[]
  readonly manifests: readonly { readonly what: string; readonly payload: string }[]
}

const { publicKey, valid, envelopes, manifests } = JSON.parse(
  readFileSync(new URL("../vectors/module/manifest.json", import.meta.url), "utf8"),
) as Vectors

/** The golden vectors of signed manifests, and of a module's chunks. */
export function manifestRecords(): Records {
  const records = new Records()
  for (const { manifest, payload, signed, signature, envelope } of valid) {
    const { sequence, slot, tags, abi, features, memoryKiB, sizeBytes, digest, chunkBytes, selfTest, expires } =
      manifest
    const numbers = [
      sequence,
      tags.length,
      abi,
      MODULE_FEATURES[features],
      memoryKiB,
      sizeBytes,
      chunkBytes,
      expires ?? 0,
    ]
    const strings = [payload, digest, selfTest, publicKey, signed, signature, envelope].map(fromHex)
    records.add("manifest", `a manifest of ${slot}`, Uint32Array.from(numbers), slot, tags.join(" "), ...strings)
  }
  for (const { what, bytes } of envelopes) records.add("noEnvelope", what, fromHex(bytes))
  for (const { what, payload } of manifests) records.add("changedManifest", what, fromHex(payload), Uint32Array.of(0))
  for (const { name, bytes, message } of VECTORS)
    if (message.type === "module")
      records.add("chunk", name, bytes, Uint32Array.of(message.sequence, message.index, message.count), message.payload)
    else records.add("noChunk", name, bytes)
  for (const { reason, hex } of INVALID) records.add("noChunk", reason, fromHex(hex))
  return records
}

/** Manifests without their envelopes, good and bad. */
export function manifestBytes(): Uint8Array[] {
  return [...valid, ...manifests].map(({ payload }) => fromHex(payload))
}

/** Every manifest of the vectors with each of its bits turned, and with each byte left out: whether the TypeScript side takes it. */
export function changedManifests(): Records {
  const records = new Records()
  const add = (name: string, payload: Uint8Array): void =>
    records.add("changedManifest", name, payload, Uint32Array.of(taken(payload) ? 1 : 0))
  for (const { payload, manifest } of valid) {
    const bytes = fromHex(payload)
    for (const at of bytes.keys()) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = bytes.slice()
        changed[at]! ^= 1 << bit
        add(`${manifest.slot}: bit ${bit} of byte ${at}`, changed)
      }
      add(`${manifest.slot}: without byte ${at}`, Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + 1)))
    }
  }
  return records
}

function taken(payload: Uint8Array): boolean {
  try {
    decodeManifest(payload)
    return true
  } catch (error) {
    if (error instanceof WireError) return false
    throw error
  }
}
