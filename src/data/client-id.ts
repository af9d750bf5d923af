import { createHash } from "node:crypto"
import { DataError, quote } from "./error.ts"

const ID = /^[a-z0-9-]{1,64}$/

/**
 * Device ids (`[a-z0-9-]{1,64}`) for client names, different for different names. A name that is an id stays as it is; of any other the letters
 * and digits are kept ("Mote 3" -> "mote-3"), and where that is not one name's alone, eight hexadecimal digits of its SHA-256 follow.
 */
export function clientIds(names: readonly string[]): string[] {
  const plain = names.map((name) => (ID.test(name) ? name : slug(name, 64)))
  const uses = new Map<string, number>()
  for (const id of plain) uses.set(id, (uses.get(id) ?? 0) + 1)
  const ids = plain.map((id, i) => {
    const name = names[i]!
    if (id === name || (id !== "" && uses.get(id) === 1)) return id
    return `${slug(name, 55) || "client"}-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`
  })
  const owner = new Map<string, string>()
  for (const [i, id] of ids.entries()) {
    const other = owner.get(id)
    if (other !== undefined)
      throw new DataError(
        "client",
        `clients ${quote(other)} and ${quote(names[i]!)} would have the same id "${id}": rename one`,
      )
    owner.set(id, names[i]!)
  }
  return ids
}

/** `client-001` and so on, for clients that a partition makes. */
export function numberedIds(count: number): string[] {
  return Array.from({ length: count }, (_, i) => numberedId(i, count))
}

const PREFIX = "client-"

/** The id of one of `count` such clients. */
export function numberedId(index: number, count: number): string {
  return PREFIX + String(index + 1).padStart(String(count).length, "0")
}

/** Which of `count` such clients it is; undefined for another id. */
export function placeOfId(id: string, count: number): number | undefined {
  const index = Number(id.slice(PREFIX.length)) - 1
  return Number.isInteger(index) && index >= 0 && index < count && numberedId(index, count) === id ? index : undefined
}

function slug(name: string, length: number): string {
  const text = name
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
  return text.replaceAll(/^-+/g, "").slice(0, length).replaceAll(/-+$/g, "")
}
