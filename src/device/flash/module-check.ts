import { FedmoteError } from "../../core/error.ts"
import { selfTestApart } from "../../kernel/self-test-apart.ts"
import { TrainingModule } from "../../kernel/training-module.ts"
import { sha256 } from "../../net/digest.ts"
import type { Manifest } from "../../wire/manifest.ts"
import { sameBytes } from "../model-bytes.ts"
import { Refusal } from "./refusal.ts"

/** Whether these bytes are the module that a manifest describes, without running it. Throws `Refusal` ("size", "digest", "module", "features"). */
export function checkModule(bytes: Uint8Array | undefined, manifest: Manifest): void {
  const { sizeBytes, digest, features } = manifest
  if (bytes?.length !== sizeBytes)
    throw new Refusal("size", `expected a module of ${sizeBytes} bytes, got ${bytes?.length ?? "none"}`)
  if (!sameBytes(sha256(bytes), digest)) throw new Refusal("digest", "the module does not have the manifest's SHA-256")
  const { facts } = refusing("module", () => new TrainingModule(bytes))
  if (facts.features === "simd" && features === "mvp")
    throw new Refusal("features", "expected WebAssembly 1.0 instructions as its manifest says, it has SIMD")
}

/**
 * Runs the self-test in a thread of its own. Throws `Refusal` ("self-test") where its answers are not those of the manifest, or there are none; and the
 * signal's reason.
 */
export async function checkAnswers(
  bytes: Uint8Array,
  { memoryKiB, selfTest }: Manifest,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  let digest: Uint8Array
  try {
    digest = sha256((await selfTestApart(bytes, { mostBytes: memoryKiB * 1024, timeoutMs, signal })).answers)
  } catch (cause) {
    signal.throwIfAborted()
    if (!(cause instanceof FedmoteError)) throw cause
    throw new Refusal("self-test", cause.message, { cause })
  }
  if (!sameBytes(digest, selfTest))
    throw new Refusal("self-test", "its answers do not have the SHA-256 that its manifest says")
}

function refusing<T>(code: "module", work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof FedmoteError)) throw cause
    throw new Refusal(code, cause.message, { cause })
  }
}
