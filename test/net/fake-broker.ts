import * as net from "node:net"
import { header } from "./raw-client.ts"

/** One client, as a broker sees it. */
export interface FakeSession {
  readonly socket: net.Socket
  /** Sends bytes as they are. */
  send(...bytes: Uint8Array[]): void
}

export interface FakePacket {
  readonly type: number
  /** The lower half of the first byte. */
  readonly flags: number
  readonly body: Buffer
}

export interface FakeBroker {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** Answers of a broker that takes everything. */
export const answer = {
  connack: (code = 0): Buffer => Buffer.from([0x20, 2, 0, code]),
  suback: (packet: FakePacket, code = 1): Buffer => Buffer.from([0x90, 3, packet.body[0]!, packet.body[1]!, code]),
  puback: (packet: FakePacket): Buffer => {
    const at = 2 + packet.body.readUInt16BE(0)
    return Buffer.from([0x40, 2, packet.body[at]!, packet.body[at + 1]!])
  },
}

export const TYPE = {
  connect: 1,
  publish: 3,
  puback: 4,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
} as const

/** A server that does with every packet what the test says. */
export async function fakeBroker(
  onPacket: (packet: FakePacket, session: FakeSession) => void,
  port = 0,
): Promise<FakeBroker> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    socket.once("close", () => sockets.delete(socket))
    const session: FakeSession = { socket, send: (...bytes) => void socket.write(Buffer.concat(bytes)) }
    let buffer: Buffer = Buffer.alloc(0)
    socket.on("data", (chunk: Buffer) => {
      buffer = Buffer.concat([buffer, chunk])
      for (let found = first(buffer); found !== undefined; found = first(buffer)) {
        buffer = buffer.subarray(found.end)
        onPacket(found.packet, session)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
  const address = server.address() as net.AddressInfo
  return {
    url: `mqtt://127.0.0.1:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function first(buffer: Buffer): { readonly packet: FakePacket; readonly end: number } | undefined {
  let length = 0
  let at = 1
  for (let shift = 0; ; shift += 7) {
    const byte = buffer[at++]
    if (byte === undefined) return undefined
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  const end = at + length
  if (buffer.length < end) return undefined
  return { packet: { type: buffer[0]! >> 4, flags: buffer[0]! & 15, body: buffer.subarray(at, end) }, end }
}

/** A PUBLISH from the broker at QoS 1. */
export function publishPacket(id: number, topic: string, payload: Uint8Array): Buffer {
  const name = Buffer.from(topic)
  const body = Buffer.concat([Buffer.from([0, name.length]), name, Buffer.from([id >> 8, id & 0xff]), payload])
  return Buffer.concat([header(0x32, body.length), body])
}
