import { CODECS } from "../core/codec.ts"
import { deviceKey, updateIdOf } from "../net/digest.ts"
import { LinkError } from "../net/link.ts"
import type { Link } from "../net/link.ts"
import { chunkUpdate } from "../wire/chunk.ts"
import { encode } from "../wire/codec.ts"
import type { Notice, Receipt } from "../wire/message.ts"
import type { Topics } from "../wire/topics.ts"
import { uploadPacketBytes } from "../wire/traffic.ts"
import type { DeviceEvent, DeviceLog } from "./event.ts"
import { basisOf, fateOf, isAbout } from "./held.ts"
import type { Held, RoundName } from "./held.ts"
import type { Timers } from "./timers.ts"
import type { Work } from "./work.ts"

const FIRST_RESEND_MS = 10_000
const MOST_RESEND_MS = 60_000

export interface UploadOptions {
  readonly link: Link
  readonly topics: Topics
  readonly id: string
  readonly maxPacketBytes: number
  readonly timers: Timers
  readonly signal: AbortSignal
  readonly log: DeviceLog
  readonly emit: (event: DeviceEvent) => void
  /** A receipt says that the update of this round is in the sum. */
  readonly onFolded: (held: { readonly round: number; readonly epoch: number }) => void
}

/** Updates in a sum that wait for its commit. A coordinator that takes one after the other and commits none has none of the older ones kept. */
const MOST_WAITING = 4

/**
 * The update that a device keeps: sent until a receipt says that it was folded, kept until a Notice says that it was committed or its round is over.
 * Where rounds are asynchronous a new one may come before the commit of the last: that one then waits beside. They live in memory only.
 */
export class Upload {
  readonly #options: UploadOptions
  #held: Held | undefined
  /** Those before it, all of them folded. */
  #waiting: Held[] = []
  #cancelTimer: (() => void) | undefined
  #sending = false
  /** The first sending still waits for its place in the spread. */
  #spreading = false
  #paused = false

  constructor(options: UploadOptions) {
    this.#options = options
  }

  /** The round whose update is kept. */
  get held(): (RoundName & { readonly folded: boolean }) | undefined {
    const held = this.#held ?? this.#waiting.at(-1)
    return held && { round: held.basis.round, epoch: held.basis.epoch, folded: held.into !== undefined }
  }

