import { CODECS } from "../../src/core/codec.ts"
import type { Plan } from "../../src/core/plan.ts"
import { updateIdOf } from "../../src/net/digest.ts"
import type { Link } from "../../src/net/link.ts"
import { decode, encode } from "../../src/wire/codec.ts"
import type { Message, Notice, Update } from "../../src/wire/message.ts"
import { topics } from "../../src/wire/topics.ts"
import type { Topics } from "../../src/wire/topics.ts"
import { simulatedNetwork } from "./link.ts"
import type { SimulatedNetwork } from "./link.ts"
import { Process } from "./process.ts"
import { Random } from "./random.ts"
import { FEATURES, FLEET } from "./schedule.ts"
import type { HostileSpec } from "./schedule.ts"
import type { Stage } from "./stage.ts"

export interface HostileFacts {
  attacks: number
}

/** A device that lies, on its own topics: that is all that a broker's access rules let it do. */
export class Hostile {
  readonly facts: HostileFacts = { attacks: 0 }
  readonly #spec: HostileSpec
  readonly #stage: Stage
  readonly #plan: Plan
  readonly #topics: Topics = topics(FLEET)
  readonly #random: Random
  readonly #process: Process
  readonly #network: SimulatedNetwork
  #link: Link | undefined
  #notice: Notice | undefined
  /** What it has sent before. */
  readonly #before: Update[] = []

  constructor(spec: HostileSpec, stage: Stage, plan: Plan) {
    this.#spec = spec
    this.#stage = stage
    this.#plan = plan
    const { scheduler, schedule, broker, referee } = stage
    this.#random = new Random(schedule.seed, "hostile", spec.id)
    const failed = (error: unknown): void => referee.unexpected(spec.id, error)
    this.#process = new Process(spec.id, scheduler, schedule.seed, failed)
    const watch = { before: () => {}, after: () => {}, heard: () => {}, failed }
    this.#network = simulatedNetwork({ broker, scheduler, process: this.#process, watch })
  }

