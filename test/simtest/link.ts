import { checkFilter, checkTopic } from "../../src/net/filter.ts"
import { Inbox } from "../../src/net/inbox.ts"
import { LinkError } from "../../src/net/link.ts"
import type { Link, LinkEvent, LinkOptions, MessageHandler, Network, PublishOptions } from "../../src/net/link.ts"
import { Listeners } from "../../src/net/listeners.ts"
import type { Broker, ClientEnd, Connection, Message } from "./broker.ts"
import type { Process } from "./process.ts"
import type { Scheduler } from "./scheduler.ts"

/** What a client does, seen from outside. Whoever throws from `before` or `after` is a process that dies there. */
export interface Watch {
  before(topic: string, payload: Uint8Array, retain: boolean): void
  after(topic: string, payload: Uint8Array, retain: boolean): void
  /** Right before a handler gets it. */
  heard(topic: string, payload: Uint8Array, retained: boolean): void
  /** A message handler has thrown. */
  failed(error: unknown): void
}

export interface Site {
  readonly broker: Broker
  readonly scheduler: Scheduler
  readonly process: Process
  readonly watch: Watch
}

/** The links of one process; `cut` ends them as its death does. */
export interface SimulatedNetwork extends Network {
  /** Since when its newest link has been up; undefined where it is down. */
  readonly upSinceMs: number | undefined
  /** `flush`: what was sent still arrives (a killed process); otherwise the broker notices nothing for `silentMs` (a machine without power). */
  cut(flush: boolean, silentMs: number): void
}

const LATENCY_MS = 20
const FIRST_RETRY_MS = 1000
const MOST_RETRY_MS = 8000

export function simulatedNetwork(site: Site): SimulatedNetwork {
  const links: SimulatedLink[] = []
  return {
    get upSinceMs() {
      const link = links.at(-1)
      return link?.connected === true ? link.upSinceMs : undefined
    },
    async connect(options) {
      if (options.will !== undefined) checkTopic(options.will.topic)
      const link = new SimulatedLink(site, options)
      links.push(link)
      await link.open(options.signal)
      return link
    },
    cut(flush, silentMs) {
      for (const link of links) link.die(flush, silentMs)
    },
  }
}

/** A link as `mqttNetwork` has them: subscriptions survive reconnection, everything else ends with the connection. */
class SimulatedLink implements Link, ClientEnd {
  readonly clientId: string
  readonly will: LinkOptions["will"]
  readonly owner: Process
  readonly #site: Site
  readonly #inbox: Inbox
  readonly #listeners = new Listeners()
  readonly #pending = new Set<(error: unknown) => void>()
  #state: "up" | "down" | "closed" = "down"
  #connection: Connection | undefined
  #attempts = 0
  upSinceMs = 0

  constructor(site: Site, { clientId, will }: LinkOptions) {
    this.#site = site
    this.owner = site.process
    this.clientId = clientId
    this.will = will === undefined ? undefined : { ...will, payload: new Uint8Array(will.payload) }
    this.#inbox = new Inbox((error) => site.watch.failed(error))
  }

  get connected(): boolean {
    return this.#state === "up"
  }

  async open(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = (): void => reject(signal!.reason)
    signal?.addEventListener("abort", abort)
    this.#connect(resolve, () => reject(new LinkError("link-unreachable", "could not reach the simulated broker")))
    try {
      await promise
    } catch (error) {
      await this.close({ abrupt: true })
      throw error
    } finally {
      signal?.removeEventListener("abort", abort)
    }
  }

