import { WireError } from "./error.ts"
import { BOUNDS, HIGHEST_KEY, STRUCTURE } from "./keys.ts"
import { isTextBytes } from "./text.ts"

const UNSIGNED = 0
const NEGATIVE = 1
const BYTES = 2
const TEXT = 3
const ARRAY = 4
const MAP = 5
const SIMPLE = 7
const FALSE = 20
const TRUE = 21

/**
 * Holds bytes to the profile of protocol 1 (RFC 8949, section 4.2.1, narrower): one item; definite lengths; shortest heads; map keys
 * unsigned, 0 to 23, ascending; integers of at most 32 bits; true and false the only simple values; no tags, no floats; clean text; bounded
 * depth and number of items. Jumps over byte strings, so that its time does not grow with a payload.
 *
 * `cbor-x` is lenient and runs only on what has passed here. Throws `WireError` with the byte offset.
 */
export function check(bytes: Uint8Array): void {
  const checker = new Checker(bytes)
  checker.item(0)
  if (checker.position !== bytes.length)
    throw new WireError(
      "trailing",
      `expected the end, got ${bytes.length - checker.position} more bytes`,
      checker.position,
    )
}

class Checker {
  position = 0
  #items = 0
  /** Argument of the last head: a value, a length, or a count. */
  #argument = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  item(depth: number): void {
    const at = this.position
    const major = this.#head()
    const argument = this.#argument
    switch (major) {
      case UNSIGNED:
        return
      case NEGATIVE:
        if (argument > 0x7fffffff) throw new WireError("too-wide", "expected an integer of at least -2^31", at)
        return
      case BYTES:
        this.#skip(argument, at)
        return
      case TEXT:
        this.#text(argument, at)
        return
      case ARRAY:
        this.#open(depth, at)
        for (let i = 0; i < argument; i++) this.item(depth + 1)
        return
      case MAP:
        this.#open(depth, at)
        this.#map(depth, argument)
        return
      case SIMPLE:
        if (argument === FALSE || argument === TRUE) return
        throw new WireError("unsupported", "expected true or false, got another simple value or a float", at)
      default:
        throw new WireError("unsupported", "expected no tag", at)
    }
  }

  #map(depth: number, pairs: number): void {
    let last = -1
    for (let i = 0; i < pairs; i++) {
      const at = this.position
      const key = this.#head() === UNSIGNED ? this.#argument : -1
      if (key > HIGHEST_KEY || key < 0) throw new WireError("key", `expected a map key from 0 to ${HIGHEST_KEY}`, at)
      if (key <= last) throw new WireError("key", `expected a map key above ${last}, got ${key}`, at)
      last = key
      this.item(depth + 1)
    }
  }

  #text(length: number, at: number): void {
    const start = this.position
    this.#skip(length, at)
    if (length > BOUNDS.reasonText.max)
      throw new WireError("text", `expected text of at most ${BOUNDS.reasonText.max} bytes, got ${length}`, at)
    if (!isTextBytes(this.#bytes, start, this.position))
      throw new WireError("text", "expected UTF-8 without control characters", at)
  }

  #open(depth: number, at: number): void {
    if (depth >= STRUCTURE.depth)
      throw new WireError("depth", `expected at most ${STRUCTURE.depth} maps and arrays inside one another`, at)
  }

  #skip(length: number, at: number): void {
    const left = this.#bytes.length - this.position
    if (length > left) throw new WireError("truncated", `expected ${length} bytes, got ${left}`, at)
    this.position += length
  }

  /** Reads a head: gives the major type and leaves the argument. */
  #head(): number {
    const at = this.position
    const bytes = this.#bytes
    if (at >= bytes.length) throw new WireError("truncated", "expected another item", at)
    if (++this.#items > STRUCTURE.items) throw new WireError("items", `expected at most ${STRUCTURE.items} items`, at)
    const initial = bytes[at]!
    const major = initial >> 5
    const info = initial & 31
    this.position = at + 1
    if (info < 24) {
      this.#argument = info
      return major
    }
    if (info > 27) throw new WireError("indefinite", "expected a definite length", at)
    if (major === SIMPLE) throw new WireError("unsupported", "expected no float and no wide simple value", at)
    const width = 1 << (info - 24)
    this.#skip(width, at)
    if (width === 8) throw new WireError("too-wide", "expected at most 32 bits, got 64", at)
    let argument = 0
    for (let i = 1; i <= width; i++) argument = argument * 256 + bytes[at + i]!
    if (argument < (width === 1 ? 24 : width === 2 ? 0x100 : 0x10000))
      throw new WireError("not-shortest", `expected the shortest form of ${argument}`, at)
    this.#argument = argument
    return major
  }
}
