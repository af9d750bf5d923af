import { CODECS } from "../../src/core/codec.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { Plan } from "../../src/core/plan.ts"
import { Coordinator } from "../../src/coordinator/coordinator.ts"
import type { CoordinatorOutcome } from "../../src/coordinator/coordinator.ts"
import { createEncoder } from "../../src/kernel/index.ts"
import { updateIdOf } from "../../src/net/digest.ts"
import { matches } from "../../src/net/filter.ts"
import type { Link, MessageHandler, Network } from "../../src/net/link.ts"
import { decode, encode } from "../../src/wire/codec.ts"
import type { Message, Notice } from "../../src/wire/message.ts"
import { parseTopic, topics } from "../../src/wire/topics.ts"

/** A coordinator without a broker: messages are handed to it, and what it says goes nowhere. */

export const PARAMETERS = 10_000
export const NAMES = topics("bench")

export function planOf(cohort: number, rounds: number): Plan {
  return parsePlan({
    fleet: "bench",
    rounds,
    cohort,
    codecs: "int8",
    model: { loss: "custom", parameters: PARAMETERS, features: 1 },
    selection: { overSelect: 1 },
    evaluate: { every: 0 },
  })
}

export interface UpdateFacts {
  readonly round: number
  readonly epoch: number
  readonly version: number
}

/** Updates of 10,000 int8 parameters as they are on the wire, in one message each; all with another payload. */
export function updateMessages(count: number, { round, epoch, version }: UpdateFacts): Uint8Array[] {
  const delta = Float32Array.from({ length: PARAMETERS }, (_, i) => Math.sin(i) / 100)
  const encoder = createEncoder(PARAMETERS)
  return Array.from({ length: count }, (_, i) => {
    const payload = encoder.encode("int8", delta, { seed: 1, round, device: [1, i] }).slice()
    const facts = { index: 0, count: 1, codec: CODECS.int8.id, samples: 100, steps: 10, metrics: Float32Array.of(1.5) }
    return encode({
      type: "update",
      round,
      epoch,
      baseVersion: version,
      updateId: updateIdOf(payload),
      ...facts,
      payload,
    })
  })
}

/** A broker that has nobody but the coordinator. */
class Direct implements Network, Link {
  readonly connected = true
  readonly #handlers = new Map<string, MessageHandler>()
  notice: Notice | undefined
  /** Devices that were asked to join the latest round. */
  readonly joined: string[] = []

  async connect(): Promise<Link> {
    return this
  }

  async publish(topic: string, payload: Uint8Array): Promise<void> {
    if (topic === NAMES.round) this.#hear(decode(payload) as Notice)
    const handler = this.#handlers.get(topic)
    // The echo by which a coordinator knows that nothing more is retained.
    if (topic !== NAMES.round && handler !== undefined) return handler(topic, payload, false)
    const where = parseTopic(topic)
    if (where?.kind !== "task") return
    const task = decode(payload)
    if (task.type === "task" && task.action === "join") this.joined.push(where.device)
  }

  #hear(notice: Notice): void {
    if (notice.round !== this.notice?.round) this.joined.length = 0
    this.notice = notice
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<void> {
    this.#handlers.set(filter, handler)
  }

  async unsubscribe(): Promise<void> {}

  on(): () => void {
    return () => {}
  }

  async close(): Promise<void> {}

  /** What takes messages on this topic. */
  handler(topic: string): MessageHandler {
    for (const [filter, handler] of this.#handlers) if (matches(filter, topic)) return handler
    throw new Error(`nobody listens to ${topic}`)
  }
}

export class Rig {
  readonly #direct = new Direct()
  readonly #coordinator: Coordinator
  readonly #outcome: Promise<CoordinatorOutcome>

  constructor(plan: Plan) {
    this.#coordinator = new Coordinator({ plan, network: this.#direct })
    this.#outcome = this.#coordinator.run()
    this.#outcome.catch(() => {})
  }

  /** Devices that say Hello and Ready. */
  async enrol(count: number): Promise<void> {
    while (this.#direct.notice === undefined) await soon()
    for (let i = 0; i < count; i++) {
      const facts = { maxPacket: 1 << 20, ramKiB: 0, codecs: [0, 1], abis: [], features: 1 }
      await this.#say(NAMES.hello(`d-${i}`), { type: "hello", session: i, ...facts })
      await this.#say(NAMES.ready(`d-${i}`), {
        type: "ready",
        session: i,
        willing: true,
        samples: 10,
        testSamples: 0,
      })
    }
  }

  /** The Notice of a round, and the topics of its devices' updates, once all of them are asked to join. */
  async open(round: number, cohort: number): Promise<{ readonly notice: Notice; readonly topics: readonly string[] }> {
    for (;;) {
      const { notice, joined } = this.#direct
      if (notice?.round === round && notice.phase === "working" && joined.length === cohort)
        return { notice, topics: joined.map((device) => NAMES.update(device, 1)) }
      await soon()
    }
  }

  /** What takes updates. */
  get updates(): MessageHandler {
    return this.#direct.handler(NAMES.update("d-0", 1))
  }

  /** The federation's end. */
  async end(): Promise<CoordinatorOutcome> {
    const outcome = await this.#outcome
    await this.#coordinator.close()
    return outcome
  }

  async #say(topic: string, message: Message): Promise<void> {
    await this.#direct.handler(topic)(topic, encode(message), false)
  }
}

function soon(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
