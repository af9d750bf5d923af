import { Aedes } from "aedes"
import type { Client, PublishPacket } from "aedes"
import * as net from "node:net"
import * as tls from "node:tls"
import { OPEN_ACCESS } from "./broker/access.ts"
import type { Access } from "./broker/access.ts"
import { BrokerEmitter } from "./broker/emitter.ts"
import { Session } from "./broker/session.ts"
import type { SessionLimits } from "./broker/session.ts"
import { BrokerStore } from "./broker/store.ts"
import { LinkError } from "./link.ts"
import { causeOf } from "./mqtt-target.ts"

export interface BrokerOptions {
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string
  /** Default: 0, any free port. */
  readonly port?: number
  /** Who may do what. Default: everybody everything, which only a loopback address allows; elsewhere say `OPEN_ACCESS` to mean it. */
  readonly access?: Access
  /** The broker's certificate and key in PEM; clients then use `mqtts://`. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer }
  /** Largest MQTT packet, in bytes; who sends a larger one is cut off before it is stored. Default: 2 MiB. */
  readonly maxPacketBytes?: number
  /** Default: 20,000. */
  readonly maxConnections?: number
  /** Retained bytes after which only trusted clients may retain. Default: 64 MiB. */
  readonly maxRetainedBytes?: number
  /** Filters of one client that is not trusted. Default: 100. */
  readonly maxFilters?: number
  /** Unacknowledged messages per client. Default: 64. */
  readonly window?: number
  /** Bytes that may wait for one client. Default: 16 MiB. */
  readonly maxOutboxBytes?: number
  /** Messages of one publisher that may wait for one client before that publisher is not read any more. Default: 4096. */
  readonly maxFromOne?: number
  /** Time for CONNECT to arrive. Default: 10 s. */
  readonly connectTimeoutMs?: number
  /** Time for a packet that has begun to arrive in full. Default: 60 s. */
  readonly packetTimeoutMs?: number
  /** Time for a client that is behind to show a sign of life. Default: 15 s. */
  readonly stallTimeoutMs?: number
  /** Told once about every client that is refused something or cut off. */
  readonly onRefused?: (refusal: BrokerRefusal) => void
}

export interface BrokerRefusal {
  readonly clientId: string | undefined
  readonly address: string | undefined
  readonly reason: string
}

export interface BrokerStats {
  /** Connections, and those of them that are through CONNECT. */
  readonly connections: number
  readonly clients: number
  /** Messages that clients have published. */
  readonly published: number
  readonly retained: number
  readonly retainedBytes: number
  /** Bytes that wait for clients. */
  readonly waitingBytes: number
  readonly refused: number
}

export interface EmbeddedBroker {
  readonly url: string
  readonly host: string
  readonly port: number
  stats(): BrokerStats
  /** Ends all connections; resolves when nothing of the broker is left. */
  close(): Promise<void>
}

