import type { DeviceEvent } from "../../src/device/event.ts"
import { decode } from "../../src/wire/codec.ts"
import type { Notice, Receipt, RoundKind, Update } from "../../src/wire/message.ts"
import type { Commit } from "./commits.ts"
import { hex } from "./ledger.ts"
import type { Referee } from "./referee.ts"

interface RoundName {
  readonly round: number
  readonly epoch: number
}

/** An update of the device, by the round that it was asked for. */
interface Own extends RoundName {
  readonly kind: RoundKind
  /** When it was asked. */
  readonly session: number
  readonly version: number
  updateId: string
  /** When a chunk of it was last sent, or when its sender was told to wait until; -Infinity before. */
  sentMs: number
  /** The round whose sum has it, as a receipt has said. */
  into: RoundName | undefined
}

/** Longer than any pause between two sendings, with what a bad connection adds. */
const MOST_SILENCE_MS = 120_000

/** Judges one life of a device that means well: what it heard, what it works on, what it keeps. */
export class Kept {
  readonly #device: string
  readonly #referee: Referee
  readonly #commitOf: (round: number) => Commit | undefined
  readonly #nowMs: () => number
  /** Tasks "join" that it has heard, not as retained messages. */
  readonly #asked = new Set<string>()
  readonly #own = new Map<string, Own>()
  #held: RoundName | undefined
  /** Why it may forget what it keeps. */
  #freed: string | undefined
  #last: Notice | undefined
  /** Since when the coordinator is known to be away, or to be back. */
  #awaySinceMs: number | undefined
  #backSinceMs = 0
  #worked = 0
  #mayWork = true
  #leaving = false

  constructor(device: string, referee: Referee, commitOf: (round: number) => Commit | undefined, nowMs: () => number) {
    this.#nowMs = nowMs
    this.#device = device
    this.#referee = referee
    this.#commitOf = commitOf
  }

  /** Rounds that it took part in. */
  get worked(): number {
    return this.#worked
  }

  /** A message is about to reach it. */
  heard(payload: Uint8Array, retained: boolean): void {
    if (payload.length === 0) return
    const message = decode(payload.slice())
    switch (message.type) {
      case "task":
        if (message.action === "join" && !retained) this.#asked.add(nameOf(message))
        return
      case "receipt":
        return this.#onReceipt(message)
      case "notice":
        return this.#onNotice(message)
      default:
        return
    }
  }

  sent(chunk: Update): void {
    // Who was asked for a round whose model was gone when it came has taken that of the round since.
    const own = this.#ownOf(chunk) ?? this.#begin(chunk, "train")
    own.updateId = hex(chunk.updateId)
    own.sentMs = this.#nowMs()
  }

  /** Must not be silent: it could have sent what it keeps since `sinceMs`. */
  couldSend(sinceMs: number): void {
    const own = this.#held && this.#ownOf(this.#held)
    if (own === undefined || own.into !== undefined || this.#awaySinceMs !== undefined || own.sentMs < 0) return
    const silentMs = this.#nowMs() - Math.max(own.sentMs, sinceMs, this.#backSinceMs)
    if (silentMs > MOST_SILENCE_MS)
      this.#referee.breach("sent-again", `${this.#device} has not sent its update of ${nameOf(own)} for ${silentMs} ms`)
  }

  /** Whether its owner lets it take part. Where not, it may forget what is in no sum. */
  mayWork(may: boolean): void {
    this.#mayWork = may
    if (!may) this.#freed = "not allowed"
  }

  /** Whether it opts out, and so may forget all that it keeps, one after the other. */
  leaves(leaving: boolean): void {
    this.#leaving = leaving
  }

  happened(event: DeviceEvent): void {
    switch (event.type) {
      case "joined":
        return this.#onJoined(event)
      case "committed":
        return this.#onCommitted(event)
      default:
        return
    }
  }

  /** What it keeps now, between two steps of the world: the newest, where there are several. */
  look(held: RoundName | undefined): void {
    const before = this.#held
    if (before?.round === held?.round && before?.epoch === held?.epoch) return
    this.#held = held && { round: held.round, epoch: held.epoch }
    // One that is in a sum waits for its commit beside a newer one.
    const waits = held !== undefined && before !== undefined && this.#ownOf(before)?.into !== undefined
    const free = this.#leaving || this.#freed !== undefined
    if (before !== undefined && !free && !(waits && held.round > before.round))
      this.#referee.breach("kept", `${this.#device} has forgotten its update of round ${nameOf(before)}`)
    this.#freed = undefined
  }

  #ownOf(name: RoundName): Own | undefined {
    return this.#own.get(nameOf(name))
  }

