import { MODEL_LIMITS } from "../core/model.ts"

/**
 * The numbers of protocol 1: every key, type, choice and bound, written down once. `protocol.cddl` says the same in the standard's
 * language; a test compares the two, and the C client's header is checked against this file.
 */

export const PROTOCOL_VERSION = 1

/** Key 0 of every message is the protocol version, key 1 the message type. */
export const VERSION_KEY = 0
export const TYPE_KEY = 1
/** The payload has the highest key, so that it comes last and can be streamed, whatever fields are added before it. */
export const PAYLOAD_KEY = 23
export const HIGHEST_KEY = 23

/** Value of key 1. Reserved: 11 partial sum, 12-15 secure aggregation, 16 model card. */
export const TYPES = {
  hello: 1,
  ready: 2,
  gone: 3,
  notice: 4,
  task: 5,
  update: 6,
  receipt: 7,
  model: 8,
  flash: 9,
  module: 10,
  flashed: 17,
} as const

export const KEYS = {
  /** Reserved: 8 organisation, 9 tags. */
  hello: { session: 2, maxPacket: 3, ramKiB: 4, codecs: 5, abis: 6, features: 7 },
  /** Reserved: 6 data gate, 7 versions held. */
  ready: { session: 2, willing: 3, samples: 4, testSamples: 5 },
  gone: { session: 2 },
  /** Reserved: 21 governance (data gate, organisation, model card), 22 privacy (secure aggregation, DP). */
  notice: {
    round: 2,
    epoch: 3,
    kind: 4,
    phase: 5,
    session: 6,
    secondsLeft: 7,
    version: 8,
    digest: 9,
    sizeBytes: 10,
    chunkClasses: 11,
    codecs: 12,
    grid: 13,
    weightCap: 14,
    seed: 15,
    shards: 16,
    spreadSeconds: 17,
    committed: 18,
    training: 19,
    deltas: 20,
    module: 23,
  },
  committed: { round: 0, epoch: 1 },
  deltas: { base: 0, codec: 1 },
  needs: { slot: 0, sequence: 1, least: 2 },
  training: {
    inputs: 0,
    layers: 1,
    loss: 2,
    positiveWeight: 3,
    standardized: 4,
    epochs: 5,
    batch: 6,
    learningRate: 7,
    momentum: 8,
    l2: 9,
    proximal: 10,
    errorFeedback: 11,
    schedule: 12,
    clipping: 13,
    trained: 14,
    shared: 15,
    maxStaleness: 16,
  },
  schedule: { kind: 0, warmup: 1, finalFraction: 2 },
  clipping: { step: 0, example: 1 },
  range: { from: 0, to: 1 },
  dense: { kind: 0, units: 1, activation: 2 },
  conv1d: { kind: 0, channels: 1, filters: 2, width: 3, stride: 4, activation: 5 },
  pool: { kind: 0, mode: 1, channels: 2, width: 3 },
  task: { action: 2, round: 3, epoch: 4, retrySeconds: 5, reason: 6 },
  /** Reserved: 12 partial sum, 13 secure aggregation, 14 data gate. */
  update: {
    round: 2,
    epoch: 3,
    updateId: 4,
    index: 5,
    count: 6,
    baseVersion: 7,
    codec: 8,
    samples: 9,
    steps: 10,
    metrics: 11,
    module: 15,
    payload: PAYLOAD_KEY,
  },
  receipt: { status: 2, round: 3, epoch: 4, updateId: 5, retrySeconds: 6, allowedBytes: 7, reason: 8 },
  model: { version: 2, index: 3, count: 4, base: 5, payload: PAYLOAD_KEY },
  flash: { action: 2, slot: 3, sequence: 4 },
  module: { sequence: 2, index: 3, count: 4, payload: PAYLOAD_KEY },
  flashed: { session: 2, slot: 3, active: 4, target: 5, state: 6, reason: 7, losses: 8 },
} as const

