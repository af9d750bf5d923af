import { createReadStream } from "node:fs"
import { basename } from "node:path"
import { pipeline } from "node:stream/promises"
import { CsvError, parse } from "csv-parse"
import { DataError, badValue, list } from "./error.ts"
import { Growing } from "./growing.ts"
import type { LabelOptions } from "./labels.ts"
import { Labels } from "./labels.ts"
import { float32 } from "./number.ts"

export interface CsvColumns {
  readonly label: string
  readonly client?: string | undefined
  /** Column that says `train` or `test`, or 0 or 1. */
  readonly split?: string | undefined
  /** Columns that are neither features nor anything else. */
  readonly ignore?: readonly string[] | undefined
}

/** A CSV file as numbers. The features are all columns that have no other meaning, in the file's order. */
export interface CsvTable {
  readonly file: string
  readonly rows: number
  readonly features: readonly string[]
  readonly classes: readonly string[]
  /** rows x features. */
  readonly x: Float32Array
  readonly y: Float32Array
  /** Client names in order of appearance, the line of each one's first row, and the number of each row's client; one client without a column. */
  readonly clients: readonly string[]
  readonly firstLines: readonly number[]
  readonly clientOf: Float32Array
  /** 0 train, 1 test, for each row; only with a split column. */
  readonly split?: Float32Array
}

interface Layout {
  readonly label: number
  readonly client: number
  readonly split: number
  readonly features: readonly number[]
}

/**
 * Reads a CSV file (RFC 4180, a header line, UTF-8) as a stream: memory holds numbers only. Throws `DataError` for the first bad line, column or value.
 */
export async function readCsv(path: string, columns: CsvColumns, labelOptions: LabelOptions): Promise<CsvTable> {
  const reader = new CsvReader(basename(path), columns, labelOptions)
  await eachRecord(path, (record, line) => reader.push(record, line))
  return reader.finish()
}

/** Gives the records of a CSV file one by one, each with the number of its line. Throws `DataError` for what is no CSV or cannot be read. */
export async function eachRecord(path: string, take: (record: readonly string[], line: number) => void): Promise<void> {
  const parser = parse({ bom: true, trim: true, skip_empty_lines: true, relax_column_count: true, info: true })
  try {
    await pipeline(createReadStream(path), parser, async (records: AsyncIterable<CsvRecord>) => {
      for await (const { record, info } of records) take(record, info.lines)
    })
  } catch (error) {
    if (error instanceof CsvError)
      throw new DataError("row", `${basename(path)} line ${error["lines"]}: not CSV: ${error.message}`, {
        cause: error,
      })
    if (error instanceof Error && "syscall" in error)
      throw new DataError("not-found", `${path}: cannot be read: ${error.message}`, { cause: error })
    throw error
  }
}

interface CsvRecord {
  readonly record: readonly string[]
  readonly info: { readonly lines: number }
}

class CsvReader {
  readonly file: string
  readonly #columns: CsvColumns
  readonly #labels: Labels
  readonly #x = new Growing()
  readonly #clientOf = new Growing()
  readonly #split = new Growing()
  readonly #clients = new Map<string, number>()
  readonly #firstLines: number[] = []
  #header: readonly string[] = []
  #layout: Layout | undefined

  constructor(file: string, columns: CsvColumns, labelOptions: LabelOptions) {
    this.file = file
    this.#columns = columns
    this.#labels = new Labels(file, columns.label, labelOptions)
  }

  push(record: readonly string[], line: number): void {
    if (this.#layout === undefined) {
      this.#header = record
      this.#layout = layoutOf(this.file, record, this.#columns)
      return
    }
    if (record.length !== this.#header.length)
      throw new DataError(
        "row",
        `${this.file} line ${line}: expected ${this.#header.length} values, got ${record.length}`,
      )
    const { label, client, split, features } = this.#layout
    for (const column of features) this.#x.push(float32(this.file, line, this.#header[column]!, record[column]!))
    this.#labels.push(record[label]!, line)
    this.#clientOf.push(client < 0 ? 0 : this.#client(record[client]!, line))
    if (split >= 0) this.#split.push(this.#isTest(record[split]!, line))
  }

  finish(): CsvTable {
    const { file } = this
    if (this.#layout === undefined) throw new DataError("format", `${file}: expected a header line, got an empty file`)
    const rows = this.#clientOf.length
    if (rows === 0) throw new DataError("format", `${file}: expected rows after the header, got none`)
    const { classes, y } = this.#labels.finish()
    return {
      file,
      rows,
      features: this.#layout.features.map((column) => this.#header[column]!),
      classes,
      x: this.#x.view,
      y,
      clients: [...this.#clients.keys()],
      firstLines: this.#firstLines,
      clientOf: this.#clientOf.view,
      ...(this.#layout.split >= 0 && { split: this.#split.view }),
    }
  }

  #client(name: string, line: number): number {
    const known = this.#clients.get(name)
    if (known !== undefined) return known
    if (name === "") throw badValue(this.file, line, this.#columns.client!, "the client's name", name)
    const code = this.#clients.size
    this.#clients.set(name, code)
    this.#firstLines.push(line)
    return code
  }

  #isTest(text: string, line: number): number {
    if (text === "test" || text === "1") return 1
    if (text === "train" || text === "0") return 0
    throw badValue(this.file, line, this.#columns.split!, "train or test (or 0 or 1)", text)
  }
}

function layoutOf(file: string, header: readonly string[], columns: CsvColumns): Layout {
  for (const [i, name] of header.entries()) {
    if (name === "") throw new DataError("format", `${file} line 1: column ${i + 1} of the header has no name`)
    if (header.indexOf(name) < i)
      throw new DataError("format", `${file} line 1: the header names the column "${name}" twice`)
  }
  const find = (name: string | undefined, what: string): number => {
    if (name === undefined) return -1
    const column = header.indexOf(name)
    if (column >= 0) return column
    throw new DataError("option", `${file}: no column "${name}" for the ${what}; the header names ${list(header)}`)
  }
  const label = find(columns.label, "label")
  const client = find(columns.client, "client")
  const split = find(columns.split, "split")
  const others = new Set([label, client, split, ...(columns.ignore ?? []).map((name) => find(name, "client"))])
  const features = [...header.keys()].filter((column) => !others.has(column))
  if (features.length === 0)
    throw new DataError(
      "format",
      `${file}: expected feature columns besides ${list([...others].filter((c) => c >= 0).map((c) => header[c]!))}, got none`,
    )
  return { label, client, split, features }
}
