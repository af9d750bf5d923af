import { afterEach, describe, expect, test } from "vitest"
import { startBroker } from "../../src/net/broker.ts"
import type { Clock } from "../../src/net/clock.ts"
import { systemClock } from "../../src/net/clock.ts"
import type { Link } from "../../src/net/link.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { TYPE, answer, fakeBroker, publishPacket } from "./fake-broker.ts"
import type { FakeBroker, FakePacket, FakeSession } from "./fake-broker.ts"
import { freePort } from "./mosquitto.ts"

const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function serve(onPacket: (packet: FakePacket, session: FakeSession) => void): Promise<FakeBroker> {
  const broker = await fakeBroker(onPacket)
  cleanUps.push(() => broker.close())
  return broker
}

function closing(link: Link): Link {
  cleanUps.push(() => link.close({ abrupt: true }))
  return link
}

/** Answers CONNECT, SUBSCRIBE and PUBLISH. */
function obedient(packet: FakePacket, session: FakeSession): void {
  if (packet.type === TYPE.connect) session.send(answer.connack())
  if (packet.type === TYPE.subscribe) session.send(answer.suback(packet))
  if (packet.type === TYPE.publish) session.send(answer.puback(packet))
}

function event(link: Link, name: "up" | "down"): Promise<void> {
  return new Promise((resolve) => void link.on(name, resolve))
}

describe("what goes over the wire", () => {
  test("CONNECT is MQTT 3.1.1 with a clean session, the login of the URL and the will at QoS 1", async () => {
    const connect = Promise.withResolvers<FakePacket>()
    const { port } = await serve((packet, session) => {
      if (packet.type === TYPE.connect) connect.resolve(packet)
      obedient(packet, session)
    })
    const network = mqttNetwork(`mqtt://user:p%40ss@127.0.0.1:${port}`)
    closing(await network.connect({ clientId: "id", will: { topic: "w", payload: Uint8Array.of(7), retain: true } }))
    // Section 3.1: protocol name, level 4, flags (user, password, will retain, will QoS 1, will, clean), keep alive 60; then the fields.
    const flags = 0x80 | 0x40 | 0x20 | 0x08 | 0x04 | 0x02
    expect([...(await connect.promise).body]).toEqual([
      ...[0, 4, ...Buffer.from("MQTT"), 4, flags, 0, 60],
      ...[0, 2, ...Buffer.from("id"), 0, 1, ...Buffer.from("w"), 0, 1, 7],
      ...[0, 4, ...Buffer.from("user"), 0, 4, ...Buffer.from("p@ss")],
    ])
  })

  test("options go before the URL's login", async () => {
    const connect = Promise.withResolvers<string>()
    const { port } = await serve((packet, session) => {
      if (packet.type === TYPE.connect) connect.resolve(packet.body.toString("latin1"))
      obedient(packet, session)
    })
    const network = mqttNetwork(`mqtt://a:b@127.0.0.1:${port}`, { username: "name", password: "word" })
    closing(await network.connect({ clientId: "id" }))
    expect((await connect.promise).endsWith("\0\x04name\0\x04word")).toBe(true)
  })

  test("everything is at QoS 1, and a graceful close sends DISCONNECT", async () => {
    const seen: string[] = []
    const ended = Promise.withResolvers<void>()
    const { url } = await serve((packet, session) => {
      seen.push(`${packet.type} ${packet.flags}`)
      obedient(packet, session)
      if (packet.type === TYPE.subscribe) seen.push(`at QoS ${packet.body.at(-1)}`)
      if (packet.type === TYPE.disconnect) ended.resolve()
    })
    const link = await mqttNetwork(url).connect({ clientId: "id" })
    await link.subscribe("a", () => {})
    await link.publish("b", Uint8Array.of(1))
    await link.publish("c", Uint8Array.of(1), { retain: true })
    await link.close()
    await ended.promise
    expect(seen).toEqual(["1 0", "8 2", "at QoS 1", "3 2", "3 3", "14 0"])
  })

  test("a message is acknowledged when its handler has settled, and the handler may wait for its own publish", async () => {
    const seen: string[] = []
    const both = Promise.withResolvers<void>()
    const { url } = await serve((packet, session) => {
      obedient(packet, session)
      if (packet.type === TYPE.subscribe)
        session.send(publishPacket(300, "in", Uint8Array.of(1)), publishPacket(301, "in", Uint8Array.of(2)))
      if (packet.type === TYPE.publish) seen.push(`publish ${packet.body.at(-1)}`)
      if (packet.type === TYPE.puback) seen.push(`puback ${packet.body.readUInt16BE(0)}`)
      if (seen.length === 4) both.resolve()
    })
    const link = closing(await mqttNetwork(url).connect({ clientId: "id" }))
    await link.subscribe("in", async (_topic, payload) => {
      await link.publish("out", payload)
    })
    await both.promise
    expect(seen).toEqual(["publish 1", "puback 300", "publish 2", "puback 301"])
  })

  test("no more publishes than allowed wait for their acknowledgement; the rest queue and follow", async () => {
    const held: (() => void)[] = []
    let seen = 0
    let most = 0
    const { url } = await serve((packet, session) => {
      if (packet.type !== TYPE.publish) return obedient(packet, session)
      seen++
      held.push(() => session.send(answer.puback(packet)))
      most = Math.max(most, held.length)
      // Three are all that can be under way: only then is one of them acknowledged.
      if (held.length === 3 || seen > 8) held.shift()!()
    })
    const link = closing(await mqttNetwork(url, { maxInFlight: 3 }).connect({ clientId: "id" }))
    const sent = Array.from({ length: 10 }, (_, i) => link.publish("t", Uint8Array.of(i)))
    await Promise.all(sent.slice(0, 8))
    for (const release of held.splice(0)) release()
    await Promise.all(sent)
    expect([seen, most]).toEqual([10, 3])
  })

  test("reading stops where too much waits for a handler, and goes on later", async () => {
    const count = 50
    const { url } = await serve((packet, session) => {
      obedient(packet, session)
      if (packet.type !== TYPE.subscribe) return
      for (let i = 0; i < count; i++) session.send(publishPacket(i + 1, "in", new Uint8Array(1000).fill(i)))
    })
    const link = closing(await mqttNetwork(url, { maxWaitingBytes: 2500 }).connect({ clientId: "id" }))
    const order: number[] = []
    await new Promise<void>((resolve) => {
      void link.subscribe("in", async (_topic, payload) => {
        await new Promise(setImmediate)
        order.push(payload[0]!)
        if (order.length === count) resolve()
      })
    })
    expect(order).toEqual(Array.from({ length: count }, (_, i) => i))
  })
})