/** Fields of few values travel as small integers. */
export const CHOICES = {
  roundKind: { train: 0, statistics: 1, evaluate: 2, released: 3 },
  roundPhase: { offline: 0, selecting: 1, working: 2, finishing: 3, committed: 4, abandoned: 5, released: 6 },
  layerKind: { dense: 0, conv1d: 1, pool: 2 },
  activation: { identity: 0, relu: 1, tanh: 2 },
  poolMode: { average: 0, max: 1 },
  loss: { softmax: 0, logistic: 1, squared: 2, custom: 3 },
  scheduleKind: { constant: 0, linear: 1, cosine: 2 },
  action: { join: 0, wait: 1, stop: 2 },
  receiptStatus: { folded: 0, duplicate: 1, late: 2, busy: 3, refused: 4 },
  flashAction: { install: 0, revert: 1 },
  flashState: {
    idle: 0,
    loading: 1,
    installed: 2,
    confirmed: 3,
    refused: 4,
    rolledBack: 5,
    reverted: 6,
    failing: 7,
  },
} as const

/** Smallest and largest value allowed; for lists, byte strings and text: their length. */
export interface Bound {
  readonly min: number
  readonly max: number
}

/** One entry a rule of `protocol.cddl`; the rule has the same name in kebab-case. */
export const BOUNDS = {
  uint32: { min: 0, max: 0xffffffff },
  /** Largest MQTT packet: 256 carries a Notice; the most that MQTT has is 2^28 - 1. */
  packetBytes: { min: 256, max: 268435455 },
  /** Samples' features and the model's inputs. */
  features: { min: 1, max: MODEL_LIMITS.units },
  /** In milliseconds it still fits 31 bits, which is what timers take. */
  seconds: { min: 0, max: 2147483 },
  modelBytes: { min: 0, max: 268435455 },
  /** An update's payload, whole; 0 where the receipt has nothing to say about it. */
  payloadBytes: { min: 0, max: 268435455 },
  chunkClass: { min: 64, max: 1048576 },
  grid: { min: -1100, max: 100 },
  weightCap: { min: 1, max: 0xffffffff },
  shards: { min: 1, max: 65535 },
  localEpochs: { min: 1, max: 65535 },
  batch: { min: 1, max: 65535 },
  /** Units, channels, filters, width, stride. */
  layerSize: { min: 1, max: MODEL_LIMITS.units },
  /** A range's first layer, and the layer after its last. */
  layerFirst: { min: 0, max: MODEL_LIMITS.layers - 1 },
  layerEnd: { min: 1, max: MODEL_LIMITS.layers },
  /** Commits since the model that a late update was trained from. */
  staleness: { min: 1, max: 65535 },
  codec: { min: 0, max: 255 },
  /** A module's place in its slot's order; 0 is the built-in kernels, which no manifest has. */
  moduleSequence: { min: 1, max: 0xffffffff },
  chunkIndex: { min: 0, max: 65534 },
  chunkCount: { min: 1, max: 65535 },
  /** Lengths in entries. */
  codecList: { min: 1, max: 16 },
  abiList: { min: 0, max: 8 },
  classList: { min: 1, max: 8 },
  layerList: { min: 0, max: MODEL_LIMITS.layers },
  metricList: { min: 0, max: 16 },
  lossList: { min: 0, max: 4 },
  /** Lengths in bytes. */
  digest: { min: 32, max: 32 },
  updateId: { min: 8, max: 8 },
  chunk: { min: 1, max: 1048576 },
  reasonText: { min: 0, max: 200 },
  slotName: { min: 1, max: 32 },
} as const satisfies Record<string, Bound>

/** What `check` holds every message to, before its type is known. */
export const STRUCTURE = {
  /** Maps and arrays inside one another. */
  depth: 4,
  /** Heads, map keys included: the largest Notice has 306. */
  items: 320,
} as const
