type Done = () => void

/** Sends a message and calls back, later, once it is written. Returns whether the client will acknowledge it. */
export type Send = (written: Done) => boolean

export interface OutboxLimits {
  /** Messages that a client may leave unacknowledged (or, at QoS 0, unwritten) before the rest waits: Mosquitto's max_inflight_messages. */
  readonly window: number
  /** Bytes that wait for one client before its publishers wait, too. */
  readonly maxBytes: number
  /** Messages of one publisher that wait for one client before that publisher waits: others' then come soon, whatever one sends. */
  readonly maxFromOne: number
  /** How long a client with messages waiting may go without acknowledging anything, in milliseconds. */
  readonly stallTimeoutMs: number
}

interface Entry {
  readonly send: Send
  readonly bytes: number
  readonly publisher: string
  /** Lets the publisher go on; undefined where it has gone on already. */
  release: Done | undefined
}

// Roughly what a queued message costs besides its payload.
const OVERHEAD_BYTES = 256

// How much further than others' messages a client's own may fill its outbox, since they never wait.
const SELF_FACTOR = 4

/**
 * The messages of one client that are not yet written, in order. The window makes a client's acknowledgements its back-pressure:
 * it needs not stop reading, so it always sees the acknowledgements of its own messages. A publisher waits only for a client that is
 * `maxBytes` behind, or `maxFromOne` of its own messages; a client that is `maxBytes` behind and must not hold up others, or that acknowledges
 * nothing for too long, is cut off.
 */
export class Outbox {
  readonly #limits: OutboxLimits
  readonly #patient: () => boolean
  readonly #cut: (why: string) => void
  #queue: Entry[] = []
  #head = 0
  #bytes = 0
  /** Messages that wait, by publisher. */
  readonly #waiting = new Map<string, number>()
  #inFlight = 0
  #stalled: NodeJS.Timeout | undefined
  #closed = false

  /** `patient`: whether publishers wait for this client. `cut` ends its connection. */
  constructor(limits: OutboxLimits, patient: () => boolean, cut: (why: string) => void) {
    this.#limits = limits
    this.#patient = patient
    this.#cut = cut
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * `release` is called when the publisher may go on, at the latest when the outbox is closed; at once with `mayWait` false, as for a
   * client's message to itself, whose acknowledgements the broker must go on reading.
   */
  push(bytes: number, send: Send, release: Done, mayWait: boolean, publisher = ""): void {
    if (this.#closed) return release()
    if (this.#head === this.#queue.length && this.#inFlight < this.#limits.window) {
      this.#send(send)
      return release()
    }
    const entry: Entry = { send, bytes: bytes + OVERHEAD_BYTES, publisher, release: undefined }
    this.#bytes += entry.bytes
    const fromOne = (this.#waiting.get(publisher) ?? 0) + 1
    this.#waiting.set(publisher, fromOne)
    this.#queue.push(entry)
    this.#stalled ??= setTimeout(() => this.#cut("it acknowledges nothing"), this.#limits.stallTimeoutMs)
    const behind = this.#bytes > this.#limits.maxBytes
    if ((behind || fromOne > this.#limits.maxFromOne) && this.#patient() && mayWait) {
      entry.release = release
      return
    }
    release()
    if (!behind) return
    if (!this.#patient() || this.#bytes > SELF_FACTOR * this.#limits.maxBytes)
      this.#cut(`it is ${this.#bytes} bytes behind`)
  }

  /** The client has acknowledged a message. */
  acknowledged(): void {
    this.#finished()
  }

  /** Drops what waits and lets all publishers go on. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stopClock()
    const rest = this.#queue.slice(this.#head)
    this.#queue = []
    this.#head = 0
    this.#bytes = 0
    this.#waiting.clear()
    for (const entry of rest) entry.release?.()
  }

  #send(send: Send): void {
    this.#inFlight++
    // Whether it counts is known when `send` returns, and `written` comes later than that.
    const acknowledged = send(() => {
      if (!acknowledged) this.#finished()
    })
  }

  #finished(): void {
    if (this.#closed) return
    if (this.#inFlight > 0) this.#inFlight--
    while (this.#inFlight < this.#limits.window && this.#head < this.#queue.length) {
      const entry = this.#queue[this.#head++]!
      this.#bytes -= entry.bytes
      const fromOne = this.#waiting.get(entry.publisher)! - 1
      if (fromOne === 0) this.#waiting.delete(entry.publisher)
      else this.#waiting.set(entry.publisher, fromOne)
      this.#send(entry.send)
      entry.release?.()
    }
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
      this.#stopClock()
      return
    }
    if (this.#head >= 1024) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    this.#stalled?.refresh()
  }

  #stopClock(): void {
    clearTimeout(this.#stalled)
    this.#stalled = undefined
  }
}
