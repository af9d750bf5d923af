import { FedmoteError } from "../../core/error.ts"
import { defaultKind } from "../../kernel/module.ts"
import { TRAINING_ABI } from "../../kernel/training-module.ts"
import type { TrustedKeys } from "../../net/signature.ts"
import { WireError } from "../../wire/error.ts"
import { chunkCount, decodeManifest } from "../../wire/manifest.ts"
import type { Manifest } from "../../wire/manifest.ts"
import { Refusal } from "./refusal.ts"
import type { RefusalCode } from "./refusal.ts"

/** What a gateway gives a module at most. */
export interface FlashLimits {
  /** Memory of a module while it trains. Default: 64 MiB. */
  readonly memoryBytes: number
  /** Chunks that a module may come in. Default: 4096. */
  readonly chunks: number
  /** Time for a step of training, for an evaluation, and for the self-test. Default: 10 s. */
  readonly stepMs: number
}

export const FLASH_LIMITS: FlashLimits = { memoryBytes: 1 << 26, chunks: 4096, stepMs: 10_000 }

/** What a manifest is held to besides its signature. */
export interface Gateway {
  readonly slot: string
  /** The device's own. */
  readonly tags: readonly string[]
  readonly limits: FlashLimits
  /** The sequence that was told. */
  readonly sequence: number
  /** The highest that was ever taken. */
  readonly highest: number
  /** Seconds since 1970. */
  readonly now: number
  /** Bytes that there is room for. */
  readonly room: number
}

/** The manifest in an envelope that a trusted key has signed: nothing is parsed before. Throws `Refusal` ("envelope", "unknown-key", "signature", "manifest"). */
export function openManifest(envelope: Uint8Array, trusted: TrustedKeys): Manifest {
  try {
    return decodeManifest(trusted.open(envelope))
  } catch (cause) {
    if (!(cause instanceof FedmoteError)) throw cause
    const code = cause instanceof WireError && cause.code !== "envelope" ? "manifest" : cause.code
    throw new Refusal(code as RefusalCode, cause.message, { cause })
  }
}

/** Throws `Refusal` where this gateway is not to have the module, before a byte of it has come. The order is that of the documentation. */
export function checkManifest(manifest: Manifest, gateway: Gateway): void {
  checkTarget(manifest, gateway)
  checkEngine(manifest)
  const { expires, sequence, memoryKiB, sizeBytes } = manifest
  const { now, highest, limits, room } = gateway
  if (expires !== undefined && now >= expires)
    throw new Refusal("expired", `expected a module that is taken until now, ${now}, it was until ${expires}`)
  if (sequence !== gateway.sequence)
    throw new Refusal("sequence", `expected module ${gateway.sequence} as was told, got the manifest of ${sequence}`)
  if (sequence <= highest) throw staleSequence(sequence, highest)
  if (memoryKiB * 1024 > limits.memoryBytes)
    throw new Refusal("memory", `expected at most ${limits.memoryBytes / 1024} KiB of memory, got ${memoryKiB}`)
  if (sizeBytes > room) throw new Refusal("space", `expected at most ${room} bytes, got ${sizeBytes}`)
  const count = chunkCount(manifest)
  if (count > limits.chunks) throw new Refusal("count", `expected at most ${limits.chunks} chunks, got ${count}`)
}

/** No module comes back, and none comes twice. */
export function staleSequence(sequence: number, highest: number): Refusal {
  return new Refusal("sequence", `expected a sequence above ${highest}, which was taken here, got ${sequence}`)
}

function checkTarget({ slot, tags }: Manifest, gateway: Gateway): void {
  if (slot !== gateway.slot)
    throw new Refusal("slot", `expected a module for slot ${gateway.slot}, got one for ${slot}`)
  if (tags.length > 0 && !tags.some((tag) => gateway.tags.includes(tag)))
    throw new Refusal("target", `it is for ${tags.join(", ")}, this device has ${gateway.tags.join(", ") || "no tags"}`)
}

function checkEngine({ abi, features }: Manifest): void {
  if (abi !== TRAINING_ABI) throw new Refusal("abi", `expected training ABI ${TRAINING_ABI}, got ${abi}`)
  if (features === "simd" && defaultKind() !== "simd")
    throw new Refusal("features", "expected WebAssembly 1.0 instructions alone, it needs SIMD")
}