describe("failures", () => {
  test("an unreachable broker: one line that says where and why", async () => {
    const port = await freePort()
    await expect(mqttNetwork(`mqtt://127.0.0.1:${port}`).connect({ clientId: "id" })).rejects.toMatchObject({
      name: "LinkError",
      code: "link-unreachable",
      message: `could not reach the broker at mqtt://127.0.0.1:${port}: connection refused`,
    })
  })

  test("a refused connection says why, and does not show the password", async () => {
    const { port } = await serve((_packet, session) => session.send(answer.connack(4)))
    // Also with `retry`: trying the same password again would not help.
    const network = mqttNetwork(`mqtt://user:pass@127.0.0.1:${port}`, { retry: true })
    await expect(network.connect({ clientId: "id" })).rejects.toMatchObject({
      code: "link-refused",
      message: `the broker at mqtt://127.0.0.1:${port} refused the connection: bad user name or password`,
    })
  })

  test("a server that is no broker", async () => {
    const { url } = await serve((_packet, session) => session.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")))
    await expect(mqttNetwork(url).connect({ clientId: "id" })).rejects.toMatchObject({ code: "link-unreachable" })
  })

  test("a server that says nothing", async () => {
    const { url } = await serve(() => {})
    await expect(mqttNetwork(url, { connectTimeoutMs: 50 }).connect({ clientId: "id" })).rejects.toThrow(
      /: connack timeout$/,
    )
  })

  test("connecting can be given up", async () => {
    const controller = new AbortController()
    const reason = new Error("enough")
    const { url } = await serve(() => controller.abort(reason))
    const options = { clientId: "id", signal: controller.signal }
    await expect(mqttNetwork(url, { retry: true }).connect(options)).rejects.toBe(reason)
  })

  test("a message that nobody asked for, together with CONNACK, does no harm", async () => {
    const { url } = await serve((packet, session) => {
      if (packet.type === TYPE.connect) session.send(answer.connack(), publishPacket(1, "in", Uint8Array.of(1)))
      else obedient(packet, session)
    })
    const link = closing(await mqttNetwork(url).connect({ clientId: "id" }))
    await link.publish("t", Uint8Array.of(1))
  })

  test("when the connection breaks, all that is under way or queued rejects", async () => {
    let publishes = 0
    const { url } = await serve((packet, session) => {
      if (packet.type !== TYPE.publish) obedient(packet, session)
      else if (++publishes === 2) session.socket.destroy()
    })
    const link = closing(await mqttNetwork(url, { maxInFlight: 2 }).connect({ clientId: "id" }))
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => link.publish("t", Uint8Array.of(1))))
    for (const result of results) expect(result).toMatchObject({ status: "rejected", reason: { code: "link-down" } })
  })

  test("a publish that is given up rejects with the signal's reason, under way and in the queue", async () => {
    const controller = new AbortController()
    const reason = new Error("enough")
    const { url } = await serve((packet, session) => {
      if (packet.type === TYPE.publish) controller.abort(reason)
      else obedient(packet, session)
    })
    const link = closing(await mqttNetwork(url, { maxInFlight: 1 }).connect({ clientId: "id" }))
    const sent = [1, 2].map((n) => link.publish("t", Uint8Array.of(n), { signal: controller.signal }))
    for (const result of await Promise.allSettled(sent)) expect(result).toEqual({ status: "rejected", reason })
  })

  test("a message that is too large is passed over and acknowledged, told of once a topic, and the next one comes", async () => {
    const errors: unknown[] = []
    const acknowledged: number[] = []
    const { url } = await serve((packet, session) => {
      obedient(packet, session)
      if (packet.type === TYPE.subscribe)
        session.send(
          publishPacket(1, "in", new Uint8Array(2000)),
          publishPacket(2, "in", new Uint8Array(2000)),
          publishPacket(3, "in", Uint8Array.of(3)),
        )
      if (packet.type === TYPE.puback) acknowledged.push(packet.body.readUInt16BE(0))
      if (packet.type === TYPE.puback && acknowledged.length === 3)
        session.send(publishPacket(4, "in", Uint8Array.of(4)))
    })
    const onError = (error: unknown): void => void errors.push(error)
    const link = closing(await mqttNetwork(url, { maxPacketBytes: 1000, onError }).connect({ clientId: "id" }))
    const heard: number[] = []
    await new Promise<void>((resolve) => {
      void link.subscribe("in", (_topic, payload) => {
        heard.push(...payload)
        if (payload[0] === 4) resolve()
      })
    })
    expect(heard).toEqual([3, 4])
    expect(acknowledged.slice(0, 3)).toEqual([1, 2, 3])
    expect(errors).toEqual([
      expect.objectContaining({
        code: "link-oversize",
        message: "a message of 2006 bytes on in was passed over: expected at most 1000",
      }),
    ])
  })

  test.each<[what: string, bytes: Uint8Array]>([
    ["another packet that is too large", Uint8Array.of(0x90, 0xff, 0xff, 0x7f)],
    ["a length of five bytes", Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, 1)],
  ])("%s ends the connection", async (_what, bytes) => {
    const { url } = await serve((packet, session) => {
      obedient(packet, session)
      if (packet.type === TYPE.publish) session.send(bytes)
    })
    const link = closing(await mqttNetwork(url, { maxPacketBytes: 1000 }).connect({ clientId: "id" }))
    const down = event(link, "down")
    await link.publish("t", Uint8Array.of(1)).catch(() => {})
    await down
  })

  test("what a handler throws goes to `onError`, and the next message comes", async () => {
    const errors: unknown[] = []
    const { url } = await serve((packet, session) => {
      obedient(packet, session)
      if (packet.type === TYPE.subscribe)
        session.send(publishPacket(1, "in", Uint8Array.of(1)), publishPacket(2, "in", Uint8Array.of(2)))
    })
    const link = closing(await mqttNetwork(url, { onError: (error) => errors.push(error) }).connect({ clientId: "id" }))
    const failure = new Error("a bug")
    await new Promise<void>((resolve) => {
      void link.subscribe("in", (_topic, payload) => {
        if (payload[0] === 1) throw failure
        resolve()
      })
    })
    expect(errors).toEqual([failure])
  })

  test.each([
    ["localhost:1883", /expected mqtt:\/\/ or mqtts:\/\/|such as mqtt:\/\/host:1883/],
    ["http://host", /expected mqtt:\/\/ or mqtts:\/\/ as the broker's scheme, got http:\/\//],
    ["mqtt://", /such as mqtt:\/\/host:1883/],
    ["mqtt://host/path", /without a path, got "\/path"/],
    ["mqtt://user:secret@:x", /got "mqtt:\/\/\.\.\.@:x"/],
  ])("the URL %j", (url, message) => {
    expect(() => mqttNetwork(url)).toThrow(message)
  })
})

