import { FedmoteError } from "../../core/error.ts"
import { ROLLOUT_DEFAULTS, Rollout } from "../../core/rollout.ts"
import type { RolloutEvent, RolloutSettings } from "../../core/rollout.ts"
import type { StageCandidate } from "../../core/rollout-stages.ts"
import type { Manifest } from "../../wire/manifest.ts"
import type { Order } from "../../wire/order.ts"
import type { RolloutBook } from "./rollout-book.ts"

/** Whom a module may go to. */
export interface RolloutFleet {
  /** That can be flashed. */
  readonly devices: Iterable<string>
  /** The first 8 bytes of SHA-256(id) as two words. */
  readonly keyOf: (device: string) => readonly [number, number]
  /** Whether a device has a tag; throws `FedmoteError` ("tag") for one that the plan does not know. */
  readonly hasTag: (tag: string) => (device: string) => boolean
}

/** The rollout that an order would begin. Throws `FedmoteError` ("rollout", "sequence", "stages", "tag") where it would begin none. */
export function plannedRollout(
  order: Order,
  { rollout, highest }: Pick<RolloutBook, "rollout" | "highest">,
  { devices, keyOf, hasTag }: RolloutFleet,
  events: RolloutEvent[],
): Rollout {
  const { sequence, tag, stages } = order
  if (rollout?.isOpen === true)
    throw new FedmoteError(
      "rollout",
      `module ${rollout.settings.sequence} is being rolled out: wait for its end, or abort it`,
    )
  if (sequence <= highest)
    throw new FedmoteError(
      "sequence",
      `expected a sequence above ${highest}, which was rolled out before, got ${sequence}`,
    )
  if (stages !== undefined && stages.at(-1) !== 100)
    throw new FedmoteError("stages", `expected stages that end with 100 percent, got ${stages.join(", ")}`)
  const wanted = tag === undefined ? () => true : hasTag(tag)
  const candidates: StageCandidate[] = [...devices]
    .filter(wanted)
    .sort()
    .map((id) => ({ id, key: keyOf(id) }))
  return Rollout.begin(settingsOf(order), candidates, events)
}

/** A module for certain tags is refused by every gateway that has none of them. Throws `FedmoteError` ("target"). */
export function checkTags({ tags }: Manifest, { tag }: Order): void {
  if (tags.length === 0 || (tag !== undefined && tags.includes(tag))) return
  throw new FedmoteError(
    "target",
    `the module's manifest is for ${tags.join(", ")}, the order for ${tag ?? "all devices"}`,
  )
}

function settingsOf({ slot, sequence, tag, ...order }: Order): RolloutSettings {
  const { stages, enough, failures, tolerance } = ROLLOUT_DEFAULTS
  return {
    ...{ slot, sequence, ...(tag !== undefined && { tag }) },
    stages: order.stages ?? stages,
    enough: order.enough ?? enough,
    failures: order.failures ?? failures,
    tolerance: order.tolerance ?? tolerance,
  }
}
