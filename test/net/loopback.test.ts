import { describe, expect, test } from "vitest"
import { loopbackNetwork } from "../../src/net/loopback.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (payload: Uint8Array): string => new TextDecoder().decode(payload)

/** Lets everything happen that is not waiting for something from outside. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe("loopback", () => {
  test("the same calls give the same deliveries in the same order", async () => {
    const run = async (): Promise<string[]> => {
      const network = loopbackNetwork()
      const log: string[] = []
      const links = await Promise.all(["a", "b", "c"].map((clientId) => network.connect({ clientId })))
      for (const [i, link] of links.entries()) {
        await link.subscribe("t/#", (topic, payload) => void log.push(`${i} ${topic} ${text(payload)}`))
        await link.subscribe(`only/${i}`, async (topic, payload) => {
          log.push(`${i} ${topic} ${text(payload)}`)
          await link.publish("t/answer", bytes(`from ${i}`))
        })
      }
      for (let n = 0; n < 20; n++)
        void links[n % 3]!.publish(n % 2 === 0 ? `t/${n}` : `only/${n % 3}`, bytes(String(n)))
      await settle()
      return log
    }
    const first = await run()
    expect(first).toHaveLength(10 * 3 + 10 + 10 * 3)
    expect(await run()).toEqual(first)
  })

  test("a handler does not run inside of publish", async () => {
    const network = loopbackNetwork()
    const link = await network.connect({ clientId: "a" })
    const log: string[] = []
    await link.subscribe("t", () => void log.push("handled"))
    const sent = link.publish("t", bytes("x"))
    log.push("published")
    await sent
    await settle()
    expect(log).toEqual(["published", "handled"])
  })

  test("publishers wait for a link that is too far behind, but never for themselves", async () => {
    // A message counts with what it occupies besides its payload: two of these are more than that, one is not.
    const network = loopbackNetwork({ maxWaitingBytes: 25_000 })
    const [a, b] = [await network.connect({ clientId: "a" }), await network.connect({ clientId: "b" })]
    const gate = Promise.withResolvers<void>()
    await b.subscribe("t", () => gate.promise)
    const acknowledged: number[] = []
    const sent = [0, 1, 2, 3].map((i) => a.publish("t", new Uint8Array(10_000)).then(() => acknowledged.push(i)))
    await settle()
    expect(acknowledged).toEqual([0, 1])
    await b.publish("t", new Uint8Array(10))
    gate.resolve()
    await Promise.all(sent)
    expect(acknowledged).toEqual([0, 1, 2, 3])
  })

  test("a publisher that waits is let go by the end of either link, and by its signal", async () => {
    const network = loopbackNetwork({ maxWaitingBytes: 5 })
    const a = await network.connect({ clientId: "a" })
    const b = await network.connect({ clientId: "b" })
    await b.subscribe("t", () => new Promise(() => {}))
    const controller = new AbortController()
    const aborted = a.publish("t", new Uint8Array(10), { signal: controller.signal })
    controller.abort(new Error("enough"))
    await expect(aborted).rejects.toThrow("enough")
    const broken = a.publish("t", new Uint8Array(10))
    network.drop("a")
    await expect(broken).rejects.toMatchObject({ code: "link-down" })
    network.restore("a")
    const free = a.publish("t", new Uint8Array(10))
    await b.close()
    await free
  })

  test("drop sends the will and takes the link down until restore", async () => {
    const network = loopbackNetwork()
    const watcher = await network.connect({ clientId: "watcher" })
    const log: string[] = []
    await watcher.subscribe("#", (topic, payload) => void log.push(`${topic} ${text(payload)}`))
    const a = await network.connect({ clientId: "a", will: { topic: "gone", payload: bytes("a"), retain: false } })
    await a.subscribe("to/a", (topic, payload) => void log.push(`a: ${topic} ${text(payload)}`))
    a.on("up", () => log.push("up"))
    a.on("down", () => log.push("down"))
    await settle()
    network.drop("a")
    await settle()
    expect([a.connected, network.links]).toEqual([false, 1])
    await watcher.publish("to/a", bytes("lost"))
    network.restore("a")
    await settle()
    await watcher.publish("to/a", bytes("heard"))
    await settle()
    expect(log.filter((line) => !line.startsWith("to/a"))).toEqual(["up", "gone a", "down", "up", "a: to/a heard"])
  })

  test("connecting to a stopped broker rejects", async () => {
    const network = loopbackNetwork()
    network.stop()
    await expect(network.connect({ clientId: "a" })).rejects.toMatchObject({ code: "link-unreachable" })
    network.start()
    await network.connect({ clientId: "a" })
  })

  test("a client id that is taken over: the older link goes down and stays so", async () => {
    const network = loopbackNetwork()
    const older = await network.connect({
      clientId: "same",
      will: { topic: "gone", payload: bytes("x"), retain: true },
    })
    const newer = await network.connect({ clientId: "same" })
    expect([older.connected, newer.connected, network.links]).toEqual([false, true, 1])
    network.stop()
    network.start()
    expect([older.connected, newer.connected]).toEqual([false, true])
  })

  test("twenty thousand links: a message to one of them costs the same as in a small fleet", async () => {
    const network = loopbackNetwork()
    const coordinator = await network.connect({ clientId: "coordinator" })
    let updates = 0
    await coordinator.subscribe("fm1/f/up/+/+", () => void updates++)
    const count = 20_000
    let receipts = 0
    for (let i = 0; i < count; i++) {
      const device = await network.connect({ clientId: `d${i}` })
      await device.subscribe(`fm1/f/dev/d${i}/receipt`, () => void receipts++)
      await device.publish(`fm1/f/up/0/d${i}`, bytes("update"))
      await coordinator.publish(`fm1/f/dev/d${i}/receipt`, bytes("receipt"))
    }
    await settle()
    expect([updates, receipts, network.links]).toEqual([count, count, count + 1])
    expect(network.published).toEqual({ messages: 2 * count, bytes: count * ("update".length + "receipt".length) })
  })
})
