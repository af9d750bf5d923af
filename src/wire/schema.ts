import { WireError } from "./error.ts"
import { BOUNDS, CHOICES, KEYS, TYPES } from "./keys.ts"
import {
  ascending,
  bytes,
  choice,
  flag,
  ids,
  integer,
  list,
  name,
  optional,
  payload,
  real,
  reals,
  text,
} from "./kind.ts"
import type {
  Flash,
  Flashed,
  Gone,
  Hello,
  Message,
  ModelChunk,
  ModuleChunk,
  Notice,
  Ready,
  Receipt,
  Task,
  Update,
  WireLayer,
  WireRange,
  WireTraining,
} from "./message.ts"
import type { Fields } from "./struct.ts"
import { nested, Struct, variant } from "./struct.ts"

/** What a message of one type holds: its table, and what must hold between fields. */
export interface Schema<M extends Message = Message> {
  readonly type: M["type"]
  readonly number: number
  readonly table: Struct<M, "type">
  readonly rule: ((message: M) => void) | undefined
}

const MAX_REAL = 3.4028234663852886e38
const SMALLEST_REAL = 1.401298464324817e-45

const uint32 = integer(BOUNDS.uint32)
const seconds = integer(BOUNDS.seconds)
const updateId = bytes(BOUNDS.updateId)
const slot = name(BOUNDS.slotName.max)
const moduleSequence = integer(BOUNDS.moduleSequence)
const layerSize = integer(BOUNDS.layerSize)
const notNegative = real(0, MAX_REAL, "a number from 0")
const fraction = real(0, 1, "a number from 0 to 1")
const positive = real(SMALLEST_REAL, MAX_REAL, "a number above 0")

const activation = choice(CHOICES.activation)

type LayerOf<K extends WireLayer["kind"]> = Extract<WireLayer, { readonly kind: K }>

const layer = variant<WireLayer>(choice(CHOICES.layerKind), {
  dense: new Struct<LayerOf<"dense">, "kind">("dense", KEYS.dense, { units: layerSize, activation }),
  conv1d: new Struct<LayerOf<"conv1d">, "kind">("conv1d", KEYS.conv1d, {
    channels: layerSize,
    filters: layerSize,
    width: layerSize,
    stride: layerSize,
    activation,
  }),
  pool: new Struct<LayerOf<"pool">, "kind">("pool", KEYS.pool, {
    mode: choice(CHOICES.poolMode),
    channels: layerSize,
    width: layerSize,
  }),
})

const range = nested<WireRange>("range", KEYS.range, {
  from: integer(BOUNDS.layerFirst),
  to: integer(BOUNDS.layerEnd),
})

const training = nested<WireTraining>("training", KEYS.training, {
  inputs: integer(BOUNDS.features),
  layers: list(layer, BOUNDS.layerList),
  loss: choice(CHOICES.loss),
  positiveWeight: positive,
  standardized: flag(),
  epochs: integer(BOUNDS.localEpochs),
  batch: integer(BOUNDS.batch),
  learningRate: notNegative,
  momentum: fraction,
  l2: notNegative,
  proximal: notNegative,
  errorFeedback: optional(flag()),
  schedule: optional(
    nested<NonNullable<WireTraining["schedule"]>>("schedule", KEYS.schedule, {
      kind: choice(CHOICES.scheduleKind),
      warmup: uint32,
      finalFraction: fraction,
    }),
  ),
  clipping: optional(
    nested<NonNullable<WireTraining["clipping"]>>("clipping", KEYS.clipping, {
      step: optional(positive),
      example: optional(positive),
    }),
  ),
  trained: optional(range),
  shared: optional(range),
  maxStaleness: optional(integer(BOUNDS.staleness)),
})

const committed = nested<NonNullable<Notice["committed"]>>("committed", KEYS.committed, {
  round: uint32,
  epoch: uint32,
})

