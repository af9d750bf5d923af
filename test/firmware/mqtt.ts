/** MQTT 3.1.1 packets (OASIS standard) as a broker has them: just enough to play one, and to play one that lies. */

export const TYPE = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
} as const

/** A packet of a client's. */
export type Packet =
  | { readonly type: "connect"; readonly clientId: string; readonly flags: number; readonly rest: readonly string[] }
  | {
      readonly type: "publish"
      readonly topic: string
      readonly id: number
      readonly retain: boolean
      readonly payload: Buffer
    }
  | { readonly type: "subscribe" | "unsubscribe"; readonly id: number; readonly topic: string }
  | { readonly type: "puback"; readonly id: number }
  | { readonly type: "pingreq" | "disconnect" }

/** Takes whole packets from what a client has written; throws for what no client may write. */
export function takePackets(bytes: Buffer): { readonly packets: readonly Packet[]; readonly rest: Buffer } {
  const packets: Packet[] = []
  let at = 0
  for (;;) {
    const head = fixedHeader(bytes, at)
    if (head === undefined || head.end > bytes.length) return { packets, rest: bytes.subarray(at) }
    packets.push(parse(bytes[at]!, bytes.subarray(head.begin, head.end)))
    at = head.end
  }
}

export const connack = (code = 0): Buffer => packet(TYPE.connack, 0, Buffer.from([0, code]))
export const suback = (id: number, code = 1): Buffer =>
  packet(TYPE.suback, 0, Buffer.concat([u16(id), Buffer.from([code])]))
export const unsuback = (id: number): Buffer => packet(TYPE.unsuback, 0, u16(id))
export const puback = (id: number): Buffer => packet(TYPE.puback, 0, u16(id))
export const pingresp = (): Buffer => packet(TYPE.pingresp, 0, Buffer.alloc(0))

/** With QoS 0 where `id` is 0, else QoS 1. */
export function publish(topic: string, payload: Uint8Array, id = 1, retain = false): Buffer {
  const variable = [string(topic), ...(id === 0 ? [] : [u16(id)]), payload]
  return packet(TYPE.publish, (id === 0 ? 0 : 2) | (retain ? 1 : 0), Buffer.concat(variable))
}

/** `remaining` may be a lie. */
export function packet(type: number, flags: number, body: Uint8Array, remaining = body.length): Buffer {
  const head = [(type << 4) | flags]
  for (let rest = remaining; ; rest = Math.floor(rest / 128)) {
    head.push((rest % 128) | (rest >= 128 ? 128 : 0))
    if (rest < 128) break
  }
  return Buffer.concat([Buffer.from(head), body])
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}

function string(text: string): Buffer {
  return Buffer.concat([u16(text.length), Buffer.from(text)])
}

function fixedHeader(bytes: Buffer, at: number): { readonly begin: number; readonly end: number } | undefined {
  let remaining = 0
  for (let i = 1; at + i < bytes.length; i++) {
    remaining += (bytes[at + i]! & 127) * 128 ** (i - 1)
    if (bytes[at + i]! < 128) return { begin: at + i + 1, end: at + i + 1 + remaining }
  }
  return undefined
}

function parse(first: number, body: Buffer): Packet {
  const texts = (at: number): string[] => {
    const out: string[] = []
    while (at < body.length) {
      const end = at + 2 + body.readUInt16BE(at)
      if (end > body.length) throw new Error("a string is longer than its packet")
      out.push(body.subarray(at + 2, end).toString())
      at = end
    }
    return out
  }
  switch (first >> 4) {
    case TYPE.connect: {
      const [clientId, ...rest] = texts(10)
      return { type: "connect", clientId: clientId!, flags: body[7]!, rest }
    }
    case TYPE.publish: {
      if ((first & 6) !== 2) throw new Error(`expected QoS 1, got a head of ${first}`)
      const length = body.readUInt16BE(0)
      const topic = body.subarray(2, 2 + length).toString()
      const id = body.readUInt16BE(2 + length)
      return { type: "publish", topic, id, retain: (first & 1) !== 0, payload: body.subarray(4 + length) }
    }
    case TYPE.subscribe: {
      const qos = body[body.length - 1]
      if (first !== 0x82 || qos !== 1)
        throw new Error(`expected SUBSCRIBE with QoS 1, got a head of ${first}, QoS ${qos}`)
      return { type: "subscribe", id: body.readUInt16BE(0), topic: body.subarray(4, -1).toString() }
    }
    case TYPE.unsubscribe:
      return { type: "unsubscribe", id: body.readUInt16BE(0), topic: texts(2)[0]! }
    case TYPE.puback:
      return { type: "puback", id: body.readUInt16BE(0) }
    case TYPE.pingreq:
      return { type: "pingreq" }
    case TYPE.disconnect:
      return { type: "disconnect" }
    default:
      throw new Error(`no client writes a packet of type ${first >> 4}`)
  }
}
