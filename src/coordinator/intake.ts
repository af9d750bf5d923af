import type { Plan } from "../core/plan.ts"
import { judge } from "../core/round-late.ts"
import type { RoundState } from "../core/round.ts"
import { payloadBytes } from "../kernel/codec.ts"
import { sha256 } from "../net/digest.ts"
import type { Receipt, Update } from "../wire/message.ts"
import { Reassembler } from "../wire/reassembly.ts"
import type { WholeUpdate } from "../wire/reassembly.ts"
import { toText } from "../wire/text.ts"

/** What a chunk leads to. */
export type Arrival =
  /** Ask the round machine, and fold `update` if it says so. `bytes`: of all its messages. */
  | { readonly type: "whole"; readonly update: WholeUpdate; readonly bytes: number }
  /** Ask the round machine, which does not want it: late, duplicate, uninvited, or not now. */
  | { readonly type: "unwanted" }
  | { readonly type: "receipt"; readonly receipt: Receipt }
  /** More chunks are to come. `begun`: how many updates this device has begun in this round. */
  | { readonly type: "partial"; readonly begun: number }
  /** The chunk was there already, or the device has had this answer. */
  | { readonly type: "nothing" }

/** A device that meets a full house comes back after so long. */
const BUSY_SECONDS = 5

/** An incomplete update of which nothing has come for so long is dropped where another one needs its room. */
const IDLE_MS = 30_000

/** Devices remembered as answered; others, who are not in the round, are perhaps answered again. */
const MOST_ANSWERED = 65_536

/** Room for incomplete updates, unless the model is so large that more is needed for a few. */
const BUDGET_BYTES = 64 << 20

/** Joins the chunks of updates that the current round wants, within fixed memory; says what to answer to all others. */
export class Intake {
  /** The largest payload that an update can have. */
  readonly maxPayloadBytes: number
  readonly #rounds: RoundState
  readonly #reassembler: Reassembler
  /** Bytes of the chunks that have come of each device's update. */
  readonly #bytes = new Map<string, number>()
  /** The update each device was last turned away with: its other chunks are not answered again. */
  readonly #answered = new Map<string, string>()
  /** Updates of several chunks that each device has begun in this round. */
  readonly #begun = new Map<string, number>()

  /** `budgetBytes`: for incomplete updates. Throws `FedmoteError` ("reassembly") where it does not hold the largest. */
  constructor(plan: Plan, rounds: RoundState, parameters: number, countsSize: number, budgetBytes?: number) {
    this.#rounds = rounds
    const maxPayloadBytes = Math.max(4 * countsSize, ...plan.codecs.map((codec) => payloadBytes(codec, parameters, 1)))
    this.maxPayloadBytes = maxPayloadBytes
    this.#reassembler = new Reassembler({
      idleMs: IDLE_MS,
      budgetBytes: budgetBytes ?? Math.max(BUDGET_BYTES, 4 * (maxPayloadBytes + 65536 + 1024)),
      maxPayloadBytes,
      sha256,
    })
  }

  /** Bytes that incomplete updates occupy. */
  get heldBytes(): number {
    return this.#reassembler.heldBytes
  }

  /** Devices that this round remembers something of. */
  get devices(): number {
    return new Set([...this.#bytes.keys(), ...this.#answered.keys()]).size
  }

  /** A round begins: what the one before left incomplete is dropped, unless it is taken late. */
  begin(): void {
    const { owing } = this.#rounds
    for (const device of this.#bytes.keys()) if (!owing.has(device)) this.forget(device)
    this.#answered.clear()
    this.#begun.clear()
  }

  /** Drops what has come of a device's update. */
  forget(device: string): void {
    this.#reassembler.drop(device)
    this.#bytes.delete(device)
  }

  /** Takes one chunk of `bytes` message bytes that came at `nowMs`. Its payload is borrowed until the caller has folded it. */
  take(device: string, chunk: Update, bytes: number, nowMs = 0): Arrival {
    if (!this.#wants(device, chunk)) return this.#isNews(device, chunk) ? { type: "unwanted" } : { type: "nothing" }
    const offer = this.#reassembler.offer(device, chunk, nowMs)
    switch (offer.status) {
      case "busy":
        return this.#turnAway(device, chunk, "busy", "", 0)
      case "refused":
        return this.#turnAway(device, chunk, "refused", offer.reason, offer.allowedBytes)
      case "duplicate":
        return { type: "nothing" }
      default:
        break
    }
    const before = this.#bytes.get(device)
    const sofar = (before ?? 0) + bytes
    // Of an update that is one message nothing is remembered here.
    if (offer.status === "partial") {
      this.#bytes.set(device, sofar)
      let begun = this.#begun.get(device) ?? 0
      if (offer.missing === chunk.count - 1) this.#begun.set(device, ++begun)
      return { type: "partial", begun }
    }
    if (before !== undefined) this.#bytes.set(device, 0)
    return { type: "whole", update: offer.update, bytes: sofar }
  }

  #wants(device: string, { round, epoch }: Update): boolean {
    return judge(this.#rounds, device, { round, epoch }).answer === "fold"
  }

  #turnAway(device: string, chunk: Update, status: "busy" | "refused", reason: string, allowedBytes: number): Arrival {
    if (!this.#isNews(device, chunk)) return { type: "nothing" }
    const retrySeconds = status === "busy" ? BUSY_SECONDS : 0
    const { round, epoch, updateId } = chunk
    return {
      type: "receipt",
      receipt: { type: "receipt", status, round, epoch, updateId, retrySeconds, allowedBytes, reason: toText(reason) },
    }
  }

  /** One answer an update is enough; but one that begins anew has perhaps not got it. */
  #isNews(device: string, { index, updateId }: Update): boolean {
    const id = updateId.join()
    if (index > 0 && this.#answered.get(device) === id) return false
    if (this.#answered.size >= MOST_ANSWERED) this.#answered.clear()
    this.#answered.set(device, id)
    return true
  }
}
