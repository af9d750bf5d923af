import { DEFAULT_BACKOFF, backoffMs } from "./backoff.ts"
import type { Backoff } from "./backoff.ts"
import { systemClock } from "./clock.ts"
import type { Clock } from "./clock.ts"
import { checkFilter, checkTopic } from "./filter.ts"
import { Inbox } from "./inbox.ts"
import { LinkError } from "./link.ts"
import type { Link, LinkEvent, LinkOptions, MessageHandler, Network, PublishOptions } from "./link.ts"
import { Listeners } from "./listeners.ts"
import { MqttConnection, Refusal } from "./mqtt-connection.ts"
import type { ConnectionOptions, ReceivedMessage } from "./mqtt-connection.ts"
import type { Oversize } from "./oversize-filter.ts"
import { causeOf, parseTarget } from "./mqtt-target.ts"
import type { MqttTarget, TlsOptions } from "./mqtt-target.ts"
import { Permits } from "./permits.ts"

export interface MqttOptions {
  /** Instead of the URL's; a URL may be seen in a list of processes. */
  readonly username?: string
  readonly password?: string
  readonly tls?: TlsOptions
  /** Keeps trying to connect the first time, too; a refusal by the broker ends it all the same. Default: false. */
  readonly retry?: boolean
  /** Delays between attempts to connect: 1 to 60 s, with full jitter. */
  readonly backoff?: Backoff
  readonly clock?: Clock
  /** Publishes of one link that wait for their acknowledgement at the same time; the rest queue. Default: 64. */
  readonly maxInFlight?: number
  /** Largest packet to accept from the broker, in bytes; a larger message is passed over. Default: 16 MiB. */
  readonly maxPacketBytes?: number
  /** Bytes of received messages that may wait for a handler before reading stops; a broker's own window ends earlier. Default: 64 MiB. */
  readonly maxWaitingBytes?: number
  readonly keepaliveSeconds?: number
  readonly connectTimeoutMs?: number
  /**
   * Told about what a message handler throws, about failed attempts to reconnect, and once a topic about messages that were passed over
   * ("link-oversize"). Default: a process warning for all but the attempts.
   */
  readonly onError?: (error: unknown) => void
}

/** Links over MQTT 3.1.1 to the broker at `url` (`mqtt://` or `mqtts://`). Throws `LinkError` ("link-options") at once for a URL of another form. */
export function mqttNetwork(url: string, options: MqttOptions = {}): Network {
  const target = parseTarget(url, options.tls)
  const withLogin = {
    ...target,
    username: options.username ?? target.username,
    password: options.password ?? target.password,
  }
  return {
    async connect(linkOptions) {
      if (linkOptions.will !== undefined) checkTopic(linkOptions.will.topic)
      const link = new MqttLink(withLogin, linkOptions, options)
      await link.start()
      return link
    },
  }
}

// A connection that has held for this long is a good one: the next attempts start from the shortest delay again.
const STABLE_MS = 10_000

const MAX_PACKET_BYTES = 16 << 20

/** Topics of which it is remembered that a message was passed over; hostile clients could use any number. */
const MOST_REMEMBERED = 1000

class MqttLink implements Link {
  readonly #target: MqttTarget
  readonly #linkOptions: LinkOptions
  readonly #options: MqttOptions
  readonly #clock: Clock
  readonly #inbox: Inbox
  readonly #permits: Permits
  readonly #listeners = new Listeners()
  readonly #stop = new AbortController()
  readonly #oversize = new Set<string>()
  #connection: MqttConnection | undefined
  #up = false
  #attempt = 0
  #cancelRetry: () => void = () => {}

  constructor(target: MqttTarget, linkOptions: LinkOptions, options: MqttOptions) {
    this.#target = target
    this.#linkOptions = linkOptions
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#inbox = new Inbox(options.onError ?? warn)
    this.#permits = new Permits(options.maxInFlight ?? 64)
    this.#stop.signal.addEventListener("abort", () => this.#cancelRetry())
  }

  get connected(): boolean {
    return this.#up
  }

