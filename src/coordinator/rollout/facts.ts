import type { Rollout } from "../../core/rollout.ts"
import type { RolloutFacts } from "./status.ts"

/** More would not fit a broker's packets. */
const MOST_IDS = 20_000

/** A rollout as operators see it. `ids`: with the devices of each stage, where there are not too many. */
export function rolloutFacts(rollout: Rollout, keyId: string, ids = false): RolloutFacts {
  const { settings, phase, reason, stage, lists } = rollout
  const listed = ids && lists.reduce((sum, { length }) => sum + length, 0) <= MOST_IDS
  return {
    sequence: settings.sequence,
    phase,
    ...(reason !== undefined && { reason }),
    stage,
    stages: rollout.counts().map((counts, i) => ({ ...counts, ...(listed && { ids: [...lists[i]!] }) })),
    keyId,
    to: settings.tag ?? "all",
  }
}
