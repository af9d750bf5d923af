import { WireError } from "./error.ts"
import type { Bound } from "./keys.ts"
import { BOUNDS } from "./keys.ts"
import { textBytes } from "./text.ts"

/** How a field's value travels. Both directions check everything, so that what one side sends the other takes. */
export interface Kind<T> {
  /** Our value to what cbor-x shall encode. `where` names the field in errors. */
  toWire(value: T, where: string): unknown
  /** What cbor-x gave to our value. */
  fromWire(value: unknown, where: string): T
  readonly optional?: boolean
}

/** An unsigned or signed integer. */
export function integer(bound: Bound): Kind<number> {
  const checked = (value: unknown, where: string): number => {
    if (typeof value !== "number" || !Number.isInteger(value))
      throw wrongKind(where, `an integer from ${bound.min} to ${bound.max}`, value)
    if (value < bound.min || value > bound.max) throw outOfBound(where, `${bound.min} to ${bound.max}`, value)
    return value
  }
  return { toWire: checked, fromWire: checked }
}

export function flag(): Kind<boolean> {
  const checked = (value: unknown, where: string): boolean => {
    if (typeof value !== "boolean") throw wrongKind(where, "true or false", value)
    return value
  }
  return { toWire: checked, fromWire: checked }
}

/** One of a few names, as a small integer. */
export function choice<const Name extends string>(numbers: Readonly<Record<Name, number>>): Kind<Name> {
  const names: Name[] = []
  const byName = new Map<string, number>()
  for (const [name, number] of Object.entries<number>(numbers)) {
    names[number] = name as Name
    byName.set(name, number)
  }
  return {
    toWire(value, where) {
      const number = byName.get(value)
      if (number === undefined) throw wrongKind(where, `one of ${names.join(", ")}`, value)
      return number
    },
    fromWire(value, where) {
      if (typeof value !== "number") throw wrongKind(where, "the number of a choice", value)
      const name = names[value]
      if (name === undefined) throw outOfBound(where, `0 to ${names.length - 1}`, value)
      return name
    },
  }
}

/** A byte string. Decoding copies it. */
export function bytes(length: Bound): Kind<Uint8Array> {
  return {
    toWire: (value, where) => checkedBytes(value, length, where),
    fromWire: (value, where) => new Uint8Array(checkedBytes(value, length, where)),
  }
}

/** The byte string that comes last. Decoding gives a view into the message. */
export function payload(length: Bound): Kind<Uint8Array> {
  const checked = (value: unknown, where: string): Uint8Array => checkedBytes(value, length, where)
  return { toWire: checked, fromWire: checked }
}

/** Text as `text.ts` has it. */
export function text(): Kind<string> {
  return {
    toWire(value, where) {
      if (typeof value !== "string") throw wrongKind(where, "text", value)
      const length = textBytes(value)
      if (length < 0) throw new WireError("text", `${where}: expected text without control characters`)
      if (length > BOUNDS.reasonText.max)
        throw outOfBound(where, `at most ${BOUNDS.reasonText.max} bytes of text`, length)
      return value
    },
    fromWire(value, where) {
      if (typeof value !== "string") throw wrongKind(where, "text", value)
      return value
    },
  }
}

/** A name, as topics have them: 1 to `most` of a-z, 0-9 and "-". */
export function name(most: number): Kind<string> {
  const checked = (value: unknown, where: string): string => {
    if (typeof value === "string" && value.length <= most && /^[a-z0-9-]+$/.test(value)) return value
    throw wrongKind(where, `1 to ${most} of a-z, 0-9 and "-"`, value)
  }
  return { toWire: checked, fromWire: checked }
}

/** A real number, finite and in bounds: 4 bytes, little-endian float32. Encoding rounds to float32; minus zero is refused. */
export function real(min: number, max: number, bound: string): Kind<number> {
  const checked = (value: number, where: string): number => {
    if (!Number.isFinite(value) || value < min || value > max || Object.is(value, -0))
      throw outOfBound(where, bound, Object.is(value, -0) ? "-0" : value)
    return value
  }
  return {
    toWire(value, where) {
      if (typeof value !== "number") throw wrongKind(where, "a number", value)
      const out = new Uint8Array(4)
      new DataView(out.buffer).setFloat32(0, checked(Math.fround(value), where), true)
      return out
    },
    fromWire(value, where) {
      const raw = checkedBytes(value, { min: 4, max: 4 }, where)
      return checked(viewOf(raw).getFloat32(0, true), where)
    },
  }
}

/** Finite float32 values, little-endian, in one byte string. */
export function reals(length: Bound): Kind<Float32Array> {
  return {
    toWire(value, where) {
      if (!(value instanceof Float32Array)) throw wrongKind(where, "a Float32Array", value)
      checkLength(value.length, length, "values", where)
      const out = new Uint8Array(value.length * 4)
      const view = viewOf(out)
      for (let i = 0; i < value.length; i++) view.setFloat32(i * 4, finite(value[i]!, where), true)
      return out
    },
    fromWire(value, where) {
      const raw = wholeNumbers(value, 4, length, where)
      const view = viewOf(raw)
      const out = new Float32Array(raw.length / 4)
      for (let i = 0; i < out.length; i++) out[i] = finite(view.getFloat32(i * 4, true), where)
      return out
    },
  }
}

