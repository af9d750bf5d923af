import { codecName } from "../core/codec.ts"
import { decode } from "./codec.ts"
import { WireError } from "./error.ts"
import { decodeEnvelope, decodeManifest } from "./manifest.ts"
import type { Message } from "./message.ts"
import { decodeOrder } from "./order.ts"
import type { Topic } from "./topics.ts"
import { parseTopic } from "./topics.ts"

/** A value that JSON has. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain }

/**
 * One MQTT message of a fleet for people: the topic taken apart, the message with byte strings in hex and payloads by their length only.
 * Never throws: what cannot be decoded is described by `error`.
 */
export function describeMessage(topic: string, bytes: Uint8Array): { readonly [name: string]: Plain } {
  const parsed = parseTopic(topic)
  const where = parsed ? describeTopic(parsed) : { topic }
  if (bytes.length === 0) return { ...where, empty: true }
  try {
    return { ...where, ...describeContents(parsed?.kind, bytes) }
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    return { ...where, bytes: bytes.length, error: error.message }
  }
}

/** Of signed manifests and orders nothing is verified; what a coordinator says to operators is JSON already. */
function describeContents(kind: Topic["kind"] | undefined, bytes: Uint8Array): { readonly [name: string]: Plain } {
  switch (kind) {
    case "manifest":
    case "order": {
      const { keyId, payload } = decodeEnvelope(bytes)
      return { keyId: hex(keyId), message: plain(kind === "order" ? decodeOrder(payload) : decodeManifest(payload)) }
    }
    case "answer":
    case "rollout":
      return { message: parseJson(bytes) }
    default:
      return { message: describeFields(decode(bytes)) }
  }
}

function parseJson(bytes: Uint8Array): Plain {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Plain
  } catch {
    throw new WireError("kind", "expected JSON")
  }
}

/** A message with byte strings in hex, float32 values as short as they can be, the payload by its length, codecs by name. */
export function describeFields(message: Message): { readonly [name: string]: Plain } {
  const out: Record<string, Plain> = {}
  for (const [name, value] of Object.entries<unknown>({ ...message })) {
    if (name === "payload") out["payloadBytes"] = (value as Uint8Array).length
    else if (name === "codec") out[name] = nameOf(value as number)
    else if (name === "codecs") out[name] = (value as readonly number[]).map(nameOf)
    else out[name] = plain(value)
  }
  return out
}

function describeTopic({ kind, ...parts }: Topic): { readonly [name: string]: Plain } {
  return { topic: kind, ...parts }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

function nameOf(codec: number): Plain {
  return codecName(codec) ?? codec
}

function plain(value: unknown): Plain {
  if (value instanceof Uint8Array) return hex(value)
  if (value instanceof Float32Array) return Array.from(value, shortest)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
  if (typeof value === "number") return shortest(value)
  return typeof value === "string" || typeof value === "boolean" ? value : null
}

/** The number with the fewest digits that is the same float32: 0.1, not 0.10000000149011612. Other numbers as they are. */
function shortest(value: number): number {
  if (Number.isInteger(value) || Math.fround(value) !== value) return value
  for (let digits = 1; digits < 10; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}
