import { CODECS } from "../core/codec.ts"
import type { CodecName } from "../core/codec.ts"
import type { Contribution, Federation } from "../core/federation.ts"
import { Pulls, longestChain } from "../wire/pulls.ts"
import { shardOf } from "../wire/shard.ts"
import { topics } from "../wire/topics.ts"
import type { Topics } from "../wire/topics.ts"
import { modelMessageBytes, updateMessageBytes, uploadPacketBytes } from "../wire/traffic.ts"

/** What a fleet that does not exist would move: the bytes of the messages that a live one sends. */
export class FleetTraffic {
  readonly #federation: Federation
  readonly #codec: CodecName
  readonly #topics: Topics
  readonly #pulls: Pulls
  /** Lengths of the updates for one round and from one version, by what else they depend on. */
  readonly #lengths = new Map<number, number>()
  readonly #measured = { round: -1, epoch: -1, baseVersion: -1 }

  constructor(federation: Federation, codec: CodecName) {
    this.#federation = federation
    this.#codec = codec
    this.#topics = topics(federation.plan.fleet)
    const { upload, downlink } = federation.plan
    this.#pulls = new Pulls(upload.chunkBytes, downlink?.history)
  }

  /** Of an update for round `round`. Those of a round differ little: each kind is measured once. */
  uplink(update: Contribution, round: number, payloadBytes: number): number {
    const { device, samples, steps, staleness = 0 } = update
    const { plan, rounds, version } = this.#federation
    this.#turnTo(round, rounds.epoch, version - staleness)
    const { shards } = plan.upload
    const shardDigits = shards === 1 ? 1 : String(shardOf(device, shards)).length
    const heads = headBytes(samples) * 16 + headBytes(steps)
    const kind = payloadBytes * 2 ** 24 + ((device.length * 256 + shardDigits) * 256 + heads)
    let length = this.#lengths.get(kind)
    if (length === undefined) {
      length = this.#measure(device, samples, steps, payloadBytes)
      this.#lengths.set(kind, length)
    }
    return length
  }

  #turnTo(round: number, epoch: number, baseVersion: number): void {
    const measured = this.#measured
    if (measured.round === round && measured.epoch === epoch && measured.baseVersion === baseVersion) return
    this.#lengths.clear()
    Object.assign(measured, { round, epoch, baseVersion })
  }

  #measure(device: string, samples: number, steps: number, payloadBytes: number): number {
    const { plan, rounds } = this.#federation
    const train = rounds.kind === "train"
    const header = {
      ...this.#measured,
      updateId: NO_ID,
      codec: CODECS[train ? this.#codec : "f32"].id,
      samples,
      steps,
      metrics: train ? LOSS : NO_METRICS,
    }
    const { chunkBytes, shards } = plan.upload
    const topic = this.#topics.update(device, shards)
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

/** Length of an unsigned number in CBOR (RFC 8949, section 3). */
function headBytes(value: number): number {
  return value < 24 ? 1 : value < 2 ** 8 ? 2 : value < 2 ** 16 ? 3 : 5
}

// Only their lengths count.
const NO_ID = new Uint8Array(8)
const LOSS = new Float32Array(1)
const NO_METRICS = new Float32Array(0)
