import { CODECS } from "../core/codec.ts"
import type { CodecName } from "../core/codec.ts"
import type { Contribution, Federation } from "../core/federation.ts"
import { Pulls, longestChain } from "../wire/pulls.ts"
import { topics } from "../wire/topics.ts"
import type { Topics } from "../wire/topics.ts"
import { modelMessageBytes, updateMessageBytes, uploadPacketBytes } from "../wire/traffic.ts"

/** What a fleet that does not exist would move: the bytes of the messages that a live one sends. */
export class FleetTraffic {
  readonly #federation: Federation
  readonly #codec: CodecName
  readonly #topics: Topics
  readonly #pulls: Pulls
  /** Lengths of the current round's updates, by what they depend on. */
  readonly #lengths = new Map<string, number>()
  #name: { readonly round: number; readonly epoch: number; readonly version: number } | undefined

  constructor(federation: Federation, codec: CodecName) {
    this.#federation = federation
    this.#codec = codec
    this.#topics = topics(federation.plan.fleet)
    const { upload, downlink } = federation.plan
    this.#pulls = new Pulls(upload.chunkBytes, downlink?.history)
  }

  /** Of an update for round `round`. Those of a round differ little: each kind is measured once. */
  uplink({ device, samples, steps, staleness = 0 }: Contribution, round: number, payloadBytes: number): number {
    this.#forgetOthers()
    const topic = this.#topics.update(device, this.#federation.plan.upload.shards)
    const name = `${topic.length} ${round} ${staleness} ${samples} ${steps} ${payloadBytes}`
    let length = this.#lengths.get(name)
    if (length === undefined) {
      length = this.#measure({ round, samples, steps, staleness }, topic, payloadBytes)
      this.#lengths.set(name, length)
    }
    return length
  }

  #forgetOthers(): void {
    const { rounds, version } = this.#federation
    const { round, epoch } = rounds
    if (this.#name?.round === round && this.#name.epoch === epoch && this.#name.version === version) return
    this.#name = { round, epoch, version }
    this.#lengths.clear()
  }

  #measure(
    { round, samples, steps, staleness }: Required<Omit<Contribution, "device">> & { readonly round: number },
    topic: string,
    payloadBytes: number,
  ): number {
    const { plan, rounds, version } = this.#federation
    const train = rounds.kind === "train"
    const header = {
      round,
      epoch: rounds.epoch,
      updateId: NO_ID,
      baseVersion: version - staleness,
      codec: CODECS[train ? this.#codec : "f32"].id,
      samples,
      steps,
      metrics: train ? LOSS : NO_METRICS,
    }
    const { chunkBytes } = plan.upload
    return updateMessageBytes(header, payloadBytes, topic, uploadPacketBytes(undefined, chunkBytes), chunkBytes)
  }

  /** Of the whole model, for one device. */
  modelBytes(): number {
    return modelMessageBytes(this.#modelBytes(), this.#federation.plan.upload.chunkBytes, this.#federation.version)
  }

  /** Of the current round's cohort: the coordinator offers all deltas since the first commit, as far as the plan keeps them and they are worth it. */
  downlink(): number {
    const { plan, model, rounds, version } = this.#federation
    if (rounds.kind === "statistics") return 0
    const modelBytes = this.#modelBytes()
    const deltaBytes = model.delta?.payload.length ?? 0
    const deltas = Math.min(model.version, longestChain(plan.downlink?.history ?? 0, deltaBytes, modelBytes))
    return this.#pulls.take(rounds.cohort, { version, modelBytes, deltaBytes, deltas })
  }

  #modelBytes(): number {
    const { model, standardizer } = this.#federation
    return 4 * ((standardizer === undefined ? 0 : 2 * standardizer.mean.length) + model.devices.length)
  }
}

// Only their lengths count.
const NO_ID = new Uint8Array(8)
const LOSS = new Float32Array(1)
const NO_METRICS = new Float32Array(0)
