import { byteStringHeadBytes } from "./cbor.ts"
import { encode } from "./codec.ts"
import { WireError } from "./error.ts"
import { BOUNDS } from "./keys.ts"
import type { ModelChunk, ModuleChunk, Update } from "./message.ts"
import type { Topics } from "./topics.ts"

/** An update before it is cut. */
export type UpdateHeader = Omit<Update, "type" | "index" | "count" | "payload">

/** Length of a whole MQTT 3.1.1 PUBLISH packet with QoS 1 (OASIS MQTT 3.1.1, section 3.3). MQTT 5 without properties has one byte more. */
export function publishBytes(topic: string, messageBytes: number): number {
  const remaining = 2 + topic.length + 2 + messageBytes
  return 1 + (remaining < 0x80 ? 1 : remaining < 0x4000 ? 2 : remaining < 0x200000 ? 3 : 4) + remaining
}

/**
 * Cuts `payload` into as few Updates as have PUBLISH packets of at most `maxPacketBytes` on `topic`, and carry at most `mostBytes`; all but the last
 * carry the same number of bytes. The payloads are views. Throws `WireError` ("packet") where no cut fits.
 */
export function chunkUpdate(
  header: UpdateHeader,
  payload: Uint8Array,
  topic: string,
  maxPacketBytes: number,
  mostBytes: number = BOUNDS.chunk.max,
): Update[] {
  if (payload.length === 0) throw new WireError("packet", "expected a payload of at least 1 byte, got none")
  const chunk = (index: number, count: number, part: Uint8Array): Update => ({
    type: "update",
    ...header,
    index,
    count,
    payload: part,
  })
  const size = chunkBytes(payload.length, topic, { maxPacketBytes, mostBytes }, (index, count) =>
    chunk(index, count, ONE_BYTE),
  )
  const count = Math.ceil(payload.length / size)
  return Array.from({ length: count }, (_, i) => chunk(i, count, payload.subarray(i * size, (i + 1) * size)))
}

/** Cuts a model (or a delta against `base`) into chunks of one class, `size` bytes each. The payloads are views. */
export function chunkModel(model: Uint8Array, version: number, base: number | undefined, size: number): ModelChunk[] {
  const count = Math.ceil(model.length / size)
  if (count > BOUNDS.chunkCount.max)
    throw new WireError(
      "packet",
      `expected at most ${BOUNDS.chunkCount.max} chunks, got ${count}: ${model.length} bytes in chunks of ${size}`,
    )
  return Array.from({ length: count }, (_, index) => ({
    type: "model",
    version,
    index,
    count,
    ...(base === undefined ? {} : { base }),
    payload: model.subarray(index * size, (index + 1) * size),
  }))
}

/** Cuts a module into chunks of `size` bytes, as its manifest says. The payloads are views. */
export function chunkModule(module: Uint8Array, sequence: number, size: number): ModuleChunk[] {
  const count = Math.ceil(module.length / size)
  return Array.from({ length: count }, (_, index) => ({
    type: "module",
    sequence,
    index,
    count,
    payload: module.subarray(index * size, (index + 1) * size),
  }))
}

/**
 * The largest chunk class whose every chunk, of any version, whole or delta, reaches a device that takes packets of `maxPacketBytes`.
 * Throws `WireError` ("packet") where even the smallest is too large.
 */
export function chunkClass(topics: Topics, maxPacketBytes: number): number {
  const { max: version } = BOUNDS.uint32
  const { max: index } = BOUNDS.chunkIndex
  const topic = topics.model(version, version, BOUNDS.chunkClass.max, index)
  const worst: ModelChunk = { type: "model", version, base: version - 1, index, count: index + 1, payload: ONE_BYTE }
  return largestPayload(topic, maxPacketBytes, encode(worst).length - 2, BOUNDS.chunkClass.min)
}

const ONE_BYTE = new Uint8Array(1)

/** How many bytes each chunk carries: the head of a message grows with its index and count, so few chunks are tried first. */
function chunkBytes(
  total: number,
  topic: string,
  { maxPacketBytes, mostBytes }: { readonly maxPacketBytes: number; readonly mostBytes: number },
  make: (index: number, count: number) => Update,
): number {
  for (const most of [23, 24, 255, 256, BOUNDS.chunkCount.max]) {
    // `most` chunks: the largest index and count that there may be, and a payload of 1 byte with a head of 1.
    const fixed = encode(make(most - 1, most)).length - 2
    const size = Math.min(largestPayload(topic, maxPacketBytes, fixed, 1), mostBytes)
    if (Math.ceil(total / size) <= most) return size
  }
  throw new WireError(
    "packet",
    `expected at most ${BOUNDS.chunkCount.max} chunks: ${total} bytes in packets of ${maxPacketBytes} and parts of ${mostBytes} need more`,
  )
}

/** The largest payload that fits the packet beside `fixed` bytes of message without the payload and its head. */
function largestPayload(topic: string, maxPacketBytes: number, fixed: number, least: number): number {
  const needs = (size: number): number => publishBytes(topic, fixed + byteStringHeadBytes(size) + size)
  let size = Math.min(maxPacketBytes - publishBytes(topic, fixed), BOUNDS.chunk.max)
  // At most a few bytes too many: the payload's head, and the longer remaining length.
  while (size >= least && needs(size) > maxPacketBytes) size--
  if (size < least)
    throw new WireError(
      "packet",
      `expected packets of at least ${needs(least)} bytes on ${topic}, got a limit of ${maxPacketBytes}`,
    )
  return size
}
