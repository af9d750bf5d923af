import { readFile } from "node:fs/promises"
import { FedmoteError } from "../core/error.ts"
import { selfTestApart } from "../kernel/self-test-apart.ts"
import type { SelfTest } from "../kernel/self-test.ts"
import { TrainingModule } from "../kernel/training-module.ts"
import type { ModuleFacts } from "../kernel/training-module.ts"
import { sha256 } from "../net/digest.ts"
import { MANIFEST_BOUNDS } from "../wire/manifest.ts"

/** A training module that gateways would take. */
export interface CheckedModule {
  readonly bytes: Uint8Array
  readonly facts: ModuleFacts
  readonly test: SelfTest
  /** SHA-256 of the module, and of its answers to the self-test. */
  readonly digest: Uint8Array
  readonly selfTest: Uint8Array
}

/** Reads a module, and runs its self-test. Throws `FedmoteError` ("module") and `KernelError` with all that is wrong with it. */
export async function checkedModule(file: string): Promise<CheckedModule> {
  const bytes = await readModule(file)
  const { facts } = new TrainingModule(bytes)
  const test = await selfTestApart(bytes)
  return { bytes, facts, test, digest: sha256(bytes), selfTest: sha256(test.answers) }
}

/** A module's bytes. Throws `FedmoteError` ("module") where there are none, or too many. */
export async function readModule(file: string): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(await readFile(file))
  } catch (cause) {
    throw new FedmoteError("module", `cannot read the module ${file}: ${(cause as Error).message}`, { cause })
  }
  const { max } = MANIFEST_BOUNDS.moduleBytes
  if (bytes.length > max)
    throw new FedmoteError("module", `${file}: expected at most ${max} bytes, got ${bytes.length}`)
  return bytes
}
