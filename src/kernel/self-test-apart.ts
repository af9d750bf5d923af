import { Worker } from "node:worker_threads"
import { KernelError } from "./error.ts"
import type { SelfTest } from "./self-test.ts"

export interface SelfTestLimits {
  /** Most memory of an instance. Default: what WebAssembly has. */
  readonly mostBytes?: number
  /** After which a module that has not answered has failed. Default: 10 s. */
  readonly timeoutMs?: number
  /** Gives up waiting for it. */
  readonly signal?: AbortSignal
}

/** What the thread is asked, and what it says. */
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

/** A thread that nobody has needed for so long is ended. */
const IDLE_MS = 2000

// One for all of a process, one test after the other: to begin it costs many times what a test does.
let thread: Worker | undefined
let idle: NodeJS.Timeout | undefined
let last: Promise<unknown> = Promise.resolve()

/**
 * `selfTest` in a thread of its own, which is ended where the module does not come to an end. Throws `KernelError` ("module", "trap", "diverged") where the
 * module fails, ("timeout") where it takes too long; and the signal's reason.
 */
export function selfTestApart(bytes: Uint8Array, limits: SelfTestLimits = {}): Promise<SelfTest> {
  const passed = last.then(() => perform(bytes, limits))
  last = passed.catch(() => undefined)
  return passed
}

/** Begins the thread for a test that is about to come. */
export function prepareSelfTest(): void {
  thread ??= begin()
  rest(thread)
}

async function perform(
  bytes: Uint8Array,
  { mostBytes = Infinity, timeoutMs = 10_000, signal }: SelfTestLimits,
): Promise<SelfTest> {
  signal?.throwIfAborted()
  clearTimeout(idle)
  const worker = (thread ??= begin())
  const verdict = await ask(worker, { bytes, mostBytes }, timeoutMs, signal)
  rest(worker)
  if ("passed" in verdict) return verdict.passed
  throw new KernelError(verdict.code, verdict.message)
}

/** Ends the thread where it does not answer. */
async function ask(
  worker: Worker,
  request: Apart,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  const { promise, resolve, reject } = Promise.withResolvers<Verdict>()
  const onExit = (code: number): void =>
    reject(new KernelError("module", `the thread of the self-test ended with ${code}`))
  const late = (): void =>
    reject(new KernelError("timeout", `expected the self-test to be done within ${timeoutMs} ms, it goes on`))
  const giveUp = (): void => reject(signal!.reason)
  signal?.addEventListener("abort", giveUp)
  worker.on("message", resolve).on("error", reject).on("exit", onExit)
  // It keeps the process alive until there is an answer; the thread itself does not.
  const timer = setTimeout(late, timeoutMs)
  try {
    worker.postMessage(request)
    return await promise
  } catch (error) {
    worker.off("exit", onExit)
    await end(worker)
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener("abort", giveUp)
    worker.off("message", resolve).off("error", reject).off("exit", onExit)
  }
}

function begin(): Worker {
  const worker = new Worker(THREAD)
  worker.unref()
  return worker
}

function rest(worker: Worker): void {
  clearTimeout(idle)
  idle = setTimeout(() => void end(worker), IDLE_MS).unref()
}

async function end(worker: Worker): Promise<void> {
  if (thread === worker) thread = undefined
  await worker.terminate()
}
