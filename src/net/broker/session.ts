import type { Client } from "aedes"
import type { Socket } from "node:net"
import { PacketGuard } from "../packet-guard.ts"
import type { Identity } from "./access.ts"
import { Outbox } from "./outbox.ts"
import type { OutboxLimits } from "./outbox.ts"

export interface SessionLimits extends OutboxLimits {
  readonly maxPacketBytes: number
}

const MAX_CONNECT_BYTES = 16 << 10
const CONNECT = 1

/** What the broker knows about one connection. */
export class Session {
  readonly socket: Socket
  /** The other end; a socket that is closed has forgotten it. */
  readonly address: string | undefined
  readonly outbox: Outbox
  /** What it is subscribed to. */
  readonly filters = new Set<string>()
  client: Client | undefined
  identity: Identity | undefined
  will: { readonly topic: string; readonly retain: boolean } | undefined
  /** Set by aedes' last check before it writes a message, which it does not reach with a duplicate. */
  forwarded = false
  /** Whether this connection has been reported already. */
  reported = false
  readonly #guard: PacketGuard
  readonly #cut: (why: string) => void
  #partialSince = Infinity
  #held = 0

  /** `cut` ends the connection. */
  constructor(socket: Socket, limits: SessionLimits, cut: (why: string) => void) {
    this.socket = socket
    this.address = socket.remoteAddress
    this.#cut = cut
    this.#guard = new PacketGuard(limits.maxPacketBytes, checkFirstPacket)
    this.outbox = new Outbox(limits, () => this.identity?.trusted === true, cut)
    this.#guardReads()
  }

  get trusted(): boolean {
    return this.identity?.trusted === true
  }

  /** When the packet that is arriving began, by `performance.now`; infinity between packets, and while nothing is read. */
  get partialSince(): number {
    return this.#held > 0 ? Infinity : this.#partialSince
  }

  /** A receiver has no room for a message of this client: until the returned function is called nothing more is read. */
  hold(): () => void {
    this.#held++
    return () => {
      if (--this.#held === 0 && this.#partialSince !== Infinity) this.#partialSince = performance.now()
    }
  }

  /** Puts the outbox in front of everything that aedes delivers to this client. */
  attach(client: Client): void {
    this.client = client
    const deliverer = client as unknown as Deliverer
    const { deliver0, deliverQoS } = deliverer
    const queued =
      (qos: 0 | 1): Deliver =>
      (packet, done) =>
        this.outbox.push(
          packet.topic.length + packet.payload.length,
          (written) => {
            // As aedes does: the lowest QoS of the message, of the subscription, and of one to this very topic if there is one.
            const effective = Math.min(qos, packet.qos, deliverer.subscriptions[packet.topic]?.qos ?? qos)
            this.forwarded = false
            if (qos === 0 || packet.qos === 0) deliver0(packet, written)
            else deliverQoS(packet, written)
            return this.forwarded && effective > 0
          },
          done,
          packet.clientId !== client.id,
          packet.clientId,
        )
    deliverer.deliver0 = queued(0)
    deliverer.deliverQoS = queued(1)
  }

  /** Sees every chunk before aedes does, which takes them by `read`: overriding it costs no copy. */
  #guardReads(): void {
    const { socket } = this
    const read = socket.read.bind(socket)
    socket.read = (size?: number): Buffer | null => {
      // aedes alone does not stop where packets are larger than chunks. It asks again when a held message is through.
      if (this.#held > 0 && size !== 0) return null
      const chunk = read(size) as Buffer | null
      if (chunk === null) return null
      const before = this.#guard.packets
      const wrong = this.#guard.scan(chunk)
      if (wrong !== undefined) {
        this.#cut(wrong)
        return null
      }
      if (!this.#guard.partial) this.#partialSince = Infinity
      else if (this.#partialSince === Infinity || this.#guard.packets > before) this.#partialSince = performance.now()
      return chunk
    }
  }
}

function checkFirstPacket(type: number, lengthBytes: number, index: number): string | undefined {
  if (index > 0) return undefined
  if (type !== CONNECT) return "expected CONNECT first"
  if (lengthBytes > MAX_CONNECT_BYTES)
    return `expected a CONNECT of at most ${MAX_CONNECT_BYTES} bytes, got ${lengthBytes}`
  return undefined
}

/** How aedes delivers to a client: by functions that are properties of its client object, looked up when a client subscribes. */
interface Deliverer {
  readonly subscriptions: Readonly<Record<string, { readonly qos: number } | undefined>>
  deliver0: Deliver
  deliverQoS: Deliver
}

type Deliver = (packet: Delivery, done: () => void) => void

interface Delivery {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: number
  /** Who published it. */
  readonly clientId?: string
}
