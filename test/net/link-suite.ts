import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { LinkError } from "../../src/net/link.ts"
import type { Link, LinkOptions, Network } from "../../src/net/link.ts"

/** A broker under test, and a network that leads to it. */
export interface Rig {
  readonly network: Network
  /** A filter that the broker refuses with SUBACK 0x80. */
  readonly refused: string
  /** Ends the broker without grace; retained messages are lost. */
  stop(): Promise<void>
  /** Starts it again at the same place. */
  start(): Promise<void>
  dispose(): Promise<void>
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (payload: Uint8Array): string => new TextDecoder().decode(payload)

/** What every link must do, whatever carries it. */
export function linkSuite(name: string, createRig: () => Promise<Rig>): void {
  describe(name, () => {
    let rig: Rig
    const links: Link[] = []

    beforeEach(async () => {
      rig = await createRig()
    })
    afterEach(async () => {
      await Promise.all(links.splice(0).map((link) => link.close({ abrupt: true })))
      await rig.dispose()
    })

    async function connect(clientId: string, options: Omit<LinkOptions, "clientId"> = {}): Promise<Link> {
      const link = await rig.network.connect({ clientId, ...options })
      links.push(link)
      return link
    }

    test("a message reaches who is subscribed, and nobody else", async () => {
      const [a, b, c] = [await connect("a"), await connect("b"), await connect("c")]
      const atB = await collect(b, "t/1")
      const atC = await collect(c, "t/2")
      await a.publish("t/1", bytes("one"))
      await a.publish("t/2", bytes("two"))
      expect(await atB.next(1)).toEqual(["t/1 one"])
      expect(await atC.next(1)).toEqual(["t/2 two"])
    })

    test("retained messages are replayed to a new subscriber, marked as such; live ones are not", async () => {
      const [a, b] = [await connect("a"), await connect("b")]
      await a.publish("t/old", bytes("first"), { retain: true })
      await a.publish("t/old", bytes("second"), { retain: true })
      const early = await collect(b, "t/+")
      expect(await early.next(1)).toEqual(["t/old second retained"])
      await a.publish("t/new", bytes("live"), { retain: true })
      expect(await early.next(1)).toEqual(["t/new live"])
    })

    test("an empty retained payload clears the topic", async () => {
      const [a, b] = [await connect("a"), await connect("b")]
      await a.publish("t/gone", bytes("x"), { retain: true })
      await a.publish("t/gone", bytes(""), { retain: true })
      await a.publish("t/kept", bytes("y"), { retain: true })
      const seen = await collect(b, "t/#")
      expect(await seen.next(1)).toEqual(["t/kept y retained"])
      await a.publish("t/end", bytes("z"))
      expect(await seen.next(1)).toEqual(["t/end z"])
    })

    test("the last will is sent on an abrupt end, and not on a graceful one", async () => {
      const watcher = await connect("watcher")
      const seen = await collect(watcher, "will/+")
      const will = (id: string) => ({ topic: `will/${id}`, payload: bytes("gone"), retain: false })
      const graceful = await connect("graceful", { will: will("graceful") })
      const abrupt = await connect("abrupt", { will: will("abrupt") })
      await graceful.close()
      await abrupt.close({ abrupt: true })
      expect(await seen.next(1)).toEqual(["will/abrupt gone"])
      await watcher.publish("will/marker", bytes("end"))
      expect(await seen.next(1)).toEqual(["will/marker end"])
    })

    test("a retained will stays for those who come later", async () => {
      const watcher = await connect("watcher")
      const seen = await collect(watcher, "will/a")
      const a = await connect("a", { will: { topic: "will/a", payload: bytes("gone"), retain: true } })
      await a.close({ abrupt: true })
      await seen.next(1)
      const late = await collect(await connect("late"), "will/a")
      expect(await late.next(1)).toEqual(["will/a gone retained"])
    })

    test("messages of one sender arrive in order and complete, more than any window holds", async () => {
      const [a, b] = [await connect("a"), await connect("b")]
      const seen = await collect(b, "t/+")
      const count = 2000
      await Promise.all(Array.from({ length: count }, (_, i) => a.publish("t/1", bytes(String(i)))))
      expect(await seen.next(count)).toEqual(Array.from({ length: count }, (_, i) => `t/1 ${i}`))
    })

    test("handlers run one at a time, and a pending one holds the rest back", async () => {
      const [a, b] = [await connect("a"), await connect("b")]
      const gate = Promise.withResolvers<void>()
      const begun = Promise.withResolvers<void>()
      const done = Promise.withResolvers<void>()
      let running = 0
      const log: string[] = []
      const handler = async (_topic: string, payload: Uint8Array): Promise<void> => {
        running++
        log.push(`${text(payload)} with ${running} running`)
        begun.resolve()
        await gate.promise
        running--
        if (log.length === 300) done.resolve()
      }
      await b.subscribe("t/1", handler)
      await b.subscribe("t/2", handler)
      const sent = Promise.all(Array.from({ length: 300 }, (_, i) => a.publish(`t/${1 + (i % 2)}`, bytes(String(i)))))
      await begun.promise
      // The broker has all of it and has answered; what b handles is still the first one.
      await sent
      expect(log).toEqual(["0 with 1 running"])
      gate.resolve()
      await done.promise
      expect(log).toEqual(Array.from({ length: 300 }, (_, i) => `${i} with 1 running`))
    })

    test("a handler may wait for what its own link publishes, also when much is waiting", async () => {
      const [a, b] = [await connect("a"), await connect("b")]
      const answers = await collect(a, "answer")
      await b.subscribe("question", async (_topic, payload) => {
        await b.publish("answer", payload)
      })
      const count = 500
      const payload = new Uint8Array(1000).fill(65)
      await Promise.all(Array.from({ length: count }, () => a.publish("question", payload)))
      expect(await answers.next(count)).toHaveLength(count)
    })

    test("a payload of 1 MiB arrives as it was sent, and the sender may use its buffer again afterwards", async () => {
      const [a, b] = [await connect("a"), await connect("b")]
      const received = Promise.withResolvers<Uint8Array>()
      const gate = Promise.withResolvers<void>()
      await b.subscribe("big", async (_topic, payload) => {
        await gate.promise
        received.resolve(payload.slice())
      })
      const payload = new Uint8Array(1 << 20)
      for (let i = 0; i < payload.length; i++) payload[i] = (i * 31 + (i >> 8)) & 0xff
      const expected = payload.slice()
      await a.publish("big", payload)
      payload.fill(0)
      gate.resolve()
      expect(Buffer.compare(await received.promise, expected)).toBe(0)
    })

    test("wildcards: + is one level, # is the rest", async () => {
      const [a, b] = [await connect("a"), await connect("b")]
      const one = await collect(b, "w/+/c")
      const rest = await collect(b, "w/x/#")
      for (const topic of ["w/a/c", "w/x", "w/x/c", "w/x/c/d", "w/a/b/c", "w/end/c", "w/x/end"])
        await a.publish(topic, bytes(""))
      expect(distinct(await one.until("w/end/c"))).toEqual(["w/a/c", "w/x/c", "w/end/c"])
      expect(distinct(await rest.until("w/x/end"))).toEqual(["w/x", "w/x/c", "w/x/c/d", "w/x/end"])
    })

    test("subscribing to the same filter again replaces the handler and replays what is retained", async () => {
      const [a, b] = [await connect("a"), await connect("b")]
      await a.publish("t", bytes("kept"), { retain: true })
      const first = await collect(b, "t")
      expect(await first.next(1)).toEqual(["t kept retained"])
      const second = await collect(b, "t")
      expect(await second.next(1)).toEqual(["t kept retained"])
      await a.publish("t", bytes("live"))
      expect(await second.next(1)).toEqual(["t live"])
      expect(first.unread).toEqual([])
    })

    test("nothing comes after unsubscribe", async () => {
      const [a, b] = [await connect("a"), await connect("b")]
      const off = await collect(b, "t/off")
      const on = await collect(b, "t/on")
      await a.publish("t/off", bytes("1"))
      expect(await off.next(1)).toEqual(["t/off 1"])
      await b.unsubscribe("t/off")
      await a.publish("t/off", bytes("2"))
      await a.publish("t/on", bytes("3"))
      expect(await on.next(1)).toEqual(["t/on 3"])
      expect(off.unread).toEqual([])
    })

    test("a subscription that the broker refuses rejects, and the link lives on", async () => {
      const a = await connect("a")
      await expect(a.subscribe(rig.refused, () => {})).rejects.toMatchObject({ code: "link-refused" })
      const seen = await collect(a, "t")
      await a.publish("t", bytes("x"))
      expect(await seen.next(1)).toEqual(["t x"])
    })

    test.each(["", "a/+", "a/#", "a\0b"])("a message to the topic %j is refused", async (topic) => {
      const a = await connect("a")
      await expect(a.publish(topic, bytes("x"))).rejects.toMatchObject({ code: "link-topic" })
    })

    test.each(["", "a/b+", "a/#/b", "a#"])("a subscription to the filter %j is refused", async (filter) => {
      const a = await connect("a")
      await expect(a.subscribe(filter, () => {})).rejects.toMatchObject({ code: "link-topic" })
    })

    test("an aborted publish rejects with the signal's reason", async () => {
      const a = await connect("a")
      const reason = new Error("enough")
      await expect(a.publish("t", bytes("x"), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      await a.publish("t", bytes("x"), { signal: new AbortController().signal })
    })

    test("after close everything rejects", async () => {
      const a = await connect("a")
      await a.close()
      expect(a.connected).toBe(false)
      await expect(a.publish("t", bytes("x"))).rejects.toMatchObject({ code: "link-closed" })
      await expect(a.subscribe("t", () => {})).rejects.toMatchObject({ code: "link-closed" })
      await a.close()
    })

    test("when the broker is gone, what is under way settles and the rest rejects at once", async () => {
      const a = await connect("a")
      const down = event(a, "down")
      const payload = new Uint8Array(100_000)
      const sent = Promise.allSettled(Array.from({ length: 100 }, () => a.publish("t", payload)))
      await rig.stop()
      await down
      expect(a.connected).toBe(false)
      for (const result of await sent) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ name: "LinkError", code: "link-down" })
      }
      await expect(a.publish("t", payload)).rejects.toThrow(LinkError)
      await expect(a.publish("t", payload)).rejects.toMatchObject({ code: "link-down" })
    })

    test("after the broker's restart a link comes up by itself, with its subscriptions", async () => {
      const [a, b] = [await connect("a"), await connect("b")]
      const seen = await collect(b, "t/+")
      const events: string[] = []
      b.on("up", () => events.push("up"))
      b.on("down", () => events.push("down"))
      await event(b, "up")
      const bothDown = [event(a, "down"), event(b, "down")]
      await rig.stop()
      await Promise.all(bothDown)
      const bothUp = [event(a, "up"), event(b, "up")]
      await rig.start()
      await Promise.all(bothUp)
      expect(events).toEqual(["up", "down", "up"])
      await a.publish("t/1", bytes("again"))
      expect(await seen.next(1)).toEqual(["t/1 again"])
    })

    test("a listener that was removed is not called", async () => {
      const a = await connect("a")
      const events: string[] = []
      const remove = a.on("up", () => events.push("removed"))
      remove()
      await event(a, "up")
      expect(events).toEqual([])
    })
  })
}

