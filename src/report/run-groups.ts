import type { Result } from "../core/result.ts"
import { isSeedKey, valueText } from "../core/sweep.ts"

/** A result with the name that it has for the reader: its file's, without the folder. */
export interface NamedResult {
  readonly name: string
  readonly result: Result
}

/** Runs that differ in their seeds alone. */
export interface RunGroup {
  /** What tells the group from the others. */
  readonly settings: { readonly [key: string]: unknown }
  readonly runs: readonly NamedResult[]
}

/**
 * Runs by their settings, in the order in which they first come. `settings` has those keys of the plan, as dotted paths, and facts of the data (`data.name`, `data.clients`,
 * `data.partition`) in which groups differ: none where there is one group. A run that is given twice counts once.
 */
export function groupRuns(runs: readonly NamedResult[]): RunGroup[] {
  const groups = new Map<string, { readonly all: Map<string, unknown>; readonly runs: NamedResult[] }>()
  const seen = new Set<string>()
  for (const run of runs) {
    const digest = run.result.experiment?.digest
    if (digest !== undefined && seen.has(digest)) continue
    if (digest !== undefined) seen.add(digest)
    const all = settingsOf(run.result)
    const key = JSON.stringify([...all].sort(([a], [b]) => (a < b ? -1 : 1)))
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { all, runs: [run] })
    else group.runs.push(run)
  }
  const found = [...groups.values()]
  const keys = differing(found.map(({ all }) => all))
  return found.map(({ all, runs }) => ({ settings: Object.fromEntries(keys.map((key) => [key, all.get(key)])), runs }))
}

/** A setting for a table: `int8`, `64 32`, `–` where it is not there. */
export function settingText(value: unknown): string {
  if (value === undefined) return "–"
  if (Array.isArray(value) && value.every((item) => typeof item !== "object"))
    return value.length === 0 ? "none" : value.join(" ")
  return valueText(value)
}

/** What tells the group from others, on one line. */
export function groupText({ settings }: Pick<RunGroup, "settings">): string {
  const entries = Object.entries(settings)
  return entries.length === 0 ? "all runs" : entries.map(([key, value]) => `${key} ${settingText(value)}`).join(", ")
}

/** Everything but seeds, by dotted path. */
function settingsOf({ plan, data }: Result): Map<string, unknown> {
  const settings = new Map<string, unknown>()
  for (const key of ["name", "clients", "partition"] as const)
    if (data[key] !== undefined) settings.set(`data.${key}`, data[key])
  addLeaves(settings, "", plan)
  for (const key of settings.keys()) if (isSeedKey(key)) settings.delete(key)
  return settings
}

function addLeaves(into: Map<string, unknown>, path: string, value: object): void {
  for (const [key, item] of Object.entries(value) as [string, unknown][]) {
    const below = path === "" ? key : `${path}.${key}`
    if (typeof item === "object" && item !== null && !Array.isArray(item)) addLeaves(into, below, item)
    else into.set(below, item)
  }
}

type Settings = ReadonlyMap<string, unknown>

/** Keys that tell groups apart; those that only some groups have, such as a strategy's own, are left out where the others are enough. */
function differing(all: readonly Settings[]): string[] {
  const keys = [...new Set(all.flatMap((settings) => [...settings.keys()]))].filter((key) => kinds(all, [key]) > 1)
  const common = keys.filter((key) => all.every((settings) => settings.has(key)))
  return kinds(all, common) === all.length ? common : keys
}

/** How many groups can be told apart by these keys. */
function kinds(all: readonly Settings[], keys: readonly string[]): number {
  return new Set(all.map((settings) => JSON.stringify(keys.map((key) => settings.get(key))))).size
}
