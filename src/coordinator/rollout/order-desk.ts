import { FedmoteError } from "../../core/error.ts"
import { hex, sha256 } from "../../net/digest.ts"
import type { TrustedKeys } from "../../net/signature.ts"
import { decodeEnvelope } from "../../wire/manifest.ts"
import { decodeOrder } from "../../wire/order.ts"
import type { Order } from "../../wire/order.ts"
import { ROLLOUT_SCHEMA } from "./status.ts"
import type { RolloutAnswer, RolloutFacts } from "./status.ts"

export interface OrderDeskOptions {
  readonly slot: string
  /** Whose orders are obeyed; undefined: nobody's. */
  readonly trusted: TrustedKeys | undefined
  /** Seconds since 1970. */
  readonly nowSeconds: () => number
  /** Orders that were obeyed lately. */
  readonly obeyed: () => readonly Pick<Order, "issued" | "nonce">[]
  /** Does it. Rejects with `FedmoteError` where it cannot be done. */
  readonly perform: (order: Order, keyId: string) => Promise<RolloutFacts | undefined>
  readonly answer: (answer: RolloutAnswer) => void
  /** An order whose signature is good was refused. */
  readonly refused: (order: Order, keyId: string, reason: string) => void
}

/** An order is obeyed within so many seconds of when it was signed; what was obeyed is remembered as long. */
export const ORDER_SECONDS = 600

/** Reads signed orders, one after the other, and answers each. */
export class OrderDesk {
  readonly #options: OrderDeskOptions
  #last: Promise<void> = Promise.resolve()

  constructor(options: OrderDeskOptions) {
    this.#options = options
  }

  /** Resolves when it is answered. */
  take(slot: string, envelope: Uint8Array): Promise<void> {
    const copy = envelope.slice()
    this.#last = this.#last.then(() => this.#take(slot, copy))
    return this.#last
  }

  async #take(slot: string, envelope: Uint8Array): Promise<void> {
    const { perform, answer, refused } = this.#options
    const about = { schema: ROLLOUT_SCHEMA, order: hex(sha256(envelope).subarray(0, 8)) } as const
    let order: Order | undefined
    let keyId = ""
    try {
      order = decodeOrder(this.#opened(envelope))
      keyId = hex(decodeEnvelope(envelope).keyId)
      this.#check(slot, order)
      const rollout = await perform(order, keyId)
      answer({ ...about, nonce: order.nonce, accepted: true, ...(rollout && { rollout }) })
    } catch (error) {
      if (!(error instanceof FedmoteError)) throw error
      const reason = `${error.code}: ${error.message}`
      answer({ ...about, ...(order && { nonce: order.nonce }), accepted: false, reason })
      if (order !== undefined) refused(order, keyId, reason)
    }
  }

  /** Nothing is parsed before its signature is verified. */
  #opened(envelope: Uint8Array): Uint8Array {
    const { trusted } = this.#options
    if (trusted === undefined)
      throw new FedmoteError("unknown-key", "this coordinator trusts no key: start it with --trust")
    return trusted.open(envelope)
  }

  #check(slot: string, order: Order): void {
    const { nowSeconds, obeyed } = this.#options
    const { slot: own } = this.#options
    if (slot !== order.slot || order.slot !== own)
      throw new FedmoteError("slot", `expected an order for slot ${own}, got one for ${order.slot}`)
    const now = nowSeconds()
    if (Math.abs(order.issued - now) > ORDER_SECONDS)
      throw new FedmoteError(
        "issued",
        `expected an order that was signed within ${ORDER_SECONDS} s of ${now}, got one of ${order.issued}: look at both clocks`,
      )
    if (obeyed().some(({ issued, nonce }) => issued === order.issued && nonce === order.nonce))
      throw new FedmoteError("replayed", "this very order was obeyed already")
  }
}
