import { join } from "node:path"
import { DataError, quote } from "./error.ts"
import { readBytes } from "./packed.ts"

/** A client's rows: `[start, start + count)`. */
export interface ClientRows {
  readonly id: string
  readonly start: number
  readonly count: number
}

/** The `meta.json` of an `fl-dataset/1` folder; what is not checked here is checked where it is read. */
export interface FlMeta {
  readonly folder: string
  readonly name: string
  readonly features: readonly string[]
  readonly classes: readonly string[]
  readonly files: { readonly [key: string]: unknown }
  readonly clients: unknown
}

/** Reads and checks `meta.json`. Throws `DataError`. */
export async function readMeta(folder: string): Promise<FlMeta> {
  const path = join(folder, "meta.json")
  const bytes = await readBytes(path)
  let meta: Partial<{ [key in keyof FlMeta | "format"]: unknown }>
  try {
    meta = JSON.parse(bytes.toString("utf8"))
  } catch (error) {
    throw new DataError("format", `${path}: not JSON: ${(error as Error).message.replaceAll(/\s+/g, " ")}`, {
      cause: error,
    })
  }
  if (meta?.format !== "fl-dataset/1")
    throw new DataError(
      "format",
      `${path}: expected "format": "fl-dataset/1", got ${quote(JSON.stringify(meta?.format) ?? "")}`,
    )
  const { name, features = [], classes = [], files, clients } = meta
  if (
    typeof name !== "string" ||
    !isNames(features) ||
    !isNames(classes) ||
    typeof files !== "object" ||
    files === null
  )
    throw new DataError("format", `${path}: expected a name, files, and features and classes as lists of names`)
  return { folder, name, features, classes, files: files as FlMeta["files"], clients }
}

/** Checks that `table` lists clients whose rows follow one another and are `rows` in all. */
export function clientRows({ folder }: FlMeta, what: string, table: unknown, rows: number): readonly ClientRows[] {
  const path = join(folder, "meta.json")
  if (!Array.isArray(table))
    throw new DataError("format", `${path}: expected ${what} as a list, got ${quote(JSON.stringify(table) ?? "")}`)
  let at = 0
  for (const entry of table as Partial<ClientRows>[]) {
    if (typeof entry?.id !== "string" || entry.start !== at || !Number.isSafeInteger(entry.count) || entry.count! < 0)
      throw new DataError(
        "format",
        `${path}: ${what}: expected a client with an id and rows from ${at} on, got ${quote(JSON.stringify(entry) ?? "")}`,
      )
    at += entry.count!
  }
  if (at !== rows) throw new DataError("format", `${path}: ${what}: expected ${rows} rows in all, got ${at}`)
  return table as ClientRows[]
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string")
}
