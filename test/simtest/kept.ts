import type { DeviceEvent } from "../../src/device/event.ts"
import { decode } from "../../src/wire/codec.ts"
import type { Notice, Receipt } from "../../src/wire/message.ts"
import { hex } from "./ledger.ts"
import type { Referee } from "./referee.ts"
import type { Sums } from "./sums.ts"

interface Held {
  readonly round: number
  readonly epoch: number
}

/** Judges one life of a device that means well: what it heard, what it works on, what it keeps. */
export class Kept {
  readonly #device: string
  readonly #referee: Referee
  readonly #sums: Sums
  /** Tasks "join" that it has heard, not as retained messages. */
  readonly #asked = new Set<string>()
  #updateId = ""
  #held: Held | undefined
  /** Why it may forget what it keeps. */
  #freed: string | undefined
  /** The last round and epoch of which a receipt has said that its update is folded. */
  #folded = ""
  #last: Notice | undefined
  #worked = 0

  constructor(device: string, referee: Referee, sums: Sums) {
    this.#device = device
    this.#referee = referee
    this.#sums = sums
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
        if (message.action === "join" && !retained) this.#asked.add(`${message.round}/${message.epoch}`)
        return
      case "receipt":
        return this.#onReceipt(message)
      case "notice":
        return this.#onNotice(message)
      default:
        return
    }
  }

  sent(updateId: string): void {
    this.#updateId = updateId
  }

  happened(event: DeviceEvent): void {
    switch (event.type) {
      case "joined":
        this.#worked++
        if (!this.#asked.has(`${event.round}/${event.epoch}`))
          this.#referee.breach("work", `${this.#device} works in round ${event.round}, epoch ${event.epoch}, unasked`)
        return
      case "unwilling":
        this.#freed = "unwilling"
        return
      case "committed":
        return this.#onCommitted(event)
      default:
        return
    }
  }

  /** What it keeps now, between two steps of the world. */
  look(held: Held | undefined): void {
    const before = this.#held
    if (before === held) return
    this.#held = held === undefined ? undefined : { round: held.round, epoch: held.epoch }
    const same = before?.round === held?.round && before?.epoch === held?.epoch
    if (!same && before !== undefined && this.#freed === undefined)
      this.#referee.breach(
        "kept",
        `${this.#device} has forgotten its update of round ${before.round}, epoch ${before.epoch}`,
      )
    if (!same) this.#freed = undefined
  }

  #onNotice(notice: Notice): void {
    if (notice.phase === "offline") return
    const last = this.#last
    // An older one of the same coordinator says nothing any more.
    const stale =
      last !== undefined &&
      last.session === notice.session &&
      (notice.round < last.round || (notice.round === last.round && notice.epoch < last.epoch))
    if (stale) return
    this.#last = notice
    const held = this.#held
    if (held === undefined) return
    const { round, epoch, committed, phase } = notice
    const { round: done = -1, epoch: of } = committed ?? {}
    if (done > held.round || (done === held.round && of === held.epoch)) this.#freed = "committed"
    else if (round !== held.round || epoch !== held.epoch || phase === "released") this.#freed = "over"
  }

  #onReceipt({ status, round, epoch, updateId }: Receipt): void {
    if (hex(updateId) !== this.#updateId) return
    if (status === "folded") this.#folded = `${round}/${epoch}`
    const isCurrent = round === this.#held?.round && epoch === this.#held.epoch
    // Of an update of the round and epoch that is on, none is late: the receipt is for an earlier one with the same bytes.
    if ((status === "late" && !isCurrent) || (status === "refused" && isCurrent)) this.#freed = `receipt ${status}`
  }

  #onCommitted({ round, epoch }: Held): void {
    const commit = this.#sums.commitOf(round)
    if (this.#folded !== `${round}/${epoch}` || commit?.epoch !== epoch) return
    if (!commit.devices.has(this.#device))
      this.#referee.breach("receipt", `${this.#device} was told that its update of round ${round} is folded: it is not`)
  }
}
