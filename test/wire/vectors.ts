import { readFileSync } from "node:fs"
import type { Message } from "../../src/wire/message.ts"

/** A golden vector of `test/vectors/wire`, made by the script there. */
export interface Vector {
  readonly name: string
  readonly hex: string
  readonly diagnostic: string
  readonly bytes: Uint8Array
  readonly message: Message
}

export interface InvalidVector {
  readonly reason: string
  readonly code: string
  readonly hex: string
}

const FOLDER = new URL("../vectors/wire/", import.meta.url)
const TYPES = ["hello", "ready", "gone", "notice", "task", "update", "receipt", "model", "flash", "module", "flashed"]

export const VECTORS: readonly Vector[] = TYPES.flatMap((type) =>
  (read(type) as { name: string; hex: string; diagnostic: string; value: unknown }[]).map((vector) => ({
    name: `${type}: ${vector.name}`,
    hex: vector.hex,
    diagnostic: vector.diagnostic,
    bytes: fromHex(vector.hex),
    message: revive(vector.value) as Message,
  })),
)

/** Those that a client without modules takes. */
export const PLAIN_VECTORS = VECTORS.filter(
  ({ message }) => !["flash", "module", "flashed"].includes(message.type) && !("module" in message),
)

export const INVALID = read("invalid") as readonly InvalidVector[]

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex")
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"))
}

/** JSON has byte strings in hex and float32 lists as arrays. */
function revive(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(revive)
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => {
      if (["digest", "updateId", "payload"].includes(name)) return [name, fromHex(field as string)]
      return [name, ["metrics", "losses"].includes(name) ? new Float32Array(field as number[]) : revive(field)]
    }),
  )
}
