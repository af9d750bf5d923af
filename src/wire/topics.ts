import { WireError } from "./error.ts"
import { BOUNDS } from "./keys.ts"
import { shardOf } from "./shard.ts"

/** Every topic of protocol 1 begins with this and the fleet's name; `1` is the protocol version. */
export const TOPIC_PREFIX = "fm1"

/** Lengths of names in topics; all are of `a-z 0-9 -`, since some brokers rewrite other characters. */
export const NAME_LENGTHS = { fleet: 32, device: 64, slot: 32 } as const

/** A topic, taken apart. `base` is the version that a model delta builds on, absent for whole models; `size` the chunk class in bytes. */
export type Topic = { readonly fleet: string } & (
  | { readonly kind: "hello" | "ready" | "gone" | "task" | "receipt" | "flash" | "flashed"; readonly device: string }
  | { readonly kind: "round" }
  | {
      readonly kind: "model"
      readonly version: number
      readonly base?: number
      readonly size: number
      readonly chunk: number
    }
  | { readonly kind: "update"; readonly shard: number; readonly device: string }
  | { readonly kind: "manifest"; readonly slot: string; readonly sequence: number }
  | { readonly kind: "module"; readonly slot: string; readonly sequence: number; readonly chunk: number }
  | { readonly kind: "order" | "answer" | "rollout"; readonly slot: string }
)

const PER_DEVICE = ["hello", "ready", "gone", "task", "receipt", "flash", "flashed"] as const
type PerDevice = (typeof PER_DEVICE)[number]
const PER_SLOT = ["order", "answer", "rollout"] as const

/** The topics of one fleet. Throws `WireError` ("topic") for a name or number that no topic can have. */
export interface Topics {
  readonly fleet: string
  hello(device: string): string
  ready(device: string): string
  gone(device: string): string
  task(device: string): string
  receipt(device: string): string
  /** What the coordinator tells a device about modules, and where the device is with them. */
  flash(device: string): string
  flashed(device: string): string
  readonly round: string
  /** One chunk of model `version`: of the whole (`base` undefined) or of a delta against `base`. */
  model(version: number, base: number | undefined, size: number, chunk: number): string
  /** Where `device` sends its updates when there are `shards` shards. */
  update(device: string, shards: number): string
  manifest(slot: string, sequence: number): string
  module(slot: string, sequence: number, chunk: number): string
  /** What an operator orders, what the coordinator answers, and where the rollout of a slot is. */
  order(slot: string): string
  answer(slot: string): string
  rollout(slot: string): string
  /** Where a coordinator of this name tries out the broker: no messages of the protocol. */
  probe(name: string): string
  readonly filters: Filters
}

/** Subscriptions of coordinators, aggregators and tools; devices need none with wildcards. */
export interface Filters {
  readonly everything: string
  readonly hellos: string
  readonly readies: string
  readonly gones: string
  /** All updates, or those of one shard. */
  readonly updates: string
  shard(shard: number): string
  /** Every retained chunk of every model, to find what to clear. */
  readonly models: string
  readonly probes: string
  readonly flasheds: string
  readonly orders: string
}

export function topics(fleet: string): Topics {
  const root = `${TOPIC_PREFIX}/${checkFleet(fleet)}`
  const own = (device: string, leaf: PerDevice): string => `${root}/dev/${checkDevice(device)}/${leaf}`
  const ofSlot = (slot: string): string => `${root}/module/${checkSlot(slot)}`
  const ofModule = (slot: string, sequence: number): string =>
    `${ofSlot(slot)}/${numbered("sequence", sequence, BOUNDS.moduleSequence)}`
  return {
    fleet,
    hello: (device) => own(device, "hello"),
    ready: (device) => own(device, "ready"),
    gone: (device) => own(device, "gone"),
    task: (device) => own(device, "task"),
    receipt: (device) => own(device, "receipt"),
    flash: (device) => own(device, "flash"),
    flashed: (device) => own(device, "flashed"),
    round: `${root}/round`,
    model(version, base, size, chunk) {
      const from = base === undefined ? "full" : `from-${numbered("version", base, BOUNDS.uint32)}`
      const what = `${numbered("version", version, BOUNDS.uint32)}/${from}/${numbered("chunk class", size, BOUNDS.chunkClass)}`
      return `${root}/model/${what}/${numbered("chunk", chunk, BOUNDS.chunkIndex)}`
    },
    update(device, shards) {
      const shard = shardOf(checkDevice(device), numbered("shard count", shards, BOUNDS.shards))
      return `${root}/up/${shard}/${device}`
    },
    manifest: (slot, sequence) => `${ofModule(slot, sequence)}/manifest`,
    module: (slot, sequence, chunk) => `${ofModule(slot, sequence)}/${numbered("chunk", chunk, BOUNDS.chunkIndex)}`,
    order: (slot) => `${ofSlot(slot)}/order`,
    answer: (slot) => `${ofSlot(slot)}/answer`,
    rollout: (slot) => `${ofSlot(slot)}/rollout`,
    probe: (name) => `${root}/probe/${checkDevice(name)}`,
    filters: {
      everything: `${root}/#`,
      hellos: `${root}/dev/+/hello`,
      readies: `${root}/dev/+/ready`,
      gones: `${root}/dev/+/gone`,
      updates: `${root}/up/+/+`,
      shard: (shard) => `${root}/up/${numbered("shard", shard, SHARD)}/+`,
      models: `${root}/model/#`,
      probes: `${root}/probe/+`,
      flasheds: `${root}/dev/+/flashed`,
      orders: `${root}/module/+/order`,
    },
  }
}

