import type { Rollout } from "../../core/rollout.ts"
import type { RolloutFacts } from "./status.ts"

/** A rollout as operators see it. `ids`: with the devices of each stage. */
export function rolloutFacts(rollout: Rollout, keyId: string, ids = false): RolloutFacts {
  const { settings, phase, reason, stage, lists } = rollout
  return {
    sequence: settings.sequence,
    phase,
    ...(reason !== undefined && { reason }),
    stage,
    stages: rollout.counts().map((counts, i) => ({ ...counts, ...(ids && { ids: [...lists[i]!] }) })),
    keyId,
    to: settings.tag ?? "all",
  }
}
