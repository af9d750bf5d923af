import { FedmoteError } from "../core/error.ts"

/** One client's connection to a broker: publish, subscribe, a last will. Implemented over MQTT 3.1.1 and in memory. */
export interface Link {
  /**
   * Resolves when the broker has acknowledged (QoS 1). Rejects with `LinkError` when the connection is or goes down first: send again
   * after "up". `payload` is borrowed until the promise settles. An empty retained payload clears the topic.
   */
  publish(topic: string, payload: Uint8Array, options?: PublishOptions): Promise<void>
  /**
   * Resolves when the broker has granted it; rejects when it refuses (SUBACK 0x80) or the connection is down. Subscriptions survive
   * reconnection. The same filter again replaces the handler and makes the broker replay what it retains.
   *
   * Messages of a link are handed over one at a time, in order; a message is acknowledged to the broker when its handler's promise has
   * settled, so a slow handler holds back the broker (back-pressure). A handler may await `publish` and `subscribe` of its own link.
   * A message goes to every handler whose filter matches, and with overlapping filters some brokers send it more than once.
   */
  subscribe(filter: string, handler: MessageHandler): Promise<void>
  unsubscribe(filter: string): Promise<void>
  /**
   * "up" after every connection including the first, once subscriptions are in place again; "down" when it is lost, never after `close`.
   * A listener for "up" that is added while the link is up is called once, soon. Returns a function that removes the listener.
   */
  on(event: LinkEvent, listener: () => void): () => void
  readonly connected: boolean
  /** A graceful end: no last will is sent. `abrupt` drops the connection without DISCONNECT, so that the broker sends the will. */
  close(options?: { readonly abrupt?: boolean }): Promise<void>
}

export type LinkEvent = "up" | "down"

export interface PublishOptions {
  readonly retain?: boolean
  /** Gives up waiting; the broker may have the message all the same. */
  readonly signal?: AbortSignal
}

/** `payload` is borrowed until the returned promise settles: copy to keep. `retained` says that the broker replayed it. */
export type MessageHandler = (topic: string, payload: Uint8Array, retained: boolean) => void | Promise<void>

export interface Will {
  readonly topic: string
  readonly payload: Uint8Array
  readonly retain: boolean
}

export interface LinkOptions {
  readonly clientId: string
  readonly will?: Will
  /** Gives up connecting. Has no effect once `connect` has resolved. */
  readonly signal?: AbortSignal
}

/** Opens links to one broker. */
export interface Network {
  connect(options: LinkOptions): Promise<Link>
}

/**
 * - `link-down`: the connection is or went down; send again after "up".
 * - `link-closed`: `close` was called.
 * - `link-refused`: the broker said no, to the connection or to a subscription.
 * - `link-unreachable`: the first connection failed.
 * - `link-topic`: a topic or filter that MQTT does not allow.
 * - `link-oversize`: a message was passed over since it is too large.
 * - `link-options`: a URL or setting that makes no sense.
 */
export type LinkErrorCode =
  "link-down" | "link-closed" | "link-refused" | "link-unreachable" | "link-topic" | "link-oversize" | "link-options"

export class LinkError extends FedmoteError {
  declare readonly code: LinkErrorCode

  constructor(code: LinkErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}
