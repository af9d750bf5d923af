import { createHash } from "node:crypto"
import { chunkModel, decode, encode, topics } from "../../src/wire/index.ts"
import type { Message, Notice, Receipt, Task, Update } from "../../src/wire/index.ts"
import * as mqtt from "./mqtt.ts"
import type { Puppet, Step, Told } from "./puppet.ts"

/**
 * A broker and a coordinator for one device on its rig, in virtual time. As they are they behave; a test makes them lie by setting `broker`.
 */

export const DEVICE = "mote-7"
export const TOPICS = topics("motes")

/** How a broker answers a packet: with these bytes; undefined: as it should. */
export type Answer = (packet: mqtt.Packet) => Buffer | undefined

export class World {
  readonly puppet: Puppet
  /** Replaces what a good broker would say. */
  broker: Answer = () => undefined
  /** What the coordinator does with a message of the device's. */
  coordinator: (message: Message) => void = () => {}
  /** What is kept by topic. */
  readonly retained = new Map<string, Uint8Array>()
  /** What happened so far. */
  readonly told: Told[] = []
  readonly packets: mqtt.Packet[] = []
  /** Every message that the broker has delivered. */
  readonly delivered: { readonly topic: string; readonly payload: Uint8Array; readonly retained: boolean }[] = []
  /** Where the device stands. */
  last: Step | undefined
  readonly #subscribed = new Set<string>()
  #rest: Buffer = Buffer.alloc(0)
  #outbox: Buffer[] = []
  #id = 0
  #resets = 0

  constructor(puppet: Puppet) {
    this.puppet = puppet
  }

  get ms(): number {
    return this.last?.ms ?? 0
  }

