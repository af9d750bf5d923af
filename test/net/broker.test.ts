import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { afterEach, describe, expect, test } from "vitest"
import { PURPOSE, RandomStream } from "../../src/core/random.ts"
import { coordinatorToken, deviceToken, fleetAccess } from "../../src/net/broker/access.ts"
import { startBroker } from "../../src/net/broker.ts"
import type { BrokerOptions, BrokerRefusal, EmbeddedBroker } from "../../src/net/broker.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { RawClient, header, packet } from "./raw-client.ts"

let broker: EmbeddedBroker | undefined
let clients: RawClient[] = []
let refusals: BrokerRefusal[] = []

afterEach(async () => {
  for (const client of clients) client.destroy()
  await broker?.close()
  broker = undefined
  clients = []
  refusals = []
})

async function start(options: BrokerOptions = {}): Promise<EmbeddedBroker> {
  broker = await startBroker({ onRefused: (refusal) => refusals.push(refusal), ...options })
  return broker
}

/** A connection that has sent these bytes and no CONNECT by itself. */
function raw(bytes: Uint8Array): RawClient {
  const client = new RawClient(broker!.port)
  clients.push(client)
  client.write(bytes)
  return client
}

async function connect(clientId: string, login?: { username?: string; password?: string }): Promise<RawClient> {
  const client = await RawClient.connect(broker!.port, clientId, login)
  clients.push(client)
  return client
}

