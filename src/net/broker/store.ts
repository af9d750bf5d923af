import { Readable } from "node:stream"
import { RetainedMessages } from "../retained.ts"

interface Packet {
  readonly topic: string
  readonly payload: Uint8Array
}

interface Session {
  readonly id: string
}

interface Numbered {
  readonly messageId?: number
}

/**
 * What aedes keeps, in memory: retained messages, last wills, and QoS 2 messages between their two steps. No sessions: the broker makes
 * every session a clean one. An exact topic's retained message is one look-up, where aedes' own store compares all retained
 * topics with every new subscription: with a retained Hello per device that is quadratic in the size of the fleet.
 */
export class BrokerStore {
  readonly retained = new RetainedMessages<Packet>()
  readonly #wills = new Map<string, object>()
  readonly #incoming = new Map<string, Map<number, object>>()

  async setup(): Promise<void> {}

  // The next three lie between a message's arrival and its delivery. They settle synchronously: a promise would let a message that
  // needs one step less overtake, and aedes then drops the one that was overtaken as a duplicate (moscajs/aedes#994).
  storeRetained(packet: Packet): Settled<void> {
    // The payload is a view of the socket's chunk, which it would keep alive.
    this.retained.store({ ...packet, payload: Buffer.from(packet.payload) })
    return new Settled(undefined)
  }

  subscriptionsByTopic(): Settled<readonly never[]> {
    return new Settled([])
  }

  outgoingEnqueueCombi(): Settled<void> {
    return new Settled(undefined)
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(filters.flatMap((filter) => this.retained.matching(filter)))
  }

  async cleanSubscriptions(): Promise<void> {}

  async subscriptionsByClient(): Promise<readonly never[]> {
    return []
  }

  outgoingStream(): Readable {
    return Readable.from([])
  }

  outgoingClearMessageId(_client: Session, packet: Numbered): Settled<Numbered> {
    return new Settled(packet)
  }

  async incomingStorePacket({ id }: Session, packet: Numbered): Promise<void> {
    let packets = this.#incoming.get(id)
    if (packets === undefined) this.#incoming.set(id, (packets = new Map()))
    packets.set(packet.messageId!, packet)
  }

  async incomingGetPacket({ id }: Session, { messageId }: Numbered): Promise<object> {
    const packet = this.#incoming.get(id)?.get(messageId!)
    if (packet === undefined) throw new Error("no such packet")
    return packet
  }

  async incomingDelPacket({ id }: Session, { messageId }: Numbered): Promise<void> {
    if (this.#incoming.get(id)?.delete(messageId!) !== true) throw new Error("no such packet")
  }

  async cleanIncoming({ id }: Session): Promise<void> {
    this.#incoming.delete(id)
  }

  async putWill({ id }: Session, will: object): Promise<void> {
    this.#wills.set(id, will)
  }

  async delWill({ id }: Session): Promise<object | undefined> {
    const will = this.#wills.get(id)
    this.#wills.delete(id)
    return will
  }

  // Wills of brokers in the same cluster that died: there is no cluster.
  streamWill(): Readable {
    return Readable.from([])
  }
}

/** As much of a promise as aedes uses, kept already. */
class Settled<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  // oxlint-disable-next-line unicorn/no-thenable
  then(resolve: (value: T) => void): void {
    resolve(this.#value)
  }
}
