import * as net from "node:net"

/**
 * MQTT 3.1.1 packets written by hand (sections 2 and 3), independent of any library, for tests in which a client must misbehave, or in
 * which there are too many clients for a library.
 */
export const packet = {
  connect(clientId: string, { username, password }: { username?: string; password?: string } = {}): Buffer {
    const flags = 0x02 | (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40)
    const fields = [clientId, username, password].filter((field) => field !== undefined)
    return encode(0x10, [text("MQTT"), Buffer.from([4, flags, 0, 0]), ...fields.map(text)])
  },
  publish(topic: string, payload: Uint8Array, { id = 1, qos = 1 }: { id?: number; qos?: 0 | 1 } = {}): Buffer {
    return encode(0x30 | (qos << 1), [text(topic), ...(qos === 0 ? [] : [u16(id)]), payload])
  },
  subscribe(filter: string, id = 1): Buffer {
    return encode(0x82, [u16(id), text(filter), Buffer.from([1])])
  },
  puback: (id: number): Buffer => encode(0x40, [u16(id)]),
  pingreq: encode(0xc0, []),
}

/** A fixed header with this type and flags, and this remaining length, which may be a lie. */
export function header(first: number, lengthBytes: number): Buffer {
  const bytes = [first]
  do {
    const more = lengthBytes >= 128
    bytes.push((lengthBytes % 128) | (more ? 0x80 : 0))
    lengthBytes = Math.floor(lengthBytes / 128)
  } while (lengthBytes > 0)
  return Buffer.from(bytes)
}

function encode(first: number, parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([header(first, body.length), body])
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([u16(bytes.length), bytes])
}

export interface Received {
  /** Packet type: 2 CONNACK, 3 PUBLISH, 4 PUBACK, 9 SUBACK, ... */
  readonly type: number
  readonly body: Buffer
}

/** A socket and the packets that came out of it. */
export class RawClient {
  readonly socket: net.Socket
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>
  /** Identifiers of the messages that came. */
  readonly messageIds: number[] = []
  /** Called with every packet. */
  onPacket: (packet: Received) => void = () => {}
  #buffer: Buffer = Buffer.alloc(0)
  #waiting: { readonly type: number; readonly resolve: (packet: Received) => void }[] = []

  constructor(port: number) {
    this.socket = net.connect(port, "127.0.0.1")
    this.socket.setNoDelay(true)
    this.socket.on("error", () => {})
    this.closed = new Promise((resolve) => this.socket.once("close", () => resolve()))
    this.socket.on("data", (chunk: Buffer) => this.#read(chunk))
  }

  /** Connects and waits for CONNACK. */
  static async connect(
    port: number,
    clientId: string,
    login: { username?: string; password?: string } = {},
  ): Promise<RawClient> {
    const client = new RawClient(port)
    const connack = client.next(2)
    client.write(packet.connect(clientId, login))
    const { body } = await connack
    if (body[1] !== 0) throw new Error(`the broker refused ${clientId} with code ${body[1]}`)
    return client
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** The next packet of this type; rejects when the connection ends first. */
  next(type: number): Promise<Received> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ type, resolve })
      void this.closed.then(() => reject(new Error(`the connection ended before a packet of type ${type}`)))
    })
  }

  async subscribe(filter: string): Promise<number> {
    const suback = this.next(9)
    this.write(packet.subscribe(filter))
    return (await suback).body[2]!
  }

  async publish(topic: string, payload: Uint8Array): Promise<void> {
    const puback = this.next(4)
    this.write(packet.publish(topic, payload))
    await puback
  }

  /** Acknowledges every message from now on, and hands over topic and payload. */
  consume(onMessage: (topic: string, payload: Buffer) => void): void {
    this.onPacket = ({ type, body }) => {
      if (type !== 3) return
      const topicEnd = 2 + body.readUInt16BE(0)
      this.write(packet.puback(messageId(body)))
      onMessage(body.toString("utf8", 2, topicEnd), body.subarray(topicEnd + 2))
    }
  }

  destroy(): void {
    this.socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    for (;;) {
      let length = 0
      let at = 1
      for (let shift = 0; ; shift += 7) {
        if (at >= this.#buffer.length) return
        const byte = this.#buffer[at++]!
        length += (byte & 0x7f) * 2 ** shift
        if (byte < 0x80) break
      }
      if (this.#buffer.length < at + length) return
      const received = { type: this.#buffer[0]! >> 4, body: this.#buffer.subarray(at, at + length) }
      if (received.type === 3 && (this.#buffer[0]! & 0x06) > 0) this.messageIds.push(messageId(received.body))
      this.#buffer = this.#buffer.subarray(at + length)
      const index = this.#waiting.findIndex(({ type }) => type === received.type)
      if (index >= 0) this.#waiting.splice(index, 1)[0]!.resolve(received)
      this.onPacket(received)
    }
  }
}

function messageId(body: Buffer): number {
  return body.readUInt16BE(2 + body.readUInt16BE(0))
}