describe("reconnecting", () => {
  /** Real events, but delays that pass at once and are written down. */
  function fastClock(random: number) {
    const delays: number[] = []
    let now = 0
    const clock: Clock = {
      ...systemClock,
      nowMs: () => now,
      random: () => random,
      after(delayMs, run) {
        delays.push(delayMs)
        const immediate = setImmediate(run)
        return () => clearImmediate(immediate)
      },
    }
    return { clock, delays, pass: (ms: number) => (now += ms) }
  }

  test("delays double from 1 s to 60 s and are scaled by a random number", async () => {
    const { clock, delays } = fastClock(0.5)
    const broker = await fakeBroker(obedient)
    const enough = Promise.withResolvers<void>()
    const onError = (): void => {
      if (delays.length === 9) enough.resolve()
    }
    const link = closing(await mqttNetwork(broker.url, { clock, onError }).connect({ clientId: "id" }))
    await broker.close()
    await enough.promise
    await link.close()
    expect(delays.slice(0, 9)).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000])
  })

  test("a connection that held starts again from the shortest delay, one that did not goes on with longer ones", async () => {
    const { clock, delays, pass } = fastClock(1)
    let current: FakeSession | undefined
    const { url } = await serve((packet, session) => {
      current = session
      obedient(packet, session)
    })
    const link = closing(await mqttNetwork(url, { clock }).connect({ clientId: "id" }))
    for (const heldMs of [0, 0, 9_999, 10_000]) {
      pass(heldMs)
      const up = event(link, "down").then(() => event(link, "up"))
      current!.socket.destroy()
      await up
    }
    expect(delays).toEqual([1000, 2000, 4000, 1000])
  })

  test("`retry` waits for a broker that is not there yet", async () => {
    const port = await freePort()
    const { clock, delays } = fastClock(0)
    let broker: FakeBroker | undefined
    const onError = (): void => {
      if (delays.length !== 3) return
      void fakeBroker(obedient, port).then((started) => (broker = started))
    }
    const link = await mqttNetwork(`mqtt://127.0.0.1:${port}`, { retry: true, clock, onError }).connect({
      clientId: "id",
    })
    expect(link.connected).toBe(true)
    await link.close()
    await broker!.close()
  })

  test("a subscription that is refused after a reconnection keeps the link down, and it tries again", async () => {
    const { clock } = fastClock(0)
    const errors: unknown[] = []
    let subscribes = 0
    const { url } = await serve((packet, session) => {
      if (packet.type !== TYPE.subscribe) return obedient(packet, session)
      subscribes++
      session.send(answer.suback(packet, subscribes === 2 ? 0x80 : 1))
      if (subscribes === 1) session.socket.end()
    })
    const link = closing(
      await mqttNetwork(url, { clock, onError: (error) => errors.push(error) }).connect({ clientId: "id" }),
    )
    const down = event(link, "down")
    await link.subscribe("t", () => {})
    await down
    await event(link, "up")
    expect(subscribes).toBe(3)
    expect(errors).toMatchObject([{ code: "link-refused" }])
  })

  test("closing while it waits ends the attempts", async () => {
    const broker = await fakeBroker(obedient)
    const network = mqttNetwork(broker.url, { backoff: { firstMs: 1e6, maxMs: 1e6 } })
    const link = await network.connect({ clientId: "id" })
    const down = event(link, "down")
    await broker.close()
    await down
    await link.close()
    expect(link.connected).toBe(false)
  })

  test("a client id that is taken over: the older link goes down", async () => {
    const broker = await startBroker()
    cleanUps.push(() => broker.close())
    const network = mqttNetwork(broker.url, { backoff: { firstMs: 1e6, maxMs: 1e6 } })
    const older = closing(await network.connect({ clientId: "same" }))
    const down = event(older, "down")
    const newer = closing(await network.connect({ clientId: "same" }))
    await down
    await newer.publish("t", Uint8Array.of(1))
    expect([older.connected, newer.connected]).toEqual([false, true])
  })
})
