import { FedmoteError } from "../../core/error.ts"
import { selfTestApart } from "../../kernel/self-test-apart.ts"
import { TRAINING_ABI, TrainingModule } from "../../kernel/training-module.ts"
import { sha256 } from "../../net/digest.ts"
import { pullManifest, pullModule } from "../../net/module-pull.ts"
import type { ModulePullOptions } from "../../net/module-pull.ts"
import type { TrustedKeys } from "../../net/signature.ts"
import { chunkCount, decodeManifest } from "../../wire/manifest.ts"
import type { Manifest } from "../../wire/manifest.ts"
import type { StoredModule } from "./module-store.ts"

/** A module that may go to devices, and what its manifest says. */
export interface AcceptedModule extends StoredModule {
  readonly manifest: Manifest
}

/**
 * Fetches a module from its retained topics, and holds it to what every gateway will hold it to: nothing goes to a device that could only refuse it.
 * Throws `FedmoteError` with the reason, `LinkError`, and the signal's reason.
 */
export async function takeModule(
  sequence: number,
  trusted: TrustedKeys,
  nowSeconds: number,
  options: ModulePullOptions,
): Promise<AcceptedModule> {
  const envelope = await pullManifest(sequence, options)
  const manifest = decodeManifest(trusted.open(envelope))
  checkManifest(manifest, options.slot, sequence, nowSeconds)
  const bytes = new Uint8Array(manifest.sizeBytes)
  const all = Array.from({ length: chunkCount(manifest) }, (_, i) => i)
  await pullModule(manifest, all, (index, payload) => bytes.set(payload, index * manifest.chunkBytes), options)
  await checkModule(bytes, manifest)
  return { sequence, envelope, bytes, manifest }
}

function checkManifest(manifest: Manifest, slot: string, sequence: number, nowSeconds: number): void {
  const refuse = (code: string, expected: string, got: unknown): never => {
    throw new FedmoteError(code, `manifest: expected ${expected}, got ${String(got)}`)
  }
  if (manifest.slot !== slot) refuse("slot", `slot ${slot}`, manifest.slot)
  if (manifest.sequence !== sequence) refuse("sequence", `sequence ${sequence}`, manifest.sequence)
  if (manifest.abi !== TRAINING_ABI) refuse("abi", `training ABI ${TRAINING_ABI}`, manifest.abi)
  if (manifest.expires !== undefined && manifest.expires <= nowSeconds)
    refuse("expired", `one that is taken until after ${nowSeconds}`, manifest.expires)
}

async function checkModule(bytes: Uint8Array, { digest, features, memoryKiB, selfTest }: Manifest): Promise<void> {
  if (!same(sha256(bytes), digest))
    throw new FedmoteError("digest", "the module does not have the SHA-256 that its manifest says")
  const { facts } = new TrainingModule(bytes)
  if (facts.features === "simd" && features === "mvp")
    throw new FedmoteError(
      "features",
      "expected WebAssembly 1.0 instructions as the manifest says, the module has SIMD",
    )
  const { answers } = await selfTestApart(bytes, { mostBytes: memoryKiB * 1024 })
  if (!same(sha256(answers), selfTest))
    throw new FedmoteError("self-test", "the module's answers do not have the SHA-256 that its manifest says")
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
