import { expect, onTestFinished, test } from "vitest"
import { refusalLog } from "../../src/cli/brokers.ts"
import { Coordinator } from "../../src/coordinator/coordinator.ts"
import { parsePlan } from "../../src/core/plan.ts"
import { PURPOSE, RandomStream } from "../../src/core/random.ts"
import { startBroker } from "../../src/net/broker.ts"
import { updateIdOf } from "../../src/net/digest.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { encode } from "../../src/wire/codec.ts"
import type { Update } from "../../src/wire/message.ts"
import { startMosquitto } from "../net/mosquitto.ts"
import { RawClient, header, packet } from "../net/raw-client.ts"
import { FakeDevice, PLAN, TOPICS } from "./world.ts"

/** Frozen, slow, flooding and malformed clients, each on a socket of its own, around a coordinator in the middle of a round. */

const PARAMETERS = 20_000
/** Room for the incomplete updates of a few devices: 80 kB each. */
const REASSEMBLY_BYTES = 600_000
const LONG = 300

// Three updates of the four devices that are asked make a round; one of the four is hostile.
const ROUNDS = parsePlan({
  ...PLAN,
  rounds: 1,
  cohort: 3,
  model: { loss: "custom", parameters: PARAMETERS, features: 2 },
  selection: { overSelect: 1.33, minimumToStart: 4, settleSeconds: 0, timeoutSeconds: LONG },
  report: { timeoutSeconds: LONG, finishSeconds: 1, minimumToCommit: 3 },
})

class Scene {
  readonly over = new AbortController()
  readonly #port: number
  readonly #clients: RawClient[] = []
  /** Messages of a flood. */
  readonly flood: number

  constructor(port: number, flood: number) {
    this.#port = port
    this.flood = flood
  }

