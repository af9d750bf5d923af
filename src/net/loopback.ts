import { checkFilter, checkTopic } from "./filter.ts"
import { Inbox } from "./inbox.ts"
import { LinkError } from "./link.ts"
import type { Link, LinkEvent, LinkOptions, MessageHandler, Network, PublishOptions } from "./link.ts"
import { Listeners } from "./listeners.ts"
import { RetainedMessages } from "./retained.ts"
import { TopicTree } from "./topic-tree.ts"

export interface LoopbackOptions {
  /** Bytes that may wait in one link's inbox before publishers to it wait for their acknowledgement. Default: 64 MiB. */
  readonly maxWaitingBytes?: number
  /** Filters that the broker refuses, for tests. Default: none. */
  readonly refuse?: (filter: string) => boolean
  /** Gets what a message handler throws. Default: it is thrown again, outside of everything. */
  readonly onError?: (error: unknown) => void
}

export interface LoopbackNetwork extends Network {
  /** Links that are connected. */
  readonly links: number
  /** Messages published so far, and their payload bytes. */
  readonly published: { readonly messages: number; readonly bytes: number }
  /** Breaks the connection of a client: its will is sent, and its link goes down until `restore`. */
  drop(clientId: string): void
  /** Connects a dropped client again, with its subscriptions. */
  restore(clientId: string): void
  /** The broker dies: all links go down, retained messages are lost, no will is sent. */
  stop(): void
  /** The broker is there again: all links that `stop` broke connect again, with their subscriptions. */
  start(): void
}

/**
 * A broker in memory, without sockets, timers or randomness: the same calls in the same order give the same deliveries in the same order. Links
 * behave as over MQTT, except that `connect` rejects while the broker is stopped, and that a link whose client id is taken over stays down.
 */
export function loopbackNetwork(options: LoopbackOptions = {}): LoopbackNetwork {
  return new LoopbackBroker(options)
}

interface Message {
  readonly topic: string
  readonly payload: Uint8Array
}

const EMPTY = new Uint8Array(0)

class LoopbackBroker implements LoopbackNetwork {
  readonly maxWaitingBytes: number
  readonly #options: LoopbackOptions
  readonly #subscriptions = new TopicTree<LoopbackLink>()
  readonly #retained = new RetainedMessages<Message>()
  /** The connected link of every client id. */
  readonly #clients = new Map<string, LoopbackLink>()
  /** Links that are down and wait for `restore` or `start`. */
  readonly #down = new Map<string, LoopbackLink>()
  #running = true
  #messages = 0
  #bytes = 0

  constructor(options: LoopbackOptions) {
    this.#options = options
    this.maxWaitingBytes = options.maxWaitingBytes ?? 64 << 20
  }

  get links(): number {
    return this.#clients.size
  }