  /** Lets `ms` of virtual time pass, or less where `until` holds earlier. Says whether it did. */
  async pass(ms: number, until: () => boolean = () => false): Promise<boolean> {
    const end = this.ms + ms
    while (!until() && this.ms < end && !["DONE", "STOPPED", "CLOSED"].includes(this.last?.result ?? "")) {
      for (const bytes of this.#outbox.splice(0)) await this.puppet.feed(bytes)
      this.#take(await this.puppet.run(end - this.ms))
    }
    return until()
  }

  /** Lets time pass until the device has told of `event`, `ms` at most. */
  async until(event: string, ms: number): Promise<Told> {
    const from = this.told.length
    const found = (): Told | undefined => this.told.slice(from).find((told) => told.event === event)
    await this.pass(ms, () => found() !== undefined)
    const told = found()
    if (told === undefined) throw new Error(`no ${event} within ${ms} ms: ${JSON.stringify(this.told.slice(-8))}`)
    return told
  }

  /** The broker delivers a message to whoever subscribed to it. */
  publish(topic: string, payload: Uint8Array, retain = false): void {
    if (retain) this.retained.set(topic, payload)
    if (this.#subscribed.has(topic)) this.#deliver(topic, payload, false)
  }

  /** The broker says exactly this, after what it has said. */
  send(bytes: Buffer): void {
    this.#outbox.push(bytes)
  }

  nextId(): number {
    this.#id = (this.#id % 65535) + 1
    return this.#id
  }

  #deliver(topic: string, payload: Uint8Array, retained: boolean): void {
    this.delivered.push({ topic, payload, retained })
    this.send(mqtt.publish(topic, payload, this.nextId(), retained))
  }

  #take(step: Step): void {
    if (step.resets !== this.#resets) {
      this.#resets = step.resets
      this.#subscribed.clear()
      this.#rest = Buffer.alloc(0)
    }
    this.last = step
    this.told.push(...step.told)
    const { packets, rest } = mqtt.takePackets(Buffer.concat([this.#rest, step.wrote]))
    this.#rest = rest
    for (const packet of packets) {
      this.packets.push(packet)
      const bytes = this.broker(packet)
      if (bytes === undefined) this.#answer(packet)
      else if (bytes.length > 0) this.send(bytes)
    }
  }

  #answer(packet: mqtt.Packet): void {
    switch (packet.type) {
      case "connect":
        this.send(mqtt.connack())
        break
      case "subscribe": {
        this.#subscribed.add(packet.topic)
        this.send(mqtt.suback(packet.id))
        const kept = this.retained.get(packet.topic)
        if (kept !== undefined) this.#deliver(packet.topic, kept, true)
        break
      }
      case "unsubscribe":
        this.#subscribed.delete(packet.topic)
        this.send(mqtt.unsuback(packet.id))
        break
      case "publish":
        this.send(mqtt.puback(packet.id))
        this.coordinator(decode(packet.payload))
        break
      case "pingreq":
        this.send(mqtt.pingresp())
        break
      default:
        // An acknowledgement, or goodbye.
        break
    }
  }
}

/** Any model's bytes: small numbers that depend on the version. */
export function modelBytes(parameters: number, version: number): Buffer {
  const values = Float32Array.from({ length: parameters }, (_, i) => (((i * 7 + version * 3) % 13) - 6) / 32)
  return Buffer.from(values.buffer)
}

/** A Notice of a model of 4 features and 3 classes, 15 parameters, whose first round is open. */
export function notice(changes: Partial<Notice> = {}, model = modelBytes(15, changes.version ?? 1)): Notice {
  return {
    type: "notice",
    round: 1,
    epoch: 1,
    kind: "train",
    phase: "working",
    session: 99,
    version: 1,
    digest: createHash("sha256").update(model).digest(),
    sizeBytes: model.length,
    chunkClasses: [64, 1024],
    secondsLeft: 60,
    training: {
      inputs: 4,
      layers: [{ kind: "dense", units: 3, activation: "identity" }],
      loss: "softmax",
      positiveWeight: 1,
      standardized: false,
      epochs: 2,
      batch: 4,
      learningRate: 0.125,
      momentum: 0,
      l2: 0,
      proximal: 0,
    },
    codecs: [1, 0],
    grid: -40,
    weightCap: 65535,
    seed: 7,
    shards: 4,
    spreadSeconds: 0,
    ...changes,
  }
}

export function task(changes: Partial<Task> = {}): Task {
  return { type: "task", action: "join", round: 1, epoch: 1, retrySeconds: 0, reason: "", ...changes }
}

/** A round to come, as it differs from the one before. */
export type Round = Partial<Notice>

/** A coordinator that does what it should: rounds, one after the other, then the release of the last model. */
export class Federation {
  readonly world: World
  /** The updates that were folded. */
  readonly updates: Buffer[] = []
  notice: Notice
  readonly #chunks: Update[] = []
  readonly #rounds: Round[]
  readonly #model: (version: number) => Buffer
  readonly #change: ((version: number) => Buffer) | undefined

  /** `model` gives the bytes of a version, `change` those that lead to it from the version before. */
  constructor(
    world: World,
    first: Notice = notice(),
    model: (version: number) => Buffer = (version) => modelBytes(15, version),
    rounds: readonly Round[] = [],
    change?: (version: number) => Buffer,
  ) {
    this.world = world
    this.notice = first
    this.#model = model
    this.#rounds = [...rounds]
    this.#change = change
    world.coordinator = (message) => this.hear(message)
  }

  /** The model that is released at the end. */
  get released(): Buffer {
    return this.#model(this.notice.version)
  }

  /** Says so now. */
  announce(changes: Partial<Notice> = {}): void {
    this.notice = { ...this.notice, ...changes }
    this.world.publish(TOPICS.round, encode(this.notice), true)
  }

  /** Publishes the model of the Notice, whole, and the changes that lead to it where there are some. */
  offer(): void {
    const { version, deltas } = this.notice
    this.#publish(this.#model(version), version, undefined)
    if (this.#change !== undefined && deltas !== undefined)
      for (let to = deltas.base + 1; to <= version; to++) this.#publish(this.#change(to), to, to - 1)
  }

  open(): void {
    this.offer()
    this.announce()
  }

  hear(message: Message): void {
    if (message.type === "ready" && message.willing && this.notice.phase === "working") this.invite()
    if (message.type === "update") this.take(message)
  }

  invite(): void {
    const { round, epoch } = this.notice
    this.world.publish(TOPICS.task(DEVICE), encode(task({ round, epoch })))
  }

  take(message: Update): void {
    if (message.index === 0) this.#chunks.length = 0
    this.#chunks.push(message)
    if (this.#chunks.length !== message.count || this.notice.phase !== "working") return
    this.updates.push(Buffer.concat(this.#chunks.map(({ payload }) => payload)))
    this.receipt(message)
    this.announce({ phase: "committed", committed: { round: message.round, epoch: message.epoch } })
    const next = this.#rounds.shift()
    if (next === undefined) this.release()
    else this.begin(next)
  }

  begin(round: Round): void {
    const version = round.version ?? this.notice.version
    const digest = createHash("sha256").update(this.#model(version)).digest()
    this.notice = { ...this.notice, round: this.notice.round + 1, phase: "working", digest, ...round }
    this.open()
    this.invite()
  }

  receipt(message: Update, changes: Partial<Receipt> = {}): void {
    const { round, epoch, updateId } = message
    const receipt: Receipt = {
      type: "receipt",
      status: "folded",
      round,
      epoch,
      updateId,
      retrySeconds: 0,
      allowedBytes: 0,
      reason: "",
    }
    this.world.publish(TOPICS.receipt(DEVICE), encode({ ...receipt, ...changes }))
  }

  release(): void {
    const version = this.notice.version + 1
    const digest = createHash("sha256").update(this.#model(version)).digest()
    this.notice = { ...this.notice, version, digest, kind: "released", phase: "released" }
    this.open()
  }

  #publish(bytes: Buffer, version: number, base: number | undefined): void {
    for (const size of this.notice.chunkClasses)
      for (const chunk of chunkModel(bytes, version, base, size))
        this.world.publish(TOPICS.model(version, base, size, chunk.index), encode(chunk), true)
  }
}
