import type { Gone, Hello } from "../wire/message.ts"
import type { Journal, KnownDevice } from "./journal/journal.ts"
import { MOST_DEVICES } from "./registry.ts"

/**
 * The devices that have introduced themselves, for the journal: what they are, and whether they are there. Of more than `MOST_DEVICES` the one that
 * introduced itself first is forgotten, here and in the journal: whoever reaches the broker can invent names.
 */
export class Roll {
  readonly #journal: Pick<Journal, "remember" | "forget">
  readonly #limit: number
  /** Who introduced itself last is last. */
  readonly #devices = new Map<string, KnownDevice>()
  #present = 0

  constructor(journal: Pick<Journal, "remember" | "forget">, known: readonly KnownDevice[], limit = MOST_DEVICES) {
    this.#journal = journal
    this.#limit = limit
    for (const device of known) this.#set(device.id, device)
  }

  /** How many are there: none that has said Gone since. */
  get present(): number {
    return this.#present
  }

  introduced(id: string, hello: Hello): void {
    const known = this.#devices.get(id)
    if (known?.present === true && known.hello.session === hello.session) return
    this.#remember({ id, hello, present: true })
  }

  gone(id: string, { session }: Gone): void {
    const known = this.#devices.get(id)
    if (known?.present === true && known.hello.session === session) this.#remember({ ...known, present: false })
  }

  forgotten(id: string): void {
    if (!this.#devices.has(id)) return
    this.#set(id, undefined)
    this.#journal.forget(id)
  }

  #remember(device: KnownDevice): void {
    if (!this.#devices.has(device.id) && this.#devices.size >= this.#limit)
      this.forgotten(this.#devices.keys().next().value!)
    this.#set(device.id, device)
    this.#journal.remember(device)
  }

  #set(id: string, device: KnownDevice | undefined): void {
    if (this.#devices.get(id)?.present === true) this.#present--
    if (device?.present === true) this.#present++
    this.#devices.delete(id)
    if (device !== undefined) this.#devices.set(id, device)
  }
}
