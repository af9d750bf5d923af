import { PURPOSE, philox } from "./random.ts"
import type { ReadyDevice, RoundState } from "./round-state.ts"

/**
 * Pace steering (Bonawitz et al. 2019, section 2.3): every device that says that it is ready is answered once, by a join or by when to come back.
 *
 * A small fleet stands ready: whoever is not selected is told about the end of the round, and may be asked earlier. Of a large one only a pool stands
 * ready. Whoever finds it full is given a place in a queue that brings one pool a round, so that the interval is what N devices over
 * that rate take, whatever N is, and a million devices that come at once do not come back at once. When a round has begun, a pool that was full makes room.
 */

/** A device that is told to come back. */
export interface Away {
  readonly device: string
  readonly seconds: number
}

/** A pool is not renewed faster than this, however short rounds are. */
const LEAST_ROUND_MS = 10_000
const MOST_SECONDS = 86_400

/** The next place in the queue, and half as much earlier or later. Changes `state`. */
export function queued(state: RoundState, nowMs: number, device: ReadyDevice): Away {
  const everyMs = Math.max(state.roundMs, LEAST_ROUND_MS) / state.settings.pool
  const latestMs = nowMs + MOST_SECONDS * 1000
  state.queueEndMs = Math.min(Math.max(state.queueEndMs, nowMs) + everyMs, latestMs)
  return away(device, ((state.queueEndMs - nowMs) / 1000) * (0.5 + placeOf(state, device)))
}

/** About when this round is over: in the second half of what is left of it. */
export function untilNext(state: RoundState, nowMs: number, device: ReadyDevice): Away {
  return away(device, ((state.deadlineMs - nowMs) / 1000) * (0.5 + placeOf(state, device) / 2))
}

/** A time around `seconds`: half as much earlier or later, the same for one key and one round. */
export function around(seconds: number, seed: number, round: number, key: readonly [number, number]): number {
  return whole(seconds * (0.5 + fraction(seed, round, key)))
}

function away({ id }: ReadyDevice, seconds: number): Away {
  return { device: id, seconds: whole(seconds) }
}

function whole(seconds: number): number {
  return Math.min(Math.max(Math.ceil(seconds), 1), MOST_SECONDS)
}

function placeOf({ settings, round }: RoundState, { key }: ReadyDevice): number {
  return fraction(settings.seed, round, key)
}

const block = new Uint32Array(4)

function fraction(seed: number, round: number, key: readonly [number, number]): number {
  philox(block, 0, round, PURPOSE.spread, seed, key[0], key[1])
  return block[0]! / 2 ** 32
}
