/**
 * Reads what a WebAssembly module says of itself (WebAssembly Core Specification 1.0, section 5): the JavaScript API tells neither the types of exported
 * functions nor what an engine must have. Only for bytes that `WebAssembly.validate` has taken: they are not checked again.
 */

export interface WasmModule {
  /** Names as "module.field". */
  readonly imports: readonly string[]
  readonly exports: ReadonlyMap<string, WasmExport>
  /** In pages of 64 KiB, of the module's own memory; absent: it has none. */
  readonly memory: { readonly least: number; readonly most: number | undefined } | undefined
  /** It runs code as it is instantiated. */
  readonly starts: boolean
  /** It makes memory larger by itself. */
  readonly grows: boolean
  /** What it needs: WebAssembly 1.0; SIMD and what engines with SIMD have, too (bulk memory, sign extension ...); or more than that. */
  readonly needs: Needs
}

export type Needs = "mvp" | "simd" | "more"

export type WasmExport =
  /** The type as "(i32 i32) -> i32". */
  { readonly kind: "function"; readonly type: string } | { readonly kind: "table" | "memory" | "global" | "other" }

const SECTION = { type: 1, import: 2, function: 3, memory: 5, export: 7, start: 8, code: 10 } as const
const KINDS = ["function", "table", "memory", "global"] as const
const V128 = 0x7b
const TYPES: Readonly<Record<number, string>> = { 0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128" }

export function readWasm(bytes: Uint8Array): WasmModule {
  const sections = sectionsOf(bytes)
  const types = vector(sections.get(SECTION.type), functionType)
  const imports = vector(sections.get(SECTION.import), importEntry)
  const functions = [
    ...imports.flatMap(({ type }) => (type === undefined ? [] : [type])),
    ...vector(sections.get(SECTION.function), (reader) => reader.number()),
  ].map((index) => types[index]!)
  const exports = vector(sections.get(SECTION.export), (reader): [string, WasmExport] => {
    const name = reader.text()
    const kind = KINDS[reader.byte()] ?? "other"
    const index = reader.number()
    return [name, kind === "function" ? { kind, type: functions[index]! } : { kind }]
  })
  const [memory] = vector(sections.get(SECTION.memory), limits)
  const bodies = vector(sections.get(SECTION.code), body)
  return {
    imports: imports.map(({ name }) => name),
    exports: new Map(exports),
    memory,
    starts: sections.has(SECTION.start),
    grows: bodies.some(({ grows }) => grows),
    needs: (["more", "simd"] as const).find((needs) => bodies.some((each) => each.needs === needs)) ?? "mvp",
  }
}

function sectionsOf(bytes: Uint8Array): Map<number, Reader> {
  const reader = new Reader(bytes, 8, bytes.length)
  const sections = new Map<number, Reader>()
  while (!reader.done) {
    const id = reader.byte()
    const part = reader.part(reader.number())
    if (id !== 0) sections.set(id, part)
  }
  return sections
}

function vector<T>(reader: Reader | undefined, entry: (reader: Reader) => T): T[] {
  if (reader === undefined) return []
  return Array.from({ length: reader.number() }, () => entry(reader))
}

function functionType(reader: Reader): string {
  reader.byte()
  const list = (): string => vector(reader, (each) => TYPES[each.byte()] ?? "other").join(" ")
  const parameters = list()
  return `(${parameters}) -> ${list() || "nothing"}`
}

function importEntry(reader: Reader): { readonly name: string; readonly type: number | undefined } {
  const name = `${reader.text()}.${reader.text()}`
  const kind = KINDS[reader.byte()]
  switch (kind) {
    case "function":
      return { name, type: reader.number() }
    case "table":
      reader.byte()
      limits(reader)
      break
    case "memory":
      limits(reader)
      break
    default:
      reader.skip(2)
  }
  return { name, type: undefined }
}

function limits(reader: Reader): { readonly least: number; readonly most: number | undefined } {
  const flags = reader.byte()
  const least = reader.number()
  return { least, most: (flags & 1) === 1 ? reader.number() : undefined }
}

interface Body {
  readonly grows: boolean
  readonly needs: Needs
}

const MEMORY_GROW = 0x40

// Walks through the instructions.
function body(section: Reader): Body {
  const code = section.part(section.number())
  let needs: Needs = "mvp"
  vector(code, (reader) => {
    reader.number()
    if (reader.byte() === V128) needs = "simd"
  })
  let grows = false
  while (!code.done) {
    const opcode = code.byte()
    if (opcode === MEMORY_GROW) grows = true
    const first = immediatesOf(opcode)
    const immediates = first ?? laterImmediatesOf(opcode, code)
    if (immediates === undefined) return { grows, needs: "more" }
    if (first === undefined) needs = "simd"
    immediates(code)
  }
  return { grows, needs }
}

type Immediates = (code: Reader) => void

const NONE: Immediates = () => {}
const ONE_NUMBER: Immediates = (code) => code.skipNumbers(1)
const TWO_NUMBERS: Immediates = (code) => code.skipNumbers(2)
const LANE: Immediates = (code) => code.skip(1)
const SIXTEEN_BYTES: Immediates = (code) => code.skip(16)
const MEMORY_AND_LANE: Immediates = (code) => {
  code.skipNumbers(2)
  code.skip(1)
}
const BRANCH_TABLE: Immediates = (code) => code.skipNumbers(code.number() + 1)

/** What follows an opcode of WebAssembly 1.0 (section 5.4); undefined for a later one. */
function immediatesOf(opcode: number): Immediates | undefined {
  if (opcode === 0x0e) return BRANCH_TABLE
  if (opcode === 0x11) return TWO_NUMBERS
  // block, loop, if; br, br_if, call; locals and globals; memory.size, memory.grow; i32.const, i64.const
  if (within(opcode, 0x02, 0x04) || within(opcode, 0x0c, 0x0d) || opcode === 0x10) return ONE_NUMBER
  if (within(opcode, 0x20, 0x24) || within(opcode, 0x3f, 0x42)) return ONE_NUMBER
  if (within(opcode, 0x28, 0x3e)) return TWO_NUMBERS
  if (opcode === 0x43) return (code) => code.skip(4)
  if (opcode === 0x44) return (code) => code.skip(8)
  const plain = within(opcode, 0x00, 0x01) || opcode === 0x05 || opcode === 0x0b || opcode === 0x0f
  return plain || within(opcode, 0x1a, 0x1b) || within(opcode, 0x45, 0xbf) ? NONE : undefined
}

/** The same of what WebAssembly 2.0 added; undefined for what came later still. */
function laterImmediatesOf(opcode: number, code: Reader): Immediates | undefined {
  if (opcode === 0xfd) return vectorImmediatesOf(code.number())
  if (opcode === 0xfc) return bulkImmediatesOf(code.number())
  if (opcode === 0x1c) return (reader) => reader.skip(reader.number())
  if (within(opcode, 0xc0, 0xc4) || opcode === 0xd1) return NONE
  if (within(opcode, 0x25, 0x26) || opcode === 0xd0 || opcode === 0xd2) return ONE_NUMBER
  return undefined
}

function vectorImmediatesOf(opcode: number): Immediates | undefined {
  if (within(opcode, 0x00, 0x0b) || within(opcode, 0x5c, 0x5d)) return TWO_NUMBERS
  if (within(opcode, 0x0c, 0x0d)) return SIXTEEN_BYTES
  if (within(opcode, 0x15, 0x22)) return LANE
  if (within(opcode, 0x54, 0x5b)) return MEMORY_AND_LANE
  // Relaxed SIMD begins at 256: its results differ between machines.
  return opcode < 0x100 ? NONE : undefined
}

function bulkImmediatesOf(opcode: number): Immediates | undefined {
  if (opcode < 8) return NONE
  if (opcode === 8 || opcode === 10 || opcode === 12 || opcode === 14) return TWO_NUMBERS
  return within(opcode, 9, 17) ? ONE_NUMBER : undefined
}

function within(opcode: number, from: number, to: number): boolean {
  return opcode >= from && opcode <= to
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.#bytes = bytes
    this.#at = from
    this.#end = end
  }

  get done(): boolean {
    return this.#at >= this.#end
  }

  byte(): number {
    return this.#bytes[this.#at++]!
  }

  /** LEB128, unsigned. */
  number(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }

  /** LEB128 of any size and sign. */
  skipNumbers(count: number): void {
    for (let i = 0; i < count; i++) while (this.byte() >= 0x80);
  }

  skip(count: number): void {
    this.#at += count
  }

  text(): string {
    const length = this.number()
    const text = new TextDecoder().decode(this.#bytes.subarray(this.#at, this.#at + length))
    this.skip(length)
    return text
  }

  part(length: number): Reader {
    const part = new Reader(this.#bytes, this.#at, this.#at + length)
    this.skip(length)
    return part
  }
}
