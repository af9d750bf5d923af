import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { gunzip } from "node:zlib"
import { DataError, quote } from "./error.ts"

const unzip = promisify(gunzip)

/** What `meta.json` says of one file of an `fl-dataset/1` folder. */
export interface FileEntry {
  readonly path: string
  readonly dtype?: string
  readonly shape?: readonly number[]
  /** value = q * scale + offset: one number, or one a column. */
  readonly scale?: number | readonly number[]
  readonly offset?: number | readonly number[]
  readonly sha256?: string
  readonly sha256_uncompressed?: string
}

/** The array in a file: row-major, little-endian, as it is stored. */
export interface Packed {
  readonly file: string
  readonly data: PackedArray
  readonly rows: number
  readonly columns: number
  readonly entry: FileEntry
}

type PackedArray = Uint8Array | Int16Array | Uint16Array | Int32Array | Float32Array

const TYPES: { readonly [dtype: string]: { readonly bytes: number; from(bytes: ArrayBuffer): PackedArray } } = {
  uint8: { bytes: 1, from: (bytes) => new Uint8Array(bytes) },
  int16: { bytes: 2, from: (bytes) => new Int16Array(bytes) },
  uint16: { bytes: 2, from: (bytes) => new Uint16Array(bytes) },
  int32: { bytes: 4, from: (bytes) => new Int32Array(bytes) },
  float32: { bytes: 4, from: (bytes) => new Float32Array(bytes) },
}

/** int16 stands for a missing value with this number. */
const MISSING = -32768

/** A file's bytes, unzipped where its name ends in .gz, and checked against the SHA-256 values that `entry` gives. Throws `DataError`. */
export async function readBytes(
  path: string,
  entry?: Pick<FileEntry, "sha256" | "sha256_uncompressed">,
): Promise<Buffer> {
  const raw = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === "ENOENT" ? "no such file" : `cannot be read (${error.code})`
    throw new DataError("not-found", `${path}: ${reason}`, { cause: error })
  })
  verify(path, raw, entry?.sha256)
  if (!path.endsWith(".gz")) return raw
  const bytes = await unzip(raw).catch((error: Error) => {
    throw new DataError("format", `${path}: damaged gzip file (${error.message})`, { cause: error })
  })
  verify(path, bytes, entry?.sha256_uncompressed)
  return bytes
}

function verify(path: string, bytes: Buffer, expected: string | undefined): void {
  if (expected === undefined) return
  const got = createHash("sha256").update(bytes).digest("hex")
  if (got !== expected)
    throw new DataError(
      "format",
      `${path}: expected SHA-256 ${expected}, got ${got}: the file is damaged or another version`,
    )
}

/** Reads one array of an `fl-dataset/1` folder; `entry` is what `meta.json` says under files, `key` its name there. */
export async function readPacked(folder: string, key: string, entry: unknown): Promise<Packed> {
  const { path, dtype, shape } = fileEntry(folder, key, entry)
  const type = TYPES[dtype ?? ""]
  if (type === undefined || shape === undefined)
    throw new DataError(
      "format",
      `${join(folder, "meta.json")}: files.${key}: expected a dtype of ${Object.keys(TYPES).join(", ")} and a shape`,
    )
  const file = join(folder, path)
  const bytes = await readBytes(file, entry as FileEntry)
  const values = shape.reduce((product, n) => product * n, 1)
  if (bytes.length !== values * type.bytes)
    throw new DataError(
      "format",
      `${file}: expected ${values} x ${type.bytes} bytes (${dtype}), got ${bytes.length} bytes`,
    )
  const data = type.from(new Uint8Array(bytes).buffer)
  const rows = shape[0]!
  return { file, data, rows, columns: rows === 0 ? 0 : values / rows, entry: entry as FileEntry }
}

/** Checks an entry's path and shape; further fields are read as `FileEntry` declares them. */
export function fileEntry(folder: string, key: string, entry: unknown): FileEntry {
  const { path, shape } = (entry ?? {}) as Partial<FileEntry>
  if (typeof path !== "string" || !/^[\w.-]+$/.test(path) || (shape !== undefined && !isShape(shape)))
    throw new DataError(
      "format",
      `${join(folder, "meta.json")}: files.${key}: expected a file of this folder with its shape, got ${quote(JSON.stringify(entry) ?? "")}`,
    )
  return entry as FileEntry
}

function isShape(shape: unknown): boolean {
  return Array.isArray(shape) && shape.length > 0 && shape.every((n) => Number.isSafeInteger(n) && n >= 0)
}

/**
 * Column `column` of row `row` as a real number. A missing value is refused: nothing is made up for it, and it must not pass for a number.
 */
export function valueAt(packed: Packed, row: number, column: number, name: string): number {
  const { data, columns, entry } = packed
  const q = data[row * columns + column]!
  if (data instanceof Int16Array && q === MISSING)
    throw new DataError(
      "row",
      `${packed.file} row ${row + 1}, column "${name}": expected a value, got a missing one; remove such rows first`,
    )
  const value = q * ofColumn(entry.scale, column, 1) + ofColumn(entry.offset, column, 0)
  if (!Number.isFinite(value))
    throw new DataError(
      "row",
      `${packed.file} row ${row + 1}, column "${name}": expected a finite number, got ${value}`,
    )
  return value
}

function ofColumn(values: number | readonly number[] | undefined, column: number, otherwise: number): number {
  return typeof values === "object" ? values[column]! : (values ?? otherwise)
}
