import { FedmoteError } from "../core/error.ts"
import type { Notice } from "../wire/message.ts"
import type { DeviceEvent, DeviceLog } from "./event.ts"
import { basisOf, isSame, outlives } from "./held.ts"
import type { HeldModel } from "./model-bytes.ts"
import type { ModelStore } from "./model-store.ts"
import type { Upload } from "./upload.ts"
import type { Work } from "./work.ts"
import type { Workbench } from "./workbench.ts"

export interface JobOptions {
  readonly notice: Notice
  readonly bench: Workbench
  readonly models: ModelStore
  readonly upload: Upload
  readonly latest: () => Notice | undefined
  readonly log: DeviceLog
  readonly emit: (event: DeviceEvent) => void
  /** The training program has worked, or has failed. */
  readonly onDone: (error: Error | undefined) => void
  /** The job before this one, if it has not ended. */
  readonly previous: Job | undefined
}

/** One round's work on a device, from the join to the update that is handed over for sending. Begins at once, and runs beside all else. */
export class Job {
  /** Settles, and never rejects, when the job has ended. */
  readonly ended: Promise<void>
  readonly #options: JobOptions
  readonly #finish = new AbortController()
  readonly #cancel = new AbortController()
  /** What it works by. */
  #notice: Notice
  #running = true

  constructor(options: JobOptions) {
    const { notice, previous } = options
    this.#options = options
    this.#notice = notice
    previous?.cancel()
    if (notice.phase === "finishing") this.finish()
    this.ended = this.#run(previous?.ended).finally(() => {
      this.#running = false
    })
  }

  get running(): boolean {
    return this.#running
  }

  /** "Finish now": send what there is. */
  finish(): void {
    this.#finish.abort(new FedmoteError("finish", "finish now"))
  }

  /** Nothing of this job is wanted any more. */
  cancel(): void {
    this.#cancel.abort(new FedmoteError("over", `round ${this.#notice.round} is over`))
  }

  /** What a Notice means for the work that is going on. */
  follow(notice: Notice): void {
    const { phase } = notice
    if (!isSame(notice, this.#notice)) {
      if (!outlives(basisOf(this.#notice), notice)) this.cancel()
    } else if (phase === "committed" || phase === "abandoned") this.cancel()
    else if (phase === "finishing") this.finish()
  }

  async #run(previous: Promise<void> | undefined): Promise<void> {
    const { upload, log, emit, onDone } = this.#options
    try {
      // The kernels' memory is one: two jobs must not share it.
      await previous
      const work = await this.#perform()
      if (this.#cancel.signal.aborted) return
      const { round, kind } = this.#notice
      if (kind !== "statistics") onDone(undefined)
      if (work === undefined) return log.info(`round ${round} ended before a sample was processed: nothing to send`)
      if (kind === "train") emit({ type: "trained", round, samples: work.samples, steps: work.steps })
      upload.hold(this.#notice, work, this.#finish.signal.aborted)
    } catch (error) {
      if (this.#cancel.signal.aborted) return
      const { round, epoch } = this.#notice
      const failure = error instanceof Error ? error : new Error(String(error))
      log.warn(`round ${round}: nothing is sent: ${failure.message}`)
      emit({ type: "failed", round, epoch, error: failure })
      onDone(failure)
    }
  }

  async #perform(): Promise<Work | undefined> {
    const { bench } = this.#options
    const cancel = this.#cancel.signal
    cancel.throwIfAborted()
    if (this.#notice.kind === "statistics") return bench.statistics()
    const model = await this.#model(cancel)
    cancel.throwIfAborted()
    const notice = this.#notice
    if (notice.kind === "evaluate") return bench.evaluate(notice, model)
    return bench.train(notice, model, AbortSignal.any([cancel, this.#finish.signal]))
  }
  /** Where the model was replaced before it was here, and late updates are taken, the newest will do: that of the training round since. */
  async #model(cancel: AbortSignal): Promise<HeldModel> {
    const { models, latest } = this.#options
    for (;;) {
      try {
        return await models.get(this.#notice, cancel)
      } catch (error) {
        const newer = latest()
        const superseded = error instanceof FedmoteError && error.code === "model-superseded"
        if (!superseded || newer?.kind !== "train" || !outlives(basisOf(this.#notice), newer)) throw error
        this.#notice = newer
      }
    }
  }
}
