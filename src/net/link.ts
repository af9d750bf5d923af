/** One client's connection to a broker: publish, subscribe, a last will. Implemented over MQTT 3.1.1 and in memory. */
export interface Link {
  /** Resolves when the broker has acknowledged (QoS 1). Rejects with `LinkError` when the connection is or goes down first: send again after "up". */
  publish(topic: string, payload: Uint8Array, options?: { readonly retain?: boolean; readonly signal?: AbortSignal }): Promise<void>
  /**
   * Resolves when the broker has granted it; rejects when it refuses (SUBACK 0x80). Subscriptions survive reconnection.
   * Messages of a link are handed over one at a time; while a handler's promise is pending nothing more is read (back-pressure).
   */
  subscribe(filter: string, handler: MessageHandler): Promise<void>
  unsubscribe(filter: string): Promise<void>
  /** "up" after every connection including the first, once subscriptions are in place again; "down" when it is lost. */
  on(event: "up" | "down", listener: () => void): () => void
  readonly connected: boolean
  /** A graceful end: no last will is sent. `abrupt` drops the connection without DISCONNECT, so that the broker sends the will. */
  close(options?: { readonly abrupt?: boolean }): Promise<void>
}

/** `payload` is borrowed until the returned promise settles: copy to keep. `retained` says that the broker replayed it. */
export type MessageHandler = (topic: string, payload: Uint8Array, retained: boolean) => void | Promise<void>

export interface LinkOptions {
  readonly clientId: string
  readonly will?: { readonly topic: string; readonly payload: Uint8Array; readonly retain: boolean }
}

/** Opens links to one broker. */
export interface Network {
  connect(options: LinkOptions): Promise<Link>
}
