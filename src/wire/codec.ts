import { byteStringHeadBytes, mapBytes, mapOf, writeByteStringHead } from "./cbor.ts"
import { WireError } from "./error.ts"
import { PAYLOAD_KEY, PROTOCOL_VERSION, TYPE_KEY, VERSION_KEY } from "./keys.ts"
import type { Message } from "./message.ts"
import { schemaNumbered, schemaOf } from "./schema.ts"

const NOTHING = new Uint8Array(0)

/**
 * A message as bytes of protocol 1: deterministic, in an array that the caller owns. Real settings are rounded to float32.
 * Throws `WireError` where `decode` would refuse the result.
 */
export function encode(message: Message): Uint8Array {
  const schema = schemaOf(message.type)
  const map = new Map<number, unknown>([
    [VERSION_KEY, PROTOCOL_VERSION],
    [TYPE_KEY, schema.number],
  ])
  schema.table.write(message, map)
  schema.rule?.(message)
  const payload = map.get(PAYLOAD_KEY)
  if (!(payload instanceof Uint8Array)) return new Uint8Array(mapBytes(map))
  // cbor-x writes an empty payload; its one byte makes room for the real one, which is copied once only.
  map.set(PAYLOAD_KEY, NOTHING)
  const before = mapBytes(map)
  const start = before.length - 1 + byteStringHeadBytes(payload.length)
  const out = new Uint8Array(start + payload.length)
  out.set(before)
  writeByteStringHead(out, before.length - 1, payload.length)
  out.set(payload, start)
  return out
}

/**
 * The message in `bytes`, which must hold exactly one. Every rule of `protocol.cddl` is checked; nothing comes out unless all hold, and
 * `encode` gives the same bytes back. A `payload` is a view into `bytes`: copy to keep. Everything else is the caller's.
 * Throws `WireError` and nothing else, given a Uint8Array.
 */
export function decode(bytes: Uint8Array): Message {
  const map = mapOf(bytes)
  const version: unknown = map.get(VERSION_KEY)
  if (version !== PROTOCOL_VERSION)
    throw new WireError("version", `expected protocol version ${PROTOCOL_VERSION} in key 0, got ${String(version)}`)
  const schema = schemaNumbered(map.get(TYPE_KEY))
  const message = schema.table.read(map, { type: schema.type }, 2)
  schema.rule?.(message)
  return message
}
