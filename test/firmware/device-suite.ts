import { describe, expect, test } from "vitest"
import { decode, encode } from "../../src/wire/index.ts"
import type { Message, Notice, Receipt } from "../../src/wire/index.ts"
import { EXAMPLES, play, setupOf } from "./federations.ts"
import type { Packet } from "./mqtt.ts"
import type { Setup } from "./puppet.ts"
import type { Begin } from "./rig.ts"
import { DEVICE, Federation, TOPICS, modelBytes, notice, task } from "./world.ts"
import type { Round, World } from "./world.ts"

/** What a device does of itself and for a coordinator, in virtual time. */
export function deviceSuite(begin: Begin): void {
  /** A device that has greeted; its coordinator has said nothing yet. */
  async function greeted(setup: Setup = {}): Promise<World> {
    const world = begin(setup)
    await world.until("GREETED", 5000)
    return world
  }

  /** It has sent its update of round 1, and nobody has answered. */
  async function sent(setup: Setup = {}, changes: Partial<Notice> = {}): Promise<Federation> {
    const federation = new Federation(begin(setup), notice(changes))
    federation.world.coordinator = (message) => {
      if (message.type === "ready") federation.invite()
    }
    federation.open()
    await federation.world.until("SENT", 5000)
    return federation
  }

  describe("rounds", () => {
    test.each(EXAMPLES)("$name", async (example) => {
      const { world, updates, released, notice: last } = await play(begin(setupOf(example)).puppet, example)
      expect(updates).toHaveLength(1 + example.rounds.length)
      // The parameters come last; means and deviations are before them.
      const model = await world.puppet.model()
      const head = last.training.standardized ? 8 * last.training.inputs : 0
      expect(model).toEqual(released.subarray(head))
      const outputs = await world.puppet.predict()
      expect(outputs.every(Number.isFinite)).toBe(true)
      if (example.classes === 3) expect(outputs.reduce((sum, p) => sum + p)).toBeCloseTo(1, 5)
      const events = world.told.map(({ event }) => event)
      expect(events.filter((event) => event === "COMMITTED")).toHaveLength(1 + example.rounds.length)
      const changed = last.deltas === undefined ? 0 : 1 + example.rounds.length
      expect(events.filter((event) => event === "CHANGED")).toHaveLength(changed)
    })

    test("an update of many packets, each within the device's buffer", async () => {
      const world = begin({ outgoing: 256 })
      const layers = [40, 3].map(
        (units, i) => ({ kind: "dense", units, activation: i === 0 ? "relu" : "identity" }) as const,
      )
      const model = modelBytes(5 * 40 + 41 * 3, 1)
      const first = notice({ codecs: [0], training: { ...notice().training, layers } }, model)
      const federation = new Federation(world, first, () => model)
      federation.open()
      await world.until("RELEASED", 60_000)
      expect(federation.updates.map(({ length }) => length)).toEqual([model.length])
      expect(said(world, "update")).toHaveLength(7)
    })

    test("a name and a password for the broker", async () => {
      const world = await greeted({ login: 1 })
      expect(world.packets[0]).toMatchObject({ type: "connect", clientId: DEVICE, flags: 0xce })
      expect((world.packets[0] as Extract<Packet, { type: "connect" }>).rest.slice(2)).toEqual(["user", "word"])
    })

    test("the end of the round is near: an update of the steps done", async () => {
      const world = begin()
      const federation = new Federation(world, notice({ training: { ...notice().training, epochs: 60_000 } }))
      federation.open()
      await world.until("PULLED", 5000)
      await world.pass(200)
      world.publish(TOPICS.round, encode({ ...federation.notice, phase: "finishing" }))
      const { number } = await world.until("TRAINED", 100)
      expect(number).toBeGreaterThan(0)
      expect(number).toBeLessThan(60_000 * 5)
      await world.until("RELEASED", 5000)
    })

    test("the upload waits for its place in the spread, unless the end is near", async () => {
      const world = begin()
      const federation = new Federation(world, notice({ spreadSeconds: 1000 }))
      federation.open()
      await world.until("TRAINED", 5000)
      await world.pass(1000)
      expect(said(world, "update")).toHaveLength(0)
      world.publish(TOPICS.round, encode({ ...federation.notice, phase: "finishing" }))
      await world.until("RELEASED", 5000)
    })
  })

  describe("work that comes to nothing", () => {
    test.each<[string, Setup, Partial<Notice>, string]>([
      ["a label that the model does not have", { classes: 5 }, {}, "BAD_SAMPLE"],
      ["a value that is no number", { broken: 1 }, {}, "DIVERGED"],
      ["steps that are far too large", {}, { training: { ...notice().training, learningRate: 3e38 } }, "DIVERGED"],
      ["the same in an evaluation", { classes: 5 }, { kind: "evaluate" }, "BAD_SAMPLE"],
      ["no number in statistics", { broken: 1 }, { kind: "statistics" }, "BAD_SAMPLE"],
    ])("%s", async (_, setup, changes, reason) => {
      const world = begin(setup)
      const federation = new Federation(world, notice(changes))
      federation.open()
      expect(await world.until("FAILED", 5000)).toMatchObject({ result: reason, round: 1 })
      await world.pass(30_000)
      expect(said(world, "update")).toHaveLength(0)
    })

    test.each<[string, Partial<Notice>]>([
      ["abandoned", { phase: "abandoned" }],
      ["committed without it", { phase: "committed" }],
      ["followed by another one", { round: 2 }],
    ])("the round is %s", async (_, changes) => {
      const world = begin()
      const federation = new Federation(world, notice({ training: { ...notice().training, epochs: 60_000 } }))
      federation.open()
      await world.until("PULLED", 5000)
      world.publish(TOPICS.round, encode({ ...federation.notice, ...changes }))
      expect(await world.until("DROPPED", 1000)).toMatchObject({ round: 1 })
    })
  })

  describe("an update that is kept", () => {
    test("is sent again when no receipt comes, less and less often", async () => {
      const { world } = await sent()
      await world.pass(600_000)
      const times = said(world, "update").length
      expect(times).toBeGreaterThan(8)
      expect(times).toBeLessThan(20)
    })

    test("is sent again over a new connection, and to a coordinator that has forgotten it", async () => {
      const federation = await sent()
      const { world } = federation
      await world.puppet.limits(-1, 2 ** 30)
      await world.until("DOWN", 60_000)
      await world.puppet.limits(2 ** 30, 2 ** 30)
      await world.until("SENT", 60_000)
      federation.receipt(lastUpdate(world))
      await world.until("FOLDED", 1000)
      federation.announce({ session: 100 })
      await world.until("SENT", 5000)
      federation.receipt(lastUpdate(world), { status: "duplicate" })
      await world.until("FOLDED", 1000)
      federation.receipt(lastUpdate(world))
      federation.announce({ phase: "committed", committed: { round: 1, epoch: 1 } })
      await world.until("COMMITTED", 1000)
    })

    test.each<[Receipt["status"], Partial<Receipt>, string]>([
      ["busy", { retrySeconds: 7 }, "BUSY"],
      ["late", { round: 2 }, "LATE"],
      ["refused", { reason: "zu groß", allowedBytes: 9 }, "REFUSED"],
    ])("%s", async (status, changes, event) => {
      const federation = await sent()
      const { world } = federation
      const before = said(world, "update").length
      federation.receipt({ ...lastUpdate(world), updateId: Buffer.alloc(8, 7) }, { status, ...changes })
      await world.pass(500)
      expect(world.told.some((told) => told.event === event)).toBe(false)
      federation.receipt(lastUpdate(world), { status, ...changes })
      expect(await world.until(event, 1000)).toMatchObject({
        number: status === "busy" ? 7 : status === "late" ? 1 : 0,
        text: changes.reason ?? "",
      })
      await world.pass(6000)
      expect(said(world, "update")).toHaveLength(before)
      await world.pass(120_000)
      expect(said(world, "update").length > before).toBe(status === "busy")
    })

    test.each<[string, Partial<Receipt>]>([
      ["folded in an earlier epoch", { status: "folded", epoch: 4 }],
      ["refused in another round", { status: "refused", round: 4 }],
      ["late in the round of its own, which an earlier one was late for", { status: "late" }],
      ["late in an earlier epoch", { status: "late", round: 9, epoch: 4 }],
      ["late in an earlier round", { status: "late", round: 4 }],
    ])("is kept and sent where the same bytes were %s", async (_, changes) => {
      const federation = await sent({}, { round: 5, epoch: 5 })
      const { world } = federation
      federation.receipt(lastUpdate(world), changes)
      await world.until("SENT", 60_000)
      expect(world.told.map(({ event }) => event)).not.toContain("DROPPED")
      federation.receipt(lastUpdate(world), { status: "late", round: 1, epoch: 6 })
      await world.until("LATE", 1000)
    })

    test.each<[string, Partial<Notice>, string]>([
      ["that it is committed: it is not", { phase: "committed", committed: { round: 1, epoch: 1 } }, "COMMITTED"],
      ["of the same round: it is", {}, "SENT"],
    ])("is sent again over a new connection once a Notice has come; where that says %s", async (_, changes, event) => {
      const federation = await sent()
      const { world } = federation
      const before = said(world, "update").length
      world.retained.delete(TOPICS.round)
      await world.puppet.limits(-1, 2 ** 30)
      await world.until("DOWN", 60_000)
      await world.puppet.limits(2 ** 30, 2 ** 30)
      await world.until("GREETED", 60_000)
      await world.pass(60_000)
      expect(said(world, "update")).toHaveLength(before)
      federation.announce(changes)
      await world.until(event, 5000)
      expect(said(world, "update").length > before).toBe(event === "SENT")
    })

    test("waits while the coordinator is away, and is sent when it is back", async () => {
      const world = begin()
      const federation = new Federation(world, notice({ spreadSeconds: 60 }))
      world.coordinator = (message) => {
        if (message.type === "ready") federation.invite()
      }
      federation.open()
      await world.until("TRAINED", 5000)
      world.publish(TOPICS.round, encode({ ...federation.notice, phase: "offline" }))
      await world.pass(120_000)
      expect(said(world, "update")).toHaveLength(0)
      const hellos = said(world, "hello").length
      federation.announce()
      await world.until("SENT", 5000)
      expect(said(world, "hello").length).toBeGreaterThan(hellos)
    })

    test.each<[string, Partial<Notice>, string]>([
      ["its round is committed", { phase: "committed", committed: { round: 1, epoch: 1 } }, "COMMITTED"],
      ["a later round is committed", { round: 3, committed: { round: 2, epoch: 1 } }, "COMMITTED"],
      ["only an earlier one is", { round: 2, committed: { round: 0, epoch: 9 } }, "DROPPED"],
      ["the same one of another epoch is", { round: 1, epoch: 3, committed: { round: 1, epoch: 0 } }, "DROPPED"],
      ["its round is abandoned", { phase: "abandoned" }, "DROPPED"],
    ])("until %s", async (_, changes, event) => {
      const { world, notice: first } = await sent()
      world.publish(TOPICS.round, encode({ ...first, ...changes }))
      expect(await world.until(event, 1000)).toMatchObject({ round: 1 })
    })

    test("not by a Notice that is older", async () => {
      const { world, notice: first } = await sent({}, { round: 5, epoch: 5 })
      for (const older of [{ round: 4 }, { epoch: 4 }, { round: 4, epoch: 6 }])
        world.publish(TOPICS.round, encode({ ...first, ...older, phase: "abandoned" }))
      await world.pass(2000)
      expect(world.told.some(({ event }) => event === "DROPPED")).toBe(false)
    })
  })

  describe("tasks", () => {
    test("wait: says hello and ready again then, and after a quarter of an hour of silence", async () => {
      const world = await greeted()
      world.publish(TOPICS.task(DEVICE), encode(task({ action: "wait", retrySeconds: 100 })))
      expect(await world.until("WAIT", 1000)).toMatchObject({ number: 100 })
      await world.pass(98_000)
      expect(said(world, "hello")).toHaveLength(1)
      await world.until("GREETED", 5000)
      await world.pass(890_000)
      expect(said(world, "hello")).toHaveLength(2)
      await world.until("GREETED", 500_000)
    })

    test("stop: the reason, and no more", async () => {
      const world = await greeted()
      world.publish(TOPICS.task(DEVICE), encode(task({ action: "stop", reason: "no codec in common" })))
      expect(await world.until("STOPPED", 1000)).toMatchObject({ text: "no codec in common" })
      expect(world.last!.result).toBe("STOPPED")
    })

    test("join: of a round whose Notice comes later, and once", async () => {
      const world = await greeted()
      const federation = new Federation(world)
      world.coordinator = () => {}
      federation.invite()
      await world.pass(1000)
      expect(world.told.some(({ event }) => event === "JOINED")).toBe(false)
      federation.open()
      await world.until("SENT", 5000)
      federation.invite()
      await world.pass(5000)
      expect(world.told.filter(({ event }) => event === "JOINED")).toHaveLength(1)
    })

    test("join: not one that the broker kept, and of no round that is over", async () => {
      const world = begin()
      world.publish(TOPICS.task(DEVICE), encode(task()), true)
      const federation = new Federation(world)
      world.coordinator = () => {}
      federation.open()
      await world.pass(5000)
      federation.announce({ phase: "committed" })
      federation.invite()
      await world.pass(5000)
      expect(world.told.some(({ event }) => event === "JOINED")).toBe(false)
    })

    test("join: an owner who is not willing says so, and when that changes", async () => {
      const world = begin()
      await world.puppet.willing(false)
      await world.until("GREETED", 5000)
      const willing = (): boolean[] => said(world, "ready").map((each) => each.type === "ready" && each.willing)
      expect(willing()).toEqual([false])
      const federation = new Federation(world)
      federation.open()
      federation.invite()
      await world.pass(2000)
      expect(world.told.some(({ event }) => event === "JOINED")).toBe(false)
      await world.puppet.willing(true)
      await world.until("RELEASED", 20_000)
      expect(willing().at(-1)).toBe(true)
    })
  })

  test("a quiet connection is kept alive", async () => {
    const world = await greeted()
    await world.pass(600_000)
    expect(world.told.some(({ event }) => event === "DOWN")).toBe(false)
    expect(world.packets.filter(({ type }) => type === "pingreq").length).toBeGreaterThan(30)
  })

  test("a model of another size of chunks in the middle of a pull", async () => {
    const world = await greeted({ incoming: 2048 })
    const layers = [20, 3].map(
      (units, i) => ({ kind: "dense", units, activation: i === 0 ? "relu" : "identity" }) as const,
    )
    const model = modelBytes(163, 1)
    const first = notice({ chunkClasses: [64], training: { ...notice().training, layers } }, model)
    const federation = new Federation(world, first, () => model)
    federation.open()
    world.retained.delete(TOPICS.model(1, undefined, 64, 3))
    await world.until("PULL_FAILED", 20_000)
    federation.notice = { ...federation.notice, chunkClasses: [64, 512] }
    federation.offer()
    world.retained.delete(TOPICS.model(1, undefined, 64, 3))
    federation.announce()
    await world.until("RELEASED", 60_000)
    expect(await world.puppet.model()).toEqual(model)
  })

  describe("changes on the way down", () => {
    const [example] = EXAMPLES.filter(({ name }) => name === "changes on the way down")
    const { first, model, change } = example!
    const deltas = { base: 1, codec: 2 }

    test.each<[string, Setup, Round, string]>([
      ["used", {}, { version: 2, deltas }, "CHANGED"],
      ["in a codec that the device has not", {}, { version: 2, deltas: { base: 1, codec: 4 } }, "PULLED"],
      ["none that a small image has", { all: 0 }, { version: 2, deltas, codecs: [1] }, "PULLED"],
      ["from a later version", {}, { version: 3, deltas: { base: 2, codec: 2 } }, "PULLED"],
      ["without room for a block beside the model", { memory: 2400 }, { version: 2, deltas }, "PULLED"],
      ["longer than the model", {}, { version: 9, deltas }, "PULLED"],
      ["to the version that is held, which is another", {}, { version: 1, digest: Buffer.alloc(32) }, "PULL_FAILED"],
    ])("%s", async (_, setup, round, event) => {
      const world = begin({ ...setupOf(example!), ...setup })
      const federation = new Federation(world, { ...first, codecs: [5, 1] }, model, [round], change)
      federation.open()
      await world.until("COMMITTED", 5000)
      expect(await world.until(event, 5000)).toMatchObject({ round: 2 })
      if (event !== "PULL_FAILED") await world.until("RELEASED", 5000)
    })

    test("a change that is broken: the model is pulled whole", async () => {
      const world = begin(setupOf(example!))
      const broken = (): Buffer => Buffer.alloc(change!(2).length, 0x80)
      const federation = new Federation(world, first, model, [{ version: 2, deltas }], broken)
      federation.open()
      await world.until("COMMITTED", 5000)
      expect(await world.until("PULL_FAILED", 5000)).toMatchObject({ result: "BAD_MODEL", round: 2 })
      expect(await world.until("PULLED", 5000)).toMatchObject({ number: 2 })
      await world.until("RELEASED", 60_000)
    })
  })

  test("a device without training samples takes part in evaluations, and in no training", async () => {
    const world = await greeted({ rows: 0 })
    const federation = new Federation(world, notice(), undefined, [{ kind: "evaluate" }])
    federation.open()
    federation.invite()
    expect(await world.until("FAILED", 5000)).toMatchObject({ result: "BAD_SAMPLE" })
    federation.begin({ kind: "evaluate" })
    await world.until("RELEASED", 5000)
    expect(federation.updates.map(({ length }) => length)).toEqual([60, 60])
  })

  test("a released model that this device cannot hold: it says why, and ends", async () => {
    const world = await greeted({ memory: 200 })
    new Federation(world, notice({ kind: "released", phase: "released" })).open()
    await world.pass(5000)
    expect(world.last!.result).toBe("NO_MEMORY")
  })

  describe("leaving", () => {
    test("says so, and goodbye", async () => {
      const world = await greeted()
      await world.puppet.leave()
      await world.pass(5000)
      expect(world.last!.result).toBe("CLOSED")
      expect(said(world, "gone")).toHaveLength(1)
      expect(world.packets.at(-1)).toEqual({ type: "disconnect" })
    })

    test("a broker that says nothing: two seconds", async () => {
      const world = await greeted()
      world.broker = () => Buffer.alloc(0)
      const from = world.ms
      await world.puppet.leave()
      await world.pass(5000)
      expect(world.last!.result).toBe("CLOSED")
      expect(world.ms - from).toBeLessThan(2200)
    })

    test("in the middle of a round", async () => {
      const { world } = await sent()
      await world.puppet.leave()
      await world.pass(5000)
      expect(world.told.at(-1)).toMatchObject({ event: "DROPPED", result: "CLOSED" })
      expect(said(world, "gone")).toHaveLength(1)
    })
  })
}

/** What the device said of a type. */
function said(world: World, type: Message["type"]): Message[] {
  return world.packets
    .flatMap((packet) => (packet.type === "publish" ? [decode(packet.payload)] : []))
    .filter((message) => message.type === type)
}

function lastUpdate(world: World): Extract<Message, { type: "update" }> {
  return said(world, "update").at(-1) as Extract<Message, { type: "update" }>
}