function event(link: Link, name: "up" | "down"): Promise<void> {
  return new Promise((resolve) => {
    const remove = link.on(name, () => {
      remove()
      resolve()
    })
  })
}

function distinct(topics: readonly string[]): string[] {
  // With overlapping filters some brokers send a message once for each.
  return [...new Set(topics)]
}

interface Collected {
  /** The next `count` messages, as "topic payload" and " retained". */
  next(count: number): Promise<string[]>
  /** The topics up to this one. */
  until(topic: string): Promise<string[]>
  readonly unread: readonly string[]
}

async function collect(link: Link, filter: string): Promise<Collected> {
  const unread: string[] = []
  let wake = (): void => {}
  await link.subscribe(filter, (topic, payload, retained) => {
    unread.push(`${topic} ${text(payload)}${retained ? " retained" : ""}`)
    wake()
  })
  async function take(enough: () => number): Promise<string[]> {
    for (;;) {
      const count = enough()
      if (count > 0) return unread.splice(0, count)
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  return {
    unread,
    next: (count) => take(() => (unread.length >= count ? count : 0)),
    async until(topic) {
      const lines = await take(() => unread.findIndex((line) => line.startsWith(`${topic} `)) + 1)
      return lines.map((line) => line.split(" ")[0]!)
    },
  }
}
