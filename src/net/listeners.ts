import type { LinkEvent } from "./link.ts"

interface Entry {
  readonly event: LinkEvent
  readonly listener: () => void
}

/** A link's "up" and "down" listeners. Each runs in a microtask of its own, in order of registration, and only if `still` holds then. */
export class Listeners {
  readonly #entries = new Set<Entry>()

  /** `soon`: calls the listener once right away, if `still` holds. Returns a function that removes the listener. */
  add(event: LinkEvent, listener: () => void, soon: boolean, still: () => boolean): () => void {
    const entry = { event, listener }
    this.#entries.add(entry)
    if (soon) this.#call(entry, still)
    return () => this.#entries.delete(entry)
  }

  emit(event: LinkEvent, still: () => boolean = () => true): void {
    for (const entry of this.#entries) if (entry.event === event) this.#call(entry, still)
  }

  clear(): void {
    this.#entries.clear()
  }

  #call(entry: Entry, still: () => boolean): void {
    queueMicrotask(() => {
      if (this.#entries.has(entry) && still()) entry.listener()
    })
  }
}