/**
 * An MQTT 3.1.1 broker in this process (aedes), made to stand a cohort and hostile clients. It keeps no sessions: every session is a clean
 * one. Rejects with `LinkError` ("link-options") where it cannot listen.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<EmbeddedBroker> {
  const host = options.host ?? "127.0.0.1"
  if (options.access === undefined && !isLoopback(host))
    throw new LinkError(
      "link-options",
      `expected access rules for a broker on ${host}; without any it listens on a loopback address only`,
    )
  const broker = new Broker(options)
  await broker.listen(host, options.port ?? 0)
  return broker
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (net.isIPv4(host) && host.startsWith("127."))
}

const CONNECT_TIMEOUT_MS = 10_000

class Broker implements EmbeddedBroker {
  url = ""
  host = ""
  port = 0
  readonly #options: BrokerOptions
  readonly #store = new BrokerStore()
  readonly #aedes: Aedes
  readonly #server: net.Server
  readonly #limits: SessionLimits
  // Every TCP connection, those in the middle of a TLS handshake included.
  readonly #sockets = new Set<net.Socket>()
  readonly #sessions = new Set<Session>()
  readonly #trusted = new Set<Session>()
  readonly #byId = new Map<string, Session>()
  readonly #byClient = new WeakMap<Client, Session>()
  #sweep: NodeJS.Timeout | undefined
  #published = 0
  #refused = 0
  #closing = false

  constructor(options: BrokerOptions) {
    this.#options = options
    this.#limits = {
      maxPacketBytes: options.maxPacketBytes ?? 2 << 20,
      window: options.window ?? 64,
      maxBytes: options.maxOutboxBytes ?? 16 << 20,
      maxFromOne: options.maxFromOne ?? 4096,
      stallTimeoutMs: options.stallTimeoutMs ?? 15_000,
    }
    this.#aedes = this.#createAedes()
    const accept = (socket: net.Socket): void => this.#accept(socket)
    const handshakeTimeout = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    this.#server =
      options.tls === undefined
        ? net.createServer(accept)
        : tls.createServer({ ...options.tls, handshakeTimeout }, accept)
    this.#server.maxConnections = options.maxConnections ?? 20_000
    this.#server.on("connection", (socket: net.Socket) => {
      this.#sockets.add(socket)
      socket.once("close", () => this.#sockets.delete(socket))
    })
  }

  async listen(host: string, port: number): Promise<void> {
    await this.#aedes.listen()
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once("error", reject)
        this.#server.listen({ host, port, backlog: 4096 }, resolve)
      })
    } catch (error) {
      await new Promise<void>((resolve) => this.#aedes.close(resolve))
      throw new LinkError("link-options", `could not listen on ${host}:${port}: ${listenCause(error)}`, {
        cause: error,
      })
    }
    const address = this.#server.address() as net.AddressInfo
    this.host = host
    this.port = address.port
    const scheme = this.#options.tls === undefined ? "mqtt" : "mqtts"
    this.url = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${this.port}`
    const packetTimeoutMs = this.#options.packetTimeoutMs ?? 60_000
    this.#sweep = setInterval(() => this.#cutSlow(packetTimeoutMs), Math.max(10, packetTimeoutMs / 8))
  }

  stats(): BrokerStats {
    let clients = 0
    let waitingBytes = 0
    for (const session of this.#sessions) {
      if (session.client?.connected === true) clients++
      waitingBytes += session.outbox.bytes
    }
    return {
      connections: this.#sockets.size,
      clients,
      published: this.#published,
      retained: this.#store.retained.count,
      retainedBytes: this.#store.retained.bytes,
      waitingBytes,
      refused: this.#refused,
    }
  }

  async close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#sweep)
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const { outbox } of this.#sessions) outbox.close()
    await new Promise<void>((resolve) => this.#aedes.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #createAedes(): Aedes {
    const aedes = new Aedes({
      mq: new BrokerEmitter((clientId) => this.#hold(clientId)),
      persistence: this.#store,
      connectTimeout: this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      drainTimeout: this.#limits.stallTimeoutMs,
      preConnect: (client, packet, callback) => {
        packet.clean = true
        const session = this.#byClient.get(client)!
        if (packet.will !== undefined) session.will = { topic: packet.will.topic, retain: packet.will.retain === true }
        callback(null, true)
      },
      authenticate: (client, username, password, callback) => {
        const session = this.#byClient.get(client)!
        const wrong = this.#admit(session, client, username, password)
        if (wrong !== undefined) this.#note(session, wrong)
        callback(null, wrong === undefined)
      },
      authorizePublish: (client, packet, callback) => callback(this.#publishError(client, packet)),
      authorizeSubscribe: (client, subscription, callback) => {
        const session = this.#byClient.get(client)!
        callback(null, this.#maySubscribe(session, subscription.topic) ? subscription : null)
      },
      authorizeForward: (client, packet) => {
        const session = this.#byClient.get(client)
        if (session !== undefined) session.forwarded = true
        return packet
      },
    })
    aedes.on("client", (client) => this.#byId.set(client.id, this.#byClient.get(client)!))
    aedes.on("ack", (_packet, client) => this.#byClient.get(client)?.outbox.acknowledged())
    aedes.on("unsubscribe", (filters, client) => {
      const session = this.#byClient.get(client)
      for (const filter of filters) session?.filters.delete(filter)
    })
    aedes.on("publish", (_packet, client) => {
      if (client !== null) this.#published++
    })
    aedes.on("clientError", (client, error) => this.#noteError(client, error))
    aedes.on("connectionError", (client, error) => this.#noteError(client, error))
    return aedes
  }

  #accept(socket: net.Socket): void {
    socket.setNoDelay(true)
    const session = new Session(socket, this.#limits, (why) => this.#cut(session, why))
    this.#sessions.add(session)
    socket.once("close", () => {
      this.#sessions.delete(session)
      this.#trusted.delete(session)
      if (this.#byId.get(client.id) === session) this.#byId.delete(client.id)
      session.outbox.close()
    })
    const client = this.#aedes.handle(socket)
    this.#byClient.set(client, session)
    session.attach(client)
  }

  /** Returns what is wrong, if anything. */
  #admit(
    session: Session,
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
  ): string | undefined {
    const identity = (this.#options.access ?? OPEN_ACCESS).admit(client.id, username, password)
    if (identity === undefined) return "not admitted"
    if (identity.trusted) this.#trusted.add(session)
    else
      for (const { client: other } of this.#trusted)
        if (other?.id === client.id) return "its client id is a trusted client's"
    if (session.will !== undefined && !identity.mayPublish(session.will.topic, session.will.retain))
      return `may not publish its last will to ${session.will.topic}`
    session.identity = identity
    return undefined
  }

  #publishError(client: Client | null, packet: PublishPacket): Error | null {
    const session = client === null ? undefined : this.#byClient.get(client)
    if (session?.identity === undefined) return new Error("not connected")
    const retain = packet.retain === true
    if (!session.identity.mayPublish(packet.topic, retain)) return new Error(`may not publish to ${packet.topic}`)
    const limit = this.#options.maxRetainedBytes ?? 64 << 20
    if (retain && !session.identity.trusted && this.#store.retained.bytes > limit)
      return new Error("no room for retained messages")
    return null
  }

  #maySubscribe(session: Session, filter: string): boolean {
    const { identity, filters } = session
    if (identity === undefined || !identity.maySubscribe(filter)) return false
    // aedes would grant a shared subscription and deliver nothing.
    if (filter.startsWith("$share/")) return false
    if (!identity.trusted && filters.size >= (this.#options.maxFilters ?? 100) && !filters.has(filter)) return false
    filters.add(filter)
    return true
  }

  #hold(clientId: string): () => void {
    return this.#byId.get(clientId)?.hold() ?? (() => {})
  }

  #cutSlow(packetTimeoutMs: number): void {
    const now = performance.now()
    for (const session of this.#sessions) {
      if (now - session.partialSince > packetTimeoutMs) this.#cut(session, "its packet did not arrive in time")
    }
  }

  #cut(session: Session, why: string): void {
    this.#note(session, why)
    session.socket.destroy()
  }

  #noteError(client: Client, error: Error): void {
    const session = this.#byClient.get(client)
    // A connection that breaks is no offence, nor is a message for a broker that ends.
    if (session !== undefined && !this.#closing && !("code" in error) && error.message !== "connection closed")
      this.#note(session, error.message)
  }

  #note(session: Session, reason: string): void {
    if (session.reported) return
    session.reported = true
    this.#refused++
    this.#options.onRefused?.({
      clientId: session.client?.id ?? undefined,
      address: session.address,
      reason,
    })
  }
}

function listenCause(error: unknown): string {
  if (error instanceof Error && "code" in error) {
    if (error.code === "EADDRINUSE") return "the port is in use"
    if (error.code === "EACCES") return "not permitted"
    if (error.code === "EADDRNOTAVAIL") return "no such address here"
  }
  return causeOf(error)
}
