import { MqttClient } from "mqtt"
import type { IClientOptions, IPublishPacket } from "mqtt"
import type { Socket } from "node:net"
import type { Will } from "./link.ts"
import { causeOf, openSocket } from "./mqtt-target.ts"
import type { MqttTarget } from "./mqtt-target.ts"
import { OversizeFilter } from "./oversize-filter.ts"
import type { Oversize } from "./oversize-filter.ts"

export interface ConnectionOptions {
  readonly clientId: string
  readonly will: Will | undefined
  readonly keepaliveSeconds: number
  readonly connectTimeoutMs: number
  readonly maxPacketBytes: number
  /** A larger message was passed over. */
  readonly onOversize?: (message: Oversize) => void
  readonly signal: AbortSignal
}

export interface ReceivedMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly retained: boolean
  /** Acknowledges the message to the broker. */
  settled(): void
}

/** Returns false to have nothing more read until the connection's `resume` is called. May be called before `open` resolves. */
export type OnMessage = (message: ReceivedMessage, connection: MqttConnection) => boolean

/** The broker's no, with its reason. */
export class Refusal extends Error {}

// By return code (MQTT 3.1.1, table 3.1).
const CONNACK = [
  "",
  "unacceptable protocol version",
  "client id rejected",
  "server unavailable",
  "bad user name or password",
  "not authorized",
]

const GRACE_MS = 2000

/**
 * One network connection, from CONNECT to its end, by an mqtt.js client of its own: protocol 3.1.1, clean session, QoS 1. Nothing
 * survives it - whatever is under way when it ends is rejected - and it never reconnects.
 */
export class MqttConnection {
  /** Resolves with the cause when the connection has ended, however it ended. */
  readonly closed: Promise<string>
  readonly #client: MqttClient
  readonly #socket: Socket
  readonly #pending = new Set<(error: Error) => void>()
  #cause = ""
  #ended = false
  #resume: (() => void) | undefined

  static async open(target: MqttTarget, options: ConnectionOptions, onMessage: OnMessage): Promise<MqttConnection> {
    options.signal.throwIfAborted()
    const connection = new MqttConnection(target, options, onMessage)
    const abort = (): void => void connection.end(true)
    options.signal.addEventListener("abort", abort)
    try {
      await connection.#call<unknown>((done) => {
        connection.#client.once("connect", (packet) => done(null, packet))
      })
      return connection
    } catch (error) {
      options.signal.throwIfAborted()
      throw error
    } finally {
      options.signal.removeEventListener("abort", abort)
    }
  }

  private constructor(target: MqttTarget, options: ConnectionOptions, onMessage: OnMessage) {
    const socket = openSocket(target)
    this.#socket = socket
    this.#filter(options)
    this.#client = new MqttClient(() => socket, clientOptions(target, options))
    this.#client.on("error", (error) => {
      this.#cause ||= causeOf(error)
      const code = "code" in error && typeof error.code === "number" ? error.code : 0
      if (code >= 1 && code <= 5) this.#fail(new Refusal(CONNACK[code]))
      socket.destroy()
    })
    socket.on("error", (error) => (this.#cause ||= causeOf(error)))
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#ended = true
        this.#fail(new Error((this.#cause ||= "connection closed by the broker")))
        this.#client.end(true)
        resolve(this.#cause)
      })
    })
    this.#receive(onMessage)
  }

  async publish(topic: string, payload: Uint8Array, retain: boolean): Promise<void> {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    await this.#call<unknown>((done) => this.#client.publish(topic, bytes, { qos: 1, retain }, done))
  }

  /** Rejects with `Refusal` where the broker refuses one of the filters. */
  async subscribe(filters: readonly string[]): Promise<void> {
    await this.#call<unknown>((done) => {
      this.#client.subscribe([...filters], { qos: 1 }, (error, granted) => {
        // mqtt.js hands over the SUBACK in which a filter was refused; other failures have none.
        done(
          error instanceof Error && "packet" in error && error.packet ? new Refusal("subscription refused") : error,
          granted,
        )
      })
    })
  }

  async unsubscribe(filter: string): Promise<void> {
    await this.#call<unknown>((done) => this.#client.unsubscribe(filter, {}, done))
  }

  /** Goes on reading after `onMessage` has said to stop. */
  resume(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  async end(abrupt: boolean): Promise<void> {
    if (this.#ended) return
    this.#cause ||= "closed"
    if (abrupt || !this.#client.connected) this.#socket.destroy()
    else {
      // DISCONNECT, behind whatever is still being written.
      this.#socket.end(Buffer.from([0xe0, 0x00]))
      const timer = setTimeout(() => this.#socket.destroy(), GRACE_MS)
      this.#socket.once("close", () => clearTimeout(timer))
    }
    await this.closed
  }

  #receive(onMessage: OnMessage): void {
    this.#client.handleMessage = (packet: IPublishPacket, next) => {
      const { messageId, payload, qos } = packet
      const bytes = typeof payload === "string" ? Buffer.from(payload) : payload
      // A plain view, since `slice` of a Buffer does not copy and readers rely on it to.
      const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const settled = (): void => {
        if (qos === 1) this.#acknowledge(messageId)
      }
      const goOn = onMessage({ topic: packet.topic, payload: view, retained: packet.retain, settled }, this)
      // An error makes mqtt.js go on to the next packet without PUBACK, which is sent above, when the message has been handled. So
      // acknowledgements of what this client publishes are seen while a handler works: it may wait for them.
      const readOn = (): void => next(new Error("acknowledged later"))
      if (goOn) readOn()
      else this.#resume = readOn
    }
  }

  /** Sees what comes before the socket's buffer does. */
  #filter({ maxPacketBytes, onOversize }: ConnectionOptions): void {
    const socket = this.#socket
    const filter = new OversizeFilter(maxPacketBytes, (message) => {
      this.#acknowledge(message.messageId)
      onOversize?.(message)
    })
    const push = socket.push.bind(socket)
    socket.push = (chunk: Buffer | null): boolean => {
      if (chunk === null) return push(null)
      try {
        const kept = filter.pass(chunk)
        return kept.length === 0 || push(kept)
      } catch (error) {
        socket.destroy(new Error(`bad data from the broker: ${causeOf(error)}`))
        return false
      }
    }
  }

  #acknowledge(messageId: number | undefined): void {
    if (messageId !== undefined && !this.#ended && this.#socket.writable)
      this.#socket.write(Buffer.from([0x40, 0x02, messageId >> 8, messageId & 0xff]))
  }

  /** Runs a callback-style operation that the end of the connection cuts short. */
  #call<T>(start: (done: (error?: Error | null, value?: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject)
      if (this.#ended) return reject(new Error(this.#cause))
      start((error, value) => {
        this.#pending.delete(reject)
        if (error) reject(error)
        else resolve(value as T)
      })
    })
  }

  #fail(error: Error): void {
    const pending = [...this.#pending]
    this.#pending.clear()
    for (const reject of pending) reject(error)
  }
}

function clientOptions({ username, password }: MqttTarget, options: ConnectionOptions): IClientOptions {
  const { clientId, will, keepaliveSeconds, connectTimeoutMs } = options
  return {
    clientId,
    clean: true,
    protocolVersion: 4,
    keepalive: keepaliveSeconds,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    subscribeBatchSize: 100,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(will !== undefined && {
      will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1 as const, retain: will.retain },
    }),
  }
}
