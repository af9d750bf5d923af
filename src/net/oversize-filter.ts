/** A PUBLISH that was passed over. */
export interface Oversize {
  readonly topic: string
  /** Remaining length. */
  readonly bytes: number
  /** For its acknowledgement; undefined at QoS 0. */
  readonly messageId: number | undefined
}

const PUBLISH = 3
/** Longest fixed header: a type, and a length of four bytes. */
const HEADER_BYTES = 5

/**
 * Takes out of a stream of MQTT packets (MQTT 3.1.1, sections 2.2 and 3.3) every PUBLISH that is too large, before anything buffers it: whoever may
 * publish where a client listens could end its connection otherwise, and with a retained message each one after that.
 */
export class OversizeFilter {
  readonly #maxBytes: number
  readonly #onOversize: (message: Oversize) => void
  /** The beginning of a fixed header whose rest has not come. */
  #header: number[] = []
  /** Bytes of the current packet that are to come; of one that is passed over if `#skipped` is there. */
  #rest = 0
  #skipped: { readonly first: number; readonly bytes: number; readonly start: number[] } | undefined

  /** `maxBytes`: the largest remaining length to let pass. */
  constructor(maxBytes: number, onOversize: (message: Oversize) => void) {
    this.#maxBytes = maxBytes
    this.#onOversize = onOversize
  }

  /**
   * What is left of the next bytes of the stream: the very same ones where nothing is taken out. Throws `Error` where they are no MQTT, or another packet
   * than a PUBLISH is too large.
   */
  pass(chunk: Buffer): Buffer {
    const kept: Buffer[] = []
    let from = 0
    let at = 0
    while (at < chunk.length) {
      if (this.#rest > 0) {
        const passed = Math.min(this.#rest, chunk.length - at)
        this.#rest -= passed
        if (this.#skipped !== undefined) {
          this.#note(chunk.subarray(at, at + passed))
          from = at + passed
        }
        at += passed
        continue
      }
      // The header is held back until it says how long the packet is.
      const begin = at
      const before = this.#header
      const header = [...before]
      let length: number | undefined
      while (at < chunk.length && length === undefined) {
        header.push(chunk[at++]!)
        length = lengthIn(header)
      }
      this.#header = length === undefined ? header : []
      this.#rest = length ?? 0
      if (length === undefined || length > this.#maxBytes) {
        kept.push(chunk.subarray(from, begin))
        from = at
        if (length !== undefined) this.#begin(header[0]!, length)
      } else if (before.length > 0) kept.push(Buffer.from(before))
    }
    if (kept.length === 0 && from === 0) return chunk
    return Buffer.concat([...kept, chunk.subarray(from)])
  }

  #begin(first: number, bytes: number): void {
    if (first >> 4 !== PUBLISH) throw new Error(`expected a packet of at most ${this.#maxBytes} bytes, got ${bytes}`)
    this.#skipped = { first, bytes, start: [] }
  }

  /** Keeps the variable header of what is passed over, and tells of it at its end. */
  #note(part: Buffer): void {
    const { first, bytes, start } = this.#skipped!
    const topicEnd = (): number => (start.length < 2 ? 2 : 2 + start[0]! * 256 + start[1]!)
    for (let i = 0; i < part.length && start.length < topicEnd() + 2; i++) start.push(part[i]!)
    if (this.#rest > 0) return
    this.#skipped = undefined
    const end = topicEnd()
    const atQoS1 = (first & 0x06) > 0
    const messageId = atQoS1 && start.length >= end + 2 ? start[end]! * 256 + start[end + 1]! : undefined
    this.#onOversize({ topic: Buffer.from(start.slice(2, end)).toString(), bytes, messageId })
  }
}

/** The remaining length in a fixed header; undefined where its end has not come. */
function lengthIn(header: readonly number[]): number | undefined {
  let length = 0
  for (let i = 1; i < header.length; i++) {
    length += (header[i]! & 0x7f) * 128 ** (i - 1)
    if (header[i]! < 0x80) return length
  }
  if (header.length === HEADER_BYTES) throw new Error("expected a remaining length of at most four bytes")
  return undefined
}
