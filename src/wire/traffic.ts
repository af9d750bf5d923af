import { chunkUpdate } from "./chunk.ts"
import type { UpdateHeader } from "./chunk.ts"
import { byteStringHeadBytes, encode } from "./codec.ts"
import type { ModelChunk } from "./message.ts"

/**
 * How many bytes a round moves, counted the same by the coordinator and the simulator: payloads of PUBLISH packets (the encoded messages).
 * Uplink: the Update messages of the folded updates, chunked for packets of `uploadPacketBytes`. Downlink: for every device that is
 * asked, the chunk messages that it needs to hold the model (`Pulls`), in the standard class, `plan.upload.chunkBytes`.
 */

/** Largest MQTT packet of a device that does not say another. */
export const DEFAULT_PACKET_BYTES = 1 << 20

/** Bytes of a packet that a device sends at most: 64 KiB and what goes around them, which every broker takes and a radio can repeat. */
const UPLOAD_PACKET_BYTES = 65536 + 512

/** Largest packet that a device sends which takes packets of `maxPacketBytes`. */
export function uploadPacketBytes(maxPacketBytes: number = DEFAULT_PACKET_BYTES): number {
  return Math.min(maxPacketBytes, UPLOAD_PACKET_BYTES)
}

/** Bytes of the Update messages of a payload of `payloadBytes`. */
export function updateMessageBytes(
  header: UpdateHeader,
  payloadBytes: number,
  topic: string,
  maxPacketBytes: number,
): number {
  if (zeros.length < payloadBytes) zeros = new Uint8Array(payloadBytes)
  let bytes = 0
  for (const chunk of chunkUpdate(header, zeros.subarray(0, payloadBytes), topic, maxPacketBytes))
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
