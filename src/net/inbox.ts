import { matches } from "./filter.ts"
import type { MessageHandler } from "./link.ts"

interface Arrival {
  readonly topic: string
  readonly payload: Uint8Array
  readonly retained: boolean
  readonly settled: () => void
}

/** Roughly what a message occupies besides its payload: a flood of empty ones must have its end, too. */
const MESSAGE_BYTES = 512

/**
 * The receiving end of a link, over whatever transport: hands messages to the handlers of the matching filters, one message at a time, in
 * order. `settled` of a message is called when the last of its handlers is through: that is when a transport acknowledges it.
 */
export class Inbox {
  readonly handlers = new Map<string, MessageHandler>()
  readonly #onError: (error: unknown) => void
  #waiting: Arrival[] = []
  #head = 0
  #bytes = 0
  #running = false
  #cleared = false

  /** `onError`: gets what a handler throws; the message counts as handled. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** What the messages that are waiting or being handled occupy. */
  get bytes(): number {
    return this.#bytes
  }

  push(topic: string, payload: Uint8Array, retained: boolean, settled: () => void): void {
    this.#waiting.push({ topic, payload, retained, settled })
    this.#bytes += payload.length + MESSAGE_BYTES
    if (this.#running) return
    this.#running = true
    queueMicrotask(() => void this.#run())
  }

  /** The end: forgets handlers and waiting messages, which are never settled. */
  clear(): void {
    this.#cleared = true
    this.handlers.clear()
    this.#waiting = []
    this.#head = 0
    this.#bytes = 0
  }

  async #run(): Promise<void> {
    for (let arrival = this.#take(); arrival !== undefined; arrival = this.#take()) {
      for (const handler of this.#matching(arrival.topic)) {
        try {
          const pending = handler(arrival.topic, arrival.payload, arrival.retained)
          if (pending !== undefined) await pending
        } catch (error) {
          // What ends a handler after `clear` is the end of the link that it was using.
          if (!this.#cleared) this.#onError(error)
        }
      }
      this.#bytes = Math.max(0, this.#bytes - arrival.payload.length - MESSAGE_BYTES)
      arrival.settled()
    }
    this.#running = false
  }

  #matching(topic: string): MessageHandler[] {
    const found: MessageHandler[] = []
    for (const [filter, handler] of this.handlers) if (matches(filter, topic)) found.push(handler)
    return found
  }

  #take(): Arrival | undefined {
    const arrival = this.#waiting[this.#head]
    if (arrival === undefined) {
      this.#waiting = []
      this.#head = 0
      return undefined
    }
    this.#head++
    // Compacting now and then keeps a queue that never runs empty from growing, at a constant cost per message.
    if (this.#head >= 1024 && this.#head * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    return arrival
  }
}
