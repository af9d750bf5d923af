import type { Gone, Hello } from "../wire/message.ts"
import type { Journal, KnownDevice } from "./journal/journal.ts"

/** The devices that have introduced themselves, for the journal: what they are, and whether they are there. */
export class Roll {
  readonly #journal: Pick<Journal, "remember" | "forget">
  readonly #devices = new Map<string, KnownDevice>()
  #present = 0

  constructor(journal: Pick<Journal, "remember" | "forget">, known: readonly KnownDevice[]) {
    this.#journal = journal
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
    this.#set(device.id, device)
    this.#journal.remember(device)
  }

  #set(id: string, device: KnownDevice | undefined): void {
    if (this.#devices.get(id)?.present === true) this.#present--
    if (device?.present === true) this.#present++
    if (device === undefined) this.#devices.delete(id)
    else this.#devices.set(id, device)
  }
}
