import { describe, expect, test } from "vitest"
import { chunkModel, encode } from "../../src/wire/index.ts"
import type { Notice } from "../../src/wire/index.ts"
import * as mqtt from "./mqtt.ts"
import type { Setup } from "./puppet.ts"
import type { Begin } from "./rig.ts"
import { DEVICE, Federation, TOPICS, modelBytes, notice, task } from "./world.ts"
import type { World } from "./world.ts"

/**
 * Brokers that freeze, lie and mean harm, in virtual time. Whatever they say, the device says what is wrong within the times given here, in the memory it
 * was given (the sanitizers see every byte beyond), and takes part again as soon as a broker is good.
 */

/** A silence of this long ends a connection; half of it a silence at its beginning. */
const KEEP_ALIVE_MS = 30_000
/** The longest wait for the next attempt, a connection being lost. */
const MOST_DELAY_MS = 64_000

const NOTHING = Buffer.alloc(0)

/** From here on broker and coordinator are good: the device takes part in a round, and gets the released model. */
async function recovers(world: World): Promise<void> {
  world.broker = () => undefined
  await world.puppet.open("OK")
  await world.puppet.limits(2 ** 30, 2 ** 30)
  const federation = new Federation(world, notice({ version: 50, epoch: 9, session: 1234 }))
  federation.open()
  await world.until("RELEASED", 2 * KEEP_ALIVE_MS + MOST_DELAY_MS)
  expect(federation.updates.map(({ length }) => length)).toEqual([17])
  expect(await world.puppet.model()).toEqual(federation.released)
}

