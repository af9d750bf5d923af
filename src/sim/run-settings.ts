import { createHash } from "node:crypto"
import type { Plan } from "../core/plan.ts"
import type { DataOptions } from "../data/open.ts"

/** Everything that decides what a simulation's result says, besides the software. */
export interface RunSettings {
  /** With what the data says: features and labels. */
  readonly plan: Plan
  /** `source`: from `sourceDigest`. */
  readonly data: DataOptions & { readonly source: string }
  readonly baselines: boolean
  readonly recordCohorts: boolean
  /** SHA-256 of the parameters to start from. */
  readonly init?: string | undefined
  /** Digests of the files of the simulated world and of its trace. */
  readonly world?: string | undefined
  readonly trace?: string | undefined
}

/** What a run is known by: SHA-256 of its settings as JSON with sorted keys; lower-case hexadecimal. */
export function settingsDigest(settings: RunSettings): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(settings)))
    .digest("hex")
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]))
}
