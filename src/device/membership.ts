import type { CodecName } from "../core/codec.ts"
import { FedmoteError } from "../core/error.ts"
import type { KernelKind } from "../kernel/types.ts"
import type { Clock } from "../net/clock.ts"
import { LinkError } from "../net/link.ts"
import type { Link } from "../net/link.ts"
import { decode } from "../wire/codec.ts"
import { WireError } from "../wire/error.ts"
import type { Notice, Receipt, Task } from "../wire/message.ts"
import type { Topics } from "../wire/topics.ts"
import type { DeviceEvent, DeviceLog } from "./event.ts"
import type { Eligibility } from "./eligibility.ts"
import { Flasher } from "./flash/flasher.ts"
import type { Modules } from "./flash/modules.ts"
import { Greeting } from "./greeting.ts"
import { Job } from "./job.ts"
import type { Keeping } from "./keeping.ts"
import type { ReleasedModel } from "./model-bytes.ts"
import { ModelStore } from "./model-store.ts"
import type { DeviceData } from "./source.ts"
import { Timers } from "./timers.ts"
import { Upload } from "./upload.ts"
import type { Workbench } from "./workbench.ts"

export interface MembershipOptions {
  readonly link: Link
  readonly topics: Topics
  readonly id: string
  readonly session: number
  readonly data: DeviceData
  readonly bench: Workbench
  readonly keeping: Keeping
  /** Of a device that can be flashed. */
  readonly flash: Modules | undefined
  readonly codecs: readonly CodecName[]
  readonly maxPacketBytes: number
  readonly kernel: KernelKind | undefined
  readonly clock: Clock
  readonly ramKiB: number
  readonly eligible: (() => Eligibility) | undefined
  readonly log: DeviceLog
  readonly emit: (event: DeviceEvent) => void
}

