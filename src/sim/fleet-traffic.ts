import { CODECS } from "../core/codec.ts"
import type { CodecName } from "../core/codec.ts"
import type { Contribution, Federation } from "../core/federation.ts"
import { Pulls, longestChain } from "../wire/pulls.ts"
import { topics } from "../wire/topics.ts"
import { updateMessageBytes, uploadPacketBytes } from "../wire/traffic.ts"

/** What a fleet that does not exist would move: the bytes of the messages that a live one sends. */
export class FleetTraffic {
  readonly #federation: Federation
  readonly #codec: CodecName
  readonly #pulls: Pulls

  constructor(federation: Federation, codec: CodecName) {
    this.#federation = federation
    this.#codec = codec
    const { upload, downlink } = federation.plan
    this.#pulls = new Pulls(upload.chunkBytes, downlink?.history)
  }

  /** Of an update for round `round`. */
  uplink({ device, samples, steps, staleness = 0 }: Contribution, round: number, payloadBytes: number): number {
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
    const topic = topics(plan.fleet).update(device, plan.upload.shards)
    const { chunkBytes } = plan.upload
    return updateMessageBytes(header, payloadBytes, topic, uploadPacketBytes(undefined, chunkBytes), chunkBytes)
  }

  /** Of the current round's cohort: the coordinator offers all deltas since the first commit, as far as the plan keeps them and they are worth it. */
  downlink(): number {
    const { plan, model, rounds, version, standardizer } = this.#federation
    if (rounds.kind === "statistics") return 0
    const features = standardizer === undefined ? 0 : 2 * standardizer.mean.length
    const modelBytes = 4 * (features + model.devices.length)
    const deltaBytes = model.delta?.payload.length ?? 0
    const deltas = Math.min(model.version, longestChain(plan.downlink?.history ?? 0, deltaBytes, modelBytes))
    return this.#pulls.take(rounds.cohort, { version, modelBytes, deltaBytes, deltas })
  }
}

// Only their lengths count.
const NO_ID = new Uint8Array(8)
const LOSS = new Float32Array(1)
const NO_METRICS = new Float32Array(0)