  get published(): { messages: number; bytes: number } {
    return { messages: this.#messages, bytes: this.#bytes }
  }

  async connect(options: LinkOptions): Promise<Link> {
    options.signal?.throwIfAborted()
    if (options.will !== undefined) checkTopic(options.will.topic)
    if (!this.#running) throw new LinkError("link-unreachable", "could not reach the loopback broker: it is stopped")
    const link = new LoopbackLink(this, options, this.#options.onError ?? rethrow)
    this.#attach(link)
    return link
  }

  drop(clientId: string): void {
    const link = this.#clients.get(clientId)
    if (link === undefined) return
    this.detach(link, true)
    this.#down.set(clientId, link)
    link.goDown()
  }

  restore(clientId: string): void {
    const link = this.#down.get(clientId)
    if (link === undefined || !this.#running) return
    this.#down.delete(clientId)
    this.#attach(link)
  }

  stop(): void {
    if (!this.#running) return
    this.#running = false
    const links = [...this.#clients.values()]
    this.#retained.clear()
    for (const link of links) {
      this.detach(link, false)
      this.#down.set(link.clientId, link)
      link.goDown()
    }
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    for (const clientId of this.#down.keys()) this.restore(clientId)
  }

  /** Hands a message to all who are subscribed; returns those of them that are too far behind. `payload` is not kept. */
  route(topic: string, payload: Uint8Array, retain: boolean): LoopbackLink[] {
    this.#messages++
    this.#bytes += payload.length
    const links = this.#subscriptions.match(topic)
    if (links.length === 0 && !retain) return links
    // One copy for all receivers, who only borrow it.
    const message: Message = { topic, payload: payload.length === 0 ? EMPTY : new Uint8Array(payload) }
    if (retain) this.#retained.store(message)
    for (const link of links) link.receive(message, false)
    return links.filter((link) => link.waitingBytes > this.maxWaitingBytes)
  }

  /** Subscribes and replays what is retained; false where the filter is refused. */
  subscribe(link: LoopbackLink, filter: string): boolean {
    if (this.#options.refuse?.(filter) === true) return false
    this.#subscriptions.add(filter, link)
    for (const message of this.#retained.matching(filter)) link.receive(message, true)
    return true
  }

  unsubscribe(link: LoopbackLink, filter: string): void {
    this.#subscriptions.delete(filter, link)
  }

  /** Ends a link's connection. */
  detach(link: LoopbackLink, sendWill: boolean): void {
    if (this.#down.get(link.clientId) === link) this.#down.delete(link.clientId)
    if (this.#clients.get(link.clientId) !== link) return
    this.#clients.delete(link.clientId)
    for (const filter of link.filters) this.#subscriptions.delete(filter, link)
    const { will } = link
    if (sendWill && will !== undefined) this.route(will.topic, will.payload, will.retain)
  }

  #attach(link: LoopbackLink): void {
    const older = this.#clients.get(link.clientId)
    if (older !== undefined) {
      this.detach(older, true)
      older.goDown()
    }
    this.#clients.set(link.clientId, link)
    for (const filter of link.filters) this.subscribe(link, filter)
    link.goUp()
  }
}

class LoopbackLink implements Link {
  readonly clientId: string
  readonly will: LinkOptions["will"]
  readonly #broker: LoopbackBroker
  readonly #inbox: Inbox
  readonly #listeners = new Listeners()
  #state: "up" | "down" | "closed" = "down"
  /** Publishers that wait for room in this link's inbox. */
  #waiting: (() => void)[] = []
  /** This link's own publishes that wait elsewhere; called with the error that ends them. */
  readonly #pending = new Set<(error: unknown) => void>()

  constructor(broker: LoopbackBroker, { clientId, will }: LinkOptions, onError: (error: unknown) => void) {
    this.#broker = broker
    this.clientId = clientId
    this.will = will === undefined ? undefined : { ...will, payload: new Uint8Array(will.payload) }
    this.#inbox = new Inbox(onError)
  }

  get connected(): boolean {
    return this.#state === "up"
  }

  get filters(): Iterable<string> {
    return this.#inbox.handlers.keys()
  }

  get waitingBytes(): number {
    return this.#inbox.bytes
  }

  async publish(topic: string, payload: Uint8Array, { retain = false, signal }: PublishOptions = {}): Promise<void> {
    checkTopic(topic)
    signal?.throwIfAborted()
    this.#requireUp()
    for (const link of this.#broker.route(topic, payload, retain)) {
      // Its own handler may be what it would wait for.
      if (link !== this) await this.#waitFor(link, signal)
    }
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<void> {
    checkFilter(filter)
    this.#requireUp()
    this.#inbox.handlers.set(filter, handler)
    if (!this.#broker.subscribe(this, filter)) {
      this.#inbox.handlers.delete(filter)
      throw new LinkError("link-refused", `the loopback broker refused the subscription to ${filter}`)
    }
  }

  async unsubscribe(filter: string): Promise<void> {
    this.#inbox.handlers.delete(filter)
    this.#broker.unsubscribe(this, filter)
  }

  on(event: LinkEvent, listener: () => void): () => void {
    return this.#listeners.add(event, listener, event === "up" && this.connected, () => this.connected)
  }

  async close({ abrupt = false }: { readonly abrupt?: boolean } = {}): Promise<void> {
    if (this.#state === "closed") return
    this.#broker.detach(this, abrupt)
    this.#state = "closed"
    this.#inbox.clear()
    this.#listeners.clear()
    this.#end(new LinkError("link-closed", "the link was closed"))
  }

  receive({ topic, payload }: Message, retained: boolean): void {
    this.#inbox.push(topic, payload, retained, () => {
      if (this.#waiting.length > 0 && this.#inbox.bytes <= this.#broker.maxWaitingBytes) this.#letGo()
    })
  }

  /** Calls back when the inbox has room again, or the connection has ended. */
  whenRoom(proceed: () => void): void {
    if (this.connected && this.#inbox.bytes > this.#broker.maxWaitingBytes) this.#waiting.push(proceed)
    else proceed()
  }

  goUp(): void {
    this.#state = "up"
    this.#listeners.emit("up", () => this.connected)
  }

  goDown(): void {
    this.#state = "down"
    this.#end(new LinkError("link-down", "the connection to the loopback broker is down"))
    this.#listeners.emit("down")
  }

  #end(error: LinkError): void {
    const pending = [...this.#pending]
    this.#pending.clear()
    for (const reject of pending) reject(error)
    this.#letGo()
  }

  #letGo(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  async #waitFor(link: LoopbackLink, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = (): void => reject(signal!.reason)
    this.#pending.add(reject)
    signal?.addEventListener("abort", abort)
    link.whenRoom(resolve)
    try {
      await promise
    } finally {
      this.#pending.delete(reject)
      signal?.removeEventListener("abort", abort)
    }
  }

  #requireUp(): void {
    if (this.#state === "closed") throw new LinkError("link-closed", "the link was closed")
    if (this.#state === "down") throw new LinkError("link-down", "the connection to the loopback broker is down")
  }
}

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
