import type { Will } from "../../src/net/link.ts"
import { RetainedMessages } from "../../src/net/retained.ts"
import { TopicTree } from "../../src/net/topic-tree.ts"
import { Random } from "./random.ts"
import type { Owner, Scheduler } from "./scheduler.ts"

/** How bad the way between one client and the broker is, in both directions: probabilities of each message. */
export interface Noise {
  /** Every message takes up to so long, each its own time: messages of different topics overtake each other. */
  readonly delayMs: number
  /** Lost, and sent again after a while, as often as needed. */
  readonly lost: number
  /** Arrives twice. */
  readonly twice: number
  /** The broker's acknowledgement is lost: the client sends the message again. */
  readonly unacknowledged: number
  /** The broker's queue for this client is full: it drops a message and tells nobody. */
  readonly dropped: number
}

export const CLEAN: Noise = { delayMs: 5, lost: 0, twice: 0, unacknowledged: 0, dropped: 0 }

export interface Message {
  readonly topic: string
  readonly payload: Uint8Array
}

/** The client's end of a connection. Its `owner` is the process: what is for a dead one goes nowhere. */
export interface ClientEnd {
  readonly clientId: string
  readonly owner: Owner
  readonly will: Will | undefined
  /** `settled`: to be called when the message has been handled. */
  receive(message: Message, retained: boolean, settled: () => void): void
  /** The connection has ended, and the client has noticed. */
  lost(connection: Connection): void
}

/**
 * One connection of one client. Messages of one topic stay in order, but that some may be sent again: 1, 2, 1, 2, 3 (MQTT 3.1.1, section 4.6). A copy of
 * an update may come much later than the first.
 */
export interface Connection {
  readonly client: ClientEnd
  readonly noise: () => Noise
  readonly random: Random
  /** The broker holds it open. */
  open: boolean
  /** Packets pass, and the client reads them. */
  wire: boolean
  /** When the last packet arrives: of each order, and of all. */
  readonly upMs: Map<string, number>
  readonly downMs: Map<string, number>
  lastUpMs: number
  /** Nothing from the broker comes before: replayed messages come ahead of what is published later. */
  floorMs: number
  /** The last messages of every topic. */
  readonly sent: Map<string, readonly Message[]>
  inFlight: number
  readonly queue: { readonly message: Message; readonly retained: boolean }[]
}

export interface BrokerFacts {
  published: number
  delivered: number
  dropped: number
  repeated: number
}

/** Messages that a client has not acknowledged, and those that wait behind them: what Mosquitto has by default, smaller. */
const WINDOW = 20
const QUEUE = 100

/** Messages of a topic that may be sent again together. */
const REMEMBERED = 4

const AGAIN_MS = 1500
const LATE_COPY_MS = 30_000

/**
 * A broker of MQTT 3.1.1 as a model: QoS 1, clean sessions, retained messages, wills, a window and a bounded queue for each client. Its faults are those
 * that real ones have. What is not modelled: sessions that outlive a connection, and retained messages that come after live ones of their subscription.
 */
export class Broker {
  readonly facts: BrokerFacts = { published: 0, delivered: 0, dropped: 0, repeated: 0 }
  readonly #scheduler: Scheduler
  readonly #seed: number
  readonly #onMessage: (message: Message, from: string) => void
  readonly #subscriptions = new TopicTree<Connection>()
  readonly #filters = new Map<Connection, Set<string>>()
  readonly #retained = new RetainedMessages<Message>()
  readonly #clients = new Map<string, Connection>()
  readonly #noise = new Map<string, Noise>()
  readonly #unreachable = new Set<string>()
  #running = true
  #connections = 0

  /** `onMessage`: for a trace. */
  constructor(scheduler: Scheduler, seed: number, onMessage: (message: Message, from: string) => void) {
    this.#scheduler = scheduler
    this.#seed = seed
    this.#onMessage = onMessage
  }

  /** A client's way gets this bad; the shorter its name the more clients it stands for: "coordinator" is all of them. */
  disturb(name: string, noise: Noise): void {
    this.#noise.set(name, noise)
  }

  calm(): void {
    this.#noise.clear()
    this.#unreachable.clear()
  }

