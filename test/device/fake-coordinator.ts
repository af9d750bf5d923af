import { floatBytes, sha256 } from "../../src/net/digest.ts"
import type { Link, Network } from "../../src/net/link.ts"
import { loopbackNetwork } from "../../src/net/loopback.ts"
import type { LoopbackNetwork } from "../../src/net/loopback.ts"
import { chunkModel } from "../../src/wire/chunk.ts"
import { decode, encode } from "../../src/wire/codec.ts"
import type { Message, ModelChunk, Notice, Receipt, Update, WireTraining } from "../../src/wire/message.ts"
import { topics } from "../../src/wire/topics.ts"

export const FLEET = "test"
export const names = topics(FLEET)

/** Least squares over two inputs: one step of rate 1/8 on one sample at a time. */
export const LINE: WireTraining = {
  inputs: 2,
  layers: [{ kind: "dense", units: 1, activation: "identity" }],
  loss: "squared",
  positiveWeight: 1,
  standardized: false,
  epochs: 1,
  batch: 1,
  learningRate: 0.125,
  momentum: 0,
  l2: 0,
  proximal: 0,
}

type OfType<T extends Message["type"]> = Extract<Message, { readonly type: T }>

/** Speaks the coordinator's part by hand, and remembers what devices said. */
export class FakeCoordinator<N extends Network = LoopbackNetwork> {
  readonly network: N
  readonly heard: Message[] = []
  #link!: Link
  #last: Notice = {
    type: "notice",
    round: 1,
    epoch: 1,
    kind: "train",
    phase: "working",
    session: 7,
    version: 1,
    digest: new Uint8Array(32),
    sizeBytes: 0,
    chunkClasses: [64],
    secondsLeft: 60,
    training: LINE,
    codecs: [0],
    grid: -30,
    weightCap: 1000,
    seed: 5,
    shards: 4,
    spreadSeconds: 0,
  }

  static start(): Promise<FakeCoordinator> {
    return FakeCoordinator.at(loopbackNetwork())
  }

  static async at<N extends Network>(network: N): Promise<FakeCoordinator<N>> {
    const self = new FakeCoordinator(network)
    self.#link = await network.connect({ clientId: "coordinator" })
    const { hellos, readies, gones, updates } = names.filters
    for (const filter of [hellos, readies, gones, updates])
      await self.#link.subscribe(filter, (_, payload) => {
        // A Hello that is cleared is no message.
        if (payload.length > 0) self.heard.push(decode(payload.slice()))
      })
    return self
  }

  constructor(network: N) {
    this.network = network
  }

  async close(): Promise<void> {
    await this.#link.close()
  }

  all<T extends Message["type"]>(type: T): OfType<T>[] {
    return this.heard.filter((message): message is OfType<T> => message.type === type)
  }

  get updates(): Update[] {
    return this.all("update")
  }

  /** Publishes the next Notice: the last one with these changes. */
  async notice(change: Partial<Notice> = {}): Promise<void> {
    this.#last = { ...this.#last, ...change }
    await this.#link.publish(names.round, encode(this.#last), { retain: true })
  }

  /** Publishes a model's chunks, and changes the Notice to come accordingly. `wrong`: other bytes than the digest says. */
  async model(parameters: readonly number[], version = 1, wrong = false): Promise<void> {
    const bytes = floatBytes(Float32Array.from(parameters))
    const digest = sha256(bytes)
    this.#last = { ...this.#last, version, digest, sizeBytes: bytes.length }
    const sent = bytes.slice()
    if (wrong) sent[0]! ^= 1
    for (const chunk of chunkModel(sent, version, undefined, 64))
      await this.#link.publish(names.model(version, undefined, 64, chunk.index), encode(chunk), { retain: true })
  }

  /** Publishes anything as the one chunk of model `version`; nothing at all says that it is superseded. */
  async chunk(version: number, chunk: ModelChunk | undefined): Promise<void> {
    const payload = chunk === undefined ? new Uint8Array(0) : encode(chunk)
    await this.#link.publish(names.model(version, undefined, 64, 0), payload, { retain: true })
  }

  async join(id: string, round = 1, epoch = 1): Promise<void> {
    await this.task(id, "join", round, epoch, 0, "")
  }

  async task(
    id: string,
    action: "join" | "wait" | "stop",
    round: number,
    epoch: number,
    retrySeconds: number,
    reason: string,
    retain = false,
  ): Promise<void> {
    const task = encode({ type: "task", action, round, epoch, retrySeconds, reason })
    await this.#link.publish(names.task(id), task, { retain })
  }

  /** Answers the latest update; `facts` overrides any field. */
  async receipt(id: string, status: Receipt["status"], facts: Partial<Receipt> = {}): Promise<void> {
    const { round, epoch, updateId } = this.updates.at(-1)!
    const receipt: Receipt = {
      type: "receipt",
      status,
      // The round that is on, where the update's is over.
      round: status === "late" ? round + 1 : round,
      epoch,
      updateId,
      retrySeconds: 0,
      allowedBytes: 0,
      reason: "",
      ...facts,
    }
    await this.#link.publish(names.receipt(id), encode(receipt))
  }
}

/** The float32 values in the payloads of an update's chunks, in order. */
export function valuesOf(updates: readonly Update[]): number[] {
  const bytes = Buffer.concat(updates.map(({ payload }) => payload))
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))
}