/** `begin` makes a device on its rig, in its world. */
export function hostileSuite(begin: Begin): void {
  /** A connection on which all of the device's own topics are subscribed to, and no Notice has come. */
  async function connected(setup: Setup = {}): Promise<World> {
    const world = begin(setup)
    await world.until("GREETED", 5000)
    return world
  }

  /** The device is pulling version 1, and its broker has no chunk of it. */
  async function pulling(setup: Setup = {}, changes: Partial<Notice> = {}, model?: Buffer): Promise<World> {
    const world = await connected(setup)
    world.publish(TOPICS.round, encode(notice(changes, model)), true)
    world.publish(TOPICS.task(DEVICE), encode(task()))
    await world.until("JOINED", 5000)
    await world.pass(1000)
    return world
  }

  describe("silence", () => {
    test.each([
      ["never opens", "AGAIN", "SILENT", KEEP_ALIVE_MS / 2],
      ["fails to open", "CLOSED", "CLOSED", 1000],
    ])("a stream that %s", async (_, open, reason, mostMs) => {
      const world = begin()
      await world.puppet.open(open)
      expect(await world.until("DOWN", mostMs + 1000)).toMatchObject({ result: reason })
      await recovers(world)
    })

    test("a broker that does not answer CONNECT", async () => {
      const world = begin()
      world.broker = () => NOTHING
      expect(await world.until("DOWN", KEEP_ALIVE_MS / 2 + 1000)).toMatchObject({ result: "SILENT" })
      await recovers(world)
    })

    test("a broker that freezes later", async () => {
      const world = await connected()
      world.broker = () => NOTHING
      expect(await world.until("DOWN", KEEP_ALIVE_MS + 1000)).toMatchObject({ result: "SILENT" })
      await recovers(world)
    })

    test.each(["publish", "subscribe"] as const)("a broker that answers pings but never %s", async (type) => {
      const world = begin()
      world.broker = (packet) => (packet.type === type ? NOTHING : undefined)
      expect(await world.until("DOWN", 2 * KEEP_ALIVE_MS)).toMatchObject({ result: "SILENT" })
      await recovers(world)
    })

    test("a broker that takes nothing more, and floods", async () => {
      const world = await connected()
      await world.puppet.limits(2 ** 30, 0)
      const one = mqtt.publish("fm1/motes/round", NOTHING, 7)
      for (let i = 0; i < 20; i++) world.send(Buffer.concat(Array.from({ length: 200 }, () => one)))
      expect(await world.until("DOWN", KEEP_ALIVE_MS + 1000)).toMatchObject({ result: "SILENT" })
      await recovers(world)
    })

    test.each([
      ["reading", -1, 2 ** 30],
      ["writing", 2 ** 30, -1],
    ])("a stream that ends, as %s shows", async (_, read, write) => {
      const world = await connected()
      await world.puppet.limits(read, write)
      expect(await world.until("DOWN", KEEP_ALIVE_MS)).toMatchObject({ result: "CLOSED" })
      await recovers(world)
    })

    test("a stream of one byte at a time", async () => {
      const world = begin()
      await world.puppet.limits(1, 1)
      const federation = new Federation(world)
      federation.open()
      await world.until("RELEASED", 60_000)
      expect(await world.puppet.model()).toEqual(federation.released)
    })

    test("a model that never comes: asked for again, less and less often", async () => {
      const world = await pulling()
      const asked = (): number =>
        world.packets.filter((p) => p.type === "subscribe" && p.topic.includes("/model/")).length
      const from = asked()
      await world.pass(600_000)
      // Ten minutes of 5 s, and waits that grow to 16 to 32 s.
      expect(asked() - from).toBeGreaterThan(10)
      expect(asked() - from).toBeLessThan(60)
      expect(world.told.filter(({ event }) => event === "PULL_FAILED").every(({ result }) => result === "SILENT")).toBe(
        true,
      )
      await recovers(world)
    })
  })

  describe("refusals", () => {
    test.each([1, 2, 3, 4, 5, 255])("CONNACK %d", async (code) => {
      const world = begin()
      world.broker = (packet) => (packet.type === "connect" ? mqtt.connack(code) : undefined)
      expect(await world.until("DOWN", 5000)).toMatchObject({ result: "REFUSED" })
      await recovers(world)
    })

    test.each(["receipt", "task", "round"])("SUBACK 0x80 on %s", async (leaf) => {
      const world = begin()
      world.broker = (packet) =>
        packet.type === "subscribe" && packet.topic.endsWith(leaf) ? mqtt.suback(packet.id, 0x80) : undefined
      expect(await world.until("DOWN", 5000)).toMatchObject({ result: "REFUSED" })
      await recovers(world)
    })

    test("attempts become fewer: at most twenty in ten minutes", async () => {
      const world = begin()
      world.broker = () => mqtt.connack(2)
      await world.pass(600_000)
      expect(world.last!.opened).toBeGreaterThan(8)
      expect(world.last!.opened).toBeLessThan(40)
    })
  })

  describe("packets that no broker sends", () => {
    const body = Buffer.from([0, 3, 97, 47, 98, 0, 1, 9])
    test.each<[string, Buffer]>([
      ["a remaining length of five bytes", Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f])],
      ...[0, 1, 5, 6, 7, 8, 10, 12, 14, 15].map((type): [string, Buffer] => [
        `type ${type}`,
        mqtt.packet(type, 0, body),
      ]),
      ["a second CONNACK", mqtt.connack()],
      ["PINGRESP with flags", mqtt.packet(mqtt.TYPE.pingresp, 1, NOTHING)],
      ["PUBACK that is too long", mqtt.packet(mqtt.TYPE.puback, 0, Buffer.from([0, 1, 0]))],
      ["PUBACK that is too short", mqtt.packet(mqtt.TYPE.puback, 0, Buffer.from([1]))],
      ["SUBACK of two subscriptions", mqtt.packet(mqtt.TYPE.suback, 0, Buffer.from([0, 1, 0, 0]))],
      ["PUBLISH of QoS 2", mqtt.packet(mqtt.TYPE.publish, 4, body)],
      ["PUBLISH of QoS 3", mqtt.packet(mqtt.TYPE.publish, 6, body)],
      ["PUBLISH without a topic", mqtt.packet(mqtt.TYPE.publish, 2, Buffer.from([0, 0, 0, 1]))],
      ["PUBLISH without anything", mqtt.packet(mqtt.TYPE.publish, 0, NOTHING)],
      ["PUBLISH with the id 0", mqtt.packet(mqtt.TYPE.publish, 2, Buffer.from([0, 1, 97, 0, 0]))],
      ["PUBLISH with a topic longer than itself", mqtt.packet(mqtt.TYPE.publish, 2, Buffer.from([255, 255, 97, 0, 1]))],
      ["PUBLISH larger than the buffer, with a topic larger than that too", mqtt.packet(3, 2, Buffer.alloc(600, 3))],
      ["another packet larger than the buffer", mqtt.packet(mqtt.TYPE.suback, 0, Buffer.alloc(600, 1))],
    ])("%s", async (_, bytes) => {
      const world = await connected()
      world.send(bytes)
      expect(await world.until("DOWN", 1000)).toMatchObject({ result: "BAD_PACKET" })
      await recovers(world)
    })

    test.each<[string, Buffer]>([
      ["PUBLISH", mqtt.publish("a", NOTHING)],
      ["CONNACK that is too long", mqtt.packet(mqtt.TYPE.connack, 0, Buffer.from([0, 0, 0]))],
      ["PINGRESP", mqtt.pingresp()],
    ])("%s in place of CONNACK", async (_, bytes) => {
      const world = begin()
      world.broker = (packet) => (packet.type === "connect" ? bytes : undefined)
      expect(await world.until("DOWN", 1000)).toMatchObject({ result: "BAD_PACKET" })
      await recovers(world)
    })
  })

  describe("too much", () => {
    test("a message larger than the buffer: how large, and the connection goes on", async () => {
      const world = await connected({ incoming: 300 })
      const large = mqtt.publish(TOPICS.round, Buffer.alloc(5000), 77)
      world.send(large)
      expect(await world.until("TOO_LARGE", 1000)).toMatchObject({ result: "TOO_LARGE", number: large.length })
      await world.pass(100)
      expect(world.packets.at(-1)).toEqual({ type: "puback", id: 77 })
      await recovers(world)
      expect(world.told.some(({ event }) => event === "DOWN")).toBe(false)
    })

    test("a packet that has no end", async () => {
      const world = await connected()
      world.send(mqtt.packet(mqtt.TYPE.publish, 0, Buffer.from([0, 1, 97]), 268_435_455))
      const begun = world.ms
      const from = world.told.length
      // A byte every second, for as long as it is taken.
      while (world.ms - begun < 600_000 && !world.told.slice(from).some(({ event }) => event === "DOWN")) {
        await world.pass(1000)
        world.send(Buffer.alloc(1))
      }
      expect(world.told.slice(from).find(({ event }) => event === "DOWN")).toMatchObject({ result: "SILENT" })
      expect(world.ms - begun).toBeLessThan(2 * KEEP_ALIVE_MS + 2000)
      await recovers(world)
    })

    test("packets that have no end: the device does its work all the same", async () => {
      const world = begin()
      const noise = Buffer.concat([
        ...Array.from({ length: 20 }, (_, i) => mqtt.publish(`x/${i}`, Buffer.alloc(100 + i), (i % 2) * 9)),
        mqtt.pingresp(),
        mqtt.puback(999),
        mqtt.suback(999),
        mqtt.unsuback(999),
      ])
      world.broker = ({ type }) => {
        if (!["connect", "puback"].includes(type)) world.send(noise)
        return undefined
      }
      const federation = new Federation(world)
      federation.open()
      await world.until("RELEASED", 60_000)
      expect(await world.puppet.model()).toEqual(federation.released)
    })

    test("Notices, Tasks and Receipts that have no end: few answers, no harm", async () => {
      const world = await connected()
      const from = world.packets.length
      for (let i = 1; i <= 500; i++) {
        world.publish(TOPICS.round, encode(notice({ round: i, session: i, version: i })))
        world.publish(
          TOPICS.task(DEVICE),
          encode(task({ round: i, retrySeconds: i, action: i % 2 === 0 ? "join" : "wait" })),
        )
        await world.pass(20)
      }
      const published = world.packets.slice(from).filter(({ type }) => type === "publish")
      // Greeting a new coordinator waits up to a second each time.
      expect(published.length).toBeLessThan(60)
      await recovers(world)
    })
  })

  describe("a model that is not what was announced", () => {
    test("another digest: never in use, and asked for less and less often", async () => {
      const world = begin()
      const federation = new Federation(world, notice({ digest: Buffer.alloc(32, 1) }))
      federation.open()
      await world.pass(300_000)
      const failed = world.told.filter(({ event }) => event === "PULL_FAILED")
      expect(failed.length).toBeGreaterThan(6)
      expect(failed.length).toBeLessThan(40)
      expect(failed.every(({ result }) => result === "BAD_MODEL")).toBe(true)
      expect(world.told.some(({ event }) => ["PULLED", "TRAINED", "SENT"].includes(event))).toBe(false)
      expect(await world.puppet.model()).toHaveLength(0)
      await recovers(world)
    })

    // 4-20-3: 163 parameters in 11 chunks.
    const layers = [20, 3].map(
      (units) => ({ kind: "dense", units, activation: units === 3 ? "identity" : "relu" }) as const,
    )
    const large = modelBytes(163, 1)
    const changes: Partial<Notice> = { chunkClasses: [64], training: { ...notice().training, layers } }
    const chunks = chunkModel(large, 1, undefined, 64)
    const topic = (index: number): string => TOPICS.model(1, undefined, 64, index)

    test("chunks twice, and out of order, as messages of other topics: only those asked for count", async () => {
      const world = begin()
      const federation = new Federation(world, notice(changes, large), () => large)
      federation.open()
      world.broker = (packet) => {
        if (packet.type === "subscribe" && packet.topic.includes("/model/"))
          for (const chunk of chunks.toReversed()) {
            const message = mqtt.publish(topic(chunk.index), encode(chunk), world.nextId(), true)
            world.send(Buffer.concat([message, message]))
          }
        return undefined
      }
      await world.until("PULLED", 60_000)
      await world.until("RELEASED", 60_000)
      expect(await world.puppet.model()).toEqual(large)
    })

    test.each<[string, (index: number) => Uint8Array]>([
      ["another chunk", (index) => encode(chunks[(index + 1) % 11]!)],
      ["another count", (index) => encode({ ...chunks[index]!, count: 12 })],
      ["another version", (index) => encode({ ...chunks[index]!, version: 2 })],
      ["a change", (index) => encode({ ...chunks[index]!, version: 2, base: 1 })],
      ["a shorter one", (index) => encode({ ...chunks[index]!, payload: chunks[index]!.payload.subarray(1) })],
      ["a longer one", (index) => encode({ ...chunks[index]!, payload: new Uint8Array(65) })],
      ["nothing: superseded", () => NOTHING],
      ["rubbish", () => Buffer.alloc(50, 0xff)],
    ])("on a chunk's topic %s: it is begun again", async (_, what) => {
      const world = await pulling({}, changes, large)
      world.publish(topic(0), encode(chunks[0]!))
      await world.pass(100)
      world.publish(topic(1), what(1))
      expect(await world.until("PULL_FAILED", 100)).toMatchObject({ result: "BAD_MODEL" })
      await world.pass(5000)
      expect(world.packets.findLast(({ type }) => type === "subscribe")).toMatchObject({ topic: topic(0) })
      await recovers(world)
    })

    test("a model that does not fit: how much memory would do, and that much does", async () => {
      const world = await connected({ memory: 1000 })
      const fixed = notice(changes, large)
      world.publish(TOPICS.round, encode(fixed), true)
      const { result, number } = await world.until("UNFIT", 1000)
      expect(result).toBe("NO_MEMORY")
      // S = 0, P = 163, H = 20, C = 3, B = 4: the formula of fedmote.h.
      expect(number).toBe(4 * (2 * 163 + 4 * (2 * 20 + 3 + 1)))
      // It says so to the coordinator, and takes no part.
      await world.pass(5000)
      world.publish(TOPICS.task(DEVICE), encode(task()))
      await world.pass(5000)
      expect(world.told.some(({ event }) => event === "JOINED")).toBe(false)
      await recovers(world)

      for (const [memory, fits] of [
        [number - 1, false],
        [number, true],
      ] as const) {
        const other = await connected({ memory })
        other.publish(TOPICS.round, encode(fixed), true)
        other.publish(TOPICS.task(DEVICE), encode(task()))
        await other.pass(5000)
        expect(other.told.some(({ event }) => event === (fits ? "JOINED" : "UNFIT"))).toBe(true)
      }
    })

    test.each<[string, Partial<Notice>, string]>([
      ["a size that its layers do not have", { sizeBytes: 64 }, "BAD_MODEL"],
      ["a size beyond all memory", { sizeBytes: 268_435_455 }, "BAD_MODEL"],
      ["the largest layers that there are", { training: dense(65535, 65535, 3) }, "BAD_ARGUMENT"],
      ["another number of features", { training: { ...notice().training, inputs: 5 } }, "MISFIT"],
      ["a loss that this image has not", { training: { ...notice().training, loss: "squared" } }, "UNSUPPORTED"],
      ["codecs that this image has not", { codecs: [5, 8] }, "UNSUPPORTED"],
      ["error feedback", { training: { ...notice().training, errorFeedback: true } }, "UNSUPPORTED"],
      ["clipping", { training: { ...notice().training, clipping: { step: 1 } } }, "UNSUPPORTED"],
      ["a schedule", { training: { ...notice().training, schedule: schedule("cosine", 0) } }, "UNSUPPORTED"],
      ["steps to warm up", { training: { ...notice().training, schedule: schedule("constant", 5) } }, "UNSUPPORTED"],
      ["layers that keep still", { training: twoLayers({ shared: { from: 1, to: 2 } }) }, "UNSUPPORTED"],
      ["layers that are kept at home", { training: twoLayers({ shared: { from: 0, to: 1 } }) }, "UNSUPPORTED"],
      ["an activation behind the last layer", { training: twoLayers({ layers: activated }) }, "UNSUPPORTED"],
      ["no layers that we know", { training: { ...notice().training, loss: "custom", layers: [] } }, "UNSUPPORTED"],
      ["a convolution", { training: { ...notice().training, layers: convolved } }, "UNSUPPORTED"],
    ])("a Notice with %s", async (_, lie, reason) => {
      const world = await connected()
      world.publish(TOPICS.round, encode(notice(lie)), true)
      expect(await world.until("UNFIT", 1000)).toMatchObject({ result: reason })
      await recovers(world)
    })

    test("a Notice of a model whose memory 32 bits cannot tell", async () => {
      const world = await connected({ rows: 65535 })
      world.publish(TOPICS.round, encode(notice({ sizeBytes: 4 * 1_572_853, training: alternating() })), true)
      expect(await world.until("UNFIT", 1000)).toMatchObject({ result: "NO_MEMORY", number: 2 ** 32 - 1 })
      await recovers(world)
    })

    test("a Notice of a larger model while the released one is being pulled", async () => {
      const world = await connected({ memory: 600 })
      const first = notice({ kind: "released", phase: "released" })
      world.publish(TOPICS.round, encode(first), true)
      await world.pass(200)
      world.publish(TOPICS.round, encode(notice({ ...changes, version: 2 }, large)))
      await world.until("UNFIT", 1000)
      world.publish(TOPICS.model(1, undefined, 64, 0), encode(chunkModel(modelBytes(15, 1), 1, undefined, 64)[0]!))
      await world.pass(5000)
      await recovers(world)
    })

    test("chunks that are all too large for the buffer", async () => {
      const world = await pulling({ incoming: 512 }, { chunkClasses: [4096] })
      expect(world.told.filter(({ event }) => event === "PULL_FAILED").at(-1)).toMatchObject({ result: "TOO_LARGE" })
      await recovers(world)
    })
  })
}

const activated = [{ kind: "dense", units: 3, activation: "relu" }] as const
const convolved = [
  { kind: "conv1d", channels: 1, filters: 2, width: 2, stride: 1, activation: "relu" },
  { kind: "pool", mode: "max", channels: 2, width: 2 },
  { kind: "dense", units: 3, activation: "identity" },
] as const

function schedule(kind: "constant" | "cosine", warmup: number): NonNullable<Notice["training"]["schedule"]> {
  return { kind, warmup, finalFraction: 0 }
}

function twoLayers(changes: Partial<Notice["training"]>): Notice["training"] {
  return { ...dense(5, 3), ...changes }
}

/** Wide and narrow in turns: few parameters, and outputs for a batch that are more than 2^32. */
function alternating(): Notice["training"] {
  return { ...dense(...Array.from({ length: 14 }, (_, i) => (i % 2 === 0 ? 65535 : 1)), 3), batch: 65535 }
}

function dense(...units: readonly number[]): Notice["training"] {
  const layers = units.map(
    (each, i) => ({ kind: "dense", units: each, activation: i + 1 < units.length ? "relu" : "identity" }) as const,
  )
  return { ...notice().training, layers }
}
