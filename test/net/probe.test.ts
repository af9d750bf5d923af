import { describe, expect, onTestFinished, test } from "vitest"
import { COORDINATOR_USER, coordinatorToken, fleetAccess } from "../../src/net/broker/access.ts"
import { startBroker } from "../../src/net/broker.ts"
import type { BrokerOptions } from "../../src/net/broker.ts"
import { probeQueue } from "../../src/net/probe.ts"
import type { QueueMeasure } from "../../src/net/probe.ts"
import { topics } from "../../src/wire/topics.ts"
import { TYPE, answer, fakeBroker } from "./fake-broker.ts"
import { freePort, startMosquitto } from "./mosquitto.ts"

const OPTIONS = { topic: topics("motes").probe("probe-1"), clientId: "probe-1" }

describe("Mosquitto", () => {
  async function measure(...config: string[]): Promise<QueueMeasure> {
    const { url, stop } = await startMosquitto({ config })
    onTestFinished(stop)
    return probeQueue(url, OPTIONS)
  }

  // mosquitto.conf(5): max_inflight_messages 20 and max_queued_messages 1000 unless set; what is beyond is dropped, and acknowledged to its publisher.
  test("with its defaults it keeps 20 messages in flight and 1000 in its queue, and drops the rest in silence", async () => {
    expect(await measure("max_queued_messages 1000")).toEqual({
      sent: 2000,
      inFlight: 20,
      arrived: 1020,
      certain: true,
    })
  })

  test("with a longer queue it keeps all", async () => {
    expect(await measure("max_queued_messages 100000")).toEqual({
      sent: 2000,
      inFlight: 20,
      arrived: 2000,
      certain: true,
    })
  })

  test("other limits are found, too", async () => {
    expect(await measure("max_queued_messages 300", "max_inflight_messages 5")).toMatchObject({
      inFlight: 5,
      arrived: 305,
    })
    // Bytes count with or without the window's and the headers.
    const { arrived } = await measure("max_queued_bytes 102400")
    expect(arrived).toBeGreaterThanOrEqual(90)
    expect(arrived).toBeLessThanOrEqual(121)
  })
})

describe("the embedded broker", () => {
  async function measure(options: BrokerOptions, login = {}): Promise<QueueMeasure> {
    const broker = await startBroker(options)
    onTestFinished(() => broker.close())
    return probeQueue(broker.url, { ...OPTIONS, ...login, timeoutMs: 3000 })
  }

  test("keeps all", async () => {
    expect(await measure({})).toEqual({ sent: 2000, inFlight: 64, arrived: 2000, certain: true })
  })

  test("makes publishers wait where it has no room, and loses nothing", async () => {
    const { sent, arrived, certain } = await measure({ maxOutboxBytes: 200_000 })
    expect(sent).toBeLessThan(2000)
    expect(sent).toBeGreaterThan(100)
    expect([arrived, certain]).toEqual([sent, true])
  })

  test("lets its coordinator try it out, and nobody else", async () => {
    const secret = "a secret for this test"
    const access = fleetAccess({ secret, devices: "open" })
    const login = { username: COORDINATOR_USER, password: coordinatorToken(secret) }
    expect(await measure({ access }, login)).toMatchObject({ sent: 2000, arrived: 2000 })
    await expect(measure({ access })).rejects.toMatchObject({ code: "link-refused" })
  })
})

describe("brokers that are none", () => {
  test("nobody there", async () => {
    const url = `mqtt://127.0.0.1:${await freePort()}`
    await expect(probeQueue(url, OPTIONS)).rejects.toMatchObject({
      code: "link-down",
      message: expect.stringContaining("connection refused"),
    })
  })

  test.each([
    ["CONNECT", []],
    ["SUBSCRIBE", [TYPE.connect]],
  ])(
    "one that does not answer to %s is given up, at the end of the time or when that is asked for",
    async (_, until) => {
      const broker = await fakeBroker((packet, session) => {
        if (until.includes(packet.type as never)) session.send(answer.connack())
      })
      onTestFinished(() => broker.close())
      await expect(probeQueue(broker.url, { ...OPTIONS, timeoutMs: 100 })).rejects.toMatchObject({
        code: "link-unreachable",
      })
      const enough = new Error("enough")
      const asked = new AbortController()
      const probing = probeQueue(broker.url, { ...OPTIONS, signal: asked.signal })
      setTimeout(() => asked.abort(enough), 20)
      await expect(probing).rejects.toBe(enough)
    },
  )

  test("one that takes everything and hands over nothing is a bad one; one that is slow may be a good one", async () => {
    const broker = await fakeBroker((packet, session) => {
      if (packet.type === TYPE.connect) session.send(answer.connack())
      if (packet.type === TYPE.subscribe) session.send(answer.suback(packet))
      if (packet.type === TYPE.publish) session.send(answer.puback(packet))
    })
    onTestFinished(() => broker.close())
    // The mark does not come either: nothing says that the rest will not.
    expect(await probeQueue(broker.url, { ...OPTIONS, timeoutMs: 300, messages: 100 })).toEqual({
      sent: 100,
      inFlight: 0,
      arrived: 0,
      certain: false,
    })
  })
})
