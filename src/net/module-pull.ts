import { FedmoteError } from "../core/error.ts"
import { decode } from "../wire/codec.ts"
import { WireError } from "../wire/error.ts"
import { MANIFEST_BOUNDS, chunkCount } from "../wire/manifest.ts"
import type { Manifest } from "../wire/manifest.ts"
import type { Topics } from "../wire/topics.ts"
import type { Clock } from "./clock.ts"
import { LinkError } from "./link.ts"
import type { Link } from "./link.ts"

/** Retained chunks asked for at a time, as for models. */
const WINDOW = 4
/** What has not come after this long is not going to. */
const PATIENCE_MS = 5000

export interface ModulePullOptions {
  readonly link: Link
  readonly topics: Topics
  readonly clock: Clock
  readonly slot: string
  readonly signal: AbortSignal
  /** How long to wait for the manifest and for each chunk. Default: 5 s. */
  readonly patienceMs?: number
}

/** What a manifest says of the chunks. */
export type ModuleShape = Pick<Manifest, "sequence" | "sizeBytes" | "chunkBytes">

/**
 * What is retained where a module's signed manifest belongs; nothing of it is verified, but its length is that of an envelope. Throws `FedmoteError`:
 * "timeout" (nothing came), "envelope" (too short or too long to be one); `LinkError` when the connection goes down; and the signal's reason.
 */
export async function pullManifest(sequence: number, options: ModulePullOptions): Promise<Uint8Array> {
  const { min, max } = MANIFEST_BOUNDS.envelope
  let envelope = new Uint8Array(0)
  await takeRetained(options.topics.manifest(options.slot, sequence), `manifest ${sequence}`, options, (bytes) => {
    if (bytes.length < min || bytes.length > max)
      throw new FedmoteError("envelope", `manifest ${sequence}: expected ${min} to ${max} bytes, got ${bytes.length}`)
    envelope = new Uint8Array(bytes)
  })
  return envelope
}

/**
 * One attempt to fetch the chunks with these indices from their retained topics, a few at a time. `take` is given each as it comes, in any order, once;
 * the payload is borrowed until it returns. Those taken before an error stay taken. Throws `FedmoteError`: "timeout" (a chunk did not come), "chunk"
 * (something else is on its topic, or it has another length), "count" (it says that there are more or fewer); what `take` throws; `LinkError` when the
 * connection goes down; and the signal's reason.
 */
export async function pullModule(
  shape: ModuleShape,
  missing: Iterable<number>,
  take: (index: number, payload: Uint8Array) => void,
  options: ModulePullOptions,
): Promise<void> {
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const { slot, topics } = options
  const { sequence } = shape
  // One iterator that all share.
  const indices = [...missing].values()
  const work = async (): Promise<void> => {
    for (const index of indices)
      await takeRetained(
        topics.module(slot, sequence, index),
        `module ${sequence}, chunk ${index}`,
        { ...options, signal },
        (bytes) => take(index, chunkIn(bytes, shape, index)),
      )
  }
  // All end before this does: a straggler's unsubscribe would take the next attempt's subscription away.
  await Promise.allSettled(Array.from({ length: WINDOW }, () => work().catch((error: unknown) => stop.abort(error))))
  signal.throwIfAborted()
}

/** Bytes of a module's chunk: all are full but the last. */
export function chunkLength(shape: ModuleShape, index: number): number {
  return Math.min(shape.chunkBytes, shape.sizeBytes - index * shape.chunkBytes)
}

/** The payload of the message that belongs on a chunk's topic. */
function chunkIn(bytes: Uint8Array, shape: ModuleShape, index: number): Uint8Array {
  const where = `module ${shape.sequence}, chunk ${index}`
  const message = decoded(bytes, where)
  if (message.type !== "module")
    throw new FedmoteError("chunk", `${where}: expected a chunk of a module, got ${message.type}`)
  const count = chunkCount(shape)
  if (message.count !== count)
    throw new FedmoteError("count", `${where}: expected one of ${count} chunks, got one of ${message.count}`)
  if (message.sequence !== shape.sequence || message.index !== index)
    throw new FedmoteError("chunk", `${where}: got chunk ${message.index} of module ${message.sequence}`)
  const expected = chunkLength(shape, index)
  if (message.payload.length !== expected)
    throw new FedmoteError("chunk", `${where}: expected ${expected} bytes, got ${message.payload.length}`)
  return message.payload
}

function decoded(bytes: Uint8Array, where: string): ReturnType<typeof decode> {
  try {
    return decode(bytes)
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause
    throw new FedmoteError("chunk", `${where}: ${cause.message}`, { cause })
  }
}

/** Subscribes, hands over the first message that is not empty, and unsubscribes. */
async function takeRetained(
  topic: string,
  what: string,
  { link, clock, signal, patienceMs = PATIENCE_MS }: ModulePullOptions,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const end = (): void => reject(signal.reason)
  signal.addEventListener("abort", end, { once: true })
  const cancel = clock.after(patienceMs, () =>
    reject(new FedmoteError("timeout", `${what} did not come in ${patienceMs} ms`)),
  )
  const offDown = link.on("down", () => reject(new LinkError("link-down", `the connection went down before ${what}`)))
  let taken = false
  try {
    const granted = link.subscribe(topic, (_, payload) => {
      if (taken || payload.length === 0 || signal.aborted) return
      taken = true
      try {
        take(payload)
        resolve()
      } catch (error) {
        reject(error)
      }
    })
    granted.catch(reject)
    await promise
  } finally {
    taken = true
    cancel()
    offDown()
    signal.removeEventListener("abort", end)
    // A link that is down forgets the subscription all the same.
    await link.unsubscribe(topic).catch(() => undefined)
  }
}
