import { FedmoteError } from "../../core/error.ts"
import { prepareSelfTest } from "../../kernel/self-test-apart.ts"
import { backoffMs } from "../../net/backoff.ts"
import type { Clock } from "../../net/clock.ts"
import { LinkError } from "../../net/link.ts"
import type { Link } from "../../net/link.ts"
import { pullManifest, pullModule } from "../../net/module-pull.ts"
import type { ModulePullOptions } from "../../net/module-pull.ts"
import type { TrustedKeys } from "../../net/signature.ts"
import { publishBytes } from "../../wire/chunk.ts"
import { encode } from "../../wire/codec.ts"
import { chunkCount } from "../../wire/manifest.ts"
import type { Manifest } from "../../wire/manifest.ts"
import type { Topics } from "../../wire/topics.ts"
import type { FlashStage } from "../event.ts"
import { delay } from "../timers.ts"
import { checkManifest, openManifest } from "./manifest-check.ts"
import type { FlashLimits } from "./manifest-check.ts"
import { checkAnswers } from "./module-check.ts"
import { Refusal } from "./refusal.ts"
import type { RefusalCode } from "./refusal.ts"
import type { Slot, VerifiedModule } from "./slot.ts"

export interface LoaderOptions {
  readonly slot: Slot
  readonly link: Link
  readonly topics: Topics
  readonly clock: Clock
  readonly trusted: TrustedKeys
  readonly tags: readonly string[]
  readonly limits: FlashLimits
  readonly maxPacketBytes: number
  /** Seconds since 1970. */
  readonly now: () => number
  /** The slot's report says "loading". */
  readonly onBegun: () => void
  readonly onStage: (stage: FlashStage, sequence: number, chunk?: number) => void
}

/** Waits between attempts, and how many without a single chunk there are. */
const RETRY = { firstMs: 500, maxMs: 10_000 }
const MOST_ATTEMPTS = 5
/** Whoever waits for so few more will test the module soon. */
const LAST_CHUNKS = 4

/**
 * Fetches a module into the inactive side of the slot and verifies it, from the signature to the self-test: nothing is done with what has not passed the step
 * before. Resolves with the module, which is ready to be switched to. Throws `Refusal`, and the signal's reason.
 */
export async function loadModule(
  sequence: number,
  options: LoaderOptions,
  signal: AbortSignal,
): Promise<VerifiedModule> {
  const { slot, trusted, limits, onStage } = options
  const pull: ModulePullOptions = { ...options, slot: slot.state.slot, signal }
  // Its thread begins while a small module comes; with a large one it begins again for the last chunks.
  prepareSelfTest()
  const envelope = await retrying(options, signal, () => pullManifest(sequence, pull))
  const manifest = openManifest(envelope, trusted)
  check(manifest, sequence, options)
  onStage("manifest", sequence)
  await fetchChunks(envelope, manifest, pull, options)
  const bytes = storing(() => slot.arrived(manifest))
  onStage("verified", sequence)
  await checkAnswers(bytes, manifest, { timeoutMs: limits.stepMs, signal })
  onStage("self-tested", sequence)
  return { manifest, bytes }
}

function check(manifest: Manifest, sequence: number, options: LoaderOptions): void {
  const { slot, tags, limits, now, topics, maxPacketBytes } = options
  const { slot: name, highest } = slot.state
  const room = storing(() => slot.room)
  checkManifest(manifest, { slot: name, tags, limits, sequence, highest, now: now(), room })
  const largest = packetBytes(manifest, topics)
  if (largest > maxPacketBytes)
    throw new Refusal("chunk", `expected chunks in packets of at most ${maxPacketBytes} bytes, got ${largest}`)
}

/** The largest packet that a chunk of this module comes in. */
function packetBytes(manifest: Manifest, topics: Topics): number {
  const { slot, sequence, sizeBytes, chunkBytes } = manifest
  const count = chunkCount(manifest)
  const payload = new Uint8Array(Math.min(sizeBytes, chunkBytes))
  const message = encode({ type: "module", sequence, index: count - 1, count, payload })
  return publishBytes(topics.module(slot, sequence, count - 1), message.length)
}

async function fetchChunks(
  envelope: Uint8Array,
  manifest: Manifest,
  pull: ModulePullOptions,
  options: LoaderOptions,
): Promise<void> {
  const { slot, onBegun, onStage } = options
  const { sequence } = manifest
  const missing = new Set(storing(() => slot.begin(envelope, manifest)))
  onBegun()
  onStage("begun", sequence)
  const take = (index: number, payload: Uint8Array): void => {
    storing(() => slot.put(index, payload, manifest))
    missing.delete(index)
    if (missing.size < LAST_CHUNKS) prepareSelfTest()
    onStage("chunk", sequence, index)
  }
  await retrying(
    options,
    pull.signal,
    () => pullModule(manifest, missing, take, pull),
    () => missing.size,
  )
}

/**
 * Tries until it succeeds; gives up after five attempts in which nothing came, while there was a connection. `left`: falls when something comes.
 * Throws `Refusal`, and the signal's reason.
 */
async function retrying<T>(
  { link, clock }: LoaderOptions,
  signal: AbortSignal,
  attempt: () => Promise<T>,
  left: () => number = () => 0,
): Promise<T> {
  for (let failures = 0; ;) {
    await connected(link, signal)
    const before = left()
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof FedmoteError)) throw error
      if (!(error instanceof LinkError) && error.code !== "timeout") throw refusalOf(error)
      failures = left() < before || error.code === "link-down" ? 0 : failures + 1
      if (failures >= MOST_ATTEMPTS) throw new Refusal("timeout", error.message, { cause: error })
    }
    await delay(clock, backoffMs(RETRY, failures, 0.5 + clock.random() / 2), signal)
  }
}

function refusalOf(error: FedmoteError): Refusal {
  return error instanceof Refusal ? error : new Refusal(error.code as RefusalCode, error.message, { cause: error })
}

/** Does something with the store: where that fails there is no room for the module. */
function storing<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof FedmoteError) || error.code !== "store") throw error
    throw new Refusal("space", error.message, { cause: error })
  }
}

function connected(link: Link, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason)
  if (link.connected) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const end = (): void => {
      off()
      reject(signal.reason)
    }
    const off = link.on("up", () => {
      off()
      signal.removeEventListener("abort", end)
      resolve()
    })
    signal.addEventListener("abort", end, { once: true })
  })
}