const SCHEMAS: readonly Schema[] = [
  schema<Hello>("hello", {
    session: uint32,
    maxPacket: integer(BOUNDS.packetBytes),
    ramKiB: uint32,
    codecs: ids(BOUNDS.codecList),
    abis: ids(BOUNDS.abiList),
    features: integer(BOUNDS.features),
  }),
  schema<Ready>("ready", { session: uint32, willing: flag(), samples: uint32, testSamples: uint32 }),
  schema<Gone>("gone", { session: uint32 }),
  schema<Notice>(
    "notice",
    {
      round: uint32,
      epoch: uint32,
      kind: choice(CHOICES.roundKind),
      phase: choice(CHOICES.roundPhase),
      session: uint32,
      secondsLeft: seconds,
      version: uint32,
      digest: bytes(BOUNDS.digest),
      sizeBytes: integer(BOUNDS.modelBytes),
      chunkClasses: ascending(BOUNDS.chunkClass, BOUNDS.classList),
      codecs: ids(BOUNDS.codecList),
      grid: integer(BOUNDS.grid),
      weightCap: integer(BOUNDS.weightCap),
      seed: uint32,
      shards: integer(BOUNDS.shards),
      spreadSeconds: seconds,
      committed: optional(committed),
      training,
      deltas: optional(
        nested<NonNullable<Notice["deltas"]>>("deltas", KEYS.deltas, { base: uint32, codec: integer(BOUNDS.codec) }),
      ),
      module: optional(
        nested<NonNullable<Notice["module"]>>("needs", KEYS.needs, { slot, sequence: uint32, least: uint32 }),
      ),
    },
    noticeRule,
  ),
  schema<Task>("task", {
    action: choice(CHOICES.action),
    round: uint32,
    epoch: uint32,
    retrySeconds: seconds,
    reason: text(),
  }),
  schema<Update>(
    "update",
    {
      round: uint32,
      epoch: uint32,
      updateId,
      index: integer(BOUNDS.chunkIndex),
      count: integer(BOUNDS.chunkCount),
      baseVersion: uint32,
      codec: integer(BOUNDS.codec),
      samples: uint32,
      steps: uint32,
      metrics: reals(BOUNDS.metricList),
      module: optional(moduleSequence),
      payload: payload(BOUNDS.chunk),
    },
    indexBelowCount,
  ),
  schema<Receipt>("receipt", {
    status: choice(CHOICES.receiptStatus),
    round: uint32,
    epoch: uint32,
    updateId,
    retrySeconds: seconds,
    allowedBytes: integer(BOUNDS.payloadBytes),
    reason: text(),
  }),
  schema<ModelChunk>(
    "model",
    {
      version: uint32,
      index: integer(BOUNDS.chunkIndex),
      count: integer(BOUNDS.chunkCount),
      base: optional(uint32),
      payload: payload(BOUNDS.chunk),
    },
    (chunk) => {
      indexBelowCount(chunk)
      if (chunk.base !== undefined && chunk.base >= chunk.version)
        throw new WireError("bound", `model.base: expected a version before ${chunk.version}, got ${chunk.base}`)
    },
  ),
  schema<Flash>("flash", { action: choice(CHOICES.flashAction), slot, sequence: moduleSequence }),
  schema<ModuleChunk>(
    "module",
    {
      sequence: moduleSequence,
      index: integer(BOUNDS.chunkIndex),
      count: integer(BOUNDS.chunkCount),
      payload: payload(BOUNDS.chunk),
    },
    indexBelowCount,
  ),
  schema<Flashed>(
    "flashed",
    {
      session: uint32,
      slot,
      active: uint32,
      target: uint32,
      state: choice(CHOICES.flashState),
      reason: text(),
      losses: reals(BOUNDS.lossList),
    },
    flashedRule,
  ),
]

const BY_TYPE: ReadonlyMap<string, Schema> = new Map(SCHEMAS.map((each) => [each.type, each]))
const BY_NUMBER: ReadonlyMap<unknown, Schema> = new Map(SCHEMAS.map((each) => [each.number, each]))

/** The schema of messages with this `type`; throws `WireError` ("type"). */
export function schemaOf(type: string): Schema {
  const found = BY_TYPE.get(type)
  if (!found)
    throw new WireError("type", `expected a message of type ${[...BY_TYPE.keys()].join(", ")}, got ${String(type)}`)
  return found
}

/** The schema with this number in key 1; throws `WireError` ("type"). */
export function schemaNumbered(number: unknown): Schema {
  const found = BY_NUMBER.get(number)
  if (!found)
    throw new WireError(
      "type",
      `expected a message type of ${[...BY_NUMBER.keys()].join(", ")} in key 1, got ${String(number)}`,
    )
  return found
}

function schema<M extends Message>(type: M["type"], kinds: Fields<M, "type">, rule?: (message: M) => void): Schema {
  const keys: Readonly<Record<string, number>> = KEYS[type]
  const table = new Struct<M, "type">(type, keys as { readonly [K in keyof Fields<M, "type">]: number }, kinds)
  return { type, number: TYPES[type], table, rule } as unknown as Schema
}

function noticeRule({ version, training, deltas, module }: Notice): void {
  const { loss, layers, trained, shared } = training
  if ((loss === "custom") !== (layers.length === 0))
    throw new WireError(
      "bound",
      `training.layers: expected ${loss === "custom" ? "none" : "some"}, got ${layers.length}`,
    )
  const all = { from: 0, to: layers.length }
  if (trained !== undefined) within("training.trained", trained, all)
  if (shared !== undefined) within("training.shared", shared, trained ?? all)
  if (deltas !== undefined && deltas.base >= version)
    throw new WireError("bound", `deltas.base: expected a version before ${version}, got ${deltas.base}`)
  if (module !== undefined && module.least > module.sequence)
    throw new WireError("bound", `module.least: expected at most ${module.sequence}, got ${module.least}`)
}

function flashedRule({ state, target, losses }: Flashed): void {
  if ((state === "idle") !== (target === 0))
    throw new WireError("bound", `flashed.target: expected ${state === "idle" ? "0" : "a sequence"}, got ${target}`)
  if (losses.length !== 0 && losses.length !== BOUNDS.lossList.max)
    throw new WireError("bound", `flashed.losses: expected 0 or 4 numbers, got ${losses.length}`)
}

function within(where: string, { from, to }: WireRange, outer: WireRange): void {
  if (from >= outer.from && to <= outer.to && from < to) return
  throw new WireError("bound", `${where}: expected layers within ${outer.from} to ${outer.to}, got ${from} to ${to}`)
}

function indexBelowCount({ type, index, count }: Update | ModelChunk | ModuleChunk): void {
  if (index >= count) throw new WireError("bound", `${type}.index: expected 0 to ${count - 1}, got ${index}`)
}