/** A device's part in one federation over one link: hears Notices, Tasks and Receipts, and works beside them. */
export class Membership {
  readonly #options: MembershipOptions
  readonly #timers: Timers
  readonly #greeting: Greeting
  readonly #upload: Upload
  readonly #models: ModelStore
  readonly #flasher: Flasher | undefined
  readonly #end = new AbortController()
  readonly #released = Promise.withResolvers<ReleasedModel>()
  readonly #subscribed = new Set<string>()
  /** The latest Notice of a coordinator that is there. */
  #notice: Notice | undefined
  #offline = false
  /** A Task "join" whose Notice has not come yet. */
  #pending: Task | undefined
  /** The latest round that this device took up. */
  #taken: { readonly round: number; readonly epoch: number } | undefined
  #job: Job | undefined
  #releasing = false
  /** The connection was lost: whether what was sent has come is not known. */
  #unsure = false
  /** A Notice has come over this connection. */
  #heard = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#timers = new Timers(options.clock)
    this.#greeting = new Greeting({ ...options, timers: this.#timers, onUnwilling: () => this.#withdraw() })
    this.#upload = new Upload({
      ...options,
      timers: this.#timers,
      signal: this.#end.signal,
      onFolded: (held) => options.keeping.folded(held),
    })
    this.#models = new ModelStore({
      ...options,
      current: () => this.#notice,
      reread: () => options.link.subscribe(options.topics.round, this.#hear),
    })
    this.#flasher = options.flash && this.#flasherOf(options.flash)
  }

  /** Takes part until the federation is released. Rejects as `Device.run` says. */
  async run(): Promise<ReleasedModel> {
    const { link } = this.#options
    const offs = [
      link.on("up", () => void this.#up()),
      link.on("down", () => {
        this.#unsure = true
        this.#heard = false
      }),
    ]
    try {
      return await this.#released.promise
    } finally {
      for (const off of offs) off()
      this.stop(new FedmoteError("closed", "the device has left the federation"))
      await this.#flasher?.stop()
    }
  }

  /** Ends everything; `run` rejects with `reason` if it has not settled yet. */
  stop(reason: unknown): void {
    this.#released.reject(reason)
    this.#job?.cancel()
    this.#end.abort(reason)
    this.#upload.drop()
    this.#timers.clear()
    void this.#flasher?.stop()
  }

  /** Ends what is left of a module that predicts with the released model. */
  async close(): Promise<void> {
    await this.#flasher?.close()
  }

  /** The round whose update is kept. */
  get holding(): { readonly round: number; readonly epoch: number } | undefined {
    return this.#upload.held
  }

  /** The device's own say may have changed. */
  reconsider(): void {
    this.#greeting.reconsider()
  }

  /** Withdraws for good. Rejects with `LinkError` where that cannot be said. */
  async optOut(): Promise<void> {
    this.#withdraw()
    await this.#greeting.farewell()
    await this.#flasher?.farewell()
  }

  /** Nothing of this device is to be folded any more, unless it is already. */
  #withdraw(): void {
    this.#pending = undefined
    this.#job?.cancel()
    this.#upload.withdraw()
  }

  async #up(): Promise<void> {
    const { link, topics, id } = this.#options
    try {
      const flash = this.#flasher === undefined ? [] : [topics.flash(id)]
      for (const topic of [topics.receipt(id), topics.task(id), ...flash, topics.round]) {
        if (this.#subscribed.has(topic)) continue
        await link.subscribe(topic, this.#hear)
        this.#subscribed.add(topic)
      }
      if (this.#end.signal.aborted) return
      // Before the Hello: whoever reads it may ask at once.
      this.#flasher?.say()
      this.#greeting.now()
      this.#sendAgain()
    } catch (error) {
      // Down again: the next "up" goes on. A refusal is for good.
      if (error instanceof LinkError && (error.code === "link-down" || error.code === "link-closed")) return
      this.stop(error)
    }
  }

  // Not before a Notice has come: it may say that the update is committed, and one that is sent all the same would be called late.
  #sendAgain(): void {
    if (!this.#unsure || !this.#heard || this.#offline || !this.#options.link.connected) return
    this.#unsure = false
    this.#upload.resume(false)
  }

  // Never waits: what takes time runs beside.
  readonly #hear = (topic: string, payload: Uint8Array, retained: boolean): void => {
    if (payload.length === 0 || this.#end.signal.aborted) return
    try {
      const message = decode(payload)
      switch (message.type) {
        case "notice":
          return this.#onNotice(message, retained)
        case "task":
          // A Task is for the moment: one that a broker kept says nothing.
          return retained ? undefined : this.#onTask(message)
        case "receipt":
          return this.#onReceipt(message)
        case "flash":
          // As a Task.
          return retained ? undefined : this.#flasher?.hear(message)
        default:
          return undefined
      }
    } catch (error) {
      if (!(error instanceof WireError)) return this.stop(error)
      this.#options.log.warn(`a message on ${topic} was ignored: ${error.message}`)
    }
  }

  #onNotice(notice: Notice, retained: boolean): void {
    const before = this.#notice
    if (before !== undefined && isOlder(notice, before)) return
    if (notice.phase === "offline") {
      this.#offline = true
      this.#upload.pause()
      return
    }
    const returned = this.#offline
    this.#offline = false
    this.#notice = notice
    this.#options.bench.check(notice)
    this.#flasher?.heard(notice)
    this.#options.keeping.settle(notice)
    const changed = before !== undefined && before.session !== notice.session
    // A retained first Notice is older than our greeting; whoever speaks for the first time now may not have heard it.
    if (returned || changed || (before === undefined && !retained)) this.#greeting.soon(notice.spreadSeconds)
    this.#upload.settle(notice)
    this.#heard = true
    if (returned || changed) this.#upload.resume(changed)
    this.#sendAgain()
    if (isReleased(notice)) return void this.#release()
    this.#follow(notice)
    if (this.#pending !== undefined && this.#matches(this.#pending, notice)) this.#start(notice)
  }

  #onReceipt(receipt: Receipt): void {
    this.#upload.onReceipt(receipt)
    // The Notice of the commit may have been faster.
    if (this.#notice !== undefined && !this.#offline) this.#upload.settle(this.#notice)
  }

  /** What the Notice means for the work that is going on. */
  #follow(notice: Notice): void {
    if (notice.phase === "finishing") this.#upload.hurry()
    this.#job?.follow(notice)
  }

  #onTask(task: Task): void {
    switch (task.action) {
      case "stop":
        return this.stop(new FedmoteError("stopped", `stopped by the coordinator: ${task.reason || "no reason given"}`))
      case "wait":
        this.#options.emit({ type: "wait", seconds: task.retrySeconds })
        return this.#greeting.backIn(task.retrySeconds)
      case "join":
        if (!this.#greeting.willing) return this.#greeting.ready()
        this.#pending = task
        if (this.#notice !== undefined && this.#matches(task, this.#notice)) this.#start(this.#notice)
    }
  }

  #matches({ round, epoch }: Task, notice: Notice): boolean {
    const open = notice.phase === "selecting" || notice.phase === "working" || notice.phase === "finishing"
    return !this.#offline && open && round === notice.round && epoch === notice.epoch
  }

  #start(notice: Notice): void {
    this.#pending = undefined
    // Since it was asked its owner may have changed his mind.
    if (!this.#greeting.willing) return this.#greeting.ready()
    const { round, epoch, kind } = notice
    if (!this.#fits(notice)) return this.#options.log.info(`round ${round} is for devices with another module`)
    // Asked twice: the answer is on its way, or has been sent.
    if (this.#taken?.round === round && this.#taken.epoch === epoch) return
    if (kind === "train" && this.#options.data.train.rows === 0) return
    this.#taken = { round, epoch }
    const { bench, log, emit } = this.#options
    emit({ type: "joined", round, epoch, kind })
    this.#job = new Job({
      notice,
      bench,
      models: this.#models,
      upload: this.#upload,
      latest: () => this.#notice,
      log,
      emit,
      onDone: (error) => this.#onWorked(error),
      previous: this.#job?.running === true ? this.#job : undefined,
    })
  }

  /** Whether a round is for the program that trains here. */
  #fits(notice: Notice): boolean {
    return this.#flasher?.fits(notice) ?? (notice.module?.sequence ?? 0) === 0
  }

  /** A program of the user's own that breaks its contract will do so again: the device ends. A module that was flashed can be replaced. */
  #onWorked(error: Error | undefined): void {
    if (this.#flasher !== undefined) this.#flasher.worked(error)
    else if (error instanceof FedmoteError && error.code === "trainer") this.stop(error)
  }

  #flasherOf(flash: Modules): Flasher {
    return new Flasher({
      ...this.#options,
      ...flash,
      idle: async () => {
        while (this.#job?.running === true) await this.#job.ended
      },
      pull: (notice, signal) => this.#models.get(notice, signal),
      onReady: () => this.#greeting.ready(),
    })
  }

  #release(): void {
    if (this.#releasing) return
    this.#releasing = true
    const { emit } = this.#options
    this.#job?.cancel()
    const pulled = async (): Promise<ReleasedModel | undefined> => {
      await this.#job?.ended
      await this.#flasher?.rest()
      for (;;) {
        const notice = this.#notice!
        // Another coordinator has taken the fleet over, and goes on.
        if (!isReleased(notice)) return undefined
        try {
          const { training } = notice
          const model = await this.#models.get(notice, this.#end.signal)
          if (!isReleased(this.#notice!)) continue
          return { ...model, training, personal: this.#options.bench.personal(training, model) }
        } catch (error) {
          // Another version was released meanwhile.
          if (!(error instanceof FedmoteError) || error.code !== "model-superseded") throw error
        }
      }
    }
    pulled().then(
      (model) => {
        if (model === undefined) {
          this.#releasing = false
          return
        }
        emit({ type: "released", version: model.version })
        this.#released.resolve(model)
      },
      (error: unknown) => this.#released.reject(error),
    )
  }
}

/** Whether a coordinator's Notice was sent again, behind what it has said since: a broker may do that. */
function isOlder(notice: Notice, latest: Notice): boolean {
  const { session, round, epoch } = latest
  return notice.session === session && (notice.round < round || (notice.round === round && notice.epoch < epoch))
}

function isReleased({ kind, phase }: Notice): boolean {
  return kind === "released" || phase === "released"
}