/** Distinct small numbers (codecs, ABIs), one byte each, in one byte string; the order has a meaning and is kept. */
export function ids(length: Bound): Kind<readonly number[]> {
  return {
    toWire(value, where) {
      if (!Array.isArray(value)) throw wrongKind(where, "an array of numbers", value)
      checkLength(value.length, length, "numbers", where)
      for (const id of value as readonly unknown[])
        if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id > 255)
          throw outOfBound(where, "integers from 0 to 255", id)
      return Uint8Array.from(distinct(value, where))
    },
    fromWire(value, where) {
      return distinct(Array.from(wholeNumbers(value, 1, length, where)), where)
    },
  }
}

/** Ascending numbers of one byte each, in one byte string. */
export function ascendingBytes(each: Bound, length: Bound): Kind<readonly number[]> {
  const numbers = ids(length)
  const checked = ascends(each)
  return {
    toWire(value, where) {
      const raw = numbers.toWire(value, where)
      checked(value, where)
      return raw
    },
    fromWire: (value, where) => checked(numbers.fromWire(value, where), where),
  }
}

/** Ascending unsigned 32-bit numbers, little-endian, in one byte string. */
export function ascending(each: Bound, length: Bound): Kind<readonly number[]> {
  const checked = ascends(each)
  return {
    toWire(value, where) {
      if (!Array.isArray(value)) throw wrongKind(where, "an array of numbers", value)
      checkLength(value.length, length, "numbers", where)
      const out = new Uint8Array(value.length * 4)
      const view = viewOf(out)
      checked(value, where).forEach((each, i) => view.setUint32(i * 4, each, true))
      return out
    },
    fromWire(value, where) {
      const raw = wholeNumbers(value, 4, length, where)
      const view = viewOf(raw)
      return checked(
        Array.from({ length: raw.length / 4 }, (_, i) => view.getUint32(i * 4, true)),
        where,
      )
    },
  }
}

/** An array of one kind. */
export function list<T>(kind: Kind<T>, length: Bound): Kind<readonly T[]> {
  return {
    toWire(value, where) {
      if (!Array.isArray(value)) throw wrongKind(where, "an array", value)
      checkLength(value.length, length, "entries", where)
      return value.map((entry: T, i) => kind.toWire(entry, `${where}[${i}]`))
    },
    fromWire(value, where) {
      if (!Array.isArray(value)) throw wrongKind(where, "an array", value)
      checkLength(value.length, length, "entries", where)
      return value.map((entry: unknown, i) => kind.fromWire(entry, `${where}[${i}]`))
    },
  }
}

/** A field that may be absent. */
export function optional<T>(kind: Kind<T>): Kind<T> & { readonly optional: true } {
  return { toWire: kind.toWire, fromWire: kind.fromWire, optional: true }
}

export function wrongKind(where: string, expected: string, value: unknown): WireError {
  return new WireError("kind", `${where}: expected ${expected}, got ${describe(value)}`)
}

function outOfBound(where: string, expected: string, value: unknown): WireError {
  return new WireError("bound", `${where}: expected ${expected}, got ${describe(value)}`)
}

function describe(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40))
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object"
  return typeof value === "function" || typeof value === "symbol" ? `a ${typeof value}` : String(value)
}

function checkedBytes(value: unknown, length: Bound, where: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrongKind(where, "bytes", value)
  checkLength(value.length, length, "bytes", where)
  return value
}

/** A byte string that holds `length` numbers of `size` bytes. */
function wholeNumbers(value: unknown, size: number, length: Bound, where: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrongKind(where, "bytes", value)
  if (value.length % size !== 0) throw outOfBound(where, `a multiple of ${size} bytes`, value)
  checkLength(value.length / size, length, "numbers", where)
  return value
}

function ascends(each: Bound): (value: readonly number[], where: string) => readonly number[] {
  const number = integer(each)
  return (value, where) => {
    for (let i = 0; i < value.length; i++) {
      number.toWire(value[i]!, where)
      if (i > 0 && value[i]! <= value[i - 1]!) throw outOfBound(where, "ascending numbers", value[i])
    }
    return value
  }
}

function checkLength(got: number, length: Bound, what: string, where: string): void {
  if (got < length.min || got > length.max)
    throw outOfBound(
      where,
      length.min === length.max ? `${length.min} ${what}` : `${length.min} to ${length.max} ${what}`,
      got,
    )
}

function distinct(value: readonly number[], where: string): readonly number[] {
  for (let i = 1; i < value.length; i++)
    if (value.indexOf(value[i]!) < i) throw outOfBound(where, "distinct numbers", value[i])
  return value
}

function finite(value: number, where: string): number {
  if (!Number.isFinite(value)) throw outOfBound(where, "finite numbers", value)
  return value
}

function viewOf(raw: Uint8Array): DataView {
  return new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
}
