import { mapBytes, mapOf } from "./cbor.ts"
import { WireError } from "./error.ts"
import type { Bound } from "./keys.ts"
import { BOUNDS, PROTOCOL_VERSION, VERSION_KEY } from "./keys.ts"
import { ascendingBytes, choice, integer, name, optional } from "./kind.ts"
import { Struct } from "./struct.ts"
import { NAME_LENGTHS } from "./topics.ts"

/**
 * What an operator orders of the coordinator about modules. It travels in the envelope of manifests, signed. `order.cddl` is the normative text; its keys are others than a
 * manifest's, so that neither is ever taken for the other.
 */

export const ORDER_KEYS = {
  action: 12,
  slot: 13,
  sequence: 14,
  issued: 15,
  nonce: 16,
  tag: 17,
  stages: 18,
  enough: 19,
  failures: 20,
  tolerance: 21,
} as const

/** `plan` is `start` without doing it: it is answered with the devices of each stage. */
export const ORDER_ACTIONS = { start: 0, plan: 1, pause: 2, resume: 3, abort: 4 } as const

/** As `BOUNDS`: one entry a rule of `order.cddl`. */
export const ORDER_BOUNDS = {
  issued: { min: 1, max: 0xffffffff },
  /** One byte each. */
  stageList: { min: 1, max: 16 },
  percent: { min: 0, max: 100 },
  tolerance: { min: 0, max: 10000 },
} as const satisfies Record<string, Bound>

export interface Order {
  readonly action: keyof typeof ORDER_ACTIONS
  readonly slot: string
  /** Of the module that it is about. */
  readonly sequence: number
  /** Seconds since 1970. */
  readonly issued: number
  /** Random: an order is obeyed once. */
  readonly nonce: number
  /** The devices that it is for; absent: all that can be flashed. */
  readonly tag?: string
  /** Percentages of them that have the module after each stage, ascending, 1 to 100. Absent: 100. */
  readonly stages?: readonly number[]
  /** Percentage of a stage's devices that must confirm before the next. Default: 90. */
  readonly enough?: number
  /** Percentage of a stage's devices that may fail. Default: 10. */
  readonly failures?: number
  /** By how many percent the mean loss of the trials may lie above the same with the program before. Default: 20. */
  readonly tolerance?: number
}

const percent = optional(integer(ORDER_BOUNDS.percent))

const table = new Struct<Order>("order", ORDER_KEYS, {
  action: choice(ORDER_ACTIONS),
  slot: name(NAME_LENGTHS.slot),
  sequence: integer(BOUNDS.moduleSequence),
  issued: integer(ORDER_BOUNDS.issued),
  nonce: integer(BOUNDS.uint32),
  tag: optional(name(NAME_LENGTHS.slot)),
  stages: optional(ascendingBytes({ min: 1, max: 100 }, ORDER_BOUNDS.stageList)),
  enough: percent,
  failures: percent,
  tolerance: optional(integer(ORDER_BOUNDS.tolerance)),
})

/** Throws `WireError` where `decodeOrder` would refuse the result. */
export function encodeOrder(order: Order): Uint8Array {
  const map = new Map<number, unknown>([[VERSION_KEY, PROTOCOL_VERSION]])
  table.write(order, map)
  return new Uint8Array(mapBytes(map))
}

/** Throws `WireError`. To be called with bytes whose signature is good, and with no others. */
export function decodeOrder(encoded: Uint8Array): Order {
  const map = mapOf(encoded)
  const version = map.get(VERSION_KEY)
  if (version !== PROTOCOL_VERSION)
    throw new WireError("version", `expected order version ${PROTOCOL_VERSION} in key 0, got ${String(version)}`)
  return table.read(map, {}, 1)
}
