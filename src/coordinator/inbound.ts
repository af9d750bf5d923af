import { FedmoteError } from "../core/error.ts"
import type { Link } from "../net/link.ts"
import { decode } from "../wire/codec.ts"
import { WireError } from "../wire/error.ts"
import type { Flashed, Gone, Hello, Message, Update } from "../wire/message.ts"
import { parseTopic } from "../wire/topics.ts"
import type { Topics } from "../wire/topics.ts"
import type { Complaints } from "./log.ts"
import type { Registry } from "./registry.ts"
import type { Verdict } from "./registry.ts"

/** What the messages of a fleet lead to. A promise holds back the broker until it settles. */
export interface InboundHandlers {
  /** A device's Hello, Ready or last will. `chunkClass`: in which it pulls the model, told with its Hello. */
  device(device: string, verdict: Verdict, chunkClass: number | undefined): void | Promise<void>
  /** A device that fits has introduced itself. */
  introduced(device: string, hello: Hello): void
  gone(device: string, gone: Gone): void
  /** The device's Hello was cleared: it has left for good. */
  forgotten(device: string): void
  /** One chunk, of `bytes` message bytes; its payload is borrowed until the promise settles. */
  update(device: string, chunk: Update, bytes: number): void | Promise<void>
  /** Where a device's module slot is; undefined: it has left for good. */
  flashed(device: string, flashed: Flashed | undefined): void
  /** What an operator orders: an envelope, not verified. */
  order(slot: string, envelope: Uint8Array): void
  /** A Notice, not a retained one. */
  notice(epoch: number, session: number): void
}

/** Reads what devices send. The topic says who it is from; a message that is no message of its topic is dropped, with one warning a device. */
export class Inbound {
  readonly #registry: Registry
  readonly #complaints: Complaints
  readonly #handlers: InboundHandlers

  constructor(registry: Registry, complaints: Complaints, handlers: InboundHandlers) {
    this.#registry = registry
    this.#complaints = complaints
    this.#handlers = handlers
  }

  /** `onError`: told what a handler throws. */
  async subscribe(link: Link, topics: Topics, onError: (error: unknown) => void): Promise<void> {
    const { hellos, readies, gones, updates, flasheds, orders } = topics.filters
    // What a device trains with is known before it is counted as ready.
    for (const filter of [topics.round, updates, gones, flasheds, readies, hellos, orders])
      await link.subscribe(filter, async (topic, payload, retained) => {
        try {
          await this.#receive(topic, payload, retained)
        } catch (error) {
          onError(error)
        }
      })
  }

  #receive(topic: string, payload: Uint8Array, retained: boolean): void | Promise<void> {
    const where = parseTopic(topic)
    const from = where !== undefined && "device" in where ? where.device : "unknown"
    if (payload.length === 0 && where?.kind === "hello") {
      this.#registry.forget(from)
      this.#handlers.forgotten(from)
      return this.#handlers.device(from, { state: "withdrawn" }, undefined)
    }
    if (payload.length === 0 && where?.kind === "flashed") return this.#handlers.flashed(from, undefined)
    // One that a broker kept is of another time.
    if (where?.kind === "order") return retained ? undefined : this.#handlers.order(where.slot, payload)
    let message: Message
    try {
      message = decode(payload)
      if (where?.kind !== (message.type === "notice" ? "round" : message.type))
        throw new WireError("type", `expected no message of type ${message.type} on ${topic}`)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.#complaints.about(from, "malformed message", { code: error.code, reason: error.message })
      return
    }
    return this.#handle(from, message, payload.length, retained)
  }

  #handle(device: string, message: Message, bytes: number, retained: boolean): void | Promise<void> {
    const registry = this.#registry
    switch (message.type) {
      case "hello": {
        const verdict = registry.hello(device, message)
        if (verdict.state === "unfit") return this.#handlers.device(device, verdict, undefined)
        this.#handlers.introduced(device, message)
        return this.#handlers.device(device, verdict, registry.chunkClassFor(message))
      }
      case "ready":
        return this.#handlers.device(device, registry.ready(device, message), undefined)
      case "gone":
        this.#handlers.gone(device, message)
        return this.#handlers.device(device, registry.gone(device, message), undefined)
      case "update":
        return this.#handlers.update(device, message, bytes)
      case "flashed":
        return this.#handlers.flashed(device, message)
      case "notice":
        return retained ? undefined : this.#handlers.notice(message.epoch, message.session)
      case "task":
      case "receipt":
      case "model":
      case "flash":
      case "module":
        throw new FedmoteError("internal", `unexpected message of type ${message.type}`)
    }
  }
}
