import { hasWildcard, matches } from "./filter.ts"

/** The last retained message of every topic. An exact topic is one look-up; a filter with wildcards looks at all of them. */
export class RetainedMessages<M extends { readonly topic: string; readonly payload: Uint8Array }> {
  readonly #messages = new Map<string, M>()
  #bytes = 0

  get count(): number {
    return this.#messages.size
  }

  /** Sum of the payloads' lengths. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keeps `message` in place of the topic's last one; an empty payload only clears it. */
  store(message: M): void {
    const old = this.#messages.get(message.topic)
    if (old !== undefined) {
      this.#bytes -= old.payload.length
      // Deleted first, so that replay follows the order of publication.
      this.#messages.delete(message.topic)
    }
    if (message.payload.length === 0) return
    this.#bytes += message.payload.length
    this.#messages.set(message.topic, message)
  }

  matching(filter: string): M[] {
    if (hasWildcard(filter)) return [...this.#messages.values()].filter((message) => matches(filter, message.topic))
    const message = this.#messages.get(filter)
    return message === undefined ? [] : [message]
  }

  clear(): void {
    this.#messages.clear()
    this.#bytes = 0
  }
}