  start(): void {
    this.#enter().catch(() => {
      if (this.#process.alive) this.#process.after(3000, () => this.start())
    })
  }

  /** Is thrown out: the operator takes its access away, and clears what is retained of it. */
  expel(): void {
    this.end()
    this.#stage.broker.clear(this.#topics.hello(this.#spec.id))
  }

  end(): void {
    this.#process.kill()
    this.#network.cut(true, 0)
  }

  async #enter(): Promise<void> {
    const { id } = this.#spec
    const link = await this.#network.connect({ clientId: id })
    this.#link = link
    await link.subscribe(this.#topics.round, (_, payload) => {
      const message = decode(payload.slice())
      if (message.type === "notice") this.#notice = message
    })
    await link.subscribe(this.#topics.task(id), (_, payload) => {
      const message = decode(payload.slice())
      if (message.type === "task" && message.action === "join") this.#soon()
    })
    this.#greet()
    this.#again()
  }

  #greet(): void {
    const { id } = this.#spec
    const session = this.#random.chance(0.7) ? 1 : this.#random.uint32()
    const hello: Message = {
      type: "hello",
      session,
      maxPacket: this.#random.pick([256, 1 << 16]),
      ramKiB: 0,
      codecs: [0, 1],
      abis: [1],
      features: this.#random.chance(0.9) ? FEATURES : 3,
    }
    this.#say(this.#topics.hello(id), encode(hello), true)
    const samples = this.#random.pick([0, 5, 0xffffffff])
    const willing = this.#random.chance(0.9)
    const ready = encode({ type: "ready", session, willing, samples, testSamples: this.#random.below(3) })
    this.#say(this.#topics.ready(id), ready, false)
  }

  #again(): void {
    this.#process.after(this.#random.between(300, 6000), () => {
      if (this.#random.chance(0.3)) this.#greet()
      else this.#attack()
      this.#again()
    })
  }

  #soon(): void {
    this.#process.after(this.#random.between(0, 2000), () => this.#attack())
  }

  #attack(): void {
    if (this.#notice === undefined) return
    this.facts.attacks++
    const { id } = this.#spec
    const { shards } = this.#plan.upload
    const topic = this.#topics.update(id, shards)
    switch (this.#random.below(11)) {
      case 0:
        return this.#say(topic, this.#random.bytes(this.#random.below(300)), false)
      case 1:
        // Half of a message.
        return this.#say(topic, (encoded(this.#update()) ?? this.#random.bytes(80)).subarray(0, 40), false)
      case 2: {
        // What it has sent in other rounds, and as if it were of this one.
        const before = this.#before.at(this.#random.below(Math.max(1, this.#before.length)))
        if (before === undefined) return
        const { round, epoch } = this.#notice
        this.#send(this.#random.chance(0.5) ? before : { ...before, round, epoch })
        return
      }
      case 3:
        for (let i = 0; i < 12; i++)
          this.#send({ ...this.#update(), updateId: this.#random.bytes(8), count: 40, index: this.#random.below(40) })
        return
      case 4:
        return this.#say(this.#topics.gone(id), encode({ type: "gone", session: this.#random.pick([1, 2]) }), false)
      case 5:
        return this.#say(this.#topics.hello(id), this.#random.pick([new Uint8Array(0), this.#random.bytes(30)]), true)
      case 6: {
        // Chunks of two updates under one name.
        const [one, two] = [this.#update(), this.#update()]
        this.#send({ ...one, count: 2, index: 0 })
        this.#send({ ...two, updateId: one.updateId, count: 2, index: 1 })
        return
      }
      case 7:
        // More than the broker keeps for the coordinator: others' messages are dropped.
        for (let i = 0; i < this.#random.below(200); i++) this.#greet()
        return
      default: {
        const update = this.#update()
        this.#send(update)
        if (this.#random.chance(0.3)) this.#send(update)
      }
    }
  }

  /** An update of the current round, right or wrong in one thing or another. */
  #update(): Update {
    const { round, epoch, version, sizeBytes } = this.#notice!
    const random = this.#random
    const size = random.pick([3 * FEATURES + 3, 10 * FEATURES + 1, 15, random.below(60), sizeBytes / 4])
    const values = Float32Array.from({ length: Math.max(1, size) }, () =>
      random.chance(0.02) ? random.pick([NaN, Infinity, -Infinity, 1e30]) : random.below(4),
    )
    // Nobody can tell lies about readings from readings: those that pass would only show that training then leads anywhere.
    if (this.#notice!.kind === "statistics") values[0] = -1
    const floats = new Uint8Array(values.buffer)
    const codec = random.pick([CODECS.f32.id, CODECS.f32.id, CODECS.int8.id, CODECS.eden1.id, 200])
    const payload = codec === CODECS.int8.id ? this.#block(3 * FEATURES + 5) : floats
    return {
      type: "update",
      round: random.chance(0.1) ? random.below(4) : round,
      epoch: random.chance(0.1) ? epoch - 1 : epoch,
      updateId: random.chance(0.9) ? updateIdOf(payload) : random.bytes(8),
      index: 0,
      count: 1,
      baseVersion: random.chance(0.9) ? version : random.below(5),
      codec,
      samples: random.pick([5, 5, 5, 0, 0xffffffff]),
      steps: random.pick([1, 1, 1, 0, 100]),
      metrics: Float32Array.from({ length: random.below(3) }, () => random.pick([1, NaN, 1e38])),
      payload,
    }
  }

  /** One block of int8 with a scale that is small, negative, infinite or not a number. */
  #block(length: number): Uint8Array {
    const bytes = this.#random.bytes(length)
    const scale = this.#random.pick([0x3c00, 0x3c00, 0xbc00, 0x7f80, 0x7fc0])
    bytes[0] = scale & 0xff
    bytes[1] = scale >> 8
    return bytes
  }

  #send(update: Update): void {
    const bytes = encoded(update)
    if (bytes === undefined) return
    this.#before.push(update)
    this.#stage.ledger.write(this.#spec.id, update)
    this.#say(this.#topics.update(this.#spec.id, this.#plan.upload.shards), bytes, false)
  }

  #say(topic: string, payload: Uint8Array, retain: boolean): void {
    if (this.#link?.connected === true) this.#link.publish(topic, payload, { retain }).catch(() => {})
  }
}

/** Undefined for what the protocol has no message for. */
function encoded(update: Update): Uint8Array | undefined {
  try {
    return encode(update)
  } catch {
    return undefined
  }
}
