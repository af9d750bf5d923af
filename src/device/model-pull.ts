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
import type { DeltaChain } from "./model-deltas.ts"

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
  /** Bytes of a chunk that was right. */
  readonly onChunk?: (bytes: number) => void
}

/** What is pulled, chunk by chunk: a whole version, or its delta against `base`. */
interface Part {
  readonly version: number
  readonly base: number | undefined
  readonly bytes: Uint8Array
}

interface Chunk {
  readonly part: Part
  readonly index: number
  readonly count: number
  /** Where it belongs in the part. */
  readonly place: Uint8Array
}

/**
 * One attempt to fetch the model that a Notice names, from the retained topics of the largest chunk class that the device's packets hold:
 * subscribe, take, unsubscribe. Throws `FedmoteError`: "model-class" (no class is small enough), "model-timeout", "model-superseded" (a
 * chunk's topic is empty), "model-chunk" (a chunk of something else), "model-digest"; `LinkError` when the connection goes down; and
 * the signal's reason.
 */
export async function pullModel(notice: Notice, options: PullOptions): Promise<Uint8Array> {
  const { version } = notice
  const bytes = new Uint8Array(notice.sizeBytes)
  await pull([{ version, base: undefined, bytes }], notice, options)
  if (!sameBytes(sha256(bytes), notice.digest))
    throw new FedmoteError("model-digest", `model ${version}: its bytes do not have the Notice's SHA-256 digest`)
  return bytes
}

/** The same for deltas: their payloads, in order. Whether they lead to the Notice's model is seen once they are added. */
export async function pullDeltas(chain: DeltaChain, notice: Notice, options: PullOptions): Promise<Uint8Array[]> {
  const { from, to, payloadBytes } = chain
  const parts = Array.from({ length: to - from }, (_, i) => ({
    version: from + 1 + i,
    base: from + i,
    bytes: new Uint8Array(payloadBytes),
  }))
  await pull(parts, notice, options)
  return parts.map(({ bytes }) => bytes)
}

async function pull(parts: readonly Part[], notice: Notice, options: PullOptions): Promise<void> {
  const size = largestClass(notice, options)
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const chunks = chunksOf(parts, size)
  const take = async (): Promise<void> => {
    for (const chunk of chunks) {
      await takeChunk(chunk, size, { ...options, signal })
      options.onChunk?.(chunk.place.length)
    }
  }
  // All end before this does: a straggler's unsubscribe would take the next attempt's subscription away.
  await Promise.allSettled(Array.from({ length: WINDOW }, () => take().catch((error: unknown) => stop.abort(error))))
  signal.throwIfAborted()
}

function* chunksOf(parts: readonly Part[], size: number): Generator<Chunk> {
  for (const part of parts) {
    const count = Math.ceil(part.bytes.length / size)
    for (let index = 0; index < count; index++)
      yield { part, index, count, place: part.bytes.subarray(index * size, (index + 1) * size) }
  }
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

/** Puts a chunk into its place if it is the one that belongs there. */
function put(chunk: ModelChunk, { part, index, count, place: room }: Chunk): void {
  const wanted = { version: part.version, base: part.base, index, count }
  const { version, base } = wanted
  const right = chunk.version === version && chunk.base === base && chunk.index === index && chunk.count === count
  if (!right || chunk.payload.length !== room.length)
    throw new FedmoteError(
      "model-chunk",
      `expected ${inWords(wanted, room.length)}, got ${inWords(chunk, chunk.payload.length)}`,
    )
  room.set(chunk.payload)
}

type Names = Omit<ModelChunk, "type" | "payload" | "base"> & { readonly base?: number | undefined }

function inWords({ version, base, index, count }: Names, bytes: number): string {
  return `version ${version}${base === undefined ? "" : ` from ${base}`}, chunk ${index} of ${count}, ${bytes} bytes`
}

async function takeChunk(chunk: Chunk, size: number, { link, topics, clock, signal }: PullOptions): Promise<void> {
  signal.throwIfAborted()
  const { part, index } = chunk
  const { version, base } = part
  const name = base === undefined ? `model ${version}` : `model ${version} from ${base}`
  const topic = topics.model(version, base, size, index)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const end = (): void => reject(signal.reason)
  signal.addEventListener("abort", end, { once: true })
  const cancel = clock.after(CHUNK_TIMEOUT_MS, () =>
    reject(new FedmoteError("model-timeout", `${name}: chunk ${index} did not come in ${CHUNK_TIMEOUT_MS} ms`)),
  )
  try {
    const granted = link.subscribe(topic, (_, payload) => {
      try {
        if (payload.length === 0)
          throw new FedmoteError("model-superseded", `${name} was superseded (chunk ${index} is empty)`)
        const message = decode(payload)
        if (message.type !== "model")
          throw new FedmoteError("model-chunk", `expected a chunk of a model on ${topic}, got ${message.type}`)
        put(message, chunk)
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