  /** Keeps a new update and sends it, after its delay in the Notice's spread. */
  hold(notice: Notice, work: Work, hurry: boolean): void {
    this.#makeRoom()
    const { id, topics, maxPacketBytes } = this.#options
    const topic = topics.update(id, notice.shards)
    const basis = basisOf(notice)
    const header = {
      round: notice.round,
      epoch: notice.epoch,
      updateId: updateIdOf(work.payload),
      baseVersion: notice.version,
      codec: CODECS[work.codec].id,
      samples: work.samples,
      steps: work.steps,
      metrics: work.metrics,
      ...(basis.module > 0 && { module: basis.module }),
    }
    // The largest class is what the plan says.
    const chunkBytes = notice.chunkClasses.at(-1)!
    const chunks = chunkUpdate(header, work.payload, topic, uploadPacketBytes(maxPacketBytes, chunkBytes), chunkBytes)
    this.#held = {
      basis,
      updateId: header.updateId,
      topic,
      chunks,
      bytes: work.payload.length,
      into: undefined,
      resendMs: FIRST_RESEND_MS,
      sent: false,
    }
    const delayMs = hurry ? 0 : spreadOf(id) * notice.spreadSeconds * 1000
    if (delayMs === 0) this.#send()
    else {
      this.#spreading = true
      this.#arm(delayMs)
    }
  }

  /** "Finish now": no more waiting for a place in the spread. */
  hurry(): void {
    if (this.#spreading) this.#send()
  }

  /** Nobody listens: the coordinator is away. */
  pause(): void {
    this.#paused = true
  }

  /** After any doubt whether what was sent has arrived. `forgotten`: the coordinator is a new one, so not even its receipts count. */
  resume(forgotten: boolean): void {
    this.#paused = false
    const held = this.#held
    if (held === undefined) return
    if (forgotten) held.into = undefined
    if (held.into === undefined && !this.#spreading) this.#send()
  }

  /** What a Notice means for what is kept. */
  settle(notice: Notice): void {
    const again: Held[] = []
    this.#waiting = this.#waiting.filter((held) => {
      const fate = fateOf(held, notice)
      if (fate === "again") again.push(held)
      else if (fate !== "keep") this.#tell(fate, held)
      return fate === "keep"
    })
    this.#bringBack(again)
    const held = this.#held
    if (held === undefined) return
    const fate = fateOf(held, notice)
    if (fate === "keep") return
    if (fate === "again") {
      held.into = undefined
      if (!this.#paused) this.#send()
      return
    }
    this.#clear()
    this.#tell(fate, held)
  }

  /** Rounds that had these were abandoned: the newest is sent again, unless a newer one has its place. */
  #bringBack(again: Held[]): void {
    if (this.#held === undefined) this.#held = again.pop()
    for (const held of again) this.#tell("dropped", held)
  }

  /** The device has withdrawn: forgets the update unless it is in a sum already. */
  withdraw(): void {
    const held = this.#held
    if (held === undefined || held.into !== undefined) return
    this.#clear()
    this.#tell("dropped", held)
  }

  /** Forgets everything. */
  drop(): void {
    this.#waiting = []
    this.#clear()
  }

  #clear(): void {
    this.#held = undefined
    this.#spreading = false
    this.#disarm()
  }

  /** A new update takes the place of the one before, which waits for its commit if it is in a sum. */
  #makeRoom(): void {
    const held = this.#held
    this.#clear()
    if (held === undefined) return
    if (held.into === undefined) return this.#tell("dropped", held)
    this.#waiting.push(held)
    if (this.#waiting.length > MOST_WAITING) this.#tell("dropped", this.#waiting.shift()!)
  }

  #tell(type: "committed" | "dropped", { basis }: Held): void {
    this.#options.emit({ type, round: basis.round, epoch: basis.epoch })
  }

  onReceipt(receipt: Receipt): void {
    const held = this.#held
    if (held === undefined || !isAbout(receipt, held)) return
    const { emit, log } = this.#options
    const { round, epoch } = held.basis
    switch (receipt.status) {
      case "folded":
      case "duplicate":
        this.#disarm()
        if (held.into !== undefined) return
        held.into = { round: receipt.round, epoch: receipt.epoch }
        this.#options.onFolded({ round, epoch })
        emit({ type: "folded", round, epoch })
        return
      case "busy":
        this.#arm(Math.max(1, receipt.retrySeconds) * 1000)
        emit({ type: "busy", round, epoch })
        return
      case "late":
        this.#clear()
        emit({ type: "late", round, epoch })
        return
      case "refused":
        this.#clear()
        log.warn(`the update of round ${round} was refused: ${receipt.reason}`)
        emit({ type: "refused", round, epoch, reason: receipt.reason })
    }
  }

  /** Sends all chunks, one after the other, and looks again later. */
  #send(): void {
    const held = this.#held
    if (held === undefined || this.#sending) return
    this.#spreading = false
    this.#disarm()
    if (this.#paused) return
    this.#sending = true
    void this.#publish(held).finally(() => {
      this.#sending = false
      if (this.#options.signal.aborted || this.#held === undefined) return
      // Another update came while this one was on its way.
      if (this.#held !== held) return this.#spreading ? undefined : this.#send()
      // "busy" may have come already, and said when.
      if (held.into === undefined && this.#cancelTimer === undefined) this.#lookAgain(held)
    })
  }

  async #publish(held: Held): Promise<void> {
    const { link, signal, emit, log } = this.#options
    const { topic, chunks, bytes } = held
    const { round, epoch } = held.basis
    try {
      for (const chunk of chunks) {
        if (this.#held !== held) return
        held.sent = true
        await link.publish(topic, encode(chunk), { signal })
      }
      emit({ type: "sent", round, epoch, bytes, chunks: chunks.length })
    } catch (error) {
      // A connection that is down comes "up" again, and then all is sent anew.
      if (!(error instanceof LinkError) && !signal.aborted) log.warn(`could not send the update: ${String(error)}`)
    }
  }

  #lookAgain(held: Held): void {
    const waitMs = held.resendMs * (1 + this.#options.timers.clock.random() / 4)
    held.resendMs = Math.min(2 * held.resendMs, MOST_RESEND_MS)
    this.#arm(waitMs)
  }

  #arm(delayMs: number): void {
    this.#disarm()
    this.#cancelTimer = this.#options.timers.after(delayMs, () => this.#send())
  }

  #disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}

/** A device's place in the spread, in [0, 1): always the same, and nothing like its shard. */
export function spreadOf(id: string): number {
  return deviceKey(id)[1] / 2 ** 32
}
