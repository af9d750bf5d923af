import { FedmoteError } from "../../core/error.ts"
import { TrustedKeys } from "../../net/signature.ts"
import { checkSlot } from "../../wire/topics.ts"
import type { DeviceLog } from "../event.ts"
import { FLASH_LIMITS } from "./manifest-check.ts"
import type { FlashLimits } from "./manifest-check.ts"
import { Slot } from "./slot.ts"
import type { SlotStore } from "./slot-store.ts"

/** For a device that takes signed training modules over the air. */
export interface ModulesOptions {
  /** Where modules and what is known of them survive a restart: `FileSlotStore`. */
  readonly store: SlotStore
  /** Ed25519 public keys, 32 bytes each: a module that none of them has signed is not taken, and does not run. */
  readonly trusted: readonly Uint8Array[]
  /** Name of the slot. Default: "train". */
  readonly slot?: string
  /** What this device is: a module for certain tags is taken where it has one of them. Default: none. */
  readonly tags?: readonly string[]
  readonly limits?: Partial<FlashLimits>
  /** Seconds since 1970, for modules that expire. Default: the system's clock. */
  readonly now?: () => number
}

/** The same, opened and checked. */
export interface Modules {
  readonly slot: Slot
  readonly trusted: TrustedKeys
  readonly tags: readonly string[]
  readonly limits: FlashLimits
  readonly now: () => number
}

/**
 * Verifies what is in the store. Throws `WireError` ("topic": names), `FedmoteError` ("options", "key", "state": a damaged store or another slot's, "store").
 */
export function openModules(options: ModulesOptions, log: DeviceLog): Modules {
  const { store, slot = "train", tags = [], limits, now = () => Math.floor(Date.now() / 1000) } = options
  if (options.trusted.length === 0)
    throw new FedmoteError("options", "modules.trusted: expected at least one public key, got none")
  for (const tag of tags) checkSlot(tag)
  const trusted = new TrustedKeys(options.trusted)
  return {
    slot: new Slot(checkSlot(slot), store, trusted, log),
    trusted,
    tags,
    limits: { ...FLASH_LIMITS, ...limits },
    now,
  }
}