  #begin({ round, epoch }: RoundName, kind: RoundKind): Own {
    const { session = 0, version = 0 } = this.#last ?? {}
    const own: Own = { round, epoch, kind, session, version, updateId: "", sentMs: -1, into: undefined }
    this.#own.set(nameOf(own), own)
    return own
  }

  #onJoined({ kind, ...name }: RoundName & { readonly kind: RoundKind }): void {
    this.#worked++
    if (!this.#asked.has(nameOf(name)) || !this.#mayWork)
      this.#referee.breach(
        "work",
        `${this.#device} works in round ${nameOf(name)}, ${this.#mayWork ? "unasked" : "though its owner does not want it to"}`,
      )
    this.#begin(name, kind)
    // Who is asked anew owes nothing of before.
    if (this.#held !== undefined && this.#ownOf(this.#held)?.into === undefined) this.#freed = "asked anew"
  }

  #onReceipt({ status, updateId, retrySeconds, ...name }: Receipt): void {
    const held = this.#held
    const own = held && this.#ownOf(held)
    if (held === undefined || own === undefined || own.updateId !== hex(updateId)) return
    if (status === "busy") own.sentMs = this.#nowMs() + 1000 * retrySeconds
    const isOwn = name.round === held.round && name.epoch === held.epoch
    if (status === "folded" || status === "duplicate") {
      // Of the round itself, or of one since that took it late.
      if (isOwn || name.round > held.round) own.into = name
      // The Notice of the commit may have been faster.
      if (this.#last !== undefined && this.#isOver(held, this.#last)) this.#freed = "over"
    }
    // One that is late is told of a newer round than its own: any other receipt is for an earlier one with the same bytes.
    const isNewer = name.epoch > held.epoch || (name.epoch === held.epoch && name.round > held.round)
    if ((status === "late" && isNewer && own.sentMs >= 0) || (status === "refused" && isOwn))
      this.#freed = `receipt ${status}`
  }

  #onNotice(notice: Notice): void {
    if (notice.phase === "offline") {
      this.#awaySinceMs ??= this.#nowMs()
      return
    }
    if (this.#awaySinceMs !== undefined) this.#backSinceMs = this.#nowMs()
    this.#awaySinceMs = undefined
    const last = this.#last
    // An older one of the same coordinator says nothing any more.
    const stale =
      last !== undefined &&
      last.session === notice.session &&
      (notice.round < last.round || (notice.round === last.round && notice.epoch < last.epoch))
    if (stale) return
    this.#last = notice
    if (this.#held !== undefined && this.#isOver(this.#held, notice)) this.#freed = "over"
  }

  /** Whether a Notice says that an update is in a commit, or wanted by nobody any more. */
  #isOver(held: RoundName, { round, epoch, committed, phase, session, version, training }: Notice): boolean {
    const own = this.#ownOf(held)
    const into = own?.into
    const { round: done = -1, epoch: of } = committed ?? {}
    const isDone = (name: RoundName): boolean => done > name.round || (done === name.round && of === name.epoch)
    if (phase === "released") return true
    const { maxStaleness } = training
    if (maxStaleness === undefined) return isDone(held) || round !== held.round || epoch !== held.epoch
    // Late updates are taken: it is sent on until a receipt has said whose sum has it.
    if (own === undefined || session !== own.session || version - own.version > maxStaleness) return true
    if (into !== undefined && isDone(into)) return true
    // Its own round is tried again without it, or was none of training.
    return round === held.round ? epoch !== held.epoch : own.kind !== "train"
  }

  #onCommitted(name: RoundName): void {
    const into = this.#ownOf(name)?.into
    const commit = into && this.#commitOf(into.round)
    if (into === undefined || commit?.epoch !== into.epoch) return
    if (!commit.folds.some(({ device }) => device === this.#device))
      this.#referee.breach(
        "receipt",
        `${this.#device} was told that its update of round ${nameOf(name)} is folded: it is not`,
      )
  }
}

function nameOf({ round, epoch }: RoundName): string {
  return `${round}/${epoch}`
}