  async start(): Promise<void> {
    const { signal } = this.#linkOptions
    signal?.throwIfAborted()
    const abort = (): void => this.#stop.abort(signal!.reason)
    signal?.addEventListener("abort", abort)
    try {
      for (;;) {
        try {
          return await this.#connect()
        } catch (error) {
          this.#stop.signal.throwIfAborted()
          if (error instanceof LinkError && (error.code === "link-refused" || this.#options.retry !== true)) throw error
          this.#options.onError?.(error)
          await this.#pause()
        }
      }
    } finally {
      signal?.removeEventListener("abort", abort)
    }
  }

  async publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<void> {
    checkTopic(topic)
    options.signal?.throwIfAborted()
    this.#requireUp()
    await this.#permits.acquire(options.signal)
    // The connection may have ended while this one queued; those that queue are rejected then, except for one that was let in just before.
    if (!this.#up) {
      this.#permits.release()
      this.#requireUp()
    }
    const sent = this.#during(this.#connection!.publish(topic, payload, options.retain === true)).finally(() =>
      this.#permits.release(),
    )
    await unlessAborted(sent, options.signal)
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<void> {
    checkFilter(filter)
    this.#requireUp()
    const { handlers } = this.#inbox
    const before = handlers.get(filter)
    // In place before the broker is asked: retained messages may come ahead of SUBACK.
    handlers.set(filter, handler)
    try {
      await this.#during(this.#connection!.subscribe([filter]))
    } catch (error) {
      if (handlers.get(filter) === handler) {
        if (before === undefined || error instanceof Refusal) handlers.delete(filter)
        else handlers.set(filter, before)
      }
      if (error instanceof Refusal)
        throw new LinkError("link-refused", `the broker at ${this.#target.name} refused the subscription to ${filter}`)
      throw error
    }
  }

  async unsubscribe(filter: string): Promise<void> {
    if (this.#inbox.handlers.delete(filter) && this.#up) await this.#during(this.#connection!.unsubscribe(filter))
  }

  on(event: LinkEvent, listener: () => void): () => void {
    return this.#listeners.add(event, listener, event === "up" && this.#up, () => this.#up)
  }

  async close(options: { readonly abrupt?: boolean } = {}): Promise<void> {
    this.#up = false
    this.#listeners.clear()
    this.#inbox.clear()
    const closed = new LinkError("link-closed", "the link was closed")
    this.#permits.fail(closed)
    if (!this.#stop.signal.aborted) this.#stop.abort(closed)
    await this.#connection?.end(options.abrupt === true)
  }

  /** Connects and puts the subscriptions in place. */
  async #connect(): Promise<void> {
    const { name } = this.#target
    try {
      const connection = await MqttConnection.open(this.#target, this.#connectionOptions(), (message, from) =>
        this.#receive(message, from),
      )
      this.#connection = connection
      const filters = [...this.#inbox.handlers.keys()]
      try {
        if (filters.length > 0) await connection.subscribe(filters)
        this.#stop.signal.throwIfAborted()
      } catch (error) {
        await connection.end(true)
        throw error
      }
      this.#goUp(connection)
    } catch (error) {
      this.#stop.signal.throwIfAborted()
      if (error instanceof Refusal)
        throw new LinkError("link-refused", `the broker at ${name} refused the connection: ${error.message}`)
      throw new LinkError("link-unreachable", `could not reach the broker at ${name}: ${causeOf(error)}`, {
        cause: error,
      })
    }
  }

  #connectionOptions(): ConnectionOptions {
    return {
      clientId: this.#linkOptions.clientId,
      will: this.#linkOptions.will,
      keepaliveSeconds: this.#options.keepaliveSeconds ?? 60,
      connectTimeoutMs: this.#options.connectTimeoutMs ?? 15_000,
      maxPacketBytes: this.#options.maxPacketBytes ?? MAX_PACKET_BYTES,
      onOversize: (message) => this.#passOver(message),
      signal: this.#stop.signal,
    }
  }

  #passOver({ topic, bytes }: Oversize): void {
    if (this.#oversize.has(topic) || this.#oversize.size >= MOST_REMEMBERED) return
    this.#oversize.add(topic)
    const limit = this.#options.maxPacketBytes ?? MAX_PACKET_BYTES
    const text = `a message of ${bytes} bytes on ${topic} was passed over: expected at most ${limit}`
    ;(this.#options.onError ?? warn)(new LinkError("link-oversize", text))
  }

  #receive({ topic, payload, retained, settled }: ReceivedMessage, connection: MqttConnection): boolean {
    const limit = this.#options.maxWaitingBytes ?? 64 << 20
    this.#inbox.push(topic, payload, retained, () => {
      settled()
      if (this.#inbox.bytes < limit) connection.resume()
    })
    return this.#inbox.bytes < limit
  }

  #goUp(connection: MqttConnection): void {
    this.#up = true
    const since = this.#clock.nowMs()
    this.#listeners.emit("up", () => this.#connection === connection && this.#up)
    void connection.closed.then((cause) => {
      if (this.#stop.signal.aborted) return
      this.#up = false
      this.#permits.fail(this.#downError(cause))
      if (this.#clock.nowMs() - since >= STABLE_MS) this.#attempt = 0
      this.#listeners.emit("down")
      void this.#reconnect()
    })
  }

  async #reconnect(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#pause()
        return await this.#connect()
      } catch (error) {
        if (!this.#stop.signal.aborted) this.#options.onError?.(error)
      }
    }
  }

  /** Waits before the next attempt; rejects when the link is closed first. */
  #pause(): Promise<void> {
    const delay = backoffMs(this.#options.backoff ?? DEFAULT_BACKOFF, this.#attempt++, this.#clock.random())
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(delay, resolve)
      this.#cancelRetry = () => {
        cancel()
        reject(this.#stop.signal.reason)
      }
    })
  }

  #requireUp(): void {
    if (this.#stop.signal.aborted) throw new LinkError("link-closed", "the link was closed")
    if (!this.#up) throw this.#downError("not connected")
  }

  #downError(cause: string): LinkError {
    return new LinkError("link-down", `the connection to the broker at ${this.#target.name} is down: ${cause}`)
  }

  /** Names what becomes of an operation when its connection ends. */
  async #during<T>(operation: Promise<T>): Promise<T> {
    try {
      return await operation
    } catch (error) {
      if (error instanceof Refusal) throw error
      this.#stop.signal.throwIfAborted()
      throw this.#downError(causeOf(error))
    }
  }
}

async function unlessAborted<T>(operation: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return operation
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener("abort", abort)
  // The loser of the race must not surface as an unhandled rejection.
  operation.catch(() => {})
  try {
    return await Promise.race([operation, promise])
  } finally {
    signal.removeEventListener("abort", abort)
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), { code: "FEDMOTE_HANDLER" })
}
