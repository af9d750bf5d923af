import { sha256 } from "../../src/net/digest.ts"
import { signerOf } from "../../src/net/signature.ts"
import { encodeManifest } from "../../src/wire/manifest.ts"
import type { Manifest } from "../../src/wire/manifest.ts"
import { Dice } from "../wire/random.ts"
import { Records } from "./records.ts"

/** Signed modules as firmware-bridge/test/run_module.c wants them: 1 to 4, which a device takes, and others that it refuses. */

const OPERATOR = signerOf(new Uint8Array(32).fill(7))
const STRANGER = signerOf(new Uint8Array(32).fill(8))

/** The device's slot takes so many bytes, in 32 chunks; chunks have 256 bytes at most; it has 1 MiB for a module, tags "south" and "north", and its clock says 1000. */
const ROOM_BYTES = 9 * 256

/** Bytes as good as any: they are never run. */
function moduleOf(sequence: number, size: number): Uint8Array {
  const dice = new Dice(sequence)
  return Uint8Array.from({ length: size }, () => dice.below(256))
}

interface Case {
  readonly name: string
  readonly refusal: string
  readonly manifest: Partial<Manifest>
  readonly size?: number
  /** Changes what is published after it was signed. */
  readonly change?: (parts: { envelope: Uint8Array; module: Uint8Array }) => void
  readonly stranger?: true
}

const CASES: readonly Case[] = [
  { name: "module 1", refusal: "", manifest: { sequence: 1, chunkBytes: 64 }, size: 700 },
  { name: "module 2", refusal: "", manifest: { sequence: 2, tags: ["west", "north"] }, size: 900 },
  { name: "module 3", refusal: "", manifest: { sequence: 3, expires: 1001 }, size: 1024 },
  { name: "module 4", refusal: "", manifest: { sequence: 4, chunkBytes: 64 }, size: 333 },
  { name: "a module of all the room", refusal: "", manifest: { sequence: 5 }, size: ROOM_BYTES },
  { name: "a stranger's", refusal: "unknown-key", manifest: {}, stranger: true },
  { name: "another signature", refusal: "signature", manifest: {}, change: ({ envelope }) => turn(envelope, -1) },
  {
    name: "another manifest than was signed",
    refusal: "signature",
    manifest: {},
    change: ({ envelope }) => turn(envelope, 40),
  },
  { name: "tagged", refusal: "envelope", manifest: {}, change: ({ envelope }) => turn(envelope, 0) },
  { name: "another slot", refusal: "slot", manifest: { slot: "training" } },
  { name: "the beginning of the slot's name", refusal: "slot", manifest: { slot: "trai" } },
  { name: "another target", refusal: "target", manifest: { tags: ["west", "nort", "northern"] } },
  { name: "another ABI", refusal: "abi", manifest: { abi: 2 } },
  { name: "SIMD", refusal: "features", manifest: { features: "simd" } },
  { name: "expired", refusal: "expired", manifest: { expires: 1000 } },
  { name: "more memory than there is", refusal: "memory", manifest: { memoryKiB: 1025 } },
  { name: "more bytes than there is room for", refusal: "space", manifest: {}, size: ROOM_BYTES + 1 },
  { name: "more chunks than can be counted", refusal: "count", manifest: { chunkBytes: 64 }, size: ROOM_BYTES },
  { name: "chunks larger than a packet", refusal: "chunk", manifest: { chunkBytes: 320 } },
  { name: "a module smaller than its chunks would be", refusal: "", manifest: { chunkBytes: 320 }, size: 200 },
  { name: "chunks that the flash cannot program", refusal: "space", manifest: { chunkBytes: 100 } },
  {
    name: "another module than was signed",
    refusal: "digest",
    manifest: {},
    change: ({ module }) => turn(module, 200),
  },
  { name: "swapped chunks", refusal: "digest", manifest: {}, change: ({ module }) => module.copyWithin(0, 128, 256) },
]

function turn(bytes: Uint8Array, at: number): void {
  const index = at < 0 ? bytes.length + at : at
  bytes[index]! ^= 1
}

/** A module as it is published: perhaps not as it was signed. */
export interface SignedModule {
  readonly name: string
  /** The operator's, that the device trusts. */
  readonly publicKey: Uint8Array
  readonly envelope: Uint8Array
  readonly module: Uint8Array
  readonly manifest: Manifest
  /** The code with which it is refused; empty: it is taken. */
  readonly refusal: string
}

export function signedModules(): SignedModule[] {
  return CASES.map(({ name, refusal, manifest: given, size = 600, change, stranger }, i) => {
    const sequence = given.sequence ?? 10 + i
    const module = moduleOf(sequence, size)
    const manifest: Manifest = {
      slot: "train",
      tags: [],
      abi: 1,
      features: "mvp",
      memoryKiB: 1024,
      sizeBytes: size,
      digest: sha256(module),
      chunkBytes: 128,
      selfTest: new Uint8Array(32),
      ...given,
      sequence,
    }
    const envelope = (stranger ? STRANGER : OPERATOR).seal(encodeManifest(manifest)).slice()
    change?.({ envelope, module })
    return { name, publicKey: OPERATOR.publicKey, envelope, module, manifest, refusal }
  })
}

export function moduleRecords(): Records {
  const records = new Records()
  for (const { name, publicKey, envelope, module, manifest, refusal } of signedModules())
    records.add(
      "module",
      name,
      publicKey,
      envelope,
      module,
      refusal,
      Uint32Array.of(manifest.sequence, manifest.chunkBytes),
    )
  return records
}
