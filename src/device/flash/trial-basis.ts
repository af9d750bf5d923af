import { FedmoteError } from "../../core/error.ts"
import type { Notice } from "../../wire/message.ts"
import type { HeldModel } from "../model-bytes.ts"
import { orAborted } from "../timers.ts"

/** Pulls the model of a Notice, however long that takes. Throws `FedmoteError` ("model-superseded", "model"), and the signal's reason. */
export type PullModel = (notice: Notice, signal: AbortSignal) => Promise<HeldModel>

/** What a trial trains from: the latest Notice of a federation that goes on, and its model. */
export interface Basis {
  readonly notice: Notice
  readonly model: HeldModel
}

/** Waits for what a trial trains from. */
export class TrialBasis {
  readonly #pull: PullModel
  #notice: Notice | undefined
  #next = Promise.withResolvers<void>()
  #pulling: { readonly abort: AbortController; readonly ended: Promise<unknown> } | undefined

  constructor(pull: PullModel) {
    this.#pull = pull
  }

  /** Nobody goes back below this sequence any more. */
  get least(): number {
    return this.#notice?.module?.least ?? 0
  }

  heard(notice: Notice): void {
    this.#notice = notice
    if (!goesOn(notice)) this.#pulling?.abort.abort(new FedmoteError("over", "the federation is released"))
    this.#next.resolve()
    this.#next = Promise.withResolvers()
  }

  /** Settles when the pull that is going on has ended. */
  async rest(): Promise<void> {
    await this.#pulling?.ended
  }

  /** Throws the signal's reason. */
  async get(signal: AbortSignal): Promise<Basis> {
    for (;;) {
      signal.throwIfAborted()
      const next = this.#next.promise
      const notice = this.#notice
      const model = notice !== undefined && goesOn(notice) ? await this.#model(notice, signal) : undefined
      if (model !== undefined) return { notice: notice!, model }
      if (notice === this.#notice) await orAborted(next, signal)
    }
  }

  /** Undefined where the Notice has none any more. */
  async #model(notice: Notice, signal: AbortSignal): Promise<HeldModel | undefined> {
    const abort = new AbortController()
    const model = this.#pull(notice, AbortSignal.any([signal, abort.signal]))
    this.#pulling = { abort, ended: model.catch(() => undefined) }
    try {
      return await model
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof FedmoteError)) throw error
      return undefined
    } finally {
      this.#pulling = undefined
    }
  }
}

function goesOn({ kind, phase, sizeBytes }: Notice): boolean {
  return kind !== "released" && phase !== "released" && phase !== "offline" && sizeBytes > 0
}
