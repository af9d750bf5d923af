import { chunkUpdate } from "./chunk.ts"
import type { UpdateHeader } from "./chunk.ts"
import { byteStringHeadBytes } from "./cbor.ts"
import { encode } from "./codec.ts"
import type { ModelChunk } from "./message.ts"

/**
 * How many bytes a round moves, counted the same by the coordinator and the simulator: payloads of PUBLISH packets (the encoded messages).
 * Uplink: the Update messages of the folded updates, chunked for packets of `uploadPacketBytes`. Downlink: for every device that is
 * asked, the chunk messages that it needs to hold the model (`Pulls`), in the standard class, `plan.upload.chunkBytes`.
 */

/** Largest MQTT packet of a device that does not say another. */
export const DEFAULT_PACKET_BYTES = 1 << 20

/** What a plan says as `upload.chunkBytes` where it says nothing. */
const DEFAULT_CHUNK_BYTES = 65536

/** More than what goes around a chunk in its packet. */
const AROUND_BYTES = 512

/**
 * Largest packet that a device sends which takes packets of `maxPacketBytes`, in a federation whose pieces have at most `chunkBytes`: what its broker takes and
 * a radio can repeat.
 */
export function uploadPacketBytes(
  maxPacketBytes: number = DEFAULT_PACKET_BYTES,
  chunkBytes: number = DEFAULT_CHUNK_BYTES,
): number {
  return Math.min(maxPacketBytes, chunkBytes + AROUND_BYTES)
}

/** Bytes of the Update messages of a payload of `payloadBytes`, in pieces of at most `chunkBytes` (default: what the packets hold). */
export function updateMessageBytes(
  header: UpdateHeader,
  payloadBytes: number,
  topic: string,
  maxPacketBytes: number,
  chunkBytes?: number,
): number {
  if (zeros.length < payloadBytes) zeros = new Uint8Array(payloadBytes)
  let bytes = 0
  for (const chunk of chunkUpdate(header, zeros.subarray(0, payloadBytes), topic, maxPacketBytes, chunkBytes))
    bytes += messageBytes(encode({ ...chunk, payload: ONE_BYTE }).length, chunk.payload.length)
  return bytes
}

/** Bytes of the chunk messages of a whole model of `modelBytes`, or of a delta against `base`, cut into chunks of `chunkClass` bytes. */
export function modelMessageBytes(modelBytes: number, chunkClass: number, version: number, base?: number): number {
  const count = Math.ceil(modelBytes / chunkClass)
  let bytes = 0
  for (let index = 0; index < count; index++) {
    const from = base === undefined ? {} : { base }
    const chunk: ModelChunk = { type: "model", version, index, count, ...from, payload: ONE_BYTE }
    bytes += messageBytes(encode(chunk).length, Math.min(chunkClass, modelBytes - index * chunkClass))
  }
  return bytes
}

const ONE_BYTE = new Uint8Array(1)
// Never written and never sent: chunks are only measured.
let zeros: Uint8Array = new Uint8Array(0)

/** Of a message that has `bytes` with a payload of 1 byte. */
function messageBytes(bytes: number, payloadBytes: number): number {
  return bytes - 2 + byteStringHeadBytes(payloadBytes) + payloadBytes
}
