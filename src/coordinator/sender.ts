import { LinkError } from "../net/link.ts"
import type { Link } from "../net/link.ts"
import { encode } from "../wire/codec.ts"
import type { Message } from "../wire/message.ts"

/** A message for a topic; `undefined` clears what the topic retains. */
export interface Letter {
  readonly topic: string
  readonly message: Message | undefined
}

const NOTHING = new Uint8Array(0)

/** Publishes of one link that wait for their acknowledgement at a time. */
const WINDOW = 32

/** Publishes over a link, a bounded number at a time. */
export class Sender {
  readonly #link: Link
  readonly #waiting: (() => void)[] = []
  #free = WINDOW

  constructor(link: Link) {
    this.#link = link
  }

  /** Sends all; resolves when the broker has every one of them, rejects with the first error. */
  async all(letters: Iterable<Letter>, retain: boolean): Promise<void> {
    const errors: unknown[] = []
    const running: Promise<void>[] = []
    for (const letter of letters) {
      await this.#room()
      if (errors.length > 0) {
        this.#leave()
        break
      }
      running.push(this.#send(letter, retain).catch((error: unknown) => void errors.push(error)))
    }
    await Promise.all(running)
    if (errors.length > 0) throw errors[0]
  }

  /** Sends without waiting for the broker: resolves as soon as there is room. A message that a lost connection swallows is not sent again. */
  async post(letter: Letter): Promise<void> {
    await this.#room()
    this.#send(letter, false).catch((error: unknown) => {
      if (!(error instanceof LinkError)) throw error
    })
  }

  async #send({ topic, message }: Letter, retain: boolean): Promise<void> {
    try {
      await this.#link.publish(topic, message === undefined ? NOTHING : encode(message), { retain })
    } finally {
      this.#leave()
    }
  }

  async #room(): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