  isReachable(clientId: string): boolean {
    return this.#running && !this.#unreachable.has(nameOf(clientId))
  }

  /** The way to a client is interrupted until `heal`; both ends notice later. */
  cut(name: string, brokerMs: number, clientMs: number): void {
    this.#unreachable.add(name)
    for (const connection of this.#clients.values())
      if (nameOf(connection.client.clientId) === name) this.sever(connection, brokerMs, clientMs)
  }

  heal(name: string): void {
    this.#unreachable.delete(name)
  }

  /** A connection breaks: what is on its way is lost. */
  sever(connection: Connection, brokerMs: number, clientMs: number): void {
    connection.wire = false
    const now = this.#scheduler.nowMs
    const { client } = connection
    this.#scheduler.at(now + brokerMs, undefined, () => this.#close(connection, true))
    this.#scheduler.at(now + clientMs, client.owner, () => client.lost(connection))
  }

  /** Dies: everybody's connection breaks, no will is sent. */
  stop(forget: boolean): void {
    this.#running = false
    if (forget) this.forget()
    for (const connection of [...this.#clients.values()]) {
      this.#close(connection, false)
      connection.wire = false
      const { client } = connection
      this.#scheduler.at(this.#scheduler.nowMs + connection.random.below(200), client.owner, () =>
        client.lost(connection),
      )
    }
  }

  start(): void {
    this.#running = true
  }

  /** Loses what it retains. */
  forget(): void {
    this.#retained.clear()
  }

  retains(topic: string): boolean {
    return this.#retained.matching(topic).length > 0
  }

  /** What an operator does to a retained topic. */
  clear(topic: string): void {
    this.#route({ topic, payload: new Uint8Array(0) }, true, "operator")
  }

  accept(client: ClientEnd): Connection {
    const { clientId } = client
    const older = this.#clients.get(clientId)
    if (older !== undefined) {
      this.#close(older, true)
      older.wire = false
    }
    const random = new Random(this.#seed, "connection", nameOf(clientId), this.#connections++)
    const connection: Connection = {
      client,
      noise: () => this.#noise.get(nameOf(clientId)) ?? CLEAN,
      random,
      open: true,
      wire: true,
      upMs: new Map(),
      downMs: new Map(),
      lastUpMs: 0,
      floorMs: 0,
      sent: new Map(),
      inFlight: 0,
      queue: [],
    }
    this.#clients.set(clientId, connection)
    this.#filters.set(connection, new Set())
    return connection
  }

  /** A PUBLISH is on its way; `acknowledged` is called when its PUBACK is back. */
  publish(connection: Connection, message: Message, retain: boolean, acknowledged: () => void): void {
    const { random } = connection
    const noise = connection.noise()
    const { topic } = message
    const take = (): void => this.#route(message, retain, connection.client.clientId)
    const acknowledge = (): void => this.#down(connection, undefined, acknowledged)
    const silent = random.chance(noise.unacknowledged)
    this.up(connection, topic, silent ? take : () => (take(), acknowledge()))
    if (silent) {
      this.facts.repeated++
      this.up(connection, topic, () => (take(), acknowledge()), AGAIN_MS)
    }
    if (!random.chance(noise.twice)) return
    this.facts.repeated++
    const isUpdate = topic.includes("/up/")
    if (isUpdate) this.up(connection, undefined, take, random.between(0, LATE_COPY_MS))
    else this.up(connection, topic, take)
  }

  subscribe(connection: Connection, filter: string, granted: () => void): void {
    this.up(connection, filter, () => {
      this.#subscriptions.add(filter, connection)
      this.#filters.get(connection)!.add(filter)
      for (const message of this.#retained.matching(filter)) this.#deliver(connection, message, true)
      this.#down(connection, filter, granted)
    })
  }

  unsubscribe(connection: Connection, filter: string, done: () => void): void {
    this.up(connection, filter, () => {
      this.#subscriptions.delete(filter, connection)
      this.#filters.get(connection)!.delete(filter)
      this.#down(connection, filter, done)
    })
  }

  /** Ends a connection behind what is on its way. */
  leave(connection: Connection, withWill: boolean): void {
    const wasWire = connection.wire
    this.#scheduler.at(Math.max(this.#scheduler.nowMs, connection.lastUpMs), undefined, () => {
      if (wasWire && connection.wire) this.#close(connection, withWill)
      connection.wire = false
    })
  }

  /** A packet of the client: after those of the same `order`, or whenever it comes. */
  up(connection: Connection, order: string | undefined, run: () => void, laterMs = 0): void {
    const atMs = arrival(connection, order, this.#scheduler.nowMs + laterMs, connection.upMs)
    connection.lastUpMs = Math.max(connection.lastUpMs, laterMs > 0 ? 0 : atMs)
    this.#scheduler.at(atMs, undefined, () => {
      if (connection.open && connection.wire && this.#running) run()
    })
  }

  #down(connection: Connection, order: string | undefined, run: () => void): void {
    const atMs = arrival(connection, order, this.#scheduler.nowMs, connection.downMs)
    this.#scheduler.at(atMs, connection.client.owner, () => {
      if (connection.wire) run()
    })
  }

  #route(message: Message, retain: boolean, from: string): void {
    this.facts.published++
    this.#onMessage(message, from)
    if (retain) this.#retained.store(message)
    for (const connection of this.#subscriptions.match(message.topic)) this.#deliver(connection, message, false)
  }

  #deliver(connection: Connection, message: Message, retained: boolean): void {
    const drop = !retained && connection.random.chance(connection.noise().dropped)
    if (drop || connection.queue.length >= QUEUE) {
      this.facts.dropped++
      return
    }
    if (connection.inFlight < WINDOW) this.#send(connection, message, retained)
    else connection.queue.push({ message, retained })
  }

  #send(connection: Connection, message: Message, retained: boolean): void {
    connection.inFlight++
    const { client, random } = connection
    const settled = (): void =>
      this.up(connection, undefined, () => {
        connection.inFlight--
        const next = connection.queue.shift()
        if (next !== undefined) this.#send(connection, next.message, next.retained)
      })
    const order = message.topic
    const atMs = Math.max(arrival(connection, order, this.#scheduler.nowMs, connection.downMs), connection.floorMs)
    connection.downMs.set(order, atMs)
    if (retained) connection.floorMs = atMs
    const receive = (settled: () => void): void => {
      if (!connection.wire) return
      this.facts.delivered++
      client.receive(message, retained, settled)
    }
    this.#scheduler.at(atMs, client.owner, () => receive(settled))
    const before = connection.sent.get(order) ?? []
    connection.sent.set(order, [...before, message].slice(-REMEMBERED))
    if (!random.chance(connection.noise().twice)) return
    this.facts.repeated++
    const againMs = arrival(connection, order, this.#scheduler.nowMs, connection.downMs)
    // What is sent again is sent in its old order, from wherever that begins.
    for (const older of before.slice(random.below(before.length + 1)))
      this.#scheduler.at(againMs, client.owner, () => {
        if (connection.wire) client.receive(older, false, () => {})
      })
    this.#scheduler.at(againMs, client.owner, () => receive(() => {}))
  }

  #close(connection: Connection, withWill: boolean): void {
    if (!connection.open) return
    connection.open = false
    const { clientId, will } = connection.client
    if (this.#clients.get(clientId) === connection) this.#clients.delete(clientId)
    for (const filter of this.#filters.get(connection)!) this.#subscriptions.delete(filter, connection)
    this.#filters.delete(connection)
    if (withWill && will !== undefined && this.#running) this.#route(will, will.retain, clientId)
  }
}

/** When a packet that is sent now arrives: after the one before it in its order. */
function arrival(connection: Connection, order: string | undefined, nowMs: number, last: Map<string, number>): number {
  const { random } = connection
  const { delayMs, lost } = connection.noise()
  let atMs = nowMs + 1 + random.unit() * delayMs
  while (random.chance(lost)) atMs += random.between(AGAIN_MS / 2, 2 * AGAIN_MS)
  if (order === undefined) return atMs
  atMs = Math.max(atMs, last.get(order) ?? 0)
  last.set(order, atMs)
  return atMs
}

/** All coordinators are one to those who make faults. */
function nameOf(clientId: string): string {
  return clientId.startsWith("coordinator-") ? "coordinator" : clientId
}