  /** A connection that has sent nothing. */
  raw(): RawClient {
    const client = new RawClient(this.#port)
    client.socket.setMaxListeners(0)
    this.#clients.push(client)
    return client
  }

  async client(id: string): Promise<RawClient> {
    const client = this.raw()
    const connack = client.next(2)
    client.write(packet.connect(id))
    await connack
    return client
  }

  /** As fast as the broker takes them. */
  async send({ socket }: RawClient, message: (n: number) => Buffer): Promise<void> {
    for (let n = 0; n < this.flood && !this.over.signal.aborted && !socket.destroyed; n += 100) {
      const many = Buffer.concat(Array.from({ length: 100 }, (_, i) => message(n + i)))
      if (!socket.write(many))
        await new Promise<void>((resolve) => socket.once("drain", resolve).once("close", resolve))
      await new Promise(setImmediate)
    }
  }

  end(): void {
    this.over.abort()
    for (const client of this.#clients) client.destroy()
  }
}

interface Hostile {
  readonly id: string
  /** What the log says of it. */
  readonly named: RegExp
  /** Resolves once it has begun. */
  begin(scene: Scene): Promise<unknown>
}

function update(facts: Partial<Update> = {}): Uint8Array {
  const payload = facts.payload ?? Uint8Array.of(1, 2, 3)
  const place = { round: 0, epoch: 65536, index: 0, count: 1, updateId: updateIdOf(payload) }
  const rest = { baseVersion: 0, codec: 0, samples: 1, steps: 1, metrics: Float32Array.of(1) }
  return encode({ type: "update", ...place, ...rest, ...facts, payload })
}

function hello(session: number): Uint8Array {
  const facts = { maxPacket: 1024, ramKiB: 0, codecs: [0], abis: [], features: 2 }
  return encode({ type: "hello", session, ...facts })
}

function flood(id: string, named: RegExp, message: (n: number) => Buffer): Hostile {
  return {
    id,
    named,
    async begin(scene) {
      void scene.send(await scene.client(id), message)
    },
  }
}

/** Whom the coordinator names, over any broker. */
const SENDERS: readonly Hostile[] = [
  flood("flood-updates", /far more than it has to/, () =>
    packet.publish(TOPICS.update("flood-updates", 1), update(), { id: 7 }),
  ),
  flood("flood-hello", /far more than it has to/, (n) => packet.publish(TOPICS.hello("flood-hello"), hello(n))),
  flood("flood-unacknowledged", /far more than it has to/, () =>
    packet.publish(TOPICS.update("flood-unacknowledged", 1), update(), { qos: 0 }),
  ),
  flood("flood-empty", /malformed message/, () =>
    packet.publish(TOPICS.ready("flood-empty"), new Uint8Array(0), { qos: 0 }),
  ),
  {
    id: "malformed",
    named: /malformed message/,
    async begin(scene) {
      const client = await scene.client("malformed")
      for (const bytes of [Uint8Array.of(0xff), update().subarray(0, -1), hello(1)])
        await client.publish(TOPICS.update("malformed", 1), bytes)
    },
  },
  {
    id: "giant",
    named: /a message of 1500\d+ bytes on fm1\/test\/dev\/giant\/hello was passed over/,
    async begin(scene) {
      const message = packet.publish(TOPICS.hello("giant"), new Uint8Array(1_500_000))
      // Retained: whoever subscribes later gets it, too.
      message[0]! |= 1
      ;(await scene.client("giant")).write(message)
    },
  },
  {
    // It is one of the round's devices: each of these takes room for all that it announces.
    id: "hoarder",
    named: /begins one update after the other/,
    async begin(scene) {
      const client = await scene.client("hoarder")
      for (let n = 0; n < 50; n++) {
        const announced = { updateId: new Uint8Array(8).fill(n), count: 65_535, payload: Uint8Array.of(n) }
        await client.publish(TOPICS.update("hoarder", 1), update(announced))
      }
    },
  },
]

/** Whom the embedded broker names. */
const CLIENTS: readonly Hostile[] = [
  {
    id: "half-a-packet",
    named: /did not arrive in time/,
    async begin(scene) {
      const message = packet.publish(TOPICS.update("half-a-packet", 1), new Uint8Array(1000))
      ;(await scene.client("half-a-packet")).write(message.subarray(0, 500))
    },
  },
  {
    id: "byte-by-byte",
    named: /did not arrive in time/,
    async begin(scene) {
      const client = await scene.client("byte-by-byte")
      const message = packet.publish(TOPICS.update("byte-by-byte", 1), new Uint8Array(100_000))
      let at = 0
      const timer = setInterval(() => client.write(message.subarray(at, ++at)), 50)
      void client.closed.then(() => clearInterval(timer))
    },
  },
  {
    id: "never-reads",
    named: /acknowledges nothing/,
    async begin(scene) {
      const client = await scene.client("never-reads")
      await client.subscribe("fm1/test/#")
      client.socket.pause()
    },
  },
  {
    id: "never-acknowledges",
    named: /acknowledges nothing/,
    begin: async (scene) => (await scene.client("never-acknowledges")).subscribe("fm1/test/#"),
  },
  {
    id: "too-large",
    named: /at most 2097152 bytes, got 200000000/,
    async begin(scene) {
      const client = await scene.client("too-large")
      client.write(Buffer.concat([header(0x32, 200_000_000), Buffer.alloc(50_000)]))
    },
  },
  {
    id: "noise",
    named: /refused: /,
    async begin(scene) {
      const random = new RandomStream({ seed: 11, round: 0, device: [0, 0] }, PURPOSE.generator)
      const client = await scene.client("noise")
      // A client may send neither of its reserved types, 0 and 15.
      client.write(Buffer.from([0xf0, 0x10, ...Array.from({ length: 5000 }, () => random.below(256))]))
    },
  },
]

/** Those who never say who they are: named by their address. */
const NAMELESS: readonly Hostile[] = [
  {
    id: "silent",
    named: /connect did not arrive in time/,
    async begin(scene) {
      scene.raw()
      scene.raw().write(packet.connect("half-a-connect").subarray(0, 9))
    },
  },
  {
    id: "not-mqtt",
    named: /expected CONNECT first/,
    begin: async (scene) => scene.raw().write(Buffer.from("GET / HTTP/1.1\r\n\r\n")),
  },
]

interface Stage {
  readonly url: string
  readonly flood: number
  /** Who is to be named, by whoever names them. */
  readonly named: readonly Hostile[]
  readonly nameless: readonly Hostile[]
  /** Bytes that wait for clients. */
  waitingBytes(): number
}

const stages: { readonly [name: string]: (warn: (fields: object, text: string) => void) => Promise<Stage> } = {
  async "the embedded broker"(warn) {
    const times = { connectTimeoutMs: 500, packetTimeoutMs: 1000, stallTimeoutMs: 1000 }
    const broker = await startBroker({ ...times, onRefused: refusalLog({ warn }) })
    onTestFinished(() => broker.close())
    const named = [...SENDERS, ...CLIENTS]
    const waitingBytes = (): number => broker.stats().waitingBytes
    return { url: broker.url, flood: Infinity, named, nameless: NAMELESS, waitingBytes }
  },
  async Mosquitto() {
    const { url, stop } = await startMosquitto()
    onTestFinished(stop)
    // It keeps what is too much for the coordinator, so a flood has an end here.
    return { url, flood: 10_000, named: SENDERS, nameless: [], waitingBytes: () => 0 }
  },
}

test.each(Object.entries(stages))(
  "over %s: the round commits, memory is bounded, and the log names each offender once",
  async (_, open) => {
    const lines: string[] = []
    const warn = (fields: object, text: string): void => void lines.push(`${text} ${JSON.stringify(fields)}`)
    const stage = await open(warn)
    const network = mqttNetwork(stage.url, {
      maxPacketBytes: 1 << 20,
      onError: (error) => warn({}, (error as Error).message),
    })
    const init = new Float32Array(PARAMETERS)
    let phase = ""
    const coordinator = new Coordinator({
      plan: ROUNDS,
      network,
      init,
      reassemblyBytes: REASSEMBLY_BYTES,
      log: { info() {}, debug() {}, warn },
      onState: (rounds) => void (phase = `${rounds.phase} ${rounds.round}`),
    })
    onTestFinished(() => coordinator.close())
    const outcome = coordinator.run()
    outcome.catch(() => {})
    await until(() => phase === "selecting 0")

    // The last one of the round waits until all have shown what they do.
    const shown = Promise.withResolvers<void>()
    for (const id of ["a", "b", "c", "hoarder"]) {
      const device = new FakeDevice(id, await network.connect({ clientId: `device-${id}` }))
      onTestFinished(() => device.link.close())
      const delta = new Float32Array(PARAMETERS).fill(id.charCodeAt(0) - 96)
      device.onJoin = async () => {
        if (id === "c") await shown.promise
        if (id !== "hoarder") await device.update(delta)
      }
      await device.enter({ session: 7 })
    }
    await until(() => phase === "working 0")
    const scene = new Scene(Number(new URL(stage.url).port), stage.flood)
    onTestFinished(() => scene.end())
    const before = lines.length
    const all = [...SENDERS, ...CLIENTS, ...NAMELESS]
    await Promise.all(all.map((hostile) => hostile.begin(scene)))

    let mostWaiting = 0
    let mostIncomplete = 0
    const about = ({ id }: Hostile): string[] =>
      lines.filter((line) => line.includes(`"${id}"`) || line.includes(`/${id}/`))
    await until(() => {
      mostWaiting = Math.max(mostWaiting, stage.waitingBytes())
      mostIncomplete = Math.max(mostIncomplete, coordinator.memory.incompleteBytes)
      return (
        stage.named.every((hostile) => about(hostile).length > 0) &&
        stage.nameless.every(({ named }) => lines.some((line) => named.test(line)))
      )
    })
    shown.resolve()
    // The floods go on.
    const { parameters, report } = await outcome
    expect(report.rounds.map(({ folded }) => folded)).toEqual([3])
    // The mean of 1, 2 and 3.
    expect([parameters[0], parameters.at(-1)]).toEqual([2, 2])
    scene.end()

    for (const hostile of stage.named) expect(about(hostile)).toEqual([expect.stringMatching(hostile.named)])
    for (const { named } of stage.nameless)
      expect(lines.filter((line) => named.test(line) && line.endsWith('{"address":"127.0.0.1"}'))).toHaveLength(1)
    expect(lines.length - before).toBe(stage.named.length + stage.nameless.length)
    expect(mostIncomplete).toBeGreaterThan(0)
    expect(mostIncomplete).toBeLessThanOrEqual(REASSEMBLY_BYTES)
    expect(mostWaiting).toBeLessThan(32 << 20)
    expect(coordinator.memory.devices).toBeLessThanOrEqual(all.length + 4)
  },
  180_000,
)

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}
