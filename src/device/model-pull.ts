import { FedmoteError } from "../core/error.ts"
import type { Clock } from "../net/clock.ts"
import { sha256 } from "../net/digest.ts"
import type { Link } from "../net/link.ts"
import { chunkClass } from "../wire/chunk.ts"
import { decode } from "../wire/codec.ts"
import { WireError } from "../wire/error.ts"
import type { ModelChunk, Notice } from "../wire/message.ts"
import type { Topics } from "../wire/topics.ts"
import { sameBytes } from "./model-bytes.ts"

/** Retained chunks asked for at a time: enough to hide the way to the broker, few enough for a small radio. */
const WINDOW = 4
/** A chunk that has not come after this long is not going to. */
const CHUNK_TIMEOUT_MS = 5000

export interface PullOptions {
  readonly link: Link
  readonly topics: Topics
  readonly clock: Clock
  readonly maxPacketBytes: number
  readonly signal: AbortSignal
}

/**
 * One attempt to fetch the model that a Notice names, from the retained topics of the largest chunk class that the device's packets hold:
 * subscribe, take, unsubscribe. Throws `FedmoteError`: "model-class" (no class is small enough), "model-timeout", "model-superseded" (a
 * chunk's topic is empty), "model-chunk" (a chunk of something else), "model-digest"; `LinkError` when the connection goes down; and
 * the signal's reason.
 */
export async function pullModel(notice: Notice, options: PullOptions): Promise<Uint8Array> {
  const size = largestClass(notice, options)
  const model = new Uint8Array(notice.sizeBytes)
  const count = Math.ceil(model.length / size)
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  let next = 0
  const pull = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      await takeChunk(notice, size, index, { ...options, signal }, (message) => {
        const at = index * size
        checkChunk(message, notice, index, count, Math.min(size, model.length - at))
        model.set(message.payload, at)
      })
    }
  }
  // All end before this does: a straggler's unsubscribe would take the next attempt's subscription away.
  await Promise.allSettled(
    Array.from({ length: Math.min(WINDOW, count) }, () => pull().catch((error: unknown) => stop.abort(error))),
  )
  signal.throwIfAborted()
  if (!sameBytes(sha256(model), notice.digest))
    throw new FedmoteError("model-digest", `model ${notice.version}: its bytes do not have the Notice's SHA-256 digest`)
  return model
}

function largestClass({ chunkClasses, version }: Notice, { topics, maxPacketBytes }: PullOptions): number {
  let limit = 0
  try {
    limit = chunkClass(topics, maxPacketBytes)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
  }
  const size = chunkClasses.findLast((each) => each <= limit)
  if (size !== undefined) return size
  throw new FedmoteError(
    "model-class",
    `model ${version}: expected a chunk class of at most ${limit} bytes for packets of ${maxPacketBytes}, got ${chunkClasses.join(", ")}`,
  )
}

function checkChunk(chunk: ModelChunk, { version }: Notice, index: number, count: number, bytes: number): void {
  const got = `version ${chunk.version}, chunk ${chunk.index} of ${chunk.count}, ${chunk.payload.length} bytes`
  const ok = chunk.version === version && chunk.index === index && chunk.count === count && chunk.base === undefined
  if (!ok || chunk.payload.length !== bytes)
    throw new FedmoteError(
      "model-chunk",
      `expected version ${version}, chunk ${index} of ${count}, ${bytes} bytes, got ${got}`,
    )
}

async function takeChunk(
  { version }: Notice,
  size: number,
  index: number,
  { link, topics, clock, signal }: PullOptions,
  take: (chunk: ModelChunk) => void,
): Promise<void> {
  signal.throwIfAborted()
  const topic = topics.model(version, undefined, size, index)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const end = (): void => reject(signal.reason)
  signal.addEventListener("abort", end, { once: true })
  const cancel = clock.after(CHUNK_TIMEOUT_MS, () =>
    reject(
      new FedmoteError("model-timeout", `model ${version}: chunk ${index} did not come in ${CHUNK_TIMEOUT_MS} ms`),
    ),
  )
  try {
    const granted = link.subscribe(topic, (_, payload) => {
      try {
        if (payload.length === 0)
          throw new FedmoteError("model-superseded", `model ${version} was superseded (chunk ${index} is empty)`)
        const message = decode(payload)
        if (message.type !== "model")
          throw new FedmoteError("model-chunk", `expected a chunk of a model on ${topic}, got ${message.type}`)
        take(message)
        resolve()
      } catch (error) {
        reject(error)
      }
    })
    granted.catch(reject)
    await promise
  } finally {
    cancel()
    signal.removeEventListener("abort", end)
    // A link that is down forgets the subscription all the same.
    await link.unsubscribe(topic).catch(() => undefined)
  }
}