/** The device id, if it may be one: 1 to 64 of `a-z 0-9 -`. Throws `WireError` ("topic"). */
export function checkDevice(id: string): string {
  return name("device id", id, NAME_LENGTHS.device)
}

/** The fleet's name, if it may be one: 1 to 32 of `a-z 0-9 -`. Throws `WireError` ("topic"). */
export function checkFleet(fleet: string): string {
  return name("fleet", fleet, NAME_LENGTHS.fleet)
}

/** The slot's name, if it may be one: 1 to 32 of `a-z 0-9 -`. Throws `WireError` ("topic"). */
export function checkSlot(slot: string): string {
  return name("slot", slot, NAME_LENGTHS.slot)
}

/** The one reader of topics; undefined for a topic that is not of protocol 1. The names and numbers in the result are valid. */
export function parseTopic(topic: string): Topic | undefined {
  const [prefix, fleet, kind, ...parts] = topic.split("/")
  if (prefix !== TOPIC_PREFIX || !isName(fleet, NAME_LENGTHS.fleet)) return undefined
  switch (kind) {
    case "dev":
      return parseDevice(fleet, parts)
    case "round":
      return parts.length === 0 ? { fleet, kind: "round" } : undefined
    case "model":
      return parseModel(fleet, parts)
    case "up":
      return parseUpdate(fleet, parts)
    case "module":
      return parseModule(fleet, parts)
    default:
      return undefined
  }
}

interface Range {
  readonly min: number
  readonly max: number
}

const SHARD: Range = { min: 0, max: BOUNDS.shards.max - 1 }

function parseDevice(fleet: string, [device, leaf, ...rest]: readonly string[]): Topic | undefined {
  const kind = PER_DEVICE.find((each) => each === leaf)
  if (!kind || rest.length > 0 || !isName(device, NAME_LENGTHS.device)) return undefined
  return { fleet, kind, device }
}

function parseModel(fleet: string, parts: readonly string[]): Topic | undefined {
  if (parts.length !== 4) return undefined
  const version = decimal(parts[0], BOUNDS.uint32)
  const size = decimal(parts[2], BOUNDS.chunkClass)
  const chunk = decimal(parts[3], BOUNDS.chunkIndex)
  if (version === undefined || size === undefined || chunk === undefined) return undefined
  if (parts[1] === "full") return { fleet, kind: "model", version, size, chunk }
  const base = parts[1]!.startsWith("from-") ? decimal(parts[1]!.slice(5), BOUNDS.uint32) : undefined
  return base === undefined ? undefined : { fleet, kind: "model", version, base, size, chunk }
}

function parseUpdate(fleet: string, [shardText, device, ...rest]: readonly string[]): Topic | undefined {
  const shard = decimal(shardText, SHARD)
  if (shard === undefined || rest.length > 0 || !isName(device, NAME_LENGTHS.device)) return undefined
  return { fleet, kind: "update", shard, device }
}

function parseModule(fleet: string, [slot, which, leaf, ...rest]: readonly string[]): Topic | undefined {
  if (rest.length > 0 || !isName(slot, NAME_LENGTHS.slot)) return undefined
  const kind = PER_SLOT.find((each) => each === which)
  if (leaf === undefined) return kind && { fleet, kind, slot }
  const sequence = decimal(which, BOUNDS.moduleSequence)
  if (sequence === undefined) return undefined
  if (leaf === "manifest") return { fleet, kind: "manifest", slot, sequence }
  const chunk = decimal(leaf, BOUNDS.chunkIndex)
  return chunk === undefined ? undefined : { fleet, kind: "module", slot, sequence, chunk }
}

function isName(text: string | undefined, length: number): text is string {
  return text !== undefined && text.length <= length && /^[a-z0-9-]+$/.test(text)
}

function name(what: string, text: string, length: number): string {
  if (isName(text, length)) return text
  const suggestion = String(text)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .slice(0, length)
  const hint = suggestion === "" ? "" : `; "${suggestion}" would do`
  throw new WireError(
    "topic",
    `${what}: expected 1 to ${length} of a-z, 0-9 and "-", got ${JSON.stringify(text)}${hint}`,
  )
}

function numbered(what: string, value: number, { min, max }: Range): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new WireError("topic", `${what}: expected an integer from ${min} to ${max}, got ${value}`)
}

/** A decimal number without leading zeros. */
function decimal(text: string | undefined, { min, max }: Range): number | undefined {
  if (text === undefined || !/^(0|[1-9][0-9]{0,9})$/.test(text)) return undefined
  const value = Number(text)
  return value >= min && value <= max ? value : undefined
}
