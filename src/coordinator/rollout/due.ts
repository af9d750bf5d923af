import type { Rollout } from "../../core/rollout.ts"
import type { Flash } from "../../wire/message.ts"
import type { ModuleReport } from "./standing.ts"

/** What a device is told. */
export type Due = Pick<Flash, "action" | "sequence">

/** Where modules are. */
export interface Aim {
  /** The last one. */
  readonly rollout: Rollout | undefined
  /** The module that this device is to have at least; 0 for none. */
  readonly settled: number
  /** Whether a module is one that no device is to have. */
  isUndone(sequence: number): boolean
}

/**
 * What a device has to do now, by what it said last; undefined where that is done, or under way. `again`: who has refused the settled module may try
 * again, as after a full disk or a lost message; who ran it and went back does not get it again.
 */
export function dueOf(device: string, report: ModuleReport, aim: Aim, again: boolean): Due | undefined {
  const { active, target, state } = report
  const { rollout, settled } = aim
  const sequence = rollout?.settings.sequence ?? 0
  const under = target > 0 && (state === "loading" || state === "installed") ? target : 0
  const hasIt = sequence > 0 && (active === sequence || under === sequence)
  if (rollout?.isUndone === true && hasIt) return { action: "revert", sequence }
  if (rollout?.isOpen === true && rollout.wants(device) === "install")
    return hasIt ? undefined : { action: "install", sequence }
  if (settled <= active) return aim.isUndone(active) ? { action: "revert", sequence: active } : undefined
  if (under === settled) return undefined
  const gaveUp = state === "rolledBack" || state === "reverted" || (state === "refused" && !again)
  return target === settled && gaveUp ? undefined : { action: "install", sequence: settled }
}
