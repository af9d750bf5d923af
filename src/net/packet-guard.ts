/**
 * Reads the fixed header of every MQTT packet that passes (MQTT 3.1.1, section 2.2) and says no to a packet that is too large before
 * anything buffers it. It keeps no bytes.
 */
export class PacketGuard {
  readonly #maxBytes: number
  readonly #check: (type: number, lengthBytes: number, index: number) => string | undefined
  #packets = 0
  #type = -1
  #length = 0
  #shift = 0
  #skip = 0

  /**
   * `maxBytes`: the largest remaining length to let pass. `check`: an additional rule on a packet's type (1 is CONNECT), remaining length
   * and number on this connection; returns what is wrong.
   */
  constructor(
    maxBytes: number,
    check: (type: number, lengthBytes: number, index: number) => string | undefined = () => undefined,
  ) {
    this.#maxBytes = maxBytes
    this.#check = check
  }

  /** True while a packet has begun and not ended. */
  get partial(): boolean {
    return this.#type >= 0 || this.#skip > 0
  }

  /** Packets that have begun so far. */
  get packets(): number {
    return this.#packets
  }

  /** Looks at the next bytes of the stream; returns what is wrong with them, if anything. After that the stream is lost. */
  scan(chunk: Uint8Array): string | undefined {
    let at = 0
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at)
        this.#skip -= passed
        at += passed
      } else if (this.#type < 0) {
        this.#type = chunk[at++]! >> 4
        this.#length = 0
        this.#shift = 0
      } else {
        const byte = chunk[at++]!
        this.#length += (byte & 0x7f) * 2 ** this.#shift
        this.#shift += 7
        if (this.#shift === 28 && byte >= 0x80) return "expected a remaining length of at most four bytes"
        if (byte < 0x80) {
          const wrong = this.#begin()
          if (wrong !== undefined) return wrong
        }
      }
    }
    return undefined
  }

  #begin(): string | undefined {
    if (this.#length > this.#maxBytes)
      return `expected a packet of at most ${this.#maxBytes} bytes, got ${this.#length}`
    const wrong = this.#check(this.#type, this.#length, this.#packets++)
    this.#skip = this.#length
    this.#type = -1
    return wrong
  }
}
