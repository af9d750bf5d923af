import type { RolloutAnswer, RolloutFacts, RolloutStatus } from "../../src/coordinator/rollout/status.ts"
import { startBroker } from "../../src/net/broker.ts"
import type { EmbeddedBroker } from "../../src/net/broker.ts"
import { sha256 } from "../../src/net/digest.ts"
import type { Link } from "../../src/net/link.ts"
import { mqttNetwork } from "../../src/net/mqtt.ts"
import { TrustedKeys, signerOf } from "../../src/net/signature.ts"
import { decodeOrder } from "../../src/wire/order.ts"
import type { Order } from "../../src/wire/order.ts"
import { topics } from "../../src/wire/topics.ts"

export const SEED = new Uint8Array(32).fill(5)
const OPERATOR = signerOf(SEED)
const names = topics("lab")

/** A broker with somebody at it who says what a coordinator would, as the test has it. */
export class PlayedCoordinator {
  readonly broker: EmbeddedBroker
  /** Orders that have come, each signed by the operator. */
  readonly orders: Order[] = []
  /** What is retained of modules: topic to payload. */
  readonly retained = new Map<string, Uint8Array>()
  /** What an order is answered with; without one it is not. */
  answer: ((order: Order) => Partial<RolloutAnswer>) | undefined
  readonly #link: Link

  static async start(): Promise<PlayedCoordinator> {
    const broker = await startBroker()
    const played = new PlayedCoordinator(broker, await mqttNetwork(broker.url).connect({ clientId: "played" }))
    await played.#listen()
    return played
  }

  private constructor(broker: EmbeddedBroker, link: Link) {
    this.broker = broker
    this.#link = link
  }

  /** Says where slot "train" is. */
  async say(status: Partial<RolloutStatus>): Promise<void> {
    const about = { schema: "fedmote-rollout/1", slot: "train", settled: 0, highest: 0, rounds: 0 } as const
    await this.#json(names.rollout("train"), { ...about, versions: {}, failures: {}, ...status }, true)
  }

  async close(): Promise<void> {
    await this.#link.close()
    await this.broker.close()
  }

  async #listen(): Promise<void> {
    const trusted = new TrustedKeys([OPERATOR.publicKey])
    await this.#link.subscribe(names.filters.orders, async (_, envelope) => {
      const order = decodeOrder(trusted.open(envelope))
      this.orders.push(order)
      if (this.answer === undefined) return
      const about = { schema: "fedmote-rollout/1", nonce: order.nonce, accepted: true } as const
      const name = Buffer.from(sha256(envelope).subarray(0, 8)).toString("hex")
      await this.#json(names.answer(order.slot), { ...about, order: name, ...this.answer(order) }, false)
    })
    await this.#link.subscribe("fm1/lab/module/train/+/+", (topic, payload) => {
      if (payload.length === 0) this.retained.delete(topic)
      else this.retained.set(topic, payload.slice())
    })
  }

  #json(topic: string, value: object, retain: boolean): Promise<void> {
    return this.#link.publish(topic, new TextEncoder().encode(JSON.stringify(value)), { retain })
  }
}

/** A rollout of module 4 to three devices, in its first stage, with anything changed. */
export function rolloutOf(change: Partial<RolloutFacts> = {}): RolloutFacts {
  const stage = { confirmed: 0, failed: 0 }
  return {
    sequence: 4,
    phase: "running",
    stage: 0,
    stages: [
      { percent: 34, devices: 1, waiting: 1, ...stage, ids: ["d-2"] },
      { percent: 100, devices: 2, waiting: 2, ...stage, ids: ["d-1", "d-3"] },
    ],
    keyId: "00112233445566ff",
    to: "all",
    ...change,
  }
}