/** Waits for what must come true by itself. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}

const reasons = (): string[] => refusals.map(({ reason }) => reason)

describe("hostile bytes", () => {
  test.each<[what: string, bytes: Uint8Array, reason: RegExp]>([
    ["something else than CONNECT first", packet.pingreq, /expected CONNECT first/],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), /expected CONNECT first/],
    ["a large packet before CONNECT", header(0x30, 1e8), /at most 2097152 bytes, got 100000000/],
    ["a large CONNECT", header(0x10, 20_000), /CONNECT of at most 16384 bytes, got 20000/],
    ["a length of five bytes", Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0xff, 1), /at most four bytes/],
  ])("%s ends the connection", async (_what, bytes, reason) => {
    await start()
    await raw(bytes).closed
    expect(reasons()).toEqual([expect.stringMatching(reason)])
  })

  test("who announces too large a packet is cut off before it comes, and reported once; others do not notice", async () => {
    await start({ maxPacketBytes: 1000 })
    const good = await connect("good")
    const bad = await connect("bad")
    bad.write(header(0x32, 1001))
    bad.write(header(0x32, 1001))
    await bad.closed
    await good.publish("t", Buffer.alloc(1000 - 2 - 1 - 2))
    expect(refusals).toEqual([
      { clientId: "bad", address: "127.0.0.1", reason: "expected a packet of at most 1000 bytes, got 1001" },
    ])
  })

  test("who connects and says nothing is cut off", async () => {
    await start({ connectTimeoutMs: 30 })
    await raw(new Uint8Array(0)).closed
    expect(refusals).toEqual([{ clientId: undefined, address: "127.0.0.1", reason: "connect did not arrive in time" }])
  })

  test("who does not finish a packet is cut off, before CONNECT and after it", async () => {
    await start({ packetTimeoutMs: 50 })
    const idle = await connect("idle")
    const slow = await connect("slow")
    slow.write(packet.publish("t", Buffer.alloc(100)).subarray(0, 50))
    await Promise.all([slow.closed, raw(packet.connect("x").subarray(0, 5)).closed])
    await idle.publish("t", Buffer.alloc(10))
    expect(reasons()).toEqual(Array(2).fill("its packet did not arrive in time"))
  })

  test("topics of many levels, and topics with wildcards, end the connection", async () => {
    await start()
    for (const topic of ["a/".repeat(150), "a/+", "#", ""]) {
      const client = await connect("bad")
      client.write(packet.publish(topic, Buffer.alloc(1)))
      await client.closed
    }
    await (await connect("good")).publish("a", Buffer.alloc(1))
  })

  test("random and damaged bytes: the broker goes on working", async () => {
    await start({ connectTimeoutMs: 100, packetTimeoutMs: 100 })
    const seed = 7
    const random = new RandomStream({ seed, round: 0, device: [0, 0] }, PURPOSE.generator)
    const valid = [
      packet.connect("fuzz"),
      packet.subscribe("a/#"),
      packet.publish("a/b", Buffer.alloc(50)),
      packet.pingreq,
      packet.puback(5),
    ]
    for (let i = 0; i < 300; i++) {
      const bytes =
        i % 3 === 0
          ? Buffer.from(Array.from({ length: 60 }, () => random.below(256)))
          : Buffer.concat([packet.connect(`fuzz${i}`), ...valid])
      // A damaged packet, behind a good CONNECT or instead of it.
      if (i % 3 > 0)
        for (let n = 0; n < 3; n++) bytes[random.below(i % 3 === 1 ? 20 : bytes.length)] = random.below(256)
      const client = raw(bytes)
      client.socket.end()
      if (i % 50 === 49) await client.closed
    }
    const [a, b] = [await connect("a"), await connect("b")]
    await b.subscribe("t")
    const heard = b.next(3)
    await a.publish("t", Buffer.from("still there"))
    expect((await heard).body.subarray(-11).toString(), `seed ${seed}`).toBe("still there")
  })
})

describe("slow clients", () => {
  test("a client that acknowledges nothing gets no more than the window, and is cut off; its publishers do not wait", async () => {
    await start({ window: 5, stallTimeoutMs: 100 })
    const deaf = await connect("deaf")
    let received = 0
    await deaf.subscribe("t")
    deaf.onPacket = ({ type }) => void (received += type === 3 ? 1 : 0)
    const sender = await connect("sender")
    for (let i = 0; i < 50; i++) await sender.publish("t", Buffer.alloc(10))
    await deaf.closed
    expect(received).toBe(5)
    expect(reasons()).toEqual(["it acknowledges nothing"])
  })

  // Packets smaller and larger than what a socket hands over at a time.
  test.each([5_000, 50_000, 300_000])(
    "publishers of %d bytes wait for a trusted client that is too far behind; then all arrives, in order",
    async (size) => {
      const maxOutboxBytes = 10 * size
      await start({ window: 1, maxOutboxBytes })
      const reader = await connect("reader")
      await reader.subscribe("t")
      const sender = await connect("sender")
      const count = 100
      for (let i = 0; i < count; i++) sender.write(packet.publish("t", Buffer.alloc(size, i), { id: i + 1 }))
      await until(() => broker!.stats().waitingBytes > maxOutboxBytes)
      // Some more rounds of the event loop: had the broker gone on reading, it would be much more.
      for (let i = 0; i < 200; i++) await new Promise(setImmediate)
      expect(broker!.stats().waitingBytes).toBeLessThan(maxOutboxBytes + 2 * size + 130_000)
      const order: number[] = []
      await new Promise<void>((resolve) => {
        reader.consume((_topic, payload) => {
          order.push(payload[0]!)
          if (order.length === count - 1) resolve()
        })
        // The first one came before `consume`.
        reader.write(packet.puback(reader.messageIds[0]!))
      })
      expect(order).toEqual(Array.from({ length: count - 1 }, (_, i) => i + 1))
      expect(broker!.stats().waitingBytes).toBe(0)
    },
  )

  test("a publisher that waits for a receiver is not cut off for the packet that is not read meanwhile", async () => {
    const size = 100_000
    const packetTimeoutMs = 40
    await start({ window: 1, maxOutboxBytes: size, packetTimeoutMs })
    const reader = await connect("reader")
    await reader.subscribe("t")
    const sender = await connect("sender")
    // More than the sockets hold.
    const count = 100
    for (let i = 0; i < count; i++) sender.write(packet.publish("t", Buffer.alloc(size, i), { id: i + 1 }))
    await until(() => broker!.stats().waitingBytes > size)
    await new Promise((resolve) => setTimeout(resolve, 5 * packetTimeoutMs))
    let heard = 1
    await new Promise<void>((resolve) => {
      reader.consume(() => ++heard === count && resolve())
      reader.write(packet.puback(reader.messageIds[0]!))
    })
    expect(refusals).toEqual([])
  })

  test("a flood does not hold up others: its publisher waits, and what they send comes soon", async () => {
    await start({ window: 1, maxFromOne: 20 })
    const reader = await connect("reader")
    await reader.subscribe("t")
    const flood = await connect("flood")
    const each = packet.publish("t", Buffer.from("flood"))
    flood.write(Buffer.concat(Array.from({ length: 50_000 }, () => each)))
    const full = 20 * 256
    await until(() => broker!.stats().waitingBytes > full)
    await (await connect("honest")).publish("t", Buffer.from("honest"))
    let before = 0
    await new Promise<void>((resolve) => {
      reader.consume((_topic, payload) => (payload.toString() === "honest" ? resolve() : before++))
      // The first one came before `consume`.
      reader.write(packet.puback(reader.messageIds[0]!))
    })
    // What had been read with the message that was one too many is through: 64 KiB, as a socket hands them over.
    expect(before).toBeLessThanOrEqual(21 + 65_536 / each.length)
  })

  test("QoS 0 and QoS 1 mixed on one topic: all arrive", async () => {
    await start()
    const reader = await connect("reader")
    await reader.subscribe("t")
    const seen: number[] = []
    const done = new Promise<void>((resolve) => {
      reader.onPacket = ({ type, body }) => {
        if (type !== 3) return
        seen.push(body.at(-1)!)
        if (body.length === 6) reader.write(packet.puback(body.readUInt16BE(3)))
        if (seen.length === 200) resolve()
      }
    })
    const sender = await connect("sender")
    sender.write(
      Buffer.concat(
        Array.from({ length: 200 }, (_, i) =>
          packet.publish("t", Uint8Array.of(i), { id: i + 1, qos: i % 2 === 0 ? 1 : 0 }),
        ),
      ),
    )
    await done
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i))
  })
})

describe("fleet access", () => {
  const secret = "a secret for this test"
  const coordinator = { username: "coordinator", password: coordinatorToken(secret) }

  test("a device is cut off when it publishes as another or as the coordinator, and nobody gets the message", async () => {
    await start({ access: fleetAccess({ secret, devices: "open" }) })
    const reader = await connect("reader", coordinator)
    await reader.subscribe("fm1/#")
    const topics: string[] = []
    const done = new Promise<void>((resolve) => reader.consume((topic) => topics.push(topic) === 2 && resolve()))
    for (const topic of ["fm1/f/round", "fm1/f/dev/d2/hello", "fm1/f/up/0/d2"]) {
      const device = await connect("d1")
      device.write(packet.publish(topic, Buffer.from("x")))
      await device.closed
    }
    const device = await connect("d1")
    await device.publish("fm1/f/dev/d1/hello", Buffer.from("x"))
    await device.publish("fm1/f/up/0/d1", Buffer.from("x"))
    await done
    expect(topics).toEqual(["fm1/f/dev/d1/hello", "fm1/f/up/0/d1"])
    expect(reasons()).toEqual(
      ["fm1/f/round", "fm1/f/dev/d2/hello", "fm1/f/up/0/d2"].map((topic) => `may not publish to ${topic}`),
    )
  })

  test("a device may not read what others send: SUBACK says 0x80", async () => {
    await start({ access: fleetAccess({ secret, devices: "open" }) })
    const device = await connect("d1")
    expect(await device.subscribe("fm1/f/up/0/+")).toBe(0x80)
    expect(await device.subscribe("fm1/f/dev/d2/task")).toBe(0x80)
    expect(await device.subscribe("fm1/f/dev/d1/task")).toBe(1)
  })

  test("a device may have so many subscriptions and no more", async () => {
    await start({ access: fleetAccess({ secret, devices: "open" }), maxFilters: 2 })
    const device = await connect("d1")
    const codes: number[] = []
    for (const slot of ["a", "b", "b", "c"]) codes.push(await device.subscribe(`fm1/f/module/${slot}/1/manifest`))
    expect(codes).toEqual([1, 1, 1, 0x80])
  })

  test("tokens: the right one gets in, another one or none does not", async () => {
    const { url } = await start({ access: fleetAccess({ secret, devices: "token" }) })
    const link = await mqttNetwork(url, { username: "d1", password: deviceToken(secret, "d1") }).connect({
      clientId: "d1",
    })
    await link.close()
    for (const password of [deviceToken(secret, "d2"), ""]) {
      await expect(mqttNetwork(url, { username: "d1", password }).connect({ clientId: "d1" })).rejects.toMatchObject({
        code: "link-refused",
        message: `the broker at ${url} refused the connection: not authorized`,
      })
    }
  })

  test("nobody takes the coordinator's place by its client id", async () => {
    await start({ access: fleetAccess({ secret, devices: "open" }) })
    const first = await connect("the-coordinator", coordinator)
    await expect(connect("the-coordinator")).rejects.toThrow(/code 5/)
    await first.publish("fm1/f/round", Buffer.from("x"))
    expect(reasons()).toEqual(["its client id is a trusted client's"])
    // The coordinator itself may: its older connection may be a dead one.
    await connect("the-coordinator", coordinator)
    await first.closed
  })

  test("a last will must be one that the device may publish", async () => {
    const { url } = await start({ access: fleetAccess({ secret, devices: "open" }) })
    const will = (topic: string) => ({ topic, payload: new Uint8Array(0), retain: false })
    await expect(mqttNetwork(url).connect({ clientId: "d1", will: will("fm1/f/round") })).rejects.toMatchObject({
      code: "link-refused",
    })
    await (await mqttNetwork(url).connect({ clientId: "d1", will: will("fm1/f/dev/d1/gone") })).close()
  })

  test("devices find no room for retained messages beyond the limit; the coordinator does", async () => {
    await start({ access: fleetAccess({ secret, devices: "open" }), maxRetainedBytes: 100 })
    const { url } = broker!
    const trusted = await mqttNetwork(url, coordinator).connect({ clientId: "c" })
    await trusted.publish("fm1/f/round", new Uint8Array(200), { retain: true })
    const device = await mqttNetwork(url).connect({ clientId: "d1" })
    await expect(device.publish("fm1/f/dev/d1/hello", new Uint8Array(1), { retain: true })).rejects.toMatchObject({
      code: "link-down",
    })
    await trusted.publish("fm1/f/model/1/full/1024/0", new Uint8Array(200), { retain: true })
    expect(broker!.stats()).toMatchObject({ retained: 2, retainedBytes: 400 })
    await Promise.all([trusted.close(), device.close()])
  })
})

describe("the broker itself", () => {
  test("without access rules it listens on a loopback address only", async () => {
    await expect(startBroker({ host: "0.0.0.0" })).rejects.toMatchObject({ code: "link-options" })
  })

  test("a port in use", async () => {
    const { port } = await start()
    await expect(startBroker({ port })).rejects.toThrow(`could not listen on 127.0.0.1:${port}: the port is in use`)
  })

  test("counts connections and clients, also when a client id is taken over", async () => {
    await start()
    const first = await connect("same")
    await connect("same")
    await first.closed
    raw(new Uint8Array(0))
    await until(() => broker!.stats().connections === 2)
    expect(broker!.stats()).toMatchObject({ connections: 2, clients: 1, refused: 0 })
  })

  test("every session is a clean one", async () => {
    const { url } = await start()
    const first = await connect("same")
    await first.subscribe("t")
    first.destroy()
    await until(() => broker!.stats().connections === 0)
    const second = await connect("same")
    let heard = false
    second.onPacket = ({ type }) => void (heard ||= type === 3)
    const sender = await mqttNetwork(url).connect({ clientId: "sender" })
    await sender.publish("t", new Uint8Array(1))
    await second.publish("other", new Uint8Array(1))
    expect(heard).toBe(false)
    await sender.close()
  })

  test("close leaves nothing behind that keeps a process alive", async () => {
    const main = fileURLToPath(new URL("broker-close-main.ts", import.meta.url))
    const child = spawn(process.execPath, [main], { stdio: "inherit" })
    // Does not exit, and so times out, while any handle is left.
    expect(await once(child, "exit")).toEqual([0, null])
  })
})
