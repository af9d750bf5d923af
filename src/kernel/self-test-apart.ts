import { Worker } from "node:worker_threads"
import { KernelError } from "./error.ts"
import type { SelfTest } from "./self-test.ts"

export interface SelfTestLimits {
  /** Most memory of an instance. Default: what WebAssembly has. */
  readonly mostBytes?: number
  /** After which a module that has not answered has failed. Default: 10 s. */
  readonly timeoutMs?: number
}

/** What the thread is given, and what it says. */
export interface Apart {
  readonly bytes: Uint8Array
  readonly mostBytes: number
}
export type Verdict = { readonly passed: SelfTest } | { readonly code: string; readonly message: string }

// The same file in the sources, and as it is built.
const THREAD = new URL(
  import.meta.url.endsWith(".ts") ? "./self-test-thread.ts" : "./self-test-thread.js",
  import.meta.url,
)

/**
 * `selfTest` in a thread of its own, which is ended where the module does not come to an end. Throws `KernelError` ("module", "trap", "diverged") where the
 * module fails, ("timeout") where it takes too long.
 */
export async function selfTestApart(bytes: Uint8Array, limits: SelfTestLimits = {}): Promise<SelfTest> {
  const { mostBytes = Infinity, timeoutMs = 10_000 } = limits
  const workerData: Apart = { bytes, mostBytes }
  const thread = new Worker(THREAD, { workerData })
  const { promise, resolve, reject } = Promise.withResolvers<Verdict>()
  thread.once("message", resolve)
  thread.once("error", reject)
  thread.once("exit", (code) => reject(new KernelError("module", `the thread of the self-test ended with ${code}`)))
  const late = (): void =>
    reject(new KernelError("timeout", `expected the self-test to be done within ${timeoutMs} ms, it goes on`))
  const timer = setTimeout(late, timeoutMs)
  try {
    const verdict = await promise
    if ("passed" in verdict) return verdict.passed
    throw new KernelError(verdict.code, verdict.message)
  } finally {
    clearTimeout(timer)
    await thread.terminate()
  }
}
