import { LinkError } from "../net/link.ts"
import type { Link } from "../net/link.ts"

/**
 * What a coordinator tells the world, one thing after the other: a Notice never overtakes the model that it names, nor a Task the
 * Notice of its round. What a lost connection interrupts is done again from its beginning once the link is up.
 */
export class Courier {
  readonly #link: Link
  readonly #onError: (error: unknown) => void
  #last: Promise<void> = Promise.resolve()
  #closed = false

  /** `onError`: told about whatever else than a lost connection ends a task; nothing runs afterwards. */
  constructor(link: Link, onError: (error: unknown) => void) {
    this.#link = link
    this.#onError = onError
  }

  /** Runs `task` when all that was given before is done. */
  after(task: () => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      if (this.#closed) return
      try {
        await this.#untilDone(task)
      } catch (error) {
        if (this.#closed) return
        this.#closed = true
        this.#onError(error)
      }
    })
  }

  /** Starts nothing more. */
  close(): void {
    this.#closed = true
  }

  async #untilDone(task: () => Promise<void>): Promise<void> {
    while (!this.#closed) {
      try {
        return await task()
      } catch (error) {
        if (!(error instanceof LinkError && error.code === "link-down")) throw error
        await this.#up()
      }
    }
  }

  async #up(): Promise<void> {
    let remove: () => void = () => {}
    await new Promise<void>((resolve) => {
      remove = this.#link.on("up", resolve)
    })
    remove()
  }
}