  async publish(topic: string, payload: Uint8Array, { retain = false, signal }: PublishOptions = {}): Promise<void> {
    checkTopic(topic)
    signal?.throwIfAborted()
    const connection = this.#up()
    const { broker, watch } = this.#site
    watch.before(topic, payload, retain)
    const acknowledged = this.#during((done) =>
      broker.publish(connection, { topic, payload: new Uint8Array(payload) }, retain, done),
    )
    // Nobody may be left to hear of it.
    acknowledged.catch(() => {})
    watch.after(topic, payload, retain)
    if (signal === undefined) return acknowledged
    const { promise, reject } = Promise.withResolvers<never>()
    const abort = (): void => reject(signal.reason)
    signal.addEventListener("abort", abort)
    await Promise.race([acknowledged, promise]).finally(() => signal.removeEventListener("abort", abort))
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<void> {
    checkFilter(filter)
    const connection = this.#up()
    const { broker, watch } = this.#site
    this.#inbox.handlers.set(filter, (topic, payload, retained) => {
      watch.heard(topic, payload, retained)
      return handler(topic, payload, retained)
    })
    await this.#during((done) => broker.subscribe(connection, filter, done))
  }

  async unsubscribe(filter: string): Promise<void> {
    if (!this.#inbox.handlers.delete(filter) || this.#state !== "up") return
    const connection = this.#up()
    await this.#during((done) => this.#site.broker.unsubscribe(connection, filter, done))
  }

  on(event: LinkEvent, listener: () => void): () => void {
    return this.#listeners.add(event, listener, event === "up" && this.connected, () => this.connected)
  }

  async close({ abrupt = false }: { readonly abrupt?: boolean } = {}): Promise<void> {
    if (this.#state === "closed") return
    const connection = this.#connection
    this.#finish()
    if (connection !== undefined) this.#site.broker.leave(connection, abrupt)
  }

  /** The process has died. */
  die(flush: boolean, silentMs: number): void {
    const connection = this.#connection
    if (this.#state === "closed") return
    this.#finish()
    if (connection === undefined) return
    if (flush) this.#site.broker.leave(connection, true)
    else this.#site.broker.sever(connection, silentMs, 0)
  }

  receive({ topic, payload }: Message, retained: boolean, settled: () => void): void {
    // A copy that is spoiled afterwards: it is borrowed.
    const copy = new Uint8Array(payload)
    this.#inbox.push(topic, copy, retained, () => {
      copy.fill(0xee)
      settled()
    })
  }

  lost(connection: Connection): void {
    if (this.#connection !== connection || this.#state === "closed") return
    this.#connection = undefined
    // It may not have been up yet.
    if (this.#state === "up") {
      this.#state = "down"
      this.#fail(new LinkError("link-down", "the connection to the simulated broker is down"))
      this.#listeners.emit("down")
    } else this.#fail(new LinkError("link-down", "the connection to the simulated broker is down"))
    this.#reconnect()
  }

  #finish(): void {
    this.#state = "closed"
    this.#connection = undefined
    this.#inbox.clear()
    this.#listeners.clear()
    this.#fail(new LinkError("link-closed", "the link was closed"))
  }

  #reconnect(): void {
    const { scheduler, process } = this.#site
    const most = Math.min(MOST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempts++)
    scheduler.at(scheduler.nowMs + process.random() * most, process, () => {
      if (this.#state === "down" && this.#connection === undefined)
        this.#connect(
          () => {},
          () => this.#reconnect(),
        )
    })
  }

  /** Connects, and puts the subscriptions in place. `refused` where there is no way to the broker. */
  #connect(done: () => void, refused: () => void): void {
    const { broker, scheduler, process } = this.#site
    scheduler.at(scheduler.nowMs + LATENCY_MS, process, () => {
      if (this.#state === "closed") return
      if (!broker.isReachable(this.clientId)) return refused()
      const connection = broker.accept(this)
      this.#connection = connection
      const filters = [...this.#inbox.handlers.keys()]
      const subscribed = filters.map((filter) =>
        this.#during((granted) => broker.subscribe(connection, filter, granted)),
      )
      Promise.all(subscribed).then(
        () => {
          if (this.#connection !== connection) return
          this.#attempts = 0
          this.#state = "up"
          this.upSinceMs = scheduler.nowMs
          this.#listeners.emit("up", () => this.connected)
          done()
        },
        () => {},
      )
    })
  }

  #up(): Connection {
    if (this.#state === "closed") throw new LinkError("link-closed", "the link was closed")
    if (this.#state === "down" || this.#connection === undefined)
      throw new LinkError("link-down", "the connection to the simulated broker is down")
    return this.#connection
  }

  /** What the end of the connection cuts short. */
  #during(start: (done: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject)
      start(() => {
        this.#pending.delete(reject)
        resolve()
      })
    })
  }

  #fail(error: LinkError): void {
    const pending = [...this.#pending]
    this.#pending.clear()
    for (const reject of pending) reject(error)
  }
}
